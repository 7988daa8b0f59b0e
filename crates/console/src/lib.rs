//! The management API: everything that people and scripts do with Berth beside push and pull.
//!
//! Each resource is a file below [`api`]. A handler authorises, reads, calls the registry and
//! answers; the OpenAPI document is made from the handlers themselves. Nothing here owns data.

mod api;

pub use api::{document, router, undescribed_paths};
