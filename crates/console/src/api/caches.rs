use axum::extract::State as Shared;
use berth_proxy::{CacheStatus, FillStatus};
use berth_registry::auth::Action;
use berth_registry::cache::{CacheHour, CacheWork, ProjectKind};
use berth_registry::{Timestamp, sentence};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::document::Document;
use super::list::{List, Parameters};
use super::names::{CachePath, Named};
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use super::texts;
use super::time;
use super::upstreams::{State, require};
use crate::console::Console;

mod warm;

pub(crate) use warm::*;

/// The most downloads that are shown of one cache.
const DOWNLOADS: usize = 100;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// What the caches hold and do.
#[derive(Serialize, ToSchema)]
pub(crate) struct Caches {
    #[serde(flatten)]
    pub(crate) list: List<Cache>,
    /// Of the blobs that all of them hold
    pub(crate) cached_bytes: u64,
}

/// The cache of a registry elsewhere.
#[derive(Serialize, ToSchema)]
pub(crate) struct Cache {
    /// Where it is kept
    pub(crate) project: String,
    pub(crate) registry: String,
    /// In the order in which they are asked
    pub(crate) upstreams: Vec<CachedUpstream>,
    /// Since the start of the server, or since its settings were changed
    #[serde(flatten)]
    pub(crate) work: Work,
    /// How many downloads are under way
    pub(crate) running: u64,
    /// The first hundred of them, in the order of their repositories
    pub(crate) downloads: Vec<Download>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CachedUpstream {
    pub(crate) name: String,
    pub(crate) state: State,
}

/// What a cache did.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct Work {
    /// Blobs that were here
    pub(crate) hits: u64,
    /// Downloads that were begun
    pub(crate) fills: u64,
    /// Clients that joined a download
    pub(crate) joins: u64,
    /// Bytes of blobs that clients were given
    pub(crate) served_bytes: u64,
    /// Bytes of blobs that came from upstreams
    pub(crate) fetched_bytes: u64,
    /// Bytes that did not have to come for the clients that were given them
    pub(crate) saved_bytes: u64,
}

/// A download that is under way.
#[derive(Serialize, ToSchema)]
pub(crate) struct Download {
    /// One of those that get the blob
    pub(crate) repository: String,
    #[schema(value_type = texts::Digest)]
    pub(crate) digest: String,
    pub(crate) size_bytes: u64,
    /// How much of it can be read
    pub(crate) come_bytes: u64,
    pub(crate) readers: u64,
}

/// An hour in which a cache did something.
#[derive(Serialize, ToSchema)]
pub(crate) struct Hour {
    #[schema(format = DateTime)]
    pub(crate) begins_at: String,
    #[serde(flatten)]
    pub(crate) work: Work,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Since {
    /// Where the hours begin; without it, a day ago
    #[param(format = DateTime, example = "2026-01-31T12:00:00Z")]
    pub(crate) since: Option<String>,
}

/// What each cache does, in the order of their projects
#[utoipa::path(get, path = "/api/v1/caches", tag = "caches",
    responses((status = 200, body = Caches), Refusals))]
pub(crate) async fn list(
    Shared(console): Shared<Console>,
    signed: Signed,
) -> Result<Document<Caches>, Problem> {
    require(
        &console,
        &signed,
        Action::UpstreamRead,
        sentence("list of caches"),
    )
    .await?;
    let caches = console.proxy.status().into_iter().map(Cache::from);
    Ok(Document(Caches {
        list: List::new(caches.collect(), None),
        cached_bytes: console.registry.cached_bytes(),
    }))
}

/// What a cache did in each hour, for 31 days of hours at most; hours without work are left out
#[utoipa::path(get, path = "/api/v1/caches/{project}/hours", tag = "caches",
    params(CachePath, Since), responses((status = 200, body = List<Hour>), Refusals))]
pub(crate) async fn hours(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<CachePath>,
    Parameters(wanted): Parameters<Since>,
) -> Result<Document<List<Hour>>, Problem> {
    let project = path.project()?;
    let what = sentence!("cache {project}");
    require(&console, &signed, Action::UpstreamRead, what).await?;
    let since = match wanted.since {
        Some(text) => time::parse("since", &text)?,
        None => Timestamp(console.registry.clock().now().0 - DAY_MILLIS),
    };
    let found = console.registry.project(&project).await?;
    if found.is_none_or(|found| found.kind != ProjectKind::Proxy) {
        return Err(Problem::absent(sentence!("cache {project}")));
    }
    let hours = console.registry.cache_hours(&project, since).await?;
    let hours = hours.into_iter().map(Hour::from).collect();
    Ok(Document(List::new(hours, None)))
}

impl From<CacheStatus> for Cache {
    fn from(cache: CacheStatus) -> Self {
        let mut fills = cache.fills;
        let running = fills.len() as u64;
        fills.sort_by(|one, other| {
            let key = |fill: &FillStatus| (fill.repository.clone(), fill.digest.to_string());
            key(one).cmp(&key(other))
        });
        fills.truncate(DOWNLOADS);
        let upstreams = cache.upstreams.iter();
        Self {
            project: cache.project.to_string(),
            registry: cache.registry,
            upstreams: upstreams
                .map(|(name, state)| CachedUpstream {
                    name: name.to_string(),
                    state: State::from(state),
                })
                .collect(),
            work: cache.work.into(),
            running,
            downloads: fills.into_iter().map(Download::from).collect(),
        }
    }
}

impl From<CacheWork> for Work {
    fn from(work: CacheWork) -> Self {
        Self {
            hits: work.hits,
            fills: work.fills,
            joins: work.joins,
            served_bytes: work.served_bytes,
            fetched_bytes: work.fetched_bytes,
            saved_bytes: work.saved_bytes(),
        }
    }
}

impl From<FillStatus> for Download {
    fn from(fill: FillStatus) -> Self {
        Self {
            repository: fill.repository.to_string(),
            digest: fill.digest.to_string(),
            size_bytes: fill.size_bytes,
            come_bytes: fill.come_bytes,
            readers: fill.readers as u64,
        }
    }
}

impl From<CacheHour> for Hour {
    fn from(hour: CacheHour) -> Self {
        Self {
            begins_at: time::text(hour.begins_at),
            work: hour.work.into(),
        }
    }
}
