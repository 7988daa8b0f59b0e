//! Whether rows that belong together are there.

use futures_util::FutureExt as _;

use super::{Finding, Fsck, FsckError, Outcome, Problem, Watch};
use crate::db::{self, DbError};

impl Fsck {
    pub(super) async fn check_rows(&mut self, watch: &mut dyn Watch) -> Result<(), FsckError> {
        self.check_tags(watch).await?;
        self.check_repositories(watch).await?;
        self.check_unlinked_blobs(watch).await?;
        self.check_cached_blobs(watch).await?;
        self.check_uploads(watch).await
    }

    async fn check_tags(&mut self, watch: &mut dyn Watch) -> Result<(), FsckError> {
        let (mut repository_id, mut name) = (0, String::new());
        loop {
            let mut connection = self.db.read_unasked().await?;
            let page = db::checks::tags_after(&mut connection, repository_id, &name).await?;
            drop(connection);
            let Some(last) = page.last() else {
                return Ok(());
            };
            (repository_id, name) = (last.repository_id, last.name.clone());
            self.checked.tags += page.len() as u64;
            for tag in page.into_iter().filter(|tag| tag.stray) {
                let place = format!("{}:{}", tag.repository, tag.name);
                watch.found(Finding {
                    problem: Problem::StrayTag {
                        repository: tag.repository,
                        tag: tag.name,
                    },
                    outcome: Outcome::Found,
                    advice: Some(format!("push again: {place}")),
                });
            }
        }
    }

    async fn check_repositories(&self, watch: &mut dyn Watch) -> Result<(), FsckError> {
        let mut after = 0;
        loop {
            let mut connection = self.db.read_unasked().await?;
            let page = db::checks::stray_repositories_after(&mut connection, after).await?;
            drop(connection);
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = *last;
            for (_, repository) in page {
                watch.found(Finding {
                    problem: Problem::StrayRepository { repository },
                    outcome: Outcome::Found,
                    advice: Some("restore a backup".to_owned()),
                });
            }
        }
    }

    async fn check_unlinked_blobs(&self, watch: &mut dyn Watch) -> Result<(), FsckError> {
        let mut after = 0;
        loop {
            let mut connection = self.db.read_unasked().await?;
            let page = db::checks::unlinked_blobs_after(&mut connection, after).await?;
            drop(connection);
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = *last;
            if self.options.repair {
                let ids: Vec<i64> = page.iter().map(|(id, _)| *id).collect();
                let now = self.clock.now();
                // The server removes the bytes of what is noted as unlinked.
                self.db
                    .write(move |tx| {
                        async move { db::blobs::remove_unlinked(tx, &ids, now).await }.boxed()
                    })
                    .await?;
            }
            for (_, digest) in page {
                watch.found(Finding {
                    problem: Problem::UnlinkedBlob { digest },
                    outcome: self.repaired(),
                    advice: None,
                });
            }
        }
    }

    async fn check_cached_blobs(&self, watch: &mut dyn Watch) -> Result<(), FsckError> {
        let mut after = 0;
        loop {
            let mut connection = self.db.read_unasked().await?;
            let page = db::checks::stray_cached_blobs_after(&mut connection, after).await?;
            drop(connection);
            let Some(&last) = page.last() else {
                return Ok(());
            };
            after = last;
            for blob_id in page {
                if self.options.repair {
                    self.db
                        .write(move |tx| {
                            async move { db::checks::remove_cached_blob(tx, blob_id).await }.boxed()
                        })
                        .await?;
                }
                watch.found(Finding {
                    problem: Problem::StrayCachedBlob { blob_id },
                    outcome: self.repaired(),
                    advice: None,
                });
            }
        }
    }

    async fn check_uploads(&self, watch: &mut dyn Watch) -> Result<(), FsckError> {
        let mut after = String::new();
        loop {
            let mut connection = self.db.read_unasked().await?;
            let page = db::checks::uploads_after(&mut connection, &after).await?;
            drop(connection);
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.upload.to_string();
            for row in page {
                let staged = self.store.staged_bytes(row.upload).await?;
                if staged.is_some_and(|staged| staged >= row.offset_bytes) {
                    continue;
                }
                let mut connection = self.db.read_unasked().await?;
                // It has come to its end meanwhile: its row goes before its bytes.
                if !db::uploads::exists(&mut connection, row.upload).await? {
                    continue;
                }
                drop(connection);
                if self.options.repair {
                    let upload = row.upload;
                    self.db
                        .write(move |tx| {
                            async move { db::uploads::delete(tx, upload).await }.boxed()
                        })
                        .await?;
                }
                watch.found(Finding {
                    problem: Problem::LostUpload {
                        repository: row.repository,
                        upload: row.upload,
                    },
                    outcome: self.repaired(),
                    advice: None,
                });
            }
        }
    }

    pub(super) async fn check_usage(&self, watch: &mut dyn Watch) -> Result<(), FsckError> {
        let mut after = 0;
        loop {
            let mut connection = self.db.read_unasked().await?;
            let usage = db::checks::usage_after(&mut connection, after).await?;
            drop(connection);
            let Some(usage) = usage else {
                return Ok(());
            };
            let before = after;
            after = usage.project_id;
            if usage.noted_bytes == usage.actual_bytes {
                continue;
            }
            if self.options.repair {
                self.db
                    .write(move |tx| async move { count_again(tx, before).await }.boxed())
                    .await?;
            }
            watch.found(Finding {
                problem: Problem::WrongUsage {
                    project: usage.project,
                    noted_bytes: usage.noted_bytes,
                    actual_bytes: usage.actual_bytes,
                },
                outcome: self.repaired(),
                advice: None,
            });
        }
    }
}

async fn count_again(tx: &mut sqlx::SqliteConnection, before: i64) -> Result<(), DbError> {
    match db::checks::usage_after(tx, before).await? {
        Some(usage) => db::checks::set_usage(tx, &usage).await,
        None => Ok(()),
    }
}
