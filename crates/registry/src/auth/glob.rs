use std::fmt;
use std::str::FromStr;

use berth_oci::{ProjectName, RepositoryName};

const GLOB_BYTES: usize = 255;

/// A pattern of repository names. `*` stands for any part of one path component, `**` alone for any
/// number of components, none included: `shop/**` is every repository of the project `shop`, and
/// `shop` itself.
#[derive(Clone, PartialEq, Eq)]
pub struct RepositoryGlob(Box<str>);

impl RepositoryGlob {
    const EVERYTHING: &'static str = "**";

    pub fn everything() -> Self {
        Self(Self::EVERYTHING.into())
    }

    /// Every repository of a project.
    pub fn of_project(project: &ProjectName) -> Self {
        Self(format!("{project}/**").into())
    }

    /// This one repository.
    pub fn of_repository(repository: &RepositoryName) -> Self {
        Self(repository.as_str().into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn matches(&self, repository: &RepositoryName) -> bool {
        let mut pattern = self.0.split('/');
        let mut name = repository.as_str().split('/');
        // Where to go on, with one component more for the `**`, when what follows it does not fit.
        let mut retry = None;
        loop {
            match (pattern.next(), name.clone().next()) {
                (Some("**"), _) => retry = Some((pattern.clone(), name.clone())),
                (Some(wanted), Some(component)) if wildcard_matches(wanted, component) => {
                    name.next();
                }
                (None, None) => return true,
                _ => {
                    let Some((after, skipped)) = &mut retry else {
                        return false;
                    };
                    if skipped.next().is_none() {
                        return false;
                    }
                    (pattern, name) = (after.clone(), skipped.clone());
                }
            }
        }
    }

    /// Whether this matches every repository that the project may ever have.
    pub fn covers(&self, project: &ProjectName) -> bool {
        match self.0.split_once('/') {
            None => &*self.0 == Self::EVERYTHING,
            Some((first, rest)) => {
                rest == "**" && (first == "**" || wildcard_matches(first, project.as_str()))
            }
        }
    }

    /// Whether this can match any repository of the project.
    pub fn reaches(&self, project: &ProjectName) -> bool {
        let first = self.0.split('/').next().unwrap_or_default();
        first == Self::EVERYTHING || wildcard_matches(first, project.as_str())
    }

    /// Whether this matches every repository.
    pub fn covers_everything(&self) -> bool {
        matches!(&*self.0, "**" | "*/**" | "**/**")
    }

    /// The only project that has repositories that this matches, if there is only one.
    pub fn project(&self) -> Option<ProjectName> {
        let first = self.0.split('/').next().unwrap_or_default();
        first.parse().ok()
    }
}

/// `*` for any characters and `?` for one, in a component or a tag. Looking back to the last `*` only
/// is enough, and takes no more steps than the product of both lengths.
pub(crate) fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut seen) = (0, 0);
    let mut retry = None;
    while seen < text.len() {
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            retry = Some((at, seen));
        } else if pattern
            .get(at)
            .is_some_and(|&byte| byte == b'?' || byte == text[seen])
        {
            at += 1;
            seen += 1;
        } else if let Some((after, from)) = &mut retry {
            *from += 1;
            (at, seen) = (*after, *from);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

impl FromStr for RepositoryGlob {
    type Err = InvalidGlob;

    fn from_str(text: &str) -> Result<Self, InvalidGlob> {
        if text.len() > GLOB_BYTES {
            return Err(InvalidGlob::TooLong { bytes: text.len() });
        }
        let valid = |component: &str| {
            let characters = component.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-*".contains(&byte)
            });
            !component.is_empty() && characters && (component == "**" || !component.contains("**"))
        };
        if text.split('/').all(valid) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidGlob::Characters(text.to_owned()))
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGlob {
    #[error("a pattern of repositories has at most {GLOB_BYTES} bytes, and this one has {bytes}")]
    TooLong { bytes: usize },
    #[error(
        "`{0}` is no pattern of repositories: write names such as shop/web, with `*` for any part \
         of a path component and `**` for any number of components, as in shop/** or shop/web-*"
    )]
    Characters(String),
}

impl fmt::Display for RepositoryGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepositoryGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
