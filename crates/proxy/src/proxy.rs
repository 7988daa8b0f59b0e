use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use berth_oci::ProjectName;
use berth_registry::cache::{AdoptError, ProjectKind};
use berth_registry::source::{Asked, LocateError, Located, Source, Sources};
use berth_registry::{DbError, Registry};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::cached::Cached;
use crate::fill::Fills;
use crate::group::{Group, Kept, Member};
use crate::manage::{Origin, settings_of};
use crate::places::{Places, Site};
use crate::remote::Remote;
use crate::settings::{GroupSettings, UpstreamSettings};
use crate::upstream::{OpenUpstreamError, Upstream};

const WRITE_EVERY: Duration = Duration::from_secs(60);

/// What the cache is told to be.
#[derive(Clone, Debug, Default)]
pub struct ProxySettings {
    pub upstreams: Vec<UpstreamSettings>,
    pub groups: Vec<GroupSettings>,
    /// The upstream that answers for names that are no project's.
    pub default: Option<ProjectName>,
}

/// The pull-through cache.
pub struct Proxy {
    registry: Arc<Registry>,
    /// What the configuration says; nobody else changes it.
    configured: HashSet<ProjectName>,
    settings: ArcSwap<ProxySettings>,
    places: ArcSwap<Places>,
    fills: Arc<Fills>,
    pub(crate) managing: Mutex<()>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenProxyError {
    #[error(transparent)]
    Upstream(#[from] OpenUpstreamError),
    #[error(transparent)]
    Project(#[from] AdoptError),
    #[error(
        "{0} is made twice: in the configuration file and by the API, or as an upstream and as a \
         group; remove one of them"
    )]
    Twice(ProjectName),
    #[error("{member} can not be a member of {group}: it is a group itself")]
    GroupInGroup {
        group: ProjectName,
        member: ProjectName,
    },
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(
        "none of the upstreams of {0} may resolve tags: give one of them the capability resolve"
    )]
    NoneResolves(String),
}

impl Proxy {
    /// Takes up what the configuration says, and what the API has made.
    pub async fn open(
        registry: Arc<Registry>,
        configuration: ProxySettings,
    ) -> Result<Arc<Self>, OpenProxyError> {
        let tasks = TaskTracker::new();
        let stopping = CancellationToken::new();
        let configured = configuration.names().cloned().collect();
        let stored = settings_of(registry.stored_sources().await?);
        let settings = configuration.and(stored)?;
        let proxy = Arc::new(Self {
            configured,
            settings: ArcSwap::default(),
            places: ArcSwap::default(),
            fills: Fills::new(Arc::clone(&registry), tasks.clone(), stopping.clone()),
            managing: Mutex::default(),
            registry,
            tasks,
            stopping,
        });
        proxy.apply(settings).await?;
        let stopping = proxy.stopping.clone();
        proxy.tasks.spawn(Arc::clone(&proxy).write_work_until());
        let keep_warm = Arc::clone(&proxy).keep_warm();
        proxy
            .tasks
            .spawn(async move { stopping.run_until_cancelled(keep_warm).await });
        Ok(proxy)
    }

    pub(crate) fn places(&self) -> Arc<Places> {
        self.places.load_full()
    }

    pub(crate) fn fills(&self) -> &Fills {
        &self.fills
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    pub(crate) fn settings(&self) -> Arc<ProxySettings> {
        self.settings.load_full()
    }

    pub(crate) fn origin(&self, name: &ProjectName) -> Origin {
        if self.configured.contains(name) {
            Origin::Configuration
        } else {
            Origin::Api
        }
    }

    /// Whether these settings can be applied.
    pub(crate) fn check(&self, settings: &ProxySettings) -> Result<(), OpenProxyError> {
        settings.check()?;
        remotes(&self.registry, &settings.upstreams)?;
        Ok(())
    }

    /// Makes these the settings that count from now on. Downloads that are under way go on.
    pub(crate) async fn apply(&self, mut settings: ProxySettings) -> Result<(), OpenProxyError> {
        settings.check()?;
        // Of equals, those of the file come first as they stand there, then the others by name: so
        // a restart changes nothing.
        settings
            .upstreams
            .sort_by_cached_key(|upstream| match self.origin(&upstream.name) {
                Origin::Configuration => None,
                Origin::Api => Some(upstream.name.clone()),
            });
        let places = self.build(&settings).await?;
        self.write_work().await;
        self.settings.store(Arc::new(settings));
        self.places.store(Arc::new(places));
        Ok(())
    }

    async fn write_work_until(self: Arc<Self>) {
        loop {
            let stop = tokio::select! {
                () = tokio::time::sleep(WRITE_EVERY) => false,
                () = self.stopping.cancelled() => true,
            };
            self.write_work().await;
            if stop {
                return;
            }
        }
    }

    /// Adds what the caches did to the hour that is now. What can not be written is lost: it is for
    /// plots.
    async fn write_work(&self) {
        let places = self.places.load_full();
        for site in places.sites() {
            let remote = &site.remote;
            let Some(work) = remote.counters.take() else {
                continue;
            };
            if let Err(error) = self.registry.add_cache_work(&remote.project, work).await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "could not write what the cache of {} did", remote.registry
                );
            }
        }
    }

    /// Ends what is under way; fills go on at the next start.
    pub async fn close(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[async_trait]
impl Sources for Proxy {
    async fn locate(&self, asked: Asked<'_>) -> Result<Located, LocateError> {
        let places = self.places.load_full();
        places.locate(&self.registry, asked).await
    }
}

impl Proxy {
    async fn build(&self, settings: &ProxySettings) -> Result<Places, OpenProxyError> {
        let registry = &self.registry;
        let mut places = Places::default();
        let mut reserved = HashMap::new();
        for remote in remotes(registry, &settings.upstreams)? {
            let remote = Arc::new(remote);
            registry
                .adopt_project(&remote.project, ProjectKind::Proxy, remote.lead().public)
                .await?;
            let project = registry.project(&remote.project).await?;
            if project.is_some_and(|project| project.public) && !remote.lead().public {
                let project = &remote.project;
                warn!(project = %project, "everybody may pull what {project} caches, though its upstream is not public: make the project private, or set public = true");
            }
            let cached = Cached::new(registry, &remote, &self.fills, &self.tasks, &self.stopping);
            let site = Arc::new(Site {
                by_default: Arc::new(cached.cautious()),
                source: Arc::new(cached),
                remote,
            });
            for upstream in site.remote.upstreams() {
                let name = &upstream.settings().name;
                let project = registry.project(name).await?;
                if let Some(project) = project
                    && project.kind == ProjectKind::Hosted
                {
                    let (name, kind) = (project.name, project.kind);
                    return Err(AdoptError::Taken { name, kind }.into());
                }
                reserved.insert(name.clone(), "it is that of an upstream");
                places.sites.insert(name.clone(), Arc::clone(&site));
            }
        }
        if let Some(default) = &settings.default {
            places.default = places.sites.get(default).cloned();
        }
        if places
            .default
            .as_ref()
            .is_some_and(|site| site.remote.hub())
        {
            let library = "library".parse().expect("a name");
            reserved.insert(library, "it is where Docker Hub has its official images");
        }
        for settings in &settings.groups {
            registry
                .adopt_project(&settings.name, ProjectKind::Group, false)
                .await?;
            let members = settings.members.iter();
            let members = members.map(|name| match places.sites.get(name) {
                Some(site) => Member {
                    kept: Kept::InCacheOf(Arc::clone(&site.remote)),
                    source: Arc::clone(&site.by_default) as Arc<dyn Source>,
                },
                None => Member {
                    kept: Kept::InProject(name.clone()),
                    source: Arc::clone(registry.hosted()),
                },
            });
            reserved.insert(settings.name.clone(), "it is that of a group");
            let group = Group::new(registry, settings.clone(), members.collect());
            places.groups.insert(settings.name.clone(), Arc::new(group));
        }
        let here = registry.projects_from_elsewhere().await?;
        places.forsaken = here
            .into_iter()
            .filter(|name| !places.sites.contains_key(name) && !places.groups.contains_key(name))
            .collect();
        registry.reserve(reserved);
        Ok(places)
    }
}

impl ProxySettings {
    fn names(&self) -> impl Iterator<Item = &ProjectName> {
        let upstreams = self.upstreams.iter().map(|upstream| &upstream.name);
        upstreams.chain(self.groups.iter().map(|group| &group.name))
    }

    /// These, and those that the API has made.
    fn and(mut self, stored: Self) -> Result<Self, OpenProxyError> {
        self.upstreams.extend(stored.upstreams);
        self.groups.extend(stored.groups);
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), OpenProxyError> {
        let mut names = HashSet::new();
        if let Some(twice) = self.names().find(|name| !names.insert(*name)) {
            return Err(OpenProxyError::Twice(twice.clone()));
        }
        let is_group = |name: &&ProjectName| self.groups.iter().any(|group| group.name == **name);
        for group in &self.groups {
            if let Some(inner) = group.members.iter().find(is_group) {
                return Err(OpenProxyError::GroupInGroup {
                    group: group.name.clone(),
                    member: inner.clone(),
                });
            }
        }
        Ok(())
    }
}

/// The registries that the upstreams are of, each with its upstreams in their order.
fn remotes(
    registry: &Registry,
    settings: &[UpstreamSettings],
) -> Result<Vec<Remote>, OpenProxyError> {
    let mut ordered: Vec<_> = settings.iter().collect();
    ordered.sort_by_key(|settings| settings.order);
    let mut by_registry: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for settings in ordered {
        let upstream = Upstream::new(settings.clone(), Arc::clone(registry.clock()))?;
        let upstreams = by_registry.entry(settings.registry.clone()).or_default();
        upstreams.push(Arc::new(upstream));
    }
    by_registry
        .into_iter()
        .map(|(host, upstreams)| {
            let remote = Remote::new(host.clone(), upstreams);
            remote.ok_or(OpenProxyError::NoneResolves(host))
        })
        .collect()
}
