use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use berth_oci::{Algorithm, Digest, RepositoryName, Tag};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream;
use serde::Deserialize;
use tokio::task::spawn_blocking;

mod error;

pub(crate) use error::FolderError;

use super::kind::media_type;
use super::{BlobReader, Listing, SourceError, SourceManifest};

/// What is read of a blob at a time.
const PIECE: usize = 256 * 1024;
/// Registries take 4 MiB; twice that is no manifest any more.
const MANIFEST_BYTES: u64 = 8 << 20;
/// A file that holds a digest.
const LINK_BYTES: u64 = 1024;
const BELOW: &str = "docker/registry/v2";

/// The storage folder of a Distribution registry, which may go on writing to it.
///
/// ```text
/// repositories/<name>/_manifests/tags/<tag>/current/link     the digest of a tag
/// repositories/<name>/_manifests/revisions/<alg>/<hex>/link  a manifest that the repository has
/// blobs/<alg>/<2 digits>/<hex>/data                          manifests, configs and layers
/// ```
///
/// Invariant: nothing outside of the folder is read, wherever a symlink in it leads.
pub(crate) struct Folder(Arc<Root>);

struct Root {
    /// The folder v2, without symlinks in its path.
    path: PathBuf,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, FolderError> {
        let below = path.join(BELOW);
        let not_a_storage = || FolderError::NoStorage {
            path: path.to_owned(),
        };
        let found = below.canonicalize().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => not_a_storage(),
            _ => FolderError::read(&below)(source),
        })?;
        if !found.join("repositories").is_dir() {
            return Err(not_a_storage());
        }
        Ok(Self(Arc::new(Root { path: found })))
    }

    pub(super) async fn repositories(&self) -> Result<Vec<String>, FolderError> {
        self.blocking(Root::repositories).await
    }

    pub(super) async fn list(&self, repository: &RepositoryName) -> Result<Listing, FolderError> {
        let repository = repository.clone();
        self.blocking(move |root| root.list(&repository)).await
    }

    pub(super) async fn resolve(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Digest, FolderError> {
        let path = of_repository(repository).join(format!("tags/{tag}/current/link"));
        self.blocking(move |root| root.link(&path)).await
    }

    pub(super) async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<SourceManifest, FolderError> {
        let (repository, digest) = (repository.clone(), digest.clone());
        self.blocking(move |root| root.manifest(&repository, &digest))
            .await
    }

    /// Whichever repository links to it: a manifest names it.
    pub(super) async fn blob(&self, digest: &Digest, from: u64) -> Result<BlobReader, SourceError> {
        let wanted = digest.clone();
        let open = move |root: &Root| root.open_blob(&wanted, from);
        let (file, path, size_bytes) = self.blocking(open).await?;
        let body = stream::try_unfold((file, path), async |(mut file, path)| {
            let read = move || {
                let mut piece = BytesMut::zeroed(PIECE);
                let count = file.read(&mut piece).map_err(FolderError::read(&path))?;
                piece.truncate(count);
                Ok((piece.freeze(), (file, path)))
            };
            let (piece, rest): (Bytes, _) = off_thread(read).await?;
            Ok::<_, SourceError>((!piece.is_empty()).then_some((piece, rest)))
        });
        Ok(BlobReader::new(
            digest.clone(),
            from,
            Some(size_bytes),
            body.boxed(),
        ))
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Root) -> Result<T, FolderError> + Send + 'static,
    ) -> Result<T, FolderError> {
        let root = Arc::clone(&self.0);
        off_thread(move || work(&root)).await
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FolderError> + Send + 'static,
) -> Result<T, FolderError> {
    let done = spawn_blocking(work).await;
    done.expect("reading a folder does not panic, and nothing cancels it")
}

fn of_repository(repository: &RepositoryName) -> PathBuf {
    format!("repositories/{repository}/_manifests").into()
}

impl Root {
    fn repositories(&self) -> Result<Vec<String>, FolderError> {
        let mut names = Vec::new();
        self.walk("", &mut names)?;
        Ok(names)
    }

    /// Folders only, and no symlinks to any: one may lead to where it is.
    fn walk(&self, name: &str, names: &mut Vec<String>) -> Result<(), FolderError> {
        for child in self.folders(&Path::new("repositories").join(name))? {
            if child == "_manifests" {
                names.push(name.to_owned());
            } else if !child.starts_with('_') {
                let below = format!("{name}/{child}");
                self.walk(below.trim_start_matches('/'), names)?;
            }
        }
        Ok(())
    }

    fn list(&self, repository: &RepositoryName) -> Result<Listing, FolderError> {
        let place = of_repository(repository);
        if self.locate(&place)?.is_none() {
            return Err(self.missing(&place));
        }
        let mut tags: Vec<Tag> = Vec::new();
        for name in self.folders(&place.join("tags"))? {
            // A tag that was deleted may leave its history behind.
            let current = place.join(format!("tags/{name}/current/link"));
            if self.locate(&current)?.is_some() {
                tags.extend(name.parse::<Tag>().ok());
            }
        }
        tags.sort();
        let mut listing = Listing {
            tags,
            ..Listing::default()
        };
        let mut referrers: HashMap<Digest, BTreeSet<Digest>> = HashMap::new();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let revisions = place.join(format!("revisions/{algorithm}"));
            for hex in self.folders(&revisions)? {
                let Ok(digest) = format!("{algorithm}:{hex}").parse::<Digest>() else {
                    continue;
                };
                if self.locate(&revisions.join(hex).join("link"))?.is_none() {
                    continue;
                }
                if let Some(subject) = self.subject(&digest)? {
                    referrers.entry(subject).or_default().insert(digest.clone());
                }
                listing.revisions.push(digest);
            }
        }
        listing.referrers = referrers
            .into_iter()
            .map(|(subject, digests)| (subject, digests.into_iter().collect()))
            .collect();
        Ok(listing)
    }

    /// What a manifest refers to. One that can not be read says so where it is copied.
    fn subject(&self, digest: &Digest) -> Result<Option<Digest>, FolderError> {
        #[derive(Deserialize)]
        struct Named {
            digest: String,
        }
        #[derive(Deserialize)]
        struct Document {
            subject: Option<Named>,
        }
        let Some(bytes) = self.read(&data_of(digest), MANIFEST_BYTES)? else {
            return Ok(None);
        };
        let document: Option<Document> = serde_json::from_slice(&bytes).ok();
        let subject = document.and_then(|document| document.subject);
        Ok(subject.and_then(|subject| subject.digest.parse().ok()))
    }

    fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<SourceManifest, FolderError> {
        let (algorithm, hex) = (digest.algorithm(), digest.hex());
        let revision = format!("revisions/{algorithm}/{hex}/link");
        // Its bytes may be there though it was deleted.
        self.link(&of_repository(repository).join(revision))?;
        let path = data_of(digest);
        let bytes = self
            .read(&path, MANIFEST_BYTES)?
            .ok_or_else(|| self.missing(&path))?;
        let actual = Digest::of(digest.algorithm(), &bytes);
        if actual != *digest {
            return Err(FolderError::WrongBytes {
                path: self.path.join(path),
                actual,
            });
        }
        Ok(SourceManifest {
            media_type: media_type(None, &bytes),
            bytes: bytes.into(),
        })
    }

    fn open_blob(&self, digest: &Digest, from: u64) -> Result<(File, PathBuf, u64), FolderError> {
        let path = data_of(digest);
        let path = self.locate(&path)?.ok_or_else(|| self.missing(&path))?;
        let open = || -> io::Result<_> {
            let mut file = File::open(&path)?;
            let size_bytes = file.metadata()?.len();
            file.seek(SeekFrom::Start(from))?;
            Ok((file, size_bytes))
        };
        let (file, size_bytes) = open().map_err(FolderError::read(&path))?;
        Ok((file, path, size_bytes))
    }

    fn link(&self, path: &Path) -> Result<Digest, FolderError> {
        let bytes = self.read(path, LINK_BYTES)?;
        let bytes = bytes.ok_or_else(|| self.missing(path))?;
        let text = String::from_utf8_lossy(&bytes);
        text.trim().parse().map_err(|source| FolderError::Link {
            path: self.path.join(path),
            source,
        })
    }

    /// The names of the folders in a folder, in order; none if it is not there.
    fn folders(&self, path: &Path) -> Result<Vec<String>, FolderError> {
        let Some(path) = self.locate(path)? else {
            return Ok(Vec::new());
        };
        let read = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    // No name of the registry is anything but ASCII.
                    names.extend(entry.file_name().into_string().ok());
                }
            }
            names.sort();
            Ok(names)
        };
        read().map_err(FolderError::read(&path))
    }

    /// A whole file; `None` if it is not there.
    fn read(&self, path: &Path, most_bytes: u64) -> Result<Option<Vec<u8>>, FolderError> {
        let Some(path) = self.locate(path)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(most_bytes + 1).read_to_end(&mut bytes))
            .map_err(FolderError::read(&path))?;
        if bytes.len() as u64 > most_bytes {
            return Err(FolderError::TooLarge { path, most_bytes });
        }
        Ok(Some(bytes))
    }

    /// Where a path really leads; `None` if to nothing.
    fn locate(&self, path: &Path) -> Result<Option<PathBuf>, FolderError> {
        let path = self.path.join(path);
        match path.canonicalize() {
            Ok(real) if real.starts_with(&self.path) => Ok(Some(real)),
            Ok(_) => Err(FolderError::Outside { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FolderError::read(&path)(error)),
        }
    }

    fn missing(&self, path: &Path) -> FolderError {
        FolderError::Missing {
            path: self.path.join(path),
        }
    }
}

fn data_of(digest: &Digest) -> PathBuf {
    let (algorithm, hex) = (digest.algorithm(), digest.hex());
    format!("blobs/{algorithm}/{}/{hex}/data", &hex[..2]).into()
}

#[cfg(test)]
mod tests;
