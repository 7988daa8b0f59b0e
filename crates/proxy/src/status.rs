use std::sync::Arc;

use berth_oci::{Digest, ProjectName, RepositoryName};
use berth_registry::cache::CacheWork;

use crate::fill::Fills;
use crate::proxy::Proxy;
use crate::remote::Remote;
use crate::upstream::UpstreamState;

/// How the cache of one registry does.
#[derive(Clone, Debug)]
pub struct CacheStatus {
    pub project: ProjectName,
    pub registry: String,
    /// Since the start, or since its settings were changed.
    pub work: CacheWork,
    pub upstreams: Vec<(ProjectName, UpstreamState)>,
    pub fills: Vec<FillStatus>,
}

/// A download that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FillStatus {
    /// One of the repositories that get the blob.
    pub repository: RepositoryName,
    pub digest: Digest,
    pub size_bytes: u64,
    pub come_bytes: u64,
    pub readers: usize,
}

impl Proxy {
    /// Of each registry, in order of the names of their projects.
    pub fn status(&self) -> Vec<CacheStatus> {
        let places = self.places();
        let sites = places.sites();
        let of_site = |remote: &Arc<Remote>| status(remote, self.fills());
        sites.iter().map(|site| of_site(&site.remote)).collect()
    }
}

fn status(remote: &Arc<Remote>, fills: &Fills) -> CacheStatus {
    let upstreams = remote.upstreams().iter();
    CacheStatus {
        project: remote.project.clone(),
        registry: remote.registry.clone(),
        work: remote.counters.all(),
        upstreams: upstreams
            .map(|upstream| (upstream.settings().name.clone(), upstream.state()))
            .collect(),
        fills: fills.status(&remote.project),
    }
}
