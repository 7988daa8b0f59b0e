use std::str::FromStr;

use berth_oci::Tag;
use berth_registry::sentence;
use regex::{Regex, RegexBuilder};
use semver::{Version, VersionReq};

const REGEX_BYTES: usize = 64 * 1024;

/// Which tags of its repository a service follows.
#[derive(Clone, Debug)]
pub enum TagPolicy {
    /// The one that it names.
    Exact,
    Semver(VersionReq),
    /// By a glob or a regular expression.
    Pattern(Regex),
}

impl TagPolicy {
    /// Whether it follows another tag than the one that the service names.
    pub fn follows(&self, other: &Tag) -> bool {
        match self {
            Self::Exact => false,
            Self::Semver(range) => {
                let text = other.as_str();
                let version = Version::parse(text.strip_prefix('v').unwrap_or(text));
                version.is_ok_and(|version| range.matches(&version))
            }
            Self::Pattern(pattern) => pattern.is_match(other.as_str()),
        }
    }
}

impl FromStr for TagPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "exact" {
            return Ok(Self::Exact);
        }
        match text.split_once(':') {
            Some(("semver", range)) => match range.parse() {
                Ok(range) => Ok(Self::Semver(range)),
                Err(error) => Err(sentence!("its range of versions is none: {error}")),
            },
            Some(("glob", glob)) => pattern(&glob_pattern(glob)),
            Some(("regex", expression)) => pattern(&format!("^(?:{expression})$")),
            Some(_) | None => Err(sentence(
                "it is exact, semver:RANGE, glob:PATTERN or regex:EXPRESSION",
            )
            .to_owned()),
        }
    }
}

/// `*` is any number of characters, `?` is one.
fn glob_pattern(glob: &str) -> String {
    let escaped = regex::escape(glob).replace(r"\*", ".*").replace(r"\?", ".");
    format!("^{escaped}$")
}

fn pattern(expression: &str) -> Result<TagPolicy, String> {
    RegexBuilder::new(expression)
        .size_limit(REGEX_BYTES)
        .build()
        .map(TagPolicy::Pattern)
        .map_err(|error| sentence!("its expression can not be read: {error}"))
}
