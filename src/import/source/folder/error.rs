use std::io;
use std::path::{Path, PathBuf};

use berth_oci::{Digest, InvalidDigest};

/// Why a storage folder gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    #[error(
        "{} is no storage folder of a registry: give the `rootdirectory` of its configuration, \
         which holds docker/registry/v2/repositories",
        .path.display()
    )]
    NoStorage { path: PathBuf },
    #[error("could not read {}", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the source has no {}", .path.display())]
    Missing { path: PathBuf },
    #[error("{} holds no digest", .path.display())]
    Link {
        path: PathBuf,
        #[source]
        source: InvalidDigest,
    },
    #[error("{} leads out of the folder, where nothing is read", .path.display())]
    Outside { path: PathBuf },
    #[error("{} has more than {most_bytes} bytes", .path.display())]
    TooLarge { path: PathBuf, most_bytes: u64 },
    #[error("the bytes of {} are those of {actual}", .path.display())]
    WrongBytes { path: PathBuf, actual: Digest },
}

impl FolderError {
    pub(super) fn read(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    pub(in super::super) fn missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}
