use std::fmt;

use serde::{Deserialize, Serialize};

/// A password, or what a token or robot logs in with. Nothing prints it unless it asks for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it was made by Berth for a token or a robot, and is no password.
    pub(crate) fn generated(&self) -> bool {
        self.0.starts_with("berth_")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
