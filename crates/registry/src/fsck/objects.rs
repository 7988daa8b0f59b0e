//! Whether each object is somebody's.

use futures_util::TryStreamExt as _;

use super::{Finding, Fsck, FsckError, Problem, Watch};
use crate::db;
use crate::store::Key;

impl Fsck {
    pub(super) async fn check_objects(&mut self, watch: &mut dyn Watch) -> Result<(), FsckError> {
        let mut parts = self.store.objects();
        while let Some(part) = parts.try_next().await? {
            for key in part {
                self.checked.objects += 1;
                if let Some(size_bytes) = self.orphaned(&key).await? {
                    if self.options.repair {
                        self.store.remove(&key).await?;
                    }
                    watch.found(Finding {
                        problem: Problem::OrphanObject { key, size_bytes },
                        outcome: self.repaired(),
                        advice: None,
                    });
                }
            }
            self.progress(watch);
        }
        Ok(())
    }

    /// The size of an object that is nobody's. The order of the questions is what the first lines of
    /// [`super`] rest on.
    async fn orphaned(&self, key: &Key) -> Result<Option<u64>, FsckError> {
        if self.known(key).await? {
            return Ok(None);
        }
        let Some(upload) = self.store.upload(key) else {
            // Nothing that this store would publish is removed.
            return Ok(None);
        };
        if self.store.staged_bytes(upload).await?.is_some() || self.known(key).await? {
            return Ok(None);
        }
        // What was given up or collected meanwhile is gone by now.
        Ok(self.store.object_bytes(key).await?)
    }

    async fn known(&self, key: &Key) -> Result<bool, FsckError> {
        let mut connection = self.db.read_unasked().await?;
        Ok(db::checks::object_known(&mut connection, key).await?)
    }
}
