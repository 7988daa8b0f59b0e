use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use berth_oci::Digest;
use berth_registry::Timestamp;

use super::{Known, Reason, Relation, TagEvent, Terms, Verdict, judge, relate};
use crate::engine::{Replica, ReplicaState, Service};
use crate::shown::Hold;

const IMAGE: &str = "registry.example.com/shop/web:live";

fn digest(of: u8) -> Digest {
    let hex = format!("{of:02x}").repeat(32);
    format!("sha256:{hex}").parse().unwrap()
}

/// A push of a new version to the tag of a service that is opted in and runs the old one.
struct Case {
    event: TagEvent,
    service: Service,
    current: Option<Digest>,
    known: Known,
    triggers: Option<Vec<String>>,
}

impl Case {
    fn new() -> Self {
        Self {
            event: TagEvent {
                sequence: 1,
                repository: "shop/web".parse().unwrap(),
                tag: "live".parse().unwrap(),
                old_digest: Some(digest(1)),
                new_digest: digest(2),
                actor: Some("ann".to_owned()),
                retag: false,
            },
            service: Service {
                stack: "shop".to_owned(),
                name: "web".to_owned(),
                image: IMAGE.to_owned(),
                labels: BTreeMap::from([("berth.deploy".to_owned(), "true".to_owned())]),
                replicas: vec![replica(ReplicaState::Running, 1)],
                depends_on: Vec::new(),
                one_shot: false,
                own: false,
            },
            current: Some(digest(2)),
            known: Known::default(),
            triggers: None,
        }
    }

    fn judge(&self) -> Verdict {
        let relation = Relation::Same {
            image: self.service.image.parse().unwrap(),
            current: self.current.clone(),
        };
        let terms = Terms {
            target: "local",
            triggers: self.triggers.as_deref(),
            monitor: Duration::from_secs(10),
            // A Sunday, at noon.
            now: Timestamp(1_764_504_000_000),
        };
        let (event, service) = (&self.event, &self.service);
        judge(
            event,
            service,
            &service.labels,
            &relation,
            &self.known,
            terms,
        )
    }

    fn label(&mut self, label: &str, value: &str) {
        let labels = &mut self.service.labels;
        labels.insert(label.to_owned(), value.to_owned());
    }
}

fn replica(state: ReplicaState, runs: u8) -> Replica {
    Replica {
        name: "shop-web-1".to_owned(),
        state,
        digests: vec![digest(runs)],
    }
}

#[test]
fn each_push_has_a_reason_for_what_becomes_of_it() {
    type Change = fn(&mut Case);
    let table: &[(Reason, Change)] = &[
        (Reason::Deploys, |_| {}),
        (Reason::Deploys, |case| {
            case.service.replicas = vec![replica(ReplicaState::Failing, 1)];
        }),
        // A version that fails is worth another push of the digest that it should run.
        (Reason::Deploys, |case| {
            case.service.replicas = vec![replica(ReplicaState::Failing, 2)];
        }),
        (Reason::Deploys, |case| {
            let others = [
                replica(ReplicaState::Running, 2),
                replica(ReplicaState::Running, 1),
            ];
            case.service.replicas = others.into();
        }),
        (Reason::NoLabel, |case| case.service.labels.clear()),
        (Reason::NoLabel, |case| case.label("berth.deploy", "false")),
        (Reason::BadLabel, |case| {
            case.label("berth.deploy.order", "x")
        }),
        (Reason::BerthItself, |case| case.service.own = true),
        (Reason::AnotherTag, |case| {
            case.event.tag = "next".parse().unwrap()
        }),
        (Reason::AnotherTag, |case| {
            case.label("berth.deploy.policy", "glob:*");
            case.event.tag = "next".parse().unwrap();
        }),
        (Reason::Unchanged, |case| {
            case.event.old_digest = Some(digest(2))
        }),
        (Reason::Overtaken, |case| case.current = Some(digest(3))),
        (Reason::Overtaken, |case| case.current = None),
        (Reason::NoRights, |case| {
            case.triggers = Some(vec!["bob".to_owned()])
        }),
        (Reason::NoRights, |case| {
            case.event.actor = None;
            case.triggers = Some(vec!["bob".to_owned()]);
        }),
        (Reason::Deploys, |case| {
            case.triggers = Some(vec!["ann".to_owned()])
        }),
        (Reason::Stopped, |case| {
            case.service.replicas = vec![replica(ReplicaState::Stopped, 1)];
        }),
        (Reason::AlreadyRunning, |case| {
            case.service.replicas = vec![replica(ReplicaState::Running, 2)];
        }),
        (Reason::Pinned, |case| {
            case.known.pinned = HashMap::from([("web".to_owned(), digest(1))]);
        }),
        (Reason::Held, |case| {
            case.known.held = Some(Hold {
                by: "bob".to_owned(),
                at: Timestamp(0),
                reason: None,
            });
        }),
        (Reason::Quarantined, |case| {
            case.known.quarantined = HashSet::from([digest(2)]);
        }),
        (Reason::Deploys, |case| {
            case.known.quarantined = HashSet::from([digest(3)]);
        }),
        (Reason::Approval, |case| {
            case.label("berth.deploy.approval", "true")
        }),
        (Reason::Window, |case| {
            case.label("berth.deploy.window", "Mon 10:00-11:00")
        }),
        (Reason::Deploys, |case| {
            case.label("berth.deploy.window", "Sun 10:00-13:00")
        }),
    ];
    for (index, (reason, change)) in table.iter().enumerate() {
        let mut case = Case::new();
        change(&mut case);
        let verdict = case.judge();
        assert_eq!(verdict.reason, *reason, "{index}: {}", verdict.text);
    }
}

#[test]
fn another_tag_that_the_policy_follows_is_told_what_is_missing() {
    let mut case = Case::new();
    case.label("berth.deploy.policy", "semver:~1.4");
    case.event.tag = "1.4.2".parse().unwrap();
    assert_eq!(case.judge().text, "the compose file names another tag");
    case.event.tag = "1.5.0".parse().unwrap();
    assert_eq!(case.judge().text, "it uses the tag live");
}

#[test]
fn an_image_is_ours_when_its_host_is() {
    let hosts = [
        "registry.example.com".to_owned(),
        "127.0.0.1:5000".to_owned(),
    ];
    let repository = "shop/web".parse().unwrap();
    let relate = |image: &str| relate(image, &hosts, &repository);
    for ours in [
        IMAGE,
        "127.0.0.1:5000/shop/web",
        "127.0.0.1:5000/other/web:1",
    ] {
        assert!(relate(ours).is_ok(), "{ours}");
    }
    let host = "localhost:5000".to_owned();
    assert_eq!(
        relate("localhost:5000/shop/web:live"),
        Err(Relation::OtherHost(host))
    );
    let pinned = format!("registry.example.com/shop/web@{}", digest(1));
    for other in [
        "localhost:5000/shop/api",
        "shop/web:live",
        "alpine",
        "sha256:abc",
        &pinned,
    ] {
        assert_eq!(relate(other), Err(Relation::None), "{other}");
    }
}
