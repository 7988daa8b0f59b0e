//! The rows of deployments. Functions borrow a connection: the caller owns the transaction, and `now`
//! is an argument.

use berth_registry::{DbError, checked};

pub(crate) mod decisions;
pub(crate) mod deployments;
pub(crate) mod events;
pub(crate) mod lines;
pub(crate) mod notifications;
pub(crate) mod rules;
pub(crate) mod steering;
pub(crate) mod steps;
pub(crate) mod tags;
pub(crate) mod targets;

/// Reads a text that may be missing.
fn checked_option<T: std::str::FromStr>(
    value: Option<String>,
    expected: &'static str,
) -> Result<Option<T>, DbError> {
    value.map(|value| checked(value, expected)).transpose()
}
