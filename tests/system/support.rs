//! What the tests have in common: a server to start and kill, and content to push.

mod content;
mod server;

pub use content::{Blob, Image, digest_of, random_bytes};
pub use server::{TestServer, TestServerBuilder};
