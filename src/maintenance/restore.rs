use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use berth_registry::backup::Restore;
use berth_registry::{Clock as _, LocalStore, Release, SystemClock};

use super::backup::Report;
use super::run_with;
use crate::cli::RestoreArguments;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::first_start;
use crate::output::{print, size};

pub(crate) fn run(arguments: &RestoreArguments) -> anyhow::Result<ExitCode> {
    run_with(&arguments.config, async |config| {
        restore(arguments, &config).await
    })
}

async fn restore(arguments: &RestoreArguments, config: &Config) -> anyhow::Result<ExitCode> {
    let _data_dir = DataDir::open(&config.data_dir)?;
    let folder = config.store_folder();
    let store = LocalStore::open(&folder)
        .with_context(|| format!("could not open the blob store {}", folder.display()))?;
    let restore = Restore {
        file: config.database_file(),
        store: Arc::new(store),
        clock: Arc::new(SystemClock),
        release: Release::this(),
        allow_missing: arguments.allow_missing,
    };
    let context = "the backup was not restored";
    let mut restoring = restore.begin(&arguments.folder).await.context(context)?;
    let mut report = Report::new("restored");
    restoring.blobs(&mut report).await.context(context)?;
    let keys = first_start::secret_keys(config)?;
    let grace = Duration::from_secs(config.collection.grace_seconds);
    let lost = restoring.settle(&keys, grace).await.context(context)?;
    let now = SystemClock.now();
    let ended = berth_deployer::settle_restored(restoring.database(), now)
        .await
        .context(context)?;
    let made_at = restoring.manifest().made_at.clone();
    restoring.finish().await.context(context)?;
    let (blobs, bytes) = (report.copied.blobs, size(report.copied.bytes));
    print(&format!(
        "restored the backup of {made_at}: the database, and {blobs} blobs of {bytes}\n"
    ))?;
    if ended > 0 {
        print(&format!(
            "ended {ended} deployments that were not done then\n"
        ))?;
    }
    if !lost.is_empty() {
        print("the secret key is not the one of the backup; to be entered again:\n")?;
        for secret in &lost {
            print(&format!("  {secret}\n"))?;
        }
    }
    if report.damaged > 0 {
        eprintln!(
            "berth: {} blobs are missing: berth fsck says what to push again",
            report.damaged
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
