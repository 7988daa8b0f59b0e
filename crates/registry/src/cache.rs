//! What a pull-through cache keeps here: content of a registry elsewhere, in projects of their own.
//! It is kept like what was pushed, so that everything that reads, lists and counts finds it; only
//! that a manifest here may name what has not been fetched yet.

use berth_oci::{Digest, InvalidManifest, Manifest, Reference, RepositoryName, Tag};
use bytes::Bytes;
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tracing::info;

use crate::audit::Actor;
use crate::clock::Timestamp;
use crate::db::blobs::BlobRow;
use crate::db::manifests::{Inserted, NewManifest};
use crate::db::repository_blobs::Link;
use crate::db::tags::{Cause, Move};
use crate::db::{self, DbError};
use crate::manifest::{add_edge, add_subject, move_tag};
use crate::registry::Registry;

mod blobs;
mod eviction;
mod projects;
mod sources;
mod spool;
mod work;

pub use blobs::{Beyond, KnownBlob};
pub(crate) use eviction::CacheSpace;
pub use eviction::{CacheLimits, Room};
pub use projects::{AdoptError, ProjectKind};
pub(crate) use sources::PURPOSE as UPSTREAM;
pub use sources::{SourceChange, StoreSourceError, StoredSource};
pub use spool::{Spool, SpoolError, SpoolReader};
pub use work::{CacheHour, CacheWork};

#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error(transparent)]
    Invalid(#[from] InvalidManifest),
    #[error("there is no project for {0}")]
    NoProject(RepositoryName),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A manifest of an upstream, whose digest is proved.
pub struct Fetched {
    pub repository: RepositoryName,
    pub digest: Digest,
    pub content_type: Option<String>,
    pub bytes: Bytes,
    /// The tag that the upstream has it under, if it was asked by a tag.
    pub tag: Option<Tag>,
}

impl Registry {
    /// Keeps a manifest, and moves the tag to it. A power cut may lose it: it is fetched again.
    pub async fn cache_manifest(&self, fetched: Fetched) -> Result<(), CacheError> {
        let manifest = Manifest::parse(fetched.content_type.as_deref(), &fetched.bytes)?;
        let now = self.clock.now();
        let (repository, digest) = (fetched.repository.clone(), fetched.digest.clone());
        self.db
            .write_relaxed(move |tx| {
                async move { store(tx, &fetched, &manifest, now).await }.boxed()
            })
            .await?;
        info!(repository = %repository, digest = %digest, "cached manifest {digest} in {repository}");
        Ok(())
    }

    /// The digest of a cached tag, and when the upstream was last heard to have it there.
    pub async fn cached_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<(Digest, Timestamp)>, DbError> {
        let mut connection = self.db.read().await?;
        db::tags::checked(&mut connection, repository, tag).await
    }

    /// Notes that the upstream has the tag here, and moves it to a manifest that is cached already.
    /// `false` when that manifest is not there.
    pub async fn confirm_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<bool, DbError> {
        let now = self.clock.now();
        let (repository, tag, digest) = (repository.clone(), tag.clone(), digest.clone());
        self.db
            .write_relaxed(move |tx| {
                async move {
                    let reference = Reference::Digest(digest);
                    let found = db::manifests::find(tx, &repository, &reference).await?;
                    let Some(manifest) = found else {
                        return Ok::<_, DbError>(false);
                    };
                    let ids = (manifest.repository_id, manifest.id);
                    point(tx, &repository, &tag, ids, &manifest.digest, now).await?;
                    Ok(true)
                }
                .boxed()
            })
            .await
    }
}

async fn store(
    tx: &mut SqliteConnection,
    fetched: &Fetched,
    manifest: &Manifest,
    now: Timestamp,
) -> Result<(), CacheError> {
    let repository = &fetched.repository;
    let repository_id = ensure_repository(tx, repository, now)
        .await?
        .ok_or_else(|| CacheError::NoProject(repository.clone()))?;
    let new = NewManifest {
        repository_id,
        digest: &fetched.digest,
        manifest,
        bytes: &fetched.bytes,
        pushed_at: now,
        pushed_by: None,
        untagged_at: fetched.tag.is_none().then_some(now),
    };
    let id = match db::manifests::insert(tx, &new).await? {
        Inserted::Again(id) => id,
        Inserted::New(id) => {
            for edge in &manifest.edges {
                add_edge(tx, id, repository_id, edge).await?;
            }
            add_subject(tx, id, repository_id, manifest).await?;
            let subject = format!("{repository}@{}", fetched.digest);
            db::changes::record(tx, db::changes::MANIFEST, &subject, now).await?;
            let size = fetched.bytes.len() as u64;
            db::project_usage::add(tx, repository_id, id, size).await?;
            for blob in db::repository_blobs::count_named(tx, id).await? {
                db::project_usage::add(tx, repository_id, blob.id, blob.size_bytes).await?;
            }
            id
        }
    };
    if let Some(tag) = &fetched.tag {
        let ids = (repository_id, id);
        point(tx, repository, tag, ids, &fetched.digest, now).await?;
    }
    Ok(())
}

/// Moves the tag if it is elsewhere, and notes that it is right now.
async fn point(
    tx: &mut SqliteConnection,
    repository: &RepositoryName,
    tag: &Tag,
    (repository_id, manifest_id): (i64, i64),
    digest: &Digest,
    now: Timestamp,
) -> Result<(), DbError> {
    let current = db::tags::current(tx, repository, tag).await?;
    if current
        .as_ref()
        .is_none_or(|current| current.manifest_id != manifest_id)
    {
        let moved = Move {
            repository,
            repository_id,
            tag,
            manifest_id,
            digest,
            actor: Some(&Actor::system().name),
            cause: Cause::Fill,
            at: now,
        };
        move_tag(tx, &moved, current.as_ref()).await?;
    }
    db::tags::set_checked(tx, repository, tag, now).await
}

/// Gives a repository of a cache a blob; the bytes that caches hold more by that.
async fn give_blob(
    tx: &mut SqliteConnection,
    repository_id: i64,
    blob: &BlobRow,
    now: Timestamp,
    collect_at: Timestamp,
) -> Result<u64, DbError> {
    let link = Link {
        repository_id,
        blob_id: blob.id,
    };
    if db::repository_blobs::give(tx, link, now, collect_at).await? {
        db::project_usage::add(tx, repository_id, blob.id, blob.size_bytes).await?;
    }
    let new = db::cached_blobs::put(tx, blob.id, now).await?;
    Ok(if new { blob.size_bytes } else { 0 })
}

/// The repository, made if it is not there; `None` when its project is not.
async fn ensure_repository(
    tx: &mut SqliteConnection,
    name: &RepositoryName,
    now: Timestamp,
) -> Result<Option<i64>, DbError> {
    match db::repositories::find(tx, name).await? {
        Some(id) => Ok(Some(id)),
        None => db::repositories::insert(tx, name, now).await,
    }
}

#[cfg(test)]
pub(crate) mod tests;
