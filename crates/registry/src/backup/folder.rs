use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use berth_oci::Digest;
use rustix::fs::{FlockOperation, flock};

use super::{BackupError, BackupManifest, io_error};
use crate::db::copy;

const MANIFEST: &str = "backup.json";
const PARTIAL: &str = ".partial";

/// The folder of a backup. Only its owner can read it.
pub(super) struct Folder {
    pub(super) path: PathBuf,
}

/// A folder that nobody else makes a backup in.
pub(super) struct LockedFolder {
    pub(super) folder: Folder,
    _lock: File,
}

impl LockedFolder {
    /// Makes the folder if it is not there.
    pub(super) fn open(path: &Path) -> Result<Self, BackupError> {
        let folder = Folder::new(path);
        make_private(&folder.blobs()).map_err(io_error("make", path))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(io_error("lock", path))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| BackupError::Locked(path.to_owned()))?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    pub(super) fn manifest(&self) -> PathBuf {
        self.path.join(MANIFEST)
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }

    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
        self.blobs().join(algorithm).join(&hex[..2]).join(hex)
    }

    /// Makes the backup the one that counts.
    pub(super) fn write_manifest(&self, manifest: &BackupManifest) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(manifest)?;
        text.push(b'\n');
        let file = self.manifest();
        let unfinished = copy::with_suffix(&file, PARTIAL);
        let mut opened = create_private(&unfinished)?;
        opened.write_all(&text)?;
        opened.sync_all()?;
        fs::rename(unfinished, &file)?;
        copy::sync_folder_of(&file)
    }

    /// Removes the copies and lists of earlier backups, and what was begun and not finished.
    pub(super) fn remove_others(&self, manifest: &BackupManifest) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let text = name.to_string_lossy();
            let ours = (text.starts_with("berth-") && text.contains(".db"))
                || (text.starts_with("blobs-") && text.contains(".tsv"));
            let kept =
                text == manifest.database.file || manifest.blobs.list.as_deref() == Some(&*text);
            if ours && !kept {
                copy::remove(&self.path.join(&name))?;
            }
        }
        Ok(())
    }

    /// Calls for each folder of blobs, from the innermost.
    pub(super) fn each_part(
        &self,
        mut work: impl FnMut(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        for algorithm in folders_in(&self.blobs())? {
            for part in folders_in(&algorithm)? {
                work(&part)?;
            }
            work(&algorithm)?;
        }
        work(&self.blobs())
    }
}

fn folders_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// A file for its owner alone, in place of one that is there.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    copy::remove(path)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// The folder and those that it is in, for their owner alone.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path)
}

/// The digest in the name of a file; `None` for a file that is none of a backup.
pub(super) fn digest_of(file: &Path) -> Option<Digest> {
    let hex = file.file_name()?.to_str()?;
    let algorithm = file.parent()?.parent()?.file_name()?.to_str()?;
    format!("{algorithm}:{hex}").parse().ok()
}

/// Whether it is the beginning of a file.
pub(super) fn partial(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| extension.as_encoded_bytes() == &PARTIAL.as_bytes()[1..])
}

pub(super) fn partial_of(file: &Path) -> PathBuf {
    copy::with_suffix(file, PARTIAL)
}

pub(super) fn length(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        found => Ok(Some(found?.len())),
    }
}
