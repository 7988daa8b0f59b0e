//! What images run on. For a single image only its config says so, which the store has: it is read when
//! somebody looks at the tags, and written down beside the manifest.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use berth_oci::{Digest, Reference, RepositoryName};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tracing::warn;

use super::{Content, Platform, SourceError};
use crate::db::browse::tags::TagRow;
use crate::db::{self, DbError};
use crate::registry::Registry;

/// Configs that are read at once.
const AT_ONCE: usize = 8;
const SEPARATOR: char = ',';
/// They are clients' words, kept beside each manifest: more than any image has, and longer than any
/// platform is called.
const MOST: usize = 32;
const LONGEST: usize = 64;

/// The platforms of an image, each once, as `linux/arm64/v8`; none for what is no image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platforms(Vec<String>);

impl Platforms {
    pub fn names(&self) -> &[String] {
        &self.0
    }

    fn of(content: &Content) -> Option<Self> {
        let mut names: Vec<_> = match content {
            // A config that is not here may come.
            Content::Image(parts) if parts.of_an_image() && !parts.config_read => return None,
            Content::Image(parts) => parts.platform.iter().map(Platform::to_string).collect(),
            Content::Index(children) => {
                let images = children.iter().filter(|child| !child.attestation);
                let platforms = images.filter_map(|child| child.platform.as_ref());
                platforms.map(Platform::to_string).collect()
            }
        };
        names.retain(|name| !name.contains(SEPARATOR) && name.len() <= LONGEST);
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names.truncate(MOST);
        Some(Self(names))
    }
}

impl fmt::Display for Platforms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(&SEPARATOR.to_string()))
    }
}

impl FromStr for Platforms {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = text.split(SEPARATOR).filter(|name| !name.is_empty());
        Ok(Self(names.map(str::to_owned).collect()))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl Registry {
    /// Fills in what is not known yet. What can not be read stays unknown, and is no error for who looks
    /// at a list.
    pub(super) async fn learn_platforms(&self, repository: &RepositoryName, rows: &mut [TagRow]) {
        let mut reads = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            if row.platforms.is_none() {
                let platforms = self.platforms(repository, &row.digest);
                reads.push(platforms.map(move |read| (place, read)).boxed());
            }
        }
        let read: Vec<_> = stream::iter(reads)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut learned = Vec::new();
        for (place, platforms) in read {
            let row = &mut rows[place];
            row.platforms = platforms.unwrap_or_else(|error| {
                warn!(
                    error = &error as &dyn std::error::Error,
                    digest = %row.digest,
                    "could not tell what an image runs on"
                );
                None
            });
            learned.extend(row.platforms.clone().map(|names| (row.manifest_id, names)));
        }
        if !learned.is_empty() {
            self.write_platforms(learned).await;
        }
    }

    async fn write_platforms(&self, learned: Vec<(i64, Platforms)>) {
        let written = self.db.write_relaxed(move |tx| {
            async move {
                for (manifest_id, platforms) in &learned {
                    db::manifests::set_platforms(tx, *manifest_id, platforms).await?;
                }
                Ok::<_, DbError>(())
            }
            .boxed()
        });
        if let Err(error) = written.await {
            warn!(
                error = &error as &dyn std::error::Error,
                "could not write down what images run on"
            );
        }
    }

    async fn platforms(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Platforms>, SourceError> {
        let reference = Reference::Digest(digest.clone());
        let image = self.browse_image(repository, &reference).await?;
        Ok(image.and_then(|image| Platforms::of(&image.content)))
    }
}

#[cfg(test)]
mod tests;
