//! kill -9, and what is there after it.

mod crash_points;
mod random_moments;
mod retention;
mod rights;

pub(crate) use random_moments::{kill_after, seed};
