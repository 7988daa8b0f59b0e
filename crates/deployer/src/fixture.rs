//! A registry in a folder of its own, and an engine whose services are numbers in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use berth_oci::{Digest, ProjectName};
use berth_registry::auth::{Place, SecretKeys};
use berth_registry::cache::CacheLimits;
use berth_registry::source::{Asked, LocateError, Located, Pushes, Sources};
use berth_registry::{Db, Limits, LocalStore, Registry, Release, SystemClock};
use futures_util::FutureExt as _;
use serde_json::json;
use sqlx::SqliteConnection;
use tempfile::TempDir;

use crate::db;
use crate::deployer::Deployer;
use crate::engine::{
    Engine, EngineError, Errand, Gap, Phase, PlanError, Replica, ReplicaState, Service, Step,
    StepError, Wanted,
};
use crate::history::{Deployment, State};
use crate::settings::Settings;

pub(crate) const HOST: &str = "registry.example.com";

pub(crate) fn digest(of: u8) -> Digest {
    let hex = format!("{of:02x}").repeat(32);
    format!("sha256:{hex}").parse().unwrap()
}

/// An engine in memory. It outlives the process that asks it, as a real one does.
#[derive(Default)]
pub(crate) struct FakeEngine {
    services: Mutex<BTreeMap<String, FakeService>>,
    /// What was done, in order.
    acts: Mutex<Vec<String>>,
    pub(crate) away: AtomicBool,
    observations: AtomicUsize,
    /// While it is locked, nobody is told what was observed.
    pub(crate) telling: tokio::sync::Mutex<()>,
    /// The act, counted from 1, at which the process that asks for it ends.
    dies_at: Mutex<Option<usize>>,
}

#[derive(Clone)]
struct FakeService {
    runs: Digest,
    labels: BTreeMap<String, String>,
    /// Digests that do not become healthy.
    bad: Vec<Digest>,
}

impl FakeEngine {
    /// A service `name` of the stack `shop`, with the image `shop/name:live`.
    pub(crate) fn add(&self, name: &str, runs: u8, labels: &[(&str, &str)]) {
        let labels = labels
            .iter()
            .map(|(label, value)| (label.to_string(), value.to_string()));
        let service = FakeService {
            runs: digest(runs),
            labels: labels.collect(),
            bad: Vec::new(),
        };
        locked(&self.services).insert(name.to_owned(), service);
    }

    pub(crate) fn spoil(&self, name: &str, bad: u8) {
        locked(&self.services)
            .get_mut(name)
            .unwrap()
            .bad
            .push(digest(bad));
    }

    pub(crate) fn runs(&self, name: &str) -> Digest {
        locked(&self.services)[name].runs.clone()
    }

    pub(crate) fn acts(&self) -> Vec<String> {
        locked(&self.acts).clone()
    }

    /// How often it was asked what runs.
    pub(crate) fn observations(&self) -> usize {
        self.observations.load(Ordering::SeqCst)
    }

    pub(crate) fn die_at(&self, act: Option<usize>) {
        *locked(&self.dies_at) = act;
    }

    fn reach(&self) -> Result<(), EngineError> {
        if self.away.load(Ordering::SeqCst) {
            let what = "the engine does not answer".to_owned();
            return Err(EngineError { what, source: None });
        }
        Ok(())
    }

    /// Notes an act. At the one where the process ends this never comes back.
    async fn note(&self, act: String) {
        let dies = {
            let mut acts = locked(&self.acts);
            acts.push(act);
            *locked(&self.dies_at) == Some(acts.len())
        };
        if dies {
            std::future::pending::<()>().await;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

fn step(phase: Phase, service: &str, line: &str, gap: Option<Gap>, action: [&Digest; 2]) -> Step {
    Step {
        phase,
        service: Some(service.to_owned()),
        line: format!("{line} {service}"),
        gap,
        action: json!(action.map(ToString::to_string)),
    }
}

/// From which digest to which.
fn change(step: &Step) -> [Digest; 2] {
    let [from, to]: [String; 2] = serde_json::from_value(step.action.clone()).unwrap();
    [from.parse().unwrap(), to.parse().unwrap()]
}

#[async_trait]
impl Engine for FakeEngine {
    fn kind(&self) -> &'static str {
        "fake"
    }

    async fn observe(&self) -> Result<Vec<Service>, EngineError> {
        self.observations.fetch_add(1, Ordering::SeqCst);
        self.reach()?;
        let services = locked(&self.services).clone();
        let service = |(name, service): (&String, &FakeService)| Service {
            stack: "shop".to_owned(),
            name: name.clone(),
            image: format!("{HOST}/shop/{name}:live"),
            labels: service.labels.clone(),
            replicas: vec![Replica {
                name: format!("shop-{name}-1"),
                state: ReplicaState::Running,
                digests: vec![service.runs.clone()],
            }],
            depends_on: Vec::new(),
            one_shot: false,
            own: false,
        };
        drop(self.telling.lock().await);
        Ok(services.iter().map(service).collect())
    }

    async fn plan(&self, wanted: &Wanted) -> Result<Vec<Step>, PlanError> {
        self.reach()?;
        let mut steps = Vec::new();
        for service in &wanted.services {
            let name = &service.service;
            if self.runs(name) == digest(99) {
                return Err(PlanError::Refused {
                    service: name.clone(),
                    reason: "it shares its network".to_owned(),
                });
            }
            let both = [&self.runs(name), &service.digest];
            steps.push(step(Phase::Pull, name, "pull", None, both));
            steps.push(step(
                Phase::Replace,
                name,
                "replace",
                Some(Gap::Opens),
                both,
            ));
            steps.push(step(Phase::Verify, name, "verify", Some(Gap::Closes), both));
        }
        steps.sort_by_key(|step| step.phase == Phase::Verify);
        for service in &wanted.services {
            let both = [&self.runs(&service.service), &service.digest];
            steps.push(step(Phase::Settle, &service.service, "settle", None, both));
        }
        Ok(steps)
    }

    async fn act(&self, step: &Step, errand: &Errand<'_>) -> Result<(), StepError> {
        self.reach()?;
        let again = if errand.again { "again: " } else { "" };
        self.note(format!("{again}{}", step.line)).await;
        if step.phase == Phase::Replace {
            let name = step.service.as_ref().unwrap();
            let [_, to] = change(step);
            locked(&self.services).get_mut(name).unwrap().runs = to;
        }
        Ok(())
    }

    async fn verify(&self, step: &Step, errand: &Errand<'_>) -> Result<(), StepError> {
        self.reach()?;
        self.note(step.line.clone()).await;
        let name = step.service.as_ref().unwrap();
        errand.log.container(name, "hello");
        let [_, to] = change(step);
        if locked(&self.services)[name].bad.contains(&to) {
            return Err(StepError::Failed {
                service: Some(name.clone()),
                reason: "it has ended with 1".to_owned(),
            });
        }
        Ok(())
    }

    async fn undo(&self, step: &Step, _errand: &Errand<'_>) -> Result<(), StepError> {
        self.reach()?;
        self.note(format!("undo {}", step.line)).await;
        if step.phase == Phase::Replace {
            let name = step.service.as_ref().unwrap();
            let [from, _] = change(step);
            locked(&self.services).get_mut(name).unwrap().runs = from;
        }
        Ok(())
    }
}

/// Every name is that of a hosted repository, or of one that is kept within a project.
struct Hosted {
    registry: Arc<Registry>,
    within: Option<ProjectName>,
}

#[async_trait]
impl Sources for Hosted {
    async fn locate(&self, asked: Asked<'_>) -> Result<Located, LocateError> {
        let within = self.within.as_ref();
        Ok(Located {
            renamed: within
                .map(|project| asked.repository.within(project))
                .transpose()?,
            source: Arc::clone(self.registry.hosted()),
            pushes: Pushes::Here,
            by_default: false,
            also: None,
        })
    }
}

/// A server whose deployer can be ended at any moment and started again.
pub(crate) struct Fixture {
    _folder: TempDir,
    registry: Arc<Registry>,
    pub(crate) engine: Arc<FakeEngine>,
    pub(crate) settings: Settings,
    /// The project in which names lead to repositories, if they do not to those that they name.
    pub(crate) within: Option<ProjectName>,
    pub(crate) deployer: Arc<Deployer>,
}

impl Fixture {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("berth.db"), &Release::this())
            .await
            .unwrap();
        let store = LocalStore::open(&folder.path().join("store")).unwrap();
        let limits = Limits {
            manifest_bytes: 4 * 1024 * 1024,
            page_entries: 100,
            idle: Duration::from_secs(60),
            upload_expiry: Duration::from_secs(60 * 60),
            grace: Duration::from_secs(60 * 60),
            audit_rows: 1000,
        };
        let place = Place {
            public_url: None,
            aliases: Vec::new(),
            service: "berth".to_owned(),
        };
        let registry = Registry::open(
            db,
            Arc::new(store),
            Arc::new(SystemClock),
            limits,
            CacheLimits::default(),
            SecretKeys::new("a secret key of the tests, long enough", None),
            place,
        );
        let registry = registry.await.unwrap();
        let settings = Settings {
            engines: Vec::new(),
            quiet: Duration::ZERO,
            quiet_most: Duration::from_secs(60),
            monitor: Duration::from_secs(10),
            keep_images: 3,
            notify: None,
            hosts: vec![HOST.to_owned()],
        };
        let engine = Arc::new(FakeEngine::default());
        let deployer = start(&registry, &engine, &settings, None).await;
        Self {
            _folder: folder,
            registry,
            engine,
            settings,
            within: None,
            deployer,
        }
    }

    /// Ends the deployer wherever it is, and starts another.
    pub(crate) async fn restart(&mut self) {
        self.deployer.close().await;
        let within = self.within.clone();
        self.deployer = start(&self.registry, &self.engine, &self.settings, within).await;
    }

    /// Moves the tag `live` of the repository of a service, as a push does.
    pub(crate) async fn push(&self, service: &str, to: u8) {
        let (repository, to) = (format!("shop/{service}"), digest(to));
        let db = self.registry.db();
        let moved = db.write(move |tx| async move { move_tag(tx, &repository, &to).await }.boxed());
        moved.await.unwrap();
        self.look();
    }

    pub(crate) fn look(&self) {
        self.deployer.targets["local"].wake.notify_one();
    }

    /// The deployment once it is in this state.
    pub(crate) async fn reaches(&self, id: i64, state: State) -> Deployment {
        let mut news = self.deployer.news();
        let reached = async {
            loop {
                news.mark_unchanged();
                if let Some(deployment) = self.deployment(id).await
                    && deployment.state == state
                {
                    return deployment;
                }
                self.look();
                news.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(Duration::from_secs(20), reached).await {
            Ok(deployment) => deployment,
            Err(_) => panic!(
                "deployment {id} is no {state:?}: {:?}",
                self.deployment(id).await
            ),
        }
    }

    /// The digests that are held in the registry, and why.
    pub(crate) async fn held(&self) -> Vec<(String, String)> {
        let mut connection = self.registry.db().read().await.unwrap();
        sqlx::query_as("SELECT digest, reason FROM held_manifests")
            .fetch_all(&mut *connection)
            .await
            .unwrap()
    }

    pub(crate) async fn holds(&self, number: u8) -> bool {
        let digest = digest(number).to_string();
        self.held().await.iter().any(|(held, _)| *held == digest)
    }

    /// Looks at what runs until a digest is held no longer.
    pub(crate) async fn lets_go_of(&self, number: u8) {
        let target = &self.deployer.targets["local"];
        let gone = async {
            while self.holds(number).await {
                self.deployer.hold_what_runs(target).await.unwrap();
            }
        };
        let gone = tokio::time::timeout(Duration::from_secs(20), gone);
        gone.await.expect("it is let go of");
    }

    /// The repositories of which something is held.
    pub(crate) async fn holding(&self) -> Vec<String> {
        let mut connection = self.registry.db().read().await.unwrap();
        sqlx::query_scalar("SELECT DISTINCT repository FROM held_manifests")
            .fetch_all(&mut *connection)
            .await
            .unwrap()
    }

    pub(crate) async fn deployment(&self, id: i64) -> Option<Deployment> {
        let mut connection = self.registry.db().read().await.unwrap();
        db::deployments::find(&mut connection, id).await.unwrap()
    }
}

async fn start(
    registry: &Arc<Registry>,
    engine: &Arc<FakeEngine>,
    settings: &Settings,
    within: Option<ProjectName>,
) -> Arc<Deployer> {
    let registry = Arc::clone(registry);
    let sources = Arc::new(Hosted {
        registry: Arc::clone(&registry),
        within,
    });
    let engines = vec![("local".to_owned(), Arc::clone(engine) as Arc<dyn Engine>)];
    let opened = Deployer::open_with(registry, sources, settings.clone(), engines);
    opened.await.unwrap()
}

async fn move_tag(
    tx: &mut SqliteConnection,
    repository: &str,
    to: &Digest,
) -> Result<(), berth_registry::DbError> {
    let statements = [
        "INSERT INTO projects (name, created_at) VALUES ('shop', 0) ON CONFLICT DO NOTHING",
        "INSERT INTO repositories (project_id, name, created_at)
         SELECT id, $1, 0 FROM projects WHERE name = 'shop' ON CONFLICT DO NOTHING",
        "INSERT INTO manifests (repository_id, digest, media_type, size_bytes, pushed_at, bytes)
         SELECT id, $2, 'application/vnd.oci.image.manifest.v1+json', 2, 0, x'7b7d'
         FROM repositories WHERE name = $1 ON CONFLICT DO NOTHING",
        "INSERT INTO tag_events (repository, tag, old_digest, new_digest, actor, cause, at)
         VALUES ($1, 'live',
                 (SELECT m.digest FROM tags t JOIN manifests m ON m.id = t.manifest_id
                  JOIN repositories r ON r.id = t.repository_id WHERE r.name = $1),
                 $2, 'ann', 'push', 0)",
        "INSERT INTO tags (repository_id, name, manifest_id, pushed_at)
         SELECT r.id, 'live', m.id, 0 FROM repositories r
         JOIN manifests m ON m.repository_id = r.id AND m.digest = $2 WHERE r.name = $1
         ON CONFLICT (repository_id, name) DO UPDATE SET manifest_id = excluded.manifest_id",
    ];
    for statement in statements {
        sqlx::query(statement)
            .bind(repository)
            .bind(to.as_str())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
