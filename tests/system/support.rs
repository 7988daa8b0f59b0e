//! What the tests have in common: a server to start and kill, content to push, and answers to look
//! at.

mod answer;
mod api;
mod caller;
mod challenge;
mod content;
mod cutter;
pub mod deploy;
mod disk;
mod docker_registry;
mod download;
mod environment;
mod front;
mod hub;
mod images;
mod loopback;
mod pusher;
mod raw;
mod record;
mod server;
mod session;
mod stored;
mod tools;

pub use answer::{Answer, ask, ask_raw, read_answer};
pub use api::{
    Login, change_password, create_project, create_robot, create_token, create_user,
    publish_project, set_member,
};
pub use caller::{ADMIN, ADMIN_PASSWORD, Caller, admin_headers, signed_in};
pub use challenge::Challenge;
pub use content::{Blob, Image, OCI_MANIFEST, digest_of, random_bytes, sha512_of};
pub use cutter::Cutter;
pub use disk::Disk;
pub use docker_registry::{DockerRegistry, REGISTRY_PASSWORD, REGISTRY_USER};
pub use download::Download;
pub use environment::{full, until, within};
pub use front::{Fault, Front, FrontBuilder, Request};
pub use hub::{Hub, holds, stored_bytes};
pub use images::{BuildContext, Layout, blobs, platforms};
pub use loopback::Loopback;
pub use pusher::{Pusher, Random, Shape};
pub use raw::Raw;
pub use record::{Record, files};
pub use server::{TestServer, TestServerBuilder};
pub use session::{Session, place, streamed};
pub use stored::{Stored, assert_answered};
pub use tools::{Finally, Program, provided, skip, text, tool};
