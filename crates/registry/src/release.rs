use std::fmt;
use std::str::FromStr;

use semver::Version;

/// A release of Berth, by which a database says who may use it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(Version);

/// A text that is no release.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not a release, such as 1.2.3")]
pub struct InvalidRelease;

impl Release {
    /// The one that this is: all crates have the same.
    pub fn this() -> Self {
        env!("CARGO_PKG_VERSION")
            .parse()
            .expect("cargo takes versions of this form only")
    }
}

impl FromStr for Release {
    type Err = InvalidRelease;

    fn from_str(text: &str) -> Result<Self, InvalidRelease> {
        Version::parse(text).map(Self).map_err(|_| InvalidRelease)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
