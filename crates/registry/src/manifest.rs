//! Pushes of manifests. A manifest, what it names, the tags that move to it and the
//! events that say so are one transaction (invariant 3).

use berth_oci::{
    Algorithm, Digest, Edge, EdgeRole, InvalidManifest, Manifest, Reference, RepositoryName, Tag,
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tracing::info;

use crate::audit::Entry;
use crate::clock::Timestamp;
use crate::db::manifests::{EdgeKind, Inserted, NewManifest};
use crate::db::tags::{Cause, Current, Move};
use crate::db::{self, DbError};
use crate::immutable::{self, CheckError, ImmutableTag};
use crate::pusher::{AdmitError, Admitted, Pusher};
use crate::quota::{self, ChargeError, OverQuota, Space};
use crate::registry::Registry;

mod retag;

pub use retag::RetagError;

/// The most missing blobs that an answer lists.
const LISTED: usize = 100;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PutManifestError {
    #[error("the right to push to {0} has gone meanwhile")]
    Refused(RepositoryName),
    #[error(transparent)]
    Invalid(#[from] InvalidManifest),
    #[error("the manifest has digest {actual}, but the request says {declared}")]
    DigestMismatch { declared: Digest, actual: Digest },
    #[error("{repository} lacks {} that the manifest names, the first of them {}", .missing.len(), .missing[0])]
    MissingBlobs {
        repository: RepositoryName,
        missing: Vec<Digest>,
    },
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
    #[error(transparent)]
    Immutable(Box<ImmutableTag>),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<ChargeError> for PutManifestError {
    fn from(error: ChargeError) -> Self {
        match error {
            ChargeError::Over(error) => error.into(),
            ChargeError::Db(error) => error.into(),
        }
    }
}

impl From<AdmitError> for PutManifestError {
    fn from(error: AdmitError) -> Self {
        match error {
            AdmitError::Refused(repository) => Self::Refused(repository),
            AdmitError::Db(error) => Self::Db(error),
        }
    }
}

macro_rules! from_check {
    ($($error:ident)*) => {$(
        impl From<CheckError> for $error {
            fn from(error: CheckError) -> Self {
                match error {
                    CheckError::Immutable(tag) => Self::Immutable(tag),
                    CheckError::Db(error) => Self::Db(error),
                }
            }
        }
    )*};
}

from_check!(PutManifestError RetagError);

/// What a push of a manifest made.
pub(crate) struct PutManifest {
    pub(crate) digest: Digest,
    pub(crate) subject: Option<Digest>,
    /// What the project has of its quota, if that is nearly used up.
    pub(crate) short: Option<Space>,
}

/// A checked push on its way to the database.
struct Push {
    repository: RepositoryName,
    digest: Digest,
    manifest: Manifest,
    bytes: Bytes,
    tags: Vec<Tag>,
    admitted: Admitted,
    at: Timestamp,
}

impl Registry {
    /// Stores a manifest under its digest and moves the tags to it.
    pub(crate) async fn put_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        mut tags: Vec<Tag>,
        content_type: Option<&str>,
        bytes: Bytes,
        pusher: Pusher,
    ) -> Result<PutManifest, PutManifestError> {
        let digest = match reference {
            Reference::Tag(tag) => {
                tags.push(tag.clone());
                Digest::of(Algorithm::Sha256, &bytes)
            }
            Reference::Digest(declared) => {
                let actual = Digest::of(declared.algorithm(), &bytes);
                if actual != *declared {
                    return Err(PutManifestError::DigestMismatch {
                        declared: declared.clone(),
                        actual,
                    });
                }
                actual
            }
        };
        let manifest = Manifest::parse(content_type, &bytes)?;
        let mut stored = PutManifest {
            digest: digest.clone(),
            subject: manifest.subject.clone(),
            short: None,
        };
        let push = Push {
            repository: repository.clone(),
            digest,
            manifest,
            bytes,
            tags,
            admitted: self.admit(pusher, repository).await?,
            at: self.clock.now(),
        };
        let space = self.db.write(move |tx| push.store(tx).boxed()).await?;
        stored.short = space.filter(Space::short);
        info!(repository = %repository, digest = %stored.digest, reference = %reference, "stored manifest {} in {repository}", stored.digest);
        Ok(stored)
    }
}

impl Push {
    async fn store(self, tx: &mut SqliteConnection) -> Result<Option<Space>, PutManifestError> {
        let repository_id = self.admitted.ensure(tx, &self.repository, self.at).await?;
        let actor = &self.admitted.actor;
        let new = NewManifest {
            repository_id,
            digest: &self.digest,
            manifest: &self.manifest,
            bytes: &self.bytes,
            pushed_at: self.at,
            pushed_by: Some(&actor.name),
            untagged_at: self.tags.is_empty().then_some(self.at),
        };
        let mut space = None;
        let manifest_id = match db::manifests::insert(tx, &new).await? {
            Inserted::New(id) => {
                self.add_edges(tx, id, repository_id).await?;
                let size = self.bytes.len() as u64;
                space = quota::charge_manifest(tx, repository_id, id, size, self.at).await?;
                id
            }
            Inserted::Again(id) => id,
        };
        db::changes::record(
            tx,
            db::changes::MANIFEST,
            &format!("{}@{}", self.repository, self.digest),
            self.at,
        )
        .await?;
        for tag in &self.tags {
            let moved = Move {
                repository: &self.repository,
                repository_id,
                tag,
                manifest_id,
                digest: &self.digest,
                actor: Some(&actor.name),
                cause: Cause::Push,
                at: self.at,
            };
            move_mutable_tag(tx, &moved).await?;
        }
        let tags: Vec<_> = self.tags.iter().map(Tag::as_str).collect();
        let subject = format!("{}@{}", self.repository, self.digest);
        Entry::done(actor, "manifest.push", subject)
            .in_project(&self.repository.project())
            .with_detail(tags.join(" "))
            .record(tx, self.at)
            .await?;
        Ok(space)
    }

    /// An image under a tag must be whole. Pushed by digest alone it may lack layers, never its
    /// config: tools that copy one platform or one part of an image push such sparse images.
    async fn add_edges(
        &self,
        tx: &mut SqliteConnection,
        manifest_id: i64,
        repository_id: i64,
    ) -> Result<(), PutManifestError> {
        let whole = !self.tags.is_empty();
        let mut missing = Vec::new();
        for edge in &self.manifest.edges {
            let required = match edge.role {
                EdgeRole::Config => true,
                EdgeRole::Layer => whole,
                EdgeRole::OptionalBlob | EdgeRole::Child => false,
            };
            let (id, repository) = (manifest_id, repository_id);
            if !required {
                add_edge(tx, id, repository, edge).await?;
            } else if !db::manifests::add_required_blob(tx, id, repository, &edge.digest).await? {
                missing.push(edge.digest.clone());
                if missing.len() == LISTED {
                    break;
                }
            }
        }
        if !missing.is_empty() {
            return Err(PutManifestError::MissingBlobs {
                repository: self.repository.clone(),
                missing,
            });
        }
        add_subject(tx, manifest_id, repository_id, &self.manifest).await?;
        Ok(())
    }
}

/// Adds the edge to something that need not be there.
pub(crate) async fn add_edge(
    tx: &mut SqliteConnection,
    manifest_id: i64,
    repository_id: i64,
    edge: &Edge,
) -> Result<(), DbError> {
    let kind = match edge.role {
        EdgeRole::Child => EdgeKind::Child,
        EdgeRole::Config | EdgeRole::Layer | EdgeRole::OptionalBlob => EdgeKind::Blob,
    };
    let (digest, size) = (&edge.digest, Some(edge.size_bytes));
    db::manifests::add_edge(tx, manifest_id, repository_id, kind, digest, size).await
}

pub(crate) async fn add_subject(
    tx: &mut SqliteConnection,
    manifest_id: i64,
    repository_id: i64,
    manifest: &Manifest,
) -> Result<(), DbError> {
    let (kind, size) = (EdgeKind::Subject, None);
    match &manifest.subject {
        Some(digest) => {
            db::manifests::add_edge(tx, manifest_id, repository_id, kind, digest, size).await
        }
        None => Ok(()),
    }
}

/// As people write it.
fn place(repository: &RepositoryName, reference: &Reference) -> String {
    match reference {
        Reference::Tag(tag) => format!("{repository}:{tag}"),
        Reference::Digest(digest) => format!("{repository}@{digest}"),
    }
}

/// Moves the tag, unless a rule keeps it where it is.
async fn move_mutable_tag(tx: &mut SqliteConnection, moved: &Move<'_>) -> Result<(), CheckError> {
    let current = db::tags::current(tx, moved.repository, moved.tag).await?;
    immutable::refuse_move(tx, moved, current.as_ref()).await?;
    Ok(move_tag(tx, moved, current.as_ref()).await?)
}

/// Moves the tag from where it is, and says so to whom it may concern.
pub(crate) async fn move_tag(
    tx: &mut SqliteConnection,
    moved: &Move<'_>,
    current: Option<&Current>,
) -> Result<(), DbError> {
    db::tags::move_to(tx, moved, current).await?;
    let subject = format!("{}:{}", moved.repository, moved.tag);
    db::changes::record(tx, db::changes::TAG, &subject, moved.at).await
}
