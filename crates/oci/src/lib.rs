//! The words of the OCI distribution specification: repository names, tags, digests, media
//! types, end-points, ranges, manifests and error codes, each checked once when it is made.
//!
//! Invariant: nothing here does I/O, waits, or knows a web framework or a database. Past these
//! types no `&str` stands for a name, and no other code takes a path apart.

mod digest;
mod endpoint;
mod error_code;
mod manifest;
mod media_type;
mod name;
mod range;
mod reference;
mod upload_id;

pub use digest::{Algorithm, Digest, Hasher, InvalidDigest, InvalidHashState};
pub use endpoint::{Endpoint, Mount, Page, ParseError};
pub use error_code::ErrorCode;
pub use manifest::{Edge, EdgeRole, InvalidManifest, Manifest};
pub use media_type::{InvalidMediaType, MediaType};
pub use name::{InvalidName, InvalidTag, ProjectName, RepositoryName, Tag};
pub use range::{ByteRange, ContentRange, InvalidRange, Unsatisfiable};
pub use reference::{InvalidReference, Reference};
pub use upload_id::{InvalidUploadId, UploadId};
