use serde_json::{Value, json};

use super::*;
use crate::engine::ReplicaState;

const FIRST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const SECOND: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

fn container(name: &str, state: Value, labels: Value) -> Container {
    let mut all = json!({
        "Id": name.repeat(8), "Created": "2026-01-01T00:00:00Z", "Image": "sha256:i", "Name": format!("/{name}"),
        "State": {"StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z"},
        "Config": {"Image": "registry:5000/shop/web:live", "Labels": labels},
    });
    for (key, value) in state.as_object().unwrap() {
        all["State"][key] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

fn compose(service: &str, number: u32, more: Value) -> Value {
    let mut labels = json!({
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": service,
        "com.docker.compose.container-number": number.to_string(),
        "com.docker.compose.oneoff": "False",
    });
    for (key, value) in more.as_object().unwrap() {
        labels[key] = value.clone();
    }
    labels
}

fn images() -> BTreeMap<String, Image> {
    let image = json!({
        "Id": "sha256:i",
        "RepoDigests": [
            format!("registry:5000/shop/web@{FIRST}"),
            format!("registry:5000/shop/web@{SECOND}"),
            format!("elsewhere/web@{FIRST}"),
        ],
    });
    [(
        "sha256:i".to_owned(),
        serde_json::from_value(image).unwrap(),
    )]
    .into()
}

#[test]
fn containers_are_services_and_what_stands_aside_is_of_none() {
    let running = json!({"Status": "running"});
    let containers = [
        container(
            "plain",
            running.clone(),
            json!({"berth.deploy": "true", "other": "x"}),
        ),
        container(
            "shop-web-10",
            running.clone(),
            compose("web", 10, json!({})),
        ),
        container(
            "shop-web-2",
            running.clone(),
            compose(
                "web",
                2,
                json!({"berth.deployment": "7", "berth.replaces": "shop-web-2.old-7".repeat(8)}),
            ),
        ),
        container(
            "shop-web-2.old-7",
            running.clone(),
            compose("web", 2, json!({})),
        ),
        container(
            "shop-web-3.berth-7",
            running.clone(),
            compose("web", 3, json!({"berth.deployment": "7"})),
        ),
        container(
            "shop-run",
            running.clone(),
            compose("web", 1, json!({"com.docker.compose.oneoff": "True"})),
        ),
        container("hook", running, json!({"berth.hook": "before"})),
    ];
    let services = services(&containers, &images());
    let seen: Vec<(&str, &str, Vec<&str>)> = services
        .iter()
        .map(|it| {
            let replicas = it.replicas.iter().map(|replica| replica.name.as_str());
            (it.stack.as_str(), it.name.as_str(), replicas.collect())
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("plain", "plain", vec!["plain"]),
            ("shop", "web", vec!["shop-web-2", "shop-web-10"]),
        ]
    );
    assert_eq!(
        services[0].labels.keys().collect::<Vec<_>>(),
        ["berth.deploy"]
    );
}

fn named(id: &str, name: &str, status: &str, labels: Value) -> Container {
    let all = json!({
        "Id": id, "Created": "2026-01-01T00:00:00Z", "Image": "sha256:i", "Name": format!("/{name}"),
        "Config": {"Image": "registry:5000/shop/web:live", "Labels": labels},
        "State": {
            "Status": status,
            "StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z",
        },
    });
    serde_json::from_value(all).unwrap()
}

fn seen(containers: &[Container]) -> Vec<&str> {
    let serving = containers.iter().filter(|it| serves(it, containers));
    serving.map(Container::name).collect()
}

#[test]
fn what_a_deployment_has_moved_aside_is_not_seen() {
    let made = json!({"berth.deployment": "7", "berth.replaces": "old"});
    let in_the_middle = [
        named("old", "web", "running", json!({})),
        named("new", "web.berth-7", "running", made.clone()),
    ];
    assert_eq!(seen(&in_the_middle), ["web"]);
    let renamed = [
        named("old", "web.old-7", "exited", json!({})),
        named("new", "web", "running", made),
    ];
    assert_eq!(seen(&renamed), ["web"]);
    // The old one could not be removed, and was replaced again since.
    let later = json!({"berth.deployment": "9", "berth.replaces": "new"});
    let left = [
        named("old", "web.old-7", "exited", json!({})),
        named("newer", "web", "running", later),
    ];
    assert_eq!(seen(&left), ["web"]);
}

#[test]
fn what_only_has_such_a_name_is_seen() {
    let hook = json!({"berth.deployment": "7", "berth.replaces": "b", "berth.hook": "before"});
    let replaces = json!({"berth.deployment": "7", "berth.replaces": "b"});
    let all = [
        named("a", "web.berth-1", "running", json!({})),
        named("b", "web.old-2024", "running", json!({})),
        named("c", "web", "running", json!({"berth.deployment": "3"})),
        named("d", "web.before-7", "running", hook),
        // It is being replaced itself.
        named("e", "web.old-2024.berth-7", "created", replaces),
    ];
    assert_eq!(seen(&all), ["web.berth-1", "web.old-2024", "web"]);
}

#[test]
fn how_a_replica_ended_says_whether_somebody_stopped_it() {
    let waits =
        json!({"com.docker.compose.depends_on": "init:service_completed_successfully:false"});
    let cases = [
        ("running", 0, "web", ReplicaState::Running),
        ("restarting", 1, "web", ReplicaState::Failing),
        ("exited", 1, "web", ReplicaState::Failing),
        ("exited", 0, "web", ReplicaState::Stopped),
        ("exited", 0, "init", ReplicaState::Completed),
        ("exited", 1, "init", ReplicaState::Failing),
        ("exited", 137, "web", ReplicaState::Stopped),
        ("exited", 143, "web", ReplicaState::Stopped),
        ("exited", 130, "web", ReplicaState::Stopped),
        ("exited", 139, "web", ReplicaState::Failing),
        ("paused", 0, "web", ReplicaState::Stopped),
        ("created", 0, "web", ReplicaState::Stopped),
    ];
    for (status, code, service, state) in cases {
        let containers = [
            container(
                "one",
                json!({"Status": status, "ExitCode": code}),
                compose(service, 1, json!({})),
            ),
            container(
                "two",
                json!({"Status": "running"}),
                compose("zz", 1, waits.clone()),
            ),
        ];
        let services = services(&containers, &images());
        assert_eq!(
            services[0].replicas[0].state, state,
            "{status} {code} {service}"
        );
    }
}

#[test]
fn the_digest_that_it_was_deployed_as_comes_first() {
    let digests = |labels: Value| {
        let containers = [container("web", json!({"Status": "running"}), labels)];
        services(&containers, &images())
            .remove(0)
            .replicas
            .remove(0)
            .digests
    };
    let [first, second]: [Digest; 2] = [FIRST.parse().unwrap(), SECOND.parse().unwrap()];
    assert_eq!(digests(json!({})), [first.clone(), second.clone()]);
    assert_eq!(digests(json!({"berth.digest": SECOND})), [second, first]);
}
