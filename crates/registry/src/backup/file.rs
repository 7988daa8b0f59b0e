//! Files that are hashed while they are read or written.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use berth_oci::{Algorithm, Digest, Hasher};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use tokio::task::spawn_blocking;

use super::folder::{create_private, partial_of};
use crate::store::{ByteStream, StoreError};

const PIECE: usize = 256 * 1024;

/// What became of a copy.
pub(super) enum Copied {
    Whole,
    /// The bytes could not be read, or are others.
    Damaged,
}

/// Writes bytes to a file, which has its name once they are proved and durable.
pub(super) async fn write(
    to: &Path,
    expected: &Digest,
    mut bytes: ByteStream,
) -> io::Result<Copied> {
    let unfinished = partial_of(to);
    let mut file = {
        let unfinished = unfinished.clone();
        blocking(move || create_private(&unfinished)).await?
    };
    let mut hasher = Hasher::new(expected.algorithm());
    loop {
        let piece = match bytes.try_next().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(
                StoreError::Missing(_)
                | StoreError::Short { .. }
                | StoreError::Io { .. }
                | StoreError::Object { .. }
                | StoreError::Full,
            ) => {
                fs::remove_file(&unfinished)?;
                return Ok(Copied::Damaged);
            }
        };
        (file, hasher) = blocking(move || {
            file.write_all(&piece)?;
            hasher.update(&piece);
            Ok((file, hasher))
        })
        .await?;
    }
    if hasher.finish() != *expected {
        fs::remove_file(&unfinished)?;
        return Ok(Copied::Damaged);
    }
    let to = to.to_owned();
    blocking(move || {
        file.sync_all()?;
        fs::rename(unfinished, to)
    })
    .await?;
    Ok(Copied::Whole)
}

/// The pieces of a file, one after the other.
pub(super) struct Pieces {
    file: File,
}

impl Pieces {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(|file| Self { file })
    }

    /// Empty at the end.
    pub(super) async fn next(self) -> io::Result<(Self, Bytes)> {
        blocking(move || {
            let Self { mut file } = self;
            let mut piece = vec![0; PIECE];
            let mut length = 0;
            while length < PIECE {
                match file.read(&mut piece[length..]) {
                    Ok(0) => break,
                    Ok(read) => length += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            piece.truncate(length);
            Ok((Self { file }, piece.into()))
        })
        .await
    }
}

/// The SHA-256 of a file and its size.
pub(super) async fn digest(path: &Path) -> io::Result<(Digest, u64)> {
    let mut pieces = Pieces::open(path)?;
    let (mut hasher, mut bytes) = (Hasher::new(Algorithm::Sha256), 0);
    loop {
        let (rest, piece) = pieces.next().await?;
        if piece.is_empty() {
            return Ok((hasher.finish(), bytes));
        }
        hasher.update(&piece);
        bytes += piece.len() as u64;
        pieces = rest;
    }
}

/// Copies a file for its owner alone, durably; the SHA-256 of what was copied.
pub(super) async fn copy(from: &Path, to: &Path) -> io::Result<Digest> {
    let mut pieces = Pieces::open(from)?;
    let to: PathBuf = to.to_owned();
    let mut file = blocking(move || create_private(&to)).await?;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    loop {
        let (rest, piece) = pieces.next().await?;
        if piece.is_empty() {
            break;
        }
        hasher.update(&piece);
        file = blocking(move || {
            file.write_all(&piece)?;
            Ok(file)
        })
        .await?;
        pieces = rest;
    }
    blocking(move || file.sync_all()).await?;
    Ok(hasher.finish())
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}
