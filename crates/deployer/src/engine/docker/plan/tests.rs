use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::engine::{Gap, Wanted, WantedService};
use crate::policy::{Command, Order, Policy};

mod refused;

const OLD: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const GONE: &str = "sha256:3333333333333333333333333333333333333333333333333333333333333333";
const NEW: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// A running container of the stack `shop`, with some of what the engine shows of it changed.
fn container(service: &str, number: u64, change: Value) -> Value {
    let mut all = json!({
        "Id": format!("{service}{number}").repeat(12),
        "Created": "2026-01-01T00:00:00.5Z",
        "Image": "sha256:old",
        "Name": format!("/shop-{service}-{number}"),
        "State": {
            "Status": "running",
            "StartedAt": "2026-01-01T00:00:01Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
        },
        "Config": {
            "Image": format!("registry:5000/shop/{service}:live"),
            "Labels": {
                "com.docker.compose.project": "shop",
                "com.docker.compose.service": service,
                "com.docker.compose.config-hash": "abc",
                "com.docker.compose.container-number": number.to_string(),
                "com.docker.compose.oneoff": "False",
                "com.docker.compose.depends_on": "",
            },
        },
        "HostConfig": {
            "NetworkMode": "shop_default",
            "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
        },
        "Mounts": [],
        "NetworkSettings": {"Networks": {"shop_default": {"Aliases": [service]}}},
    });
    merge(&mut all, change);
    all
}

fn merge(into: &mut Value, change: Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (key, value) in change {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, change) => *into = change,
    }
}

fn depends_on(label: &str) -> Value {
    json!({"Config": {"Labels": {"com.docker.compose.depends_on": label}}})
}

fn facts(containers: Vec<Value>) -> Facts {
    let image = json!({"Id": "sha256:old", "Os": "linux", "Architecture": "amd64"});
    let facts = json!({
        "containers": containers,
        "images": {
            "sha256:old": image,
            (format!("registry:5000/shop/web@{OLD}")): image,
        },
        "platform": "linux/amd64",
    });
    serde_json::from_value(facts).unwrap()
}

fn policy() -> Policy {
    Policy {
        order: Order::Auto,
        monitor: Duration::from_secs(10),
        timeout: Duration::from_secs(300),
        rollback: true,
        parallelism: NonZeroU32::MIN,
        before: None,
        after: None,
    }
}

fn wanted(services: &[&str], policy: &Policy) -> Wanted {
    let service = |name: &&str| WantedService {
        service: (*name).to_owned(),
        image: format!("registry:5000/shop/{name}:live").parse().unwrap(),
        digest: NEW.parse().unwrap(),
        policy: policy.clone(),
        // Of these the engine has only the first, and only of web.
        obsolete: vec![OLD.parse().unwrap(), GONE.parse().unwrap()],
    };
    Wanted {
        deployment: 7,
        stack: "shop".to_owned(),
        services: services.iter().map(service).collect(),
    }
}

fn lines(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|it| it.line.as_str()).collect()
}

#[test]
fn a_service_that_writes_to_a_volume_is_stopped_first() {
    let mount =
        json!({"Mounts": [{"Type": "volume", "Name": "v", "Destination": "/data", "RW": true}]});
    let facts = facts(vec![
        container("web", 1, mount.clone()),
        container("web", 2, mount),
    ]);
    let steps = plan(&facts, &wanted(&["web"], &policy())).unwrap();
    assert_eq!(
        lines(&steps),
        [
            "pull registry:5000/shop/web:live at 222222222222",
            "point registry:5000/shop/web:live at the new image on the engine",
            "create the new shop-web-1",
            "stop the old shop-web-1, waiting at most 10 s",
            "keep the old shop-web-1 as shop-web-1.old-7",
            "give the name shop-web-1 to the new",
            "start the new shop-web-1",
            "watch shop-web-1 run for 10 s",
            "create the new shop-web-2",
            "stop the old shop-web-2, waiting at most 10 s",
            "keep the old shop-web-2 as shop-web-2.old-7",
            "give the name shop-web-2 to the new",
            "start the new shop-web-2",
            "watch shop-web-2 run for 10 s",
            "remove the old shop-web-1 and shop-web-2",
            "remove the image registry:5000/shop/web@111111111111, unless something runs it",
        ]
    );
    // The other one serves all the time.
    assert!(steps.iter().all(|step| step.gap.is_none()));
}

#[test]
fn every_step_is_of_a_service_even_where_two_share_an_image() {
    let image = json!({"Config": {"Image": "registry:5000/shop/web:live"}});
    let facts = facts(vec![
        container("web", 1, json!({})),
        container("worker", 1, image),
    ]);
    let mut both = wanted(&["web", "worker"], &policy());
    both.services[1].image = both.services[0].image.clone();
    let steps = plan(&facts, &both).unwrap();
    for begin in ["pull ", "point registry"] {
        let of: Vec<&str> = steps
            .iter()
            .filter(|it| it.line.starts_with(begin))
            .filter_map(|it| it.service.as_deref())
            .collect();
        assert_eq!(of, ["web", "worker"]);
    }
    assert!(steps.iter().all(|it| it.service.is_some()));
}

#[test]
fn where_two_may_run_the_new_one_comes_first() {
    let facts = facts(vec![container("web", 1, json!({}))]);
    let steps = plan(&facts, &wanted(&["web"], &policy())).unwrap();
    assert_eq!(
        lines(&steps)[2..9],
        [
            "create the new shop-web-1",
            "start the new shop-web-1",
            "watch shop-web-1 run for 10 s",
            "make the new shop-web-1 reachable as web",
            "stop the old shop-web-1, waiting at most 10 s",
            "keep the old shop-web-1 as shop-web-1.old-7",
            "give the name shop-web-1 to the new",
        ]
    );
}

#[test]
fn the_longest_time_to_end_is_waited_for() {
    let both = Policy {
        parallelism: NonZeroU32::new(2).unwrap(),
        ..policy()
    };
    for (times, waiting) in [([9, 10], "at most 10 s"), ([9, -1], "as long as it takes")] {
        let facts = facts(vec![
            container("web", 1, json!({"Config": {"StopTimeout": times[0]}})),
            container("web", 2, json!({"Config": {"StopTimeout": times[1]}})),
        ]);
        let steps = plan(&facts, &wanted(&["web"], &both)).unwrap();
        let stop = format!("stop the old shop-web-1 and shop-web-2, waiting {waiting}");
        assert!(
            lines(&steps).contains(&stop.as_str()),
            "{:?}",
            lines(&steps)
        );
    }
}

#[test]
fn the_gap_is_between_the_stop_and_the_proof() {
    let stop_first = Policy {
        order: Order::StopFirst,
        parallelism: NonZeroU32::new(2).unwrap(),
        ..policy()
    };
    let gaps = |change: Value| -> Vec<(Option<Gap>, Phase)> {
        let two = vec![
            container("web", 1, change.clone()),
            container("web", 2, change),
        ];
        let steps = plan(&facts(two), &wanted(&["web"], &stop_first)).unwrap();
        let gaps = steps.iter().filter(|it| it.gap.is_some());
        gaps.map(|it| (it.gap, it.phase)).collect()
    };
    assert_eq!(
        gaps(json!({})),
        [
            (Some(Gap::Opens), Phase::Replace),
            (Some(Gap::Closes), Phase::Replace)
        ]
    );
    let check = json!({"Config": {"Healthcheck": {"Test": ["CMD", "true"]}}});
    assert_eq!(
        gaps(check),
        [
            (Some(Gap::Opens), Phase::Replace),
            (Some(Gap::Closes), Phase::Verify)
        ]
    );
}

#[test]
fn what_somebody_has_stopped_is_replaced_and_stays_stopped() {
    let exited = json!({"State": {"Status": "exited", "ExitCode": 143}});
    let facts = facts(vec![
        container("web", 1, json!({})),
        container("web", 2, exited),
    ]);
    let steps = plan(&facts, &wanted(&["web"], &policy())).unwrap();
    let of_second: Vec<&str> = lines(&steps)
        .into_iter()
        .filter(|line| line.contains("new shop-web-2"))
        .collect();
    assert_eq!(of_second, ["create the new shop-web-2"]);
}

#[test]
fn services_come_behind_what_they_depend_on_and_wait_for_it() {
    let containers = vec![
        container("api", 1, depends_on("cache:service_started:false")),
        container("cache", 1, depends_on("db:service_healthy:false")),
        container("db", 1, json!({})),
        container(
            "web",
            1,
            depends_on("worker:service_started:false,api:service_started:false"),
        ),
        container("worker", 1, depends_on("web:service_started:false")),
    ];
    let facts = facts(containers);
    let all = wanted(&["api", "db", "web", "worker"], &policy());
    // cache is not deployed, but api comes behind db because of it; web and worker form a circle.
    assert_eq!(
        order::services(&facts, &all),
        ["db", "api", "web", "worker"]
    );
    let steps = plan(&facts, &all).unwrap();
    let waits: Vec<&str> = lines(&steps)
        .into_iter()
        .filter(|line| line.starts_with("wait"))
        .collect();
    assert_eq!(
        waits,
        [
            "wait until cache has started, which api depends on",
            "wait until api has started, which web depends on",
            "wait until worker has started, which web depends on",
            "wait until web has started, which worker depends on",
        ]
    );
}

#[test]
fn dependents_that_ask_for_it_are_restarted_both_ways() {
    let facts = facts(vec![
        container("web", 1, json!({})),
        container("front", 1, depends_on("web:service_started:true")),
        container("other", 1, depends_on("web:service_started:false")),
    ]);
    let steps = plan(&facts, &wanted(&["web"], &policy())).unwrap();
    let lines = lines(&steps);
    assert_eq!(
        lines[2],
        "restart shop-front-1 if the old version comes back"
    );
    assert_eq!(lines[10], "restart shop-front-1, which depends on it");
}

#[test]
fn berth_is_not_restarted_by_itself() {
    let mut facts = facts(vec![
        container("web", 1, json!({})),
        container("berth", 1, depends_on("web:service_started:true")),
    ]);
    facts.own = Some("berth1".repeat(12));
    let steps = plan(&facts, &wanted(&["web"], &policy())).unwrap();
    assert!(!lines(&steps).iter().any(|line| line.contains("restart")));
}

#[test]
fn only_images_that_are_there_are_removed() {
    let facts = facts(vec![container("api", 1, json!({}))]);
    let steps = plan(&facts, &wanted(&["api"], &policy())).unwrap();
    assert!(
        !lines(&steps)
            .iter()
            .any(|line| line.contains("image registry:5000/shop/api@"))
    );
}

#[test]
fn hooks_run_around_everything() {
    let hooks = Policy {
        before: Some(Command(vec!["migrate".to_owned(), "up".to_owned()])),
        after: Some(Command(vec!["smoke".to_owned()])),
        ..policy()
    };
    let facts = facts(vec![
        container("web", 1, json!({})),
        container("api", 1, json!({})),
    ]);
    let steps = plan(&facts, &wanted(&["web", "api"], &hooks)).unwrap();
    let phases: Vec<Phase> = steps.iter().map(|it| it.phase).collect();
    let last_before = phases.iter().rposition(|it| *it == Phase::Before).unwrap();
    let first_replace = phases.iter().position(|it| *it == Phase::Replace).unwrap();
    let first_after = phases.iter().position(|it| *it == Phase::After).unwrap();
    let last_verify = phases.iter().rposition(|it| *it == Phase::Verify).unwrap();
    assert!(last_before < first_replace && last_verify < first_after);
    assert_eq!(
        lines(&steps)[2],
        "run `migrate up` in the new image of api, before anything is touched"
    );
}

#[test]
fn what_an_earlier_deployment_could_not_remove_is_removed() {
    let kept = |name: &str, status: &str| {
        let id = name.replace('-', "").repeat(6);
        json!({"Id": id, "Name": format!("/{name}"), "State": {"Status": status}})
    };
    let made = json!({"Config": {"Labels": {"berth.deployment": "6"}}});
    let facts = facts(vec![
        container("web", 1, made),
        container("web", 1, kept("shop-web-1.old-5", "exited")),
        // It runs, or has another place: somebody's own.
        container("web", 1, kept("shop-web-1.old-4", "running")),
        container("web", 1, kept("shop-web-3.old-5", "exited")),
        container("web", 1, kept("shop-web-1.old-2024", "exited")),
    ]);
    let mut steps = plan(&facts, &wanted(&["web"], &policy())).unwrap();
    steps.retain(|it| it.line.contains("an earlier deployment"));
    let expected = "remove shop-web-1.old-5, which an earlier deployment has left";
    assert_eq!(lines(&steps), [expected]);
    assert_eq!(steps[0].phase, Phase::Settle);
}

#[test]
fn steps_can_be_stored() {
    let facts = facts(vec![
        container("web", 1, json!({})),
        container("db", 1, depends_on("web:service_healthy:true")),
    ]);
    let hooks = Policy {
        before: Some(Command(vec!["true".to_owned()])),
        ..policy()
    };
    for step in plan(&facts, &wanted(&["web"], &hooks)).unwrap() {
        let action: Action = serde_json::from_value(step.action.clone()).unwrap();
        assert_eq!(serde_json::to_value(&action).unwrap(), step.action);
    }
}

#[test]
fn one_that_runs_once_is_watched_until_it_ends() {
    let done = json!({"State": {"Status": "exited", "ExitCode": 0}});
    let facts = facts(vec![
        container("init", 1, done),
        container(
            "web",
            1,
            depends_on("init:service_completed_successfully:false"),
        ),
    ]);
    let steps = plan(&facts, &wanted(&["init"], &policy())).unwrap();
    assert!(lines(&steps).contains(&"watch shop-init-1 end without an error, in 5 min at most"));
    let carried: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let create: Action = serde_json::from_value(steps[2].action.clone()).unwrap();
    assert!(matches!(create, Action::Create(create) if create.carried == carried));
}
