//! New events, and what is decided of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use berth_oci::{Digest, Reference, RepositoryName};
use berth_registry::DbError;
use berth_registry::source::{Asked, LocateError, SourceError};
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tracing::warn;

use crate::db::decisions::Of;
use crate::deployer::Deployer;
use crate::engine::{EngineError, Service};
use crate::history::{Cause, DeployedService, Deployment};
use crate::holds::Kept;
use crate::image::ImageReference;
use crate::matching::{Known, Relation, TagEvent, Terms, Verdict, judge, opted_in, relate};
use crate::queue::QueueError;
use crate::shown::Rule;
use crate::target::Target;
use crate::{db, queue};

/// Events that are looked at with one observation of the target.
const AT_ONCE: i64 = 100;
/// The most rules of a target.
pub(crate) const MOST_RULES: usize = 1000;

#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("could not tell what a group answers")]
    Locate(#[from] LocateError),
    #[error("could not tell what a group answers")]
    Source(#[from] SourceError),
}

/// What was decided for a service, before it is written.
struct Decided {
    stack: String,
    service: String,
    verdict: Verdict,
    /// What is to be deployed, if anything is.
    wanted: Option<DeployedService>,
    /// What has to be kept for that.
    kept: Option<Kept>,
}

/// How far the events of a target were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    All,
    /// Some are to be looked at again later.
    Some,
}

impl Deployer {
    /// Looks at the events that the target is not done with.
    pub(crate) async fn take_events(&self, target: &Target) -> Result<Taken, TakeError> {
        let mut connection = self.journal.db().read_unasked().await?;
        let mut events = db::events::undone(&mut connection, target.id, AT_ONCE).await?;
        if events.is_empty() {
            return Ok(Taken::All);
        }
        // Before the services are observed: while a service is replaced it is not what it seems.
        let moving = moving(&mut connection, target).await?;
        drop(connection);
        let all = events.len();
        events.retain(|event| !moving.iter().any(|name| akin(name, &event.repository)));
        if events.is_empty() {
            return Ok(Taken::Some);
        }
        let mut taken = match events.len() == all {
            true => Taken::All,
            false => Taken::Some,
        };
        let services = self.observe(target).await?;
        let rules = self.rules_of(target).await?;
        for event in &events {
            let written = match self.decide(target, event, &services, &rules).await {
                Ok(decided) => self.write_decisions(target, event, decided).await,
                Err(error @ (TakeError::Locate(_) | TakeError::Source(_))) => {
                    let (repository, tag) = (&event.repository, &event.tag);
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "could not tell who uses {repository}:{tag}"
                    );
                    taken = Taken::Some;
                    continue;
                }
                Err(error @ (TakeError::Engine(_) | TakeError::Db(_))) => return Err(error),
            };
            match written {
                Ok(()) => {}
                Err(QueueError::InTheWay) => taken = Taken::Some,
                Err(QueueError::Db(error)) => return Err(error.into()),
            }
        }
        Ok(taken)
    }

    async fn decide(
        &self,
        target: &Target,
        event: &TagEvent,
        services: &[Service],
        rules: &[Rule],
    ) -> Result<Vec<Decided>, TakeError> {
        let mut decided = Vec::new();
        let mut known: HashMap<&str, Known> = HashMap::new();
        for service in services {
            let labels = labels(service, rules);
            let relation = self.relation(event, service, &labels).await?;
            if relation == Relation::None {
                continue;
            }
            if !known.contains_key(service.stack.as_str()) {
                let of_stack = self.known(target, &service.stack).await?;
                known.insert(&service.stack, of_stack);
            }
            let known = &known[service.stack.as_str()];
            let terms = self.terms(target);
            let verdict = judge(event, service, &labels, &relation, known, terms);
            let mut one = decided_of(event, service, &relation, verdict);
            if let Some(wanted) = &one.wanted {
                one.kept = Some(self.kept(&wanted.repository, &wanted.to_digest).await?);
            }
            decided.push(one);
        }
        Ok(decided)
    }

    /// What runs at the target; whether it could be asked is noted.
    pub(crate) async fn observe(&self, target: &Target) -> Result<Vec<Service>, EngineError> {
        let observed = target.engine.observe().await;
        self.note(target, observed.as_ref().err());
        observed
    }

    pub(crate) fn terms<'t>(&self, target: &'t Target) -> Terms<'t> {
        Terms {
            target: &target.name,
            triggers: target.triggers.as_deref(),
            monitor: self.settings.monitor,
            now: self.journal.now(),
        }
    }

    pub(crate) async fn rules_of(&self, target: &Target) -> Result<Vec<Rule>, DbError> {
        let mut connection = self.journal.db().read_unasked().await?;
        db::rules::list(&mut connection, Some(&target.name), 0, MOST_RULES as i64).await
    }

    /// What is known of a stack beside what was observed.
    pub(crate) async fn known(&self, target: &Target, stack: &str) -> Result<Known, DbError> {
        let mut connection = self.journal.db().read_unasked().await?;
        let held = db::steering::held(&mut connection, target.id, stack).await?;
        Ok(Known {
            held,
            quarantined: db::steering::quarantined(&mut connection, target.id, stack).await?,
            pinned: db::steering::pins(&mut connection, target.id, stack).await?,
        })
    }

    async fn relation(
        &self,
        event: &TagEvent,
        service: &Service,
        labels: &BTreeMap<String, String>,
    ) -> Result<Relation, TakeError> {
        let image = match relate(&service.image, &self.settings.hosts, &event.repository) {
            Ok(image) => image,
            Err(relation) => return Ok(relation),
        };
        if image.repository == event.repository {
            let mut connection = self.journal.db().read_unasked().await?;
            let current = db::tags::digest(&mut connection, &image.repository, &image.tag).await?;
            return Ok(Relation::Same { image, current });
        }
        // A group that reads the repository may name the image. It is asked only where that matters,
        // since its members may be far away.
        let matters = akin(&image.repository, &event.repository)
            && image.tag == event.tag
            && opted_in(service, labels, self.settings.monitor).is_ok();
        if !matters {
            return Ok(Relation::None);
        }
        let current = self.group_answer(&image).await?.flatten();
        // Another answer is another member's: what was pushed changes nothing for the service.
        Ok(match current.as_ref() == Some(&event.new_digest) {
            true => Relation::Same { image, current },
            false => Relation::None,
        })
    }

    /// What a group says that a tag names; `None` if the name is no group's.
    async fn group_answer(
        &self,
        image: &ImageReference,
    ) -> Result<Option<Option<Digest>>, TakeError> {
        let asked = Asked {
            repository: &image.repository,
            namespace: None,
            prefix: None,
            pushes: false,
        };
        let located = self.sources.locate(asked).await?;
        let hosted = Arc::ptr_eq(&located.source, self.registry.hosted());
        if hosted || located.renamed.is_some() || located.by_default {
            return Ok(None);
        }
        let tag = Reference::Tag(image.tag.clone());
        let found = located.source.describe_manifest(&image.repository, &tag);
        let found = found.await?;
        Ok(Some(found.map(|description| description.digest)))
    }

    /// What the tag of an image of this registry names now.
    pub(crate) async fn current_digest(
        &self,
        image: &ImageReference,
    ) -> Result<Option<Digest>, TakeError> {
        let mut connection = self.journal.db().read_unasked().await?;
        let digest = db::tags::digest(&mut connection, &image.repository, &image.tag).await?;
        drop(connection);
        if digest.is_some() {
            return Ok(digest);
        }
        Ok(self.group_answer(image).await?.flatten())
    }

    async fn write_decisions(
        &self,
        target: &Target,
        event: &TagEvent,
        decided: Vec<Decided>,
    ) -> Result<(), QueueError> {
        let (id, sequence, now) = (target.id, event.sequence, self.journal.now());
        let name = target.name.clone();
        let cause = if event.retag {
            Cause::Retag
        } else {
            Cause::Push
        };
        let quiet = self.quiet();
        self.journal
            .write(move |tx| {
                async move {
                    if !db::events::mark(tx, id, sequence).await? {
                        return Ok(());
                    }
                    for (stack, decided) in by_stack(decided) {
                        let wanted: Vec<_> = decided
                            .iter()
                            .filter_map(|one| one.wanted.clone())
                            .collect();
                        let deployment = if wanted.is_empty() {
                            None
                        } else {
                            let of = (id, name.as_str(), stack.as_str());
                            let kept = decided.iter().filter_map(|one| one.kept.clone());
                            let kept: Vec<_> = kept.collect();
                            let wanted = (wanted.as_slice(), kept.as_slice());
                            Some(queue::add(tx, of, cause, wanted, quiet, now).await?)
                        };
                        for one in decided {
                            let of = Of {
                                target: id,
                                stack: &stack,
                                service: &one.service,
                            };
                            let deployment = deployment.filter(|_| one.wanted.is_some());
                            db::decisions::insert(tx, of, sequence, &one.verdict, deployment)
                                .await?;
                        }
                    }
                    Ok(())
                }
                .boxed()
            })
            .await
    }
}

/// The repositories of images that are being replaced at the target.
async fn moving(
    connection: &mut SqliteConnection,
    target: &Target,
) -> Result<Vec<RepositoryName>, DbError> {
    let unfinished = db::deployments::unfinished(connection, target.id).await?;
    let begun = unfinished
        .iter()
        .filter(|deployment| deployment.state.begun());
    let services = begun.flat_map(Deployment::moved);
    Ok(services.map(|service| service.repository.clone()).collect())
}

/// Whether two names can be of one repository: that of a group ends as those of its members do.
fn akin(one: &RepositoryName, other: &RepositoryName) -> bool {
    one == other || one.in_project() == other.in_project()
}

/// The labels of a service, and those that rules add where it has none of the same name.
pub(crate) fn labels(service: &Service, rules: &[Rule]) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for rule in rules {
        let of_service = rule.service.as_ref();
        if rule.stack == service.stack && of_service.is_none_or(|name| *name == service.name) {
            labels.insert("berth.deploy".to_owned(), "true".to_owned());
            labels.extend(rule.labels.clone());
        }
    }
    labels.extend(service.labels.clone());
    labels
}

fn decided_of(
    event: &TagEvent,
    service: &Service,
    relation: &Relation,
    verdict: Verdict,
) -> Decided {
    let wanted = match relation {
        Relation::Same { image, .. } if verdict.reason.deploys() => Some(DeployedService {
            service: service.name.clone(),
            image: service.image.clone(),
            repository: image.repository.clone(),
            tag: image.tag.clone(),
            from_digest: service.digest().cloned(),
            to_digest: event.new_digest.clone(),
            pushed_by: event.actor.clone(),
            downtime_ms: None,
            left_out: None,
            rollback: true,
        }),
        Relation::Same { .. } | Relation::None | Relation::OtherHost(_) => None,
    };
    Decided {
        stack: service.stack.clone(),
        service: service.name.clone(),
        verdict,
        wanted,
        kept: None,
    }
}

fn by_stack(decided: Vec<Decided>) -> BTreeMap<String, Vec<Decided>> {
    let mut stacks: BTreeMap<String, Vec<Decided>> = BTreeMap::new();
    for one in decided {
        stacks.entry(one.stack.clone()).or_default().push(one);
    }
    stacks
}
