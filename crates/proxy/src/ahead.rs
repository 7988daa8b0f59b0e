//! Images that are fetched before anybody asks: by hand, and those that are to be kept fresh.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use berth_oci::{ProjectName, Reference, RepositoryName};
use berth_registry::source::{Asked, LocateError, SourceError};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::cached::Warmed;
use crate::places::Site;
use crate::proxy::Proxy;
use crate::settings::{Platform, WarmImage};

const LOOK_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum WarmError {
    #[error("{0} is not kept in the cache of an upstream: write it as hub/library/alpine")]
    NotCached(RepositoryName),
    #[error("there is no image {repository} {reference}")]
    Unknown {
        repository: RepositoryName,
        reference: Reference,
    },
    #[error(transparent)]
    Locate(#[from] LocateError),
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Proxy {
    /// Fetches an image into its cache, for these platforms or for all if there are none. The name is
    /// as clients have it.
    pub async fn warm(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        platforms: &[Platform],
    ) -> Result<Warmed, WarmError> {
        let asked = Asked {
            repository,
            namespace: None,
            prefix: None,
            pushes: false,
        };
        let places = self.places();
        let located = places.locate(self.registry(), asked).await?;
        let here = located.renamed.unwrap_or_else(|| repository.clone());
        let Some(site) = places.sites.get(&here.project()) else {
            return Err(WarmError::NotCached(repository.clone()));
        };
        let warmed = site.source.fetch_ahead(&here, reference, platforms).await?;
        warmed.ok_or_else(|| WarmError::Unknown {
            repository: repository.clone(),
            reference: reference.clone(),
        })
    }

    /// Fetches again and again what the settings of upstreams name.
    pub(crate) async fn keep_warm(self: Arc<Self>) {
        let mut done: HashMap<ProjectName, Instant> = HashMap::new();
        loop {
            let places = self.places();
            for site in places.sites() {
                let settings = &site.remote.lead().warm;
                let last = done.get(&site.remote.project);
                let due = last.is_none_or(|last| last.elapsed() >= settings.every);
                if due && !settings.images.is_empty() {
                    for image in &settings.images {
                        keep_one_warm(site, image, &settings.platforms).await;
                    }
                    done.insert(site.remote.project.clone(), Instant::now());
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

async fn keep_one_warm(site: &Site, image: &WarmImage, platforms: &[Platform]) {
    let Ok(here) = site.remote.here(&image.repository) else {
        return;
    };
    let reference = Reference::Tag(image.tag.clone());
    match site.source.fetch_ahead(&here, &reference, platforms).await {
        Ok(Some(warmed)) if warmed.fetched_bytes > 0 => {
            let bytes = warmed.fetched_bytes;
            info!(repository = %here, tag = %image.tag, fetched_bytes = bytes, "fetched {image} ahead of need");
        }
        Ok(Some(_)) => {}
        Ok(None) => warn!(repository = %here, "{image} is to be kept warm, and is not there"),
        Err(error) => warn!(
            repository = %here,
            error = &error as &dyn std::error::Error,
            "could not fetch {image} ahead of need"
        ),
    }
}
