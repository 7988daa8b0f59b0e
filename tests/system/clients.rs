//! Real clients, as Debian has them, against the real server. tests/run starts what they need, and
//! gives each its settings by the environment.

use crate::support::{Program, provided, tool};

mod buildah;
mod containerd;
mod docker;
mod imported;
mod login;
mod oras;
mod podman;
mod pull_through;
mod skopeo;

/// podman, buildah or skopeo: only with a storage of its own, never with that of the machine.
fn containers(name: &str) -> Option<Program> {
    provided("CONTAINERS_STORAGE_CONF")?;
    tool(name).then(|| Program::new(&[name]))
}
