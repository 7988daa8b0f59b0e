//! Takes over what another registry has: a [`Source`] is read, a [`Destination`] is pushed to, and
//! the [`Copier`] goes between them.
//!
//! What an interrupted import leaves behind is always usable: children are pushed before the index
//! that names them, blobs before their manifest, what refers to an image before its tag. So an
//! import that is run again goes on: what the destination has, by digest, is not sent again.
//!
//! Invariant: no blob is held in memory or on disk. A piece goes from the source to the server, which
//! proves the digest; a manifest is checked where it is read.

mod blob;
mod copier;
mod destination;
mod failure;
mod image;
mod names;
mod patience;
mod plan;
mod progress;
mod report;
mod selection;
mod source;
mod upload;

pub(crate) use copier::{Copier, Options};
pub(crate) use destination::Destination;
pub(crate) use names::{Place, Unplaced};
pub(crate) use selection::{Selected, select};
pub(crate) use source::{Folder, RegistrySource, Source};
