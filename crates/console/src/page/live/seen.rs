use std::fmt;
use std::str::FromStr;

use crate::console::Console;

/// How far things had come when a page was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(super) registry: i64,
    pub(super) deployments: u64,
}

impl Seen {
    /// Taken before a page is made, so that what changes meanwhile is news.
    pub(crate) fn now(console: &Console) -> Self {
        Self {
            registry: *console.registry.changes().borrow(),
            deployments: *console.deployer.news().borrow(),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.registry, self.deployments)
    }
}

/// A text that no page has.
#[derive(Debug)]
pub(crate) struct NothingSeen;

impl FromStr for Seen {
    type Err = NothingSeen;

    fn from_str(text: &str) -> Result<Self, NothingSeen> {
        let (registry, deployments) = text.split_once('-').ok_or(NothingSeen)?;
        Ok(Self {
            registry: registry.parse().map_err(|_| NothingSeen)?,
            deployments: deployments.parse().map_err(|_| NothingSeen)?,
        })
    }
}
