//! Real clients, as Debian has them, against the real server. tests/run starts what they need, and
//! gives each its settings by the environment.

mod buildah;
mod containerd;
mod docker;
mod oras;
mod podman;
mod skopeo;
