use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use berth_oci::{Digest, InvalidName, ProjectName, RepositoryName};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::counters::Counters;
use crate::settings::{Credentials, UpstreamSettings};
use crate::upstream::Upstream;

/// How long an upstream that gave wrong bytes for a blob is asked for it last.
const DISTRUSTED_FOR: Duration = Duration::from_secs(10 * 60);
const DISTRUSTED: usize = 1000;
const AT_A_TIME: usize = 64;

/// A registry elsewhere: the upstreams that have its content, and the project that keeps it here.
pub(crate) struct Remote {
    pub(crate) project: ProjectName,
    /// What clients call it.
    pub(crate) registry: String,
    /// In the order in which they are asked.
    upstreams: Vec<Arc<Upstream>>,
    pub(crate) counters: Counters,
    /// For downloads at a time; more wait.
    pub(crate) fills: Semaphore,
    /// For what passes through unkept; more wait.
    pub(crate) passing: Arc<Semaphore>,
    distrusted: Mutex<Vec<(Digest, Arc<str>, Instant)>>,
}

impl Remote {
    /// Of upstreams of one registry, in their order. `None` when none of them may resolve tags.
    pub(crate) fn new(registry: String, upstreams: Vec<Arc<Upstream>>) -> Option<Self> {
        let lead = upstreams
            .iter()
            .find(|upstream| upstream.settings().capabilities.resolve)?;
        Some(Self {
            project: lead.settings().name.clone(),
            registry,
            upstreams,
            counters: Counters::default(),
            fills: Semaphore::new(AT_A_TIME),
            passing: Arc::new(Semaphore::new(AT_A_TIME)),
            distrusted: Mutex::default(),
        })
    }

    /// The settings of the first upstream that may resolve tags, which count for all of them where
    /// a project is concerned.
    pub(crate) fn lead(&self) -> &UpstreamSettings {
        let lead = self.resolving().next();
        lead.expect("it was made of one").settings()
    }

    pub(crate) fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.upstreams
    }

    pub(crate) fn resolving(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.upstreams
            .iter()
            .filter(|upstream| upstream.settings().capabilities.resolve)
    }

    /// Those that give content by digest; one that gave wrong bytes for this comes last.
    pub(crate) fn pulling(&self, digest: &Digest) -> Vec<Arc<Upstream>> {
        let now = Instant::now();
        let distrusted = self.distrusted.lock().expect("nothing panics in there");
        let wrong: HashSet<&str> = distrusted
            .iter()
            .filter(|(of, _, until)| of == digest && *until > now)
            .map(|(_, name, _)| &**name)
            .collect();
        let pulling = |upstream: &&Arc<Upstream>| upstream.settings().capabilities.pull;
        let (mut first, last): (Vec<_>, Vec<_>) = self
            .upstreams
            .iter()
            .filter(pulling)
            .cloned()
            .partition(|upstream| !wrong.contains(upstream.settings().name.as_str()));
        first.extend(last);
        first
    }

    /// Notes that an upstream gave wrong bytes for this.
    pub(crate) fn distrust(&self, digest: &Digest, upstream: &Upstream) {
        let now = Instant::now();
        let mut distrusted = self.distrusted.lock().expect("nothing panics in there");
        distrusted.retain(|(_, _, until)| *until > now);
        if distrusted.len() < DISTRUSTED {
            let name = upstream.settings().name.as_str().into();
            distrusted.push((digest.clone(), name, now + DISTRUSTED_FOR));
        }
    }

    /// The name that a repository of the registry has here. Docker Hub's official images are in
    /// `library`, which people leave out.
    pub(crate) fn here(&self, name: &RepositoryName) -> Result<RepositoryName, InvalidName> {
        let official = self.hub() && name.in_project().is_none();
        if official {
            let library: ProjectName = "library".parse()?;
            return name.within(&library)?.within(&self.project);
        }
        name.within(&self.project)
    }

    /// Whether it is Docker Hub, through whatever it is asked.
    pub(crate) fn hub(&self) -> bool {
        self.registry == "docker.io"
    }

    /// Whether everybody may read what the upstreams have: they are asked without credentials.
    pub(crate) fn public(&self) -> bool {
        let mut upstreams = self.upstreams.iter();
        upstreams.all(|upstream| matches!(upstream.settings().credentials, Credentials::None))
    }

    /// Whether the settings let this repository be asked for.
    pub(crate) fn allows(&self, name: &RepositoryName) -> bool {
        let lead = self.lead();
        let allowed = lead.allow.is_empty() || lead.allow.iter().any(|glob| glob.matches(name));
        allowed && !lead.deny.iter().any(|glob| glob.matches(name))
    }
}
