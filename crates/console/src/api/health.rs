//! How the server is. `/readyz` says it to anybody in fewer words.

use axum::extract::State;
use berth_registry::auth::{Action, Target};
use berth_registry::{Db, Probe};
use serde::Serialize;
use utoipa::ToSchema;

use super::document::Document;
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use crate::console::Console;

/// The server, and what it keeps everything in.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Of Berth
    #[schema(example = "1.2.3")]
    pub(crate) version: &'static str,
    /// Whether images can be pulled
    pub(crate) ready: bool,
    pub(crate) database: DatabaseHealth,
    pub(crate) store: StoreHealth,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DatabaseHealth {
    /// `sqlite`
    pub(crate) kind: &'static str,
    /// `ok`, or what went wrong
    pub(crate) reads: String,
    /// `ok`, or what went wrong
    pub(crate) writes: String,
    /// Null while it does not answer
    pub(crate) size_bytes: Option<u64>,
    /// Number of the last migration that it has; null while it does not answer
    pub(crate) schema_version: Option<i64>,
}

/// Where the bytes of blobs are.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoreHealth {
    /// `local` for a folder
    pub(crate) kind: &'static str,
    /// `ok`, or what went wrong
    pub(crate) reads: String,
    /// `ok`, or what went wrong
    pub(crate) writes: String,
    /// Of the disk, whoever uses it; null where that is not known
    pub(crate) total_bytes: Option<u64>,
    pub(crate) free_bytes: Option<u64>,
}

/// How the server is, and what it keeps everything in
#[utoipa::path(get, path = "/api/v1/health", tag = "health",
    responses((status = 200, body = Health), Refusals))]
pub(crate) async fn get(
    State(console): State<Console>,
    signed: Signed,
) -> Result<Document<Health>, Problem> {
    let (action, target) = (Action::StorageManage, Target::Everything);
    signed
        .require(&console.registry, action, target, "health")
        .await?;
    let (health, storage) = tokio::join!(console.registry.health(), console.registry.storage());
    let database = storage.database;
    let space = storage.store_space;
    Ok(Document(Health {
        version: env!("CARGO_PKG_VERSION"),
        ready: health.ready(),
        database: DatabaseHealth {
            kind: Db::KIND,
            reads: word(&health.database_reads),
            writes: word(&health.database_writes),
            size_bytes: database.map(|database| database.size_bytes),
            schema_version: database.map(|database| database.schema_version),
        },
        store: StoreHealth {
            kind: storage.store_kind,
            reads: word(&health.store_reads),
            writes: word(&health.store_writes),
            total_bytes: space.map(|space| space.total_bytes),
            free_bytes: space.map(|space| space.free_bytes),
        },
    }))
}

fn word(probe: &Probe) -> String {
    let ok = || "ok".to_owned();
    probe.as_ref().map_or_else(Clone::clone, |()| ok())
}
