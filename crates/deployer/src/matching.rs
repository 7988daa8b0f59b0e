//! Whether a push is to be deployed to a service: pure, over what was observed and what is known.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use berth_oci::{Digest, RepositoryName, Tag};
use berth_registry::{Timestamp, sentence};

use crate::engine::{ReplicaState, Service};
use crate::history::names;
use crate::image::{ImageReference, NoImageReference};
use crate::policy::{Approval, Labels};
use crate::shown::Hold;

/// What was decided, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub reason: Reason,
    /// For people.
    pub text: String,
}

names! {
    /// Why a push was, or was not, deployed to a service.
    Reason {
        Deploys = "deploys",
        /// It is deployed once its window opens.
        Window = "window",
        /// It is deployed once somebody approves.
        Approval = "approval",
        NoLabel = "no_label",
        NoMatch = "no_match",
        AnotherTag = "another_tag",
        Held = "held",
        Pinned = "pinned",
        Quarantined = "quarantined",
        NoRights = "no_rights",
        BerthItself = "berth_itself",
        BadLabel = "bad_label",
        Stopped = "stopped",
        AlreadyRunning = "already_running",
        /// The tag named this digest before the push.
        Unchanged = "unchanged",
        /// The tag has moved on before this was looked at.
        Overtaken = "overtaken",
    }
}

impl Reason {
    /// Whether a deployment comes of it.
    pub fn deploys(self) -> bool {
        match self {
            Self::Deploys | Self::Window | Self::Approval => true,
            Self::NoLabel
            | Self::NoMatch
            | Self::AnotherTag
            | Self::Held
            | Self::Pinned
            | Self::Quarantined
            | Self::NoRights
            | Self::BerthItself
            | Self::BadLabel
            | Self::Stopped
            | Self::AlreadyRunning
            | Self::Unchanged
            | Self::Overtaken => false,
        }
    }
}

/// A tag that moved, by a push or a retag.
#[derive(Clone, Debug)]
pub(crate) struct TagEvent {
    pub sequence: i64,
    pub repository: RepositoryName,
    pub tag: Tag,
    pub old_digest: Option<Digest>,
    pub new_digest: Digest,
    pub actor: Option<String>,
    pub retag: bool,
}

/// What a service has to do with the repository of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// Its image is of another registry or repository.
    None,
    /// It is of this repository, or of a group that reads it.
    Same {
        image: ImageReference,
        /// What the tag of the image names now.
        current: Option<Digest>,
    },
    /// It has the path of this repository, at a host that is not known to be this registry.
    OtherHost(String),
}

/// What is known of a stack beside what was observed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub held: Option<Hold>,
    pub quarantined: HashSet<Digest>,
    /// By service.
    pub pinned: HashMap<String, Digest>,
}

/// What holds for a whole target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'t> {
    pub target: &'t str,
    /// Whose pushes deploy by themselves; everybody's if `None`.
    pub triggers: Option<&'t [String]>,
    pub monitor: Duration,
    pub now: Timestamp,
}

/// Decides. `labels` are those of the service with what rules add.
pub(crate) fn judge(
    event: &TagEvent,
    service: &Service,
    labels: &BTreeMap<String, String>,
    relation: &Relation,
    known: &Known,
    terms: Terms<'_>,
) -> Verdict {
    let (image, current) = match relation {
        Relation::None => {
            let text = sentence!("its image is {}", service.image);
            return verdict(Reason::NoMatch, text);
        }
        Relation::OtherHost(host) => {
            let text = sentence!(
                "its image names the registry {host}, which is not a name of this one: set \
                 public_url or aliases"
            );
            return verdict(Reason::NoMatch, text);
        }
        Relation::Same { image, current } => (image, current),
    };
    let labels = match opted_in(service, labels, terms.monitor) {
        Ok(labels) => labels,
        Err(verdict) => return verdict,
    };
    if event.tag != image.tag {
        let text = if labels.tags.follows(&event.tag) {
            sentence("the compose file names another tag").to_owned()
        } else {
            sentence!("it uses the tag {}", image.tag)
        };
        return verdict(Reason::AnotherTag, text);
    }
    if event.old_digest.as_ref() == Some(&event.new_digest) {
        return verdict(
            Reason::Unchanged,
            sentence("the tag named this digest before"),
        );
    }
    if current.as_ref() != Some(&event.new_digest) {
        return verdict(Reason::Overtaken, sentence("the tag has moved on since"));
    }
    if let Some(triggers) = terms.triggers {
        let actor = event.actor.as_deref().unwrap_or("anonymous");
        if !triggers.iter().any(|trigger| trigger == actor) {
            let text = sentence!(
                "pushes of {actor} do not deploy to {}: triggers of its engine names those that do",
                terms.target
            );
            return verdict(Reason::NoRights, text);
        }
    }
    if runs(service, &event.new_digest) {
        return verdict(Reason::AlreadyRunning, sentence("it runs this digest"));
    }
    if let Some(verdict) = kept_back(service, known) {
        return verdict;
    }
    if let Some(verdict) = quarantined(&event.new_digest, known) {
        return verdict;
    }
    if labels.approval != Approval::None {
        return verdict(Reason::Approval, sentence("somebody has to approve it"));
    }
    if let Some(windows) = labels.window.filter(|windows| !windows.open_at(terms.now)) {
        return verdict(
            Reason::Window,
            sentence!("it waits for its window: {windows}"),
        );
    }
    verdict(Reason::Deploys, sentence("it is deployed"))
}

/// Why no push at all would be deployed to a service of this registry, if none would.
pub(crate) fn standing(
    service: &Service,
    labels: &BTreeMap<String, String>,
    known: &Known,
    terms: Terms<'_>,
) -> Option<Verdict> {
    match opted_in(service, labels, terms.monitor) {
        Ok(_) => kept_back(service, known),
        Err(verdict) => Some(verdict),
    }
}

/// The labels of a service that wants to be deployed, and may be.
pub(crate) fn opted_in(
    service: &Service,
    labels: &BTreeMap<String, String>,
    monitor: Duration,
) -> Result<Labels, Verdict> {
    if service.own {
        let text = sentence("this is Berth itself, which never replaces itself");
        return Err(verdict(Reason::BerthItself, text));
    }
    let read = Labels::read(labels, monitor);
    let labels = read.map_err(|error| verdict(Reason::BadLabel, error.to_string()))?;
    if !labels.deploys {
        let text = sentence("it has no label berth.deploy=true, and no rule opts it in");
        return Err(verdict(Reason::NoLabel, text));
    }
    Ok(labels)
}

/// What keeps every push from a service.
fn kept_back(service: &Service, known: &Known) -> Option<Verdict> {
    stays(service, known).or_else(|| {
        let hold = known.held.as_ref()?;
        Some(verdict(Reason::Held, hold.of(&service.stack)))
    })
}

/// Why a service stays what it is, whether its stack is held or not.
fn stays(service: &Service, known: &Known) -> Option<Verdict> {
    if !serves(service) {
        let text = sentence("it is stopped: start it, and pushes are deployed to it");
        return Some(verdict(Reason::Stopped, text));
    }
    let pinned = known.pinned.get(&service.name)?;
    Some(verdict(
        Reason::Pinned,
        sentence!("it is pinned to {pinned}"),
    ))
}

fn quarantined(digest: &Digest, known: &Known) -> Option<Verdict> {
    let text = sentence("this digest has failed in this stack: push another, or deploy it by hand");
    let quarantined = known.quarantined.contains(digest);
    quarantined.then(|| verdict(Reason::Quarantined, text))
}

/// Why a digest that was queued is not to be deployed to a service any more, if it is not. That its
/// stack is held is another matter.
pub(crate) fn overruled(service: &Service, digest: &Digest, known: &Known) -> Option<Verdict> {
    stays(service, known).or_else(|| quarantined(digest, known))
}

fn verdict(reason: Reason, text: impl Into<String>) -> Verdict {
    let text = text.into();
    Verdict { reason, text }
}

/// Whether anything of the service is there to be replaced: it runs, or would if it did not fail.
pub(crate) fn serves(service: &Service) -> bool {
    service.replicas.iter().any(|replica| match replica.state {
        ReplicaState::Running | ReplicaState::Failing | ReplicaState::Completed => true,
        ReplicaState::Stopped => false,
    })
}

/// Whether all of the service runs this digest, and well.
pub(crate) fn runs(service: &Service, digest: &Digest) -> bool {
    service.replicas.iter().all(|replica| {
        let good = match replica.state {
            ReplicaState::Running | ReplicaState::Completed => true,
            ReplicaState::Failing => false,
            // It is not there for a new version either.
            ReplicaState::Stopped => true,
        };
        good && replica.digests.contains(digest)
    })
}

/// What a service has to do with a repository, as far as its image says.
pub(crate) fn relate(
    image: &str,
    hosts: &[String],
    repository: &RepositoryName,
) -> Result<ImageReference, Relation> {
    match image.parse::<ImageReference>() {
        Ok(image) if hosts.contains(&image.host) => Ok(image),
        Ok(image) if image.repository == *repository => Err(Relation::OtherHost(image.host)),
        Ok(_) => Err(Relation::None),
        Err(NoImageReference::NoHost | NoImageReference::Digest | NoImageReference::Invalid) => {
            Err(Relation::None)
        }
    }
}

#[cfg(test)]
mod tests;
