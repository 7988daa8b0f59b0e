//! The requests of clients that can not be had here, in the order in which they send them, with
//! what each of them needs of the answer. They were read in the clients' sources.

mod buildkit;
mod containerd;
mod cosign;
mod crane;
mod helm;
mod regctl;
