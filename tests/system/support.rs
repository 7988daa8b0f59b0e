//! What the tests have in common: a server to start and kill, content to push, and answers to look
//! at.

mod answer;
mod content;
mod server;
mod session;

pub use answer::{Answer, ask, ask_raw, read_answer};
pub use content::{Blob, Image, OCI_MANIFEST, digest_of, random_bytes, sha512_of};
pub use server::{TestServer, TestServerBuilder};
pub use session::{Session, place, streamed};
