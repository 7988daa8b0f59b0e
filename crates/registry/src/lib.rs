//! The OCI distribution API over a database and a store of blobs.
//!
//! [`http::routes`] read a request into an [`berth_oci::Endpoint`] and ask the [`Registry`].
//! Reads go through a [`source::Source`]; pushes are in [`upload`] and [`manifest`]; what people look
//! at is in [`browse`]. The database
//! ([`db`]) says what is visible, the blob store ([`store`]) holds bytes.

mod access;
pub mod accounts;
pub mod activity;
pub mod audit;
pub mod auth;
pub mod backup;
mod body;
pub mod browse;
pub mod cache;
mod catalog;
mod clock;
pub mod collection;
mod damage;
mod db;
pub mod deletion;
#[cfg(test)]
mod fixture;
pub mod fsck;
mod health;
pub mod holds;
pub mod http;
pub mod immutable;
mod known;
mod manifest;
pub mod project;
mod pusher;
pub mod quota;
mod registry;
mod release;
pub mod retention;
mod sentence;
pub mod source;
mod store;
mod sweep;
mod tag_pattern;
mod upload;
mod usage;

pub use clock::{Clock, SystemClock, Timestamp};
pub use db::{CopyError, DatabaseDetails, Db, DbError, OpenDbError, WriterMetrics, checked};
pub use health::{Health, Probe, Storage};
pub use manifest::RetagError;
pub use registry::{Limits, OpenError, Registry};
pub use release::{InvalidRelease, Release};
pub use sentence::sentence;
pub use store::{BlobStore, ByteStream, Key, LocalStore, Staging, StoreError, StoreSpace};
pub use tag_pattern::{InvalidTagPattern, TagPattern};
pub use upload::Pipe;
