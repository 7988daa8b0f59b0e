use serde_json::{Value, json};

use super::*;
use crate::engine::docker::action::NewImage;

fn container(status: &str, change: Value, config: Value) -> Container {
    let mut state = json!({
        "Status": status, "ExitCode": 0,
        "StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z",
    });
    for (key, value) in change.as_object().unwrap() {
        state[key] = value.clone();
    }
    let restarts = state["RestartCount"].as_i64().unwrap_or(0);
    let all = json!({
        "Id": "a".repeat(64), "Created": "2026-01-01T00:00:00Z", "Image": "sha256:i", "Name": "/web",
        "State": state, "RestartCount": restarts, "Config": config,
    });
    serde_json::from_value(all).unwrap()
}

fn verify(one_shot: bool) -> Verify {
    Verify {
        swaps: Vec::new(),
        image: NewImage {
            repository: "r".to_owned(),
            tag: "t".to_owned(),
            digest: "d".to_owned(),
            platform: None,
        },
        monitor: Duration::from_secs(10),
        timeout: Duration::from_secs(60),
        one_shot,
    }
}

fn bad(reason: &str) -> Proof {
    Proof::Bad(reason.to_owned())
}

#[test]
fn without_a_health_check_it_has_to_run_for_a_while() {
    let cases = [
        ("running", json!({}), 3, Proof::Open),
        ("running", json!({}), 10, Proof::Good),
        (
            "running",
            json!({"RestartCount": 1, "ExitCode": 2}),
            10,
            bad("ended with exit code 2"),
        ),
        (
            "restarting",
            json!({"ExitCode": 2}),
            1,
            bad("ended with exit code 2"),
        ),
        (
            "exited",
            json!({"ExitCode": 137, "OOMKilled": true}),
            1,
            bad("ended with exit code 137, since it ran out of memory"),
        ),
        (
            "exited",
            json!({"ExitCode": 0}),
            99,
            bad("ended with exit code 0"),
        ),
        ("created", json!({}), 0, bad("was not started")),
    ];
    for (status, change, ran, proof) in cases {
        let new = container(status, change, json!({}));
        let judged = judge(
            &new,
            &verify(false),
            Duration::from_secs(ran),
            Duration::ZERO,
        );
        assert_eq!(judged, proof, "{status} {ran}");
    }
}

#[test]
fn with_one_it_has_to_become_healthy_in_time() {
    let check = json!({"Healthcheck": {"Test": ["CMD", "true"]}});
    let probe = json!([{"Start": "2026-01-01T00:00:05Z", "ExitCode": 1, "Output": " no answer\n"}]);
    let said = ": its last health check ended with exit code 1: no answer";
    let cases = [
        ("starting", 3, Proof::Open),
        (
            "starting",
            61,
            Proof::Bad(format!("was not healthy after 60 s{said}")),
        ),
        ("healthy", 3, Proof::Good),
        ("unhealthy", 3, Proof::Bad(format!("is unhealthy{said}"))),
    ];
    for (status, waited, proof) in cases {
        let health = json!({"Health": {"Status": status, "Log": probe}});
        let new = container("running", health, check.clone());
        let judged = judge(
            &new,
            &verify(false),
            Duration::MAX,
            Duration::from_secs(waited),
        );
        assert_eq!(judged, proof, "{status} {waited}");
    }
}

#[test]
fn one_that_runs_once_has_to_end_without_an_error() {
    let cases = [
        ("running", 0, 3, Proof::Open),
        ("running", 0, 61, bad("had not ended after 60 s")),
        ("exited", 0, 3, Proof::Good),
        ("exited", 1, 3, bad("ended with exit code 1")),
    ];
    for (status, code, waited, proof) in cases {
        let new = container(status, json!({"ExitCode": code}), json!({}));
        let judged = judge(
            &new,
            &verify(true),
            Duration::ZERO,
            Duration::from_secs(waited),
        );
        assert_eq!(judged, proof, "{status} {code}");
    }
}

#[test]
fn under_its_new_names_only_a_later_probe_counts() {
    let check = json!({"Healthcheck": {"Test": ["CMD", "true"]}});
    let since: DateTime<Utc> = "2026-01-01T00:01:00Z".parse().unwrap();
    let cases = [
        ("2026-01-01T00:00:59Z", 0, Proof::Open),
        ("2026-01-01T00:01:01Z", 0, Proof::Good),
        ("2026-01-01T00:01:01Z", 1, Proof::Open),
    ];
    for (start, code, proof) in cases {
        let log = json!([{"Start": start, "ExitCode": code, "Output": ""}]);
        let health = json!({"Health": {"Status": "healthy", "Log": log}});
        let new = container("running", health, check.clone());
        assert_eq!(
            judge_again(&new, &verify(false), since, Duration::MAX, Duration::ZERO),
            proof
        );
    }
    // Without a check it has to run there for a while, however long it ran before.
    let unchecked = container("running", json!({}), json!({}));
    for (ran, proof) in [(9, Proof::Open), (10, Proof::Good)] {
        let ran = Duration::from_secs(ran);
        assert_eq!(
            judge_again(&unchecked, &verify(false), since, ran, Duration::ZERO),
            proof
        );
    }
}

#[test]
fn only_what_has_ended_while_nobody_looked_is_started_again() {
    let back: DateTime<Utc> = "2026-01-01T02:00:00Z".parse().unwrap();
    let cases = [
        ("exited", "2026-01-01T01:59:58Z", true),
        // The engine was away hours ago.
        ("exited", "2026-01-01T05:00:00Z", false),
        ("running", "2026-01-01T01:59:58Z", false),
        ("restarting", "2026-01-01T01:59:58Z", false),
    ];
    for (status, finished_at, expected) in cases {
        let new = container(status, json!({"FinishedAt": finished_at}), json!({}));
        assert_eq!(ended_unseen(&new, back), expected, "{status} {finished_at}");
    }
}
