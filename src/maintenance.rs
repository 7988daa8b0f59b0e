//! The commands that work on the database and the store of the configuration themselves: fsck, backup
//! and restore.

use std::sync::Arc;

use anyhow::Context as _;
use berth_registry::{BlobStore, Db, LocalStore, Release};

use crate::cli::ConfigArguments;
use crate::config::Config;
use crate::logging;

pub(crate) mod backup;
pub(crate) mod fsck;
mod progress;
pub(crate) mod restore;

/// The database and the store, beside a server that may be running.
struct Attached {
    db: Db,
    store: Arc<dyn BlobStore>,
}

impl Attached {
    async fn open(config: &Config) -> anyhow::Result<Self> {
        let file = config.database_file();
        let db = Db::attach(&file, &Release::this())
            .await
            .with_context(|| format!("could not open the database {}", file.display()))?;
        let folder = config.store_folder();
        let store = LocalStore::attach(&folder)
            .with_context(|| format!("could not open the blob store {}", folder.display()))?;
        Ok(Self {
            db,
            store: Arc::new(store),
        })
    }
}

/// Runs a command to its end. Few threads: a server beside it has other work for the processors.
fn run_with<T>(
    arguments: &ConfigArguments,
    work: impl AsyncFnOnce(Config) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let config = arguments.load()?;
    logging::start(&config.log)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("could not start the runtime")?
        .block_on(work(config))
}
