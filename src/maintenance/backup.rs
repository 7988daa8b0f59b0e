use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use berth_oci::Digest;
use berth_registry::backup::{Backup, Blobs, Progress, Watch};
use berth_registry::{Release, SystemClock};

use super::{Attached, progress, run_with};
use crate::cli::BackupArguments;
use crate::config::Config;
use crate::first_start;
use crate::output::{print, size};

/// Tells of a backup, or a restore, while it is made.
pub(super) struct Report {
    line: progress::Progress,
    what: &'static str,
    pub(super) copied: Progress,
    pub(super) damaged: u64,
}

impl Report {
    pub(super) fn new(what: &'static str) -> Self {
        Self {
            line: progress::Progress::new(),
            what,
            copied: Progress::default(),
            damaged: 0,
        }
    }
}

impl Watch for Report {
    fn progress(&mut self, progress: &Progress) {
        self.copied = *progress;
        let what = self.what;
        self.line.show(|| {
            format!(
                "{what} {} of {} blobs, {} of {}",
                progress.blobs,
                progress.of_blobs,
                size(progress.bytes),
                size(progress.of_bytes)
            )
        });
    }

    fn damaged(&mut self, digest: &Digest) {
        self.line.clear();
        self.damaged += 1;
        eprintln!("berth: blob {digest} is corrupt or missing");
    }
}

pub(crate) fn run(arguments: &BackupArguments) -> anyhow::Result<ExitCode> {
    run_with(&arguments.config, async |config| {
        let Attached { db, store } = Attached::open(&config).await?;
        let blobs = if arguments.list_blobs {
            Blobs::Listed(Duration::from_secs(
                u64::from(arguments.hold_hours) * 60 * 60,
            ))
        } else {
            Blobs::Copied
        };
        let backup = Backup {
            db: db.clone(),
            store,
            clock: Arc::new(SystemClock),
            release: Release::this(),
            blobs,
        };
        let mut report = Report::new("copied");
        let made = backup.make(&arguments.folder, &mut report).await;
        drop(report.line);
        db.close().await;
        let made =
            made.context("the backup was not finished, and an earlier one there is as it was")?;
        let folder = arguments.folder.display();
        let (count, bytes) = (made.blobs.count, size(made.blobs.bytes));
        let copied = match &made.blobs.list {
            None => format!(
                "{count} blobs of {bytes}, {} of them copied now",
                report.copied.copied_blobs
            ),
            Some(list) => format!(
                "a list of {count} blobs of {bytes}: copy those objects from {} within {} h, the \
                 list is {list}",
                config.store_folder().display(),
                arguments.hold_hours
            ),
        };
        print(&format!(
            "backed up to {folder}: the database of {}, and {copied}\n",
            made.made_at
        ))?;
        eprintln!(
            "The secret key is not in the backup, and without it the passwords of upstreams have to be \
             entered again: keep a copy of {} elsewhere.",
            key(&config)
        );
        if report.damaged > 0 {
            eprintln!(
                "berth: {} blobs are not in the backup, and are not served any longer: berth fsck \
                 says what to push again",
                report.damaged
            );
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn key(config: &Config) -> String {
    if config.secret_key.is_some() {
        "secret_key of the configuration".to_owned()
    } else {
        first_start::key_file(config).display().to_string()
    }
}
