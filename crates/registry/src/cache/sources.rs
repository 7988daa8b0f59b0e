//! Upstreams and groups that the API made. Their settings are a document that only the cache reads;
//! what of it is secret is sealed.

use berth_oci::ProjectName;
use futures_util::FutureExt as _;
use tracing::warn;

use super::ProjectKind;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::db::sources::SourceRow;
use crate::db::{self, DbError, changes};
use crate::registry::Registry;

pub(crate) const PURPOSE: &str = "upstream";

/// An upstream or a group, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSource {
    pub name: ProjectName,
    pub kind: ProjectKind,
    /// JSON.
    pub settings: String,
    /// JSON too; never shown.
    pub secrets: Option<String>,
}

/// What is to become of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceChange {
    Create,
    Change,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreSourceError {
    #[error("there is an upstream or group {0} already")]
    Taken(ProjectName),
    #[error("there is no upstream or group {0} that the API made")]
    Unknown(ProjectName),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Registry {
    /// All that the API made. One whose secrets can not be read comes without them.
    pub async fn stored_sources(&self) -> Result<Vec<StoredSource>, DbError> {
        let mut connection = self.db.read().await?;
        let rows = db::sources::list(&mut connection).await?;
        drop(connection);
        let mut sources = Vec::new();
        for row in rows {
            let secrets = match &row.sealed {
                Some(sealed) => self.unsealed(&row.name, sealed).await?,
                None => None,
            };
            sources.push(StoredSource {
                name: row.name,
                kind: row.kind,
                settings: row.settings,
                secrets,
            });
        }
        Ok(sources)
    }

    /// Opens a seal, and seals anew what the secret key before this one sealed.
    async fn unsealed(&self, name: &ProjectName, sealed: &[u8]) -> Result<Option<String>, DbError> {
        let Ok(opened) = self.auth.unseal(PURPOSE, sealed) else {
            warn!(upstream = %name, "the credentials of {name} were sealed with another secret_key: give them again");
            return Ok(None);
        };
        if let Some(sealed) = self.auth.reseal(PURPOSE, sealed, &opened) {
            let name = name.clone();
            self.db
                .write(move |tx| {
                    async move { db::sources::set_sealed(tx, &name, &sealed).await }.boxed()
                })
                .await?;
        }
        Ok(String::from_utf8(opened).ok())
    }

    pub async fn store_source(
        &self,
        by: &Caller,
        source: StoredSource,
        change: SourceChange,
    ) -> Result<(), StoreSourceError> {
        let now = self.clock.now();
        let secrets = source.secrets.as_ref();
        let row = SourceRow {
            sealed: secrets.map(|secrets| self.auth.seal(PURPOSE, secrets.as_bytes())),
            name: source.name,
            kind: source.kind,
            settings: source.settings,
        };
        let action = match change {
            SourceChange::Create => "upstream.create",
            SourceChange::Change => "upstream.change",
        };
        let entry = Entry::done(&by.actor(), action, &row.name).in_project(&row.name);
        self.db
            .write(move |tx| {
                async move {
                    let exists = db::sources::exists(tx, &row.name).await?;
                    match (change, exists) {
                        (SourceChange::Create, true) => {
                            return Err(StoreSourceError::Taken(row.name));
                        }
                        (SourceChange::Change, false) => {
                            return Err(StoreSourceError::Unknown(row.name));
                        }
                        (SourceChange::Create, false) | (SourceChange::Change, true) => {}
                    }
                    db::sources::put(tx, &row, now).await?;
                    changes::record(tx, changes::SOURCES, row.name.as_str(), now).await?;
                    entry.record(tx, now).await?;
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    /// Removes an upstream or group. What it has cached stays, in its project.
    pub async fn remove_source(
        &self,
        by: &Caller,
        name: &ProjectName,
    ) -> Result<(), StoreSourceError> {
        let (name, now) = (name.clone(), self.clock.now());
        let entry = Entry::done(&by.actor(), "upstream.delete", &name).in_project(&name);
        self.db
            .write(move |tx| {
                async move {
                    if !db::sources::delete(tx, &name).await? {
                        return Err(StoreSourceError::Unknown(name));
                    }
                    changes::record(tx, changes::SOURCES, name.as_str(), now).await?;
                    entry.record(tx, now).await?;
                    Ok(())
                }
                .boxed()
            })
            .await
    }
}
