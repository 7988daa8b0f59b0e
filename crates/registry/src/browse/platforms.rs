//! What images run on. For a single image only its config says so, which the store has: it is read when
//! somebody looks at the tags, and written down beside the manifest.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use berth_oci::{Digest, RepositoryName};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tracing::warn;

use super::image::{self, RunsOn};
use super::{Platform, SourceError};
use crate::db::browse::tags::TagRow;
use crate::db::{self, DbError};
use crate::registry::Registry;

/// Configs that are read at once.
const AT_ONCE: usize = 8;
/// Manifests that are held at once.
const PART: usize = 100;
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

    fn of(platforms: &[Platform]) -> Self {
        let mut names: Vec<_> = platforms.iter().map(Platform::to_string).collect();
        names.retain(|name| !name.contains(SEPARATOR) && name.len() <= LONGEST);
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names.truncate(MOST);
        Self(names)
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
        let unknown = rows.iter().filter(|row| row.platforms.is_none());
        let ids: Vec<_> = unknown.map(|row| row.manifest_id).collect();
        let mut known = HashMap::new();
        // A part at a time, so that few manifests are held.
        for ids in ids.chunks(PART) {
            match self.read_platforms(repository, ids).await {
                Ok(read) => known.extend(read),
                Err(error) => warn!(
                    error = &error as &dyn std::error::Error,
                    "could not tell what images run on"
                ),
            }
        }
        for row in rows.iter_mut().filter(|row| row.platforms.is_none()) {
            row.platforms = known.get(&row.manifest_id).cloned();
        }
        if !known.is_empty() {
            self.write_platforms(known.into_iter().collect()).await;
        }
    }

    async fn read_platforms(
        &self,
        repository: &RepositoryName,
        ids: &[i64],
    ) -> Result<Vec<(i64, Platforms)>, SourceError> {
        let mut known = Vec::new();
        let mut by_config: HashMap<Digest, Vec<i64>> = HashMap::new();
        let mut connection = self.db.read().await?;
        for (id, bytes) in db::manifests::bytes_of(&mut connection, ids).await? {
            match image::runs_on(&bytes)? {
                RunsOn::These(platforms) => known.push((id, Platforms::of(&platforms))),
                RunsOn::Config(digest) => by_config.entry(digest).or_default().push(id),
            }
        }
        let digests: Vec<_> = by_config.keys().collect();
        let blobs =
            db::blobs::find_all_in_repository(&mut connection, repository, &digests).await?;
        drop(connection);
        let mut reads = Vec::new();
        for (digest, blob) in blobs {
            let read = async move { (self.read_config(&digest, &blob).await, digest) };
            reads.push(read.boxed());
        }
        let mut reads = stream::iter(reads).buffer_unordered(AT_ONCE);
        while let Some((config, digest)) = reads.next().await {
            if let (Some(config), Some(ids)) = (config?, by_config.get(&digest)) {
                let platforms = Platforms::of(config.platform().as_slice());
                known.extend(ids.iter().map(|id| (*id, platforms.clone())));
            }
        }
        Ok(known)
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
}

#[cfg(test)]
mod tests;
