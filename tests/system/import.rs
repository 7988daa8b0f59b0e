//! `berth import`: what another registry has, taken over from its storage folder or its API.

mod faults;
mod folder;
mod kills;
mod refusals;
mod registry;
mod sparse;
mod world;
