use berth_oci::{Digest, RepositoryName};
use futures_util::FutureExt as _;

use crate::db::{self, DbError};
use crate::registry::Registry;

/// What is known here of a blob that a repository lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownBlob {
    /// Whether a manifest of the repository names it. Who wrote that need not have had it.
    pub named: Option<Beyond>,
    /// Its size, if its bytes are here because another repository has it.
    pub stored: Option<u64>,
    /// Whether that repository is of the same project.
    pub beside: bool,
}

/// What a manifest says of something that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beyond {
    pub size_bytes: Option<u64>,
}

impl Registry {
    /// What is known of a blob that the repository does not have.
    pub async fn known_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<KnownBlob, DbError> {
        let mut connection = self.db.read().await?;
        let found = db::blobs::elsewhere(&mut connection, repository, digest).await?;
        Ok(KnownBlob {
            named: found.named.then_some(Beyond {
                size_bytes: found.named_size,
            }),
            stored: found.stored.map(|row| row.size_bytes),
            beside: found.beside,
        })
    }

    /// Whether the bytes of a blob are here, whoever has it.
    pub async fn has_blob(&self, digest: &Digest) -> Result<bool, DbError> {
        let mut connection = self.db.read().await?;
        Ok(db::blobs::find(&mut connection, digest).await?.is_some())
    }

    /// Whether there is a repository of the name here, or was one that things were pushed to. Such a
    /// name is never asked elsewhere.
    pub async fn claims_repository(&self, name: &RepositoryName) -> Result<bool, DbError> {
        let mut connection = self.db.read().await?;
        Ok(db::repositories::find(&mut connection, name)
            .await?
            .is_some()
            || db::repositories::retired(&mut connection, name).await?)
    }

    pub async fn has_repository(&self, name: &RepositoryName) -> Result<bool, DbError> {
        let mut connection = self.db.read().await?;
        Ok(db::repositories::find(&mut connection, name)
            .await?
            .is_some())
    }

    /// Gives the repository a blob whose bytes are here; `false` when they have gone.
    pub async fn link_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool, DbError> {
        let now = self.clock.now();
        let collect_at = self.collect_at(now);
        let (repository, digest) = (repository.clone(), digest.clone());
        let linked = self
            .db
            .write_relaxed(move |tx| {
                async move {
                    let Some(blob) = db::blobs::find(tx, &digest).await? else {
                        return Ok::<_, DbError>(None);
                    };
                    let Some(id) = super::ensure_repository(tx, &repository, now).await? else {
                        return Ok(None);
                    };
                    Ok(Some(
                        super::give_blob(tx, id, &blob, now, collect_at).await?,
                    ))
                }
                .boxed()
            })
            .await?;
        if let Some(more) = linked {
            self.cache_space.holds(more);
        }
        Ok(linked.is_some())
    }
}
