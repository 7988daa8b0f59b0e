use chrono::TimeDelta;

use super::super::deployment::DeployedService;
use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn step(state: &str, finished_at: Option<DateTime<Utc>>) -> Step {
    Step {
        number: 3,
        phase: "replace".to_owned(),
        service: Some("web".to_owned()),
        line: "start shop-web-1".to_owned(),
        state: state.to_owned(),
        detail: None,
        started_at: Some(at(10)),
        finished_at,
    }
}

#[test]
fn a_step_has_one_line_with_its_outcome_and_its_time() {
    let output = Output {
        json: false,
        now: at(100),
    };
    let done = step("done", Some(at(12)));
    let line = ended_line(&output, &done, at(12));
    assert_eq!(
        &line["00:00:00".len()..],
        "  done             2.0 s  3. web: start shop-web-1\n"
    );
    let failed = Step {
        detail: Some("port 80 is\u{7} taken".to_owned()),
        ..step("undo_failed", Some(at(100)))
    };
    let line = ended_line(&output, &failed, at(100));
    assert_eq!(
        &line["00:00:00".len()..],
        "  undo failed  1 min 30 s  3. web: start shop-web-1: port 80 is\\u{7} taken\n"
    );
}

#[test]
fn a_step_is_told_of_once_it_has_ended() {
    for (state, finished_at, expected) in [
        ("planned", None, "planned"),
        ("started", None, "under way"),
        // It was done before it was taken back.
        ("undoing", Some(at(12)), "under way"),
        ("done", Some(at(12)), "ended"),
        ("undone", Some(at(12)), "ended"),
        ("a state of later", None, "planned"),
    ] {
        let stage = match stage(&step(state, finished_at)) {
            Stage::Planned => "planned",
            Stage::UnderWay => "under way",
            Stage::Ended(_) => "ended",
        };
        assert_eq!(stage, expected, "{state}");
    }
}

#[test]
fn the_end_says_how_long_it_took_and_who_was_away() {
    let service = |name: &str, downtime_ms| DeployedService {
        service: name.to_owned(),
        image: "registry/shop/web:live".to_owned(),
        from_digest: None,
        to_digest: "sha256:0".to_owned(),
        pushed_by: Some("ann".to_owned()),
        downtime_ms,
    };
    let deployment = Deployment {
        id: 7,
        target: "local".to_owned(),
        stack: "shop".to_owned(),
        cause: "push".to_owned(),
        state: "succeeded".to_owned(),
        reason: None,
        requested_by: None,
        approved_by: None,
        wants_approval: false,
        services: vec![
            service("web", Some(1234)),
            service("api", Some(0)),
            service("db", None),
        ],
        rolls_back: None,
        created_at: at(0),
        due_at: at(5),
        started_at: Some(at(5)),
        finished_at: Some(at(17)),
    };
    assert_eq!(
        end(&deployment),
        "deployment 7 of shop on local succeeded, in 12.0 s; away for: web 1.2 s"
    );
    let rolled_back = Deployment {
        state: "rolled_back".to_owned(),
        reason: Some("web is unhealthy".to_owned()),
        ..deployment
    };
    assert_eq!(
        rolled_back.sentence(),
        "deployment 7 of shop on local is rolled back: web is unhealthy"
    );
    assert_eq!(rolled_back.by(), "ann");
}
