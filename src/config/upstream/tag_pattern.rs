use std::str::FromStr;

use berth_proxy::{InvalidSettings, tag_pattern};
use regex::Regex;

/// A pattern of whole tags, which can be compared.
#[derive(Clone, Debug)]
pub(super) struct TagPattern(pub(super) Regex);

impl PartialEq for TagPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl FromStr for TagPattern {
    type Err = InvalidSettings;

    fn from_str(text: &str) -> Result<Self, InvalidSettings> {
        tag_pattern(text).map(Self)
    }
}
