use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use super::skip;

/// A small disk, gone when it is dropped.
pub struct Disk(Arc<TempDir>);

impl Disk {
    /// `None` where one may not mount.
    pub fn mount(mebibytes: usize) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "none"])
            .arg(folder.path())
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            skip("a small disk can not be mounted");
            return None;
        }
        Some(Self(Arc::new(folder)))
    }

    /// For a server to start on.
    pub fn folder(&self) -> Arc<TempDir> {
        Arc::clone(&self.0)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn free(&self) -> u64 {
        let disk = rustix::fs::statvfs(self.path()).expect("a mounted disk");
        disk.f_bavail * disk.f_frsize
    }

    /// Takes the space that is left.
    pub fn fill(&self) {
        let mut filler = File::create(self.path().join("filler")).expect("a file");
        for size in [64 * 1024, 4096, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    pub fn make_space(&self) {
        fs::remove_file(self.path().join("filler")).expect("the filler");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the server may not have ended yet.
        let done = Command::new("umount").arg("-l").arg(self.path()).status();
        assert!(done.is_ok_and(|status| status.success()), "umount failed");
    }
}
