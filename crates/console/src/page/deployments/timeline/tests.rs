use berth_deployer::engine::Phase;

use super::Progress::{Ahead, Current, Done, Failed, Partly, TakenBack};
use super::Stage::{Approval, End, Match, Push, Quiet, Request, Rollback, Steps, Turn, Wait};
use super::*;
use crate::api::deployments::DeployedService;

fn at(second: u32) -> String {
    format!("2026-01-31T12:00:{second:02}.000Z")
}

fn now(second: u32) -> i64 {
    millis(&at(second)).unwrap()
}

/// One that a push has made at the first second, and that is due at the fifth.
fn deployment(state: &'static str) -> Deployment {
    Deployment {
        id: 7,
        target: "local".to_owned(),
        stack: "shop".to_owned(),
        cause: "push",
        state,
        reason: None,
        requested_by: None,
        services: vec![DeployedService {
            service: "web".to_owned(),
            image: "registry.example.com/shop/web:live".to_owned(),
            from_digest: Some("sha256:1".to_owned()),
            to_digest: "sha256:2".to_owned(),
            pushed_by: Some("ann".to_owned()),
            downtime_ms: None,
            left_out: None,
        }],
        approved_by: None,
        wants_approval: false,
        rolls_back: None,
        created_at: at(1),
        due_at: at(5),
        started_at: None,
        finished_at: None,
    }
}

fn push(second: u32, digest: &str) -> Decision {
    Decision {
        event: second.into(),
        repository: "shop/web".to_owned(),
        tag: "live".to_owned(),
        digest: digest.to_owned(),
        at: at(second),
        outcome: "deploys",
        reason: "deploys",
        text: "it is deployed".to_owned(),
        deployment: Some(7),
    }
}

fn step(number: i64, phase: Phase, state: &'static str, from: u32, to: u32) -> Step {
    let begun = state != "planned";
    Step {
        number,
        phase,
        service: Some("web".to_owned()),
        line: "a step".to_owned(),
        state,
        detail: None,
        started_at: begun.then(|| at(from)),
        finished_at: (begun && state != "started").then(|| at(to)),
    }
}

fn line(second: u32, kind: &'static str, text: &str) -> Line {
    Line {
        number: second.into(),
        at: at(second),
        kind,
        service: None,
        text: text.to_owned(),
    }
}

fn told(deployment: &Deployment, steps: &[Step], lines: &[Line], second: u32) -> Vec<Entry> {
    timeline(&Story {
        deployment,
        pushes: &[push(0, "sha256:2")],
        steps,
        lines,
        now: now(second),
    })
}

fn shape(entries: &[Entry]) -> Vec<(Stage, Progress, Option<i64>)> {
    let shape = |entry: &Entry| (entry.stage, entry.progress, entry.took_ms);
    entries.iter().map(shape).collect()
}

#[test]
fn what_is_queued_is_quiet_and_the_way_ahead_is_shown() {
    let entries = told(&deployment("queued"), &[], &[], 3);
    assert_eq!(
        shape(&entries),
        [
            (Push, Done, None),
            (Match, Done, None),
            (Quiet, Current, Some(2000)),
            (Steps(Phase::Pull), Ahead, None),
            (Steps(Phase::Replace), Ahead, None),
            (Steps(Phase::Verify), Ahead, None),
            (End, Ahead, None),
        ]
    );
    assert_eq!(entries[0].at, Some(at(0)));
    assert_eq!(entries[0].by.as_deref(), Some("ann"));
    assert_eq!(entries[0].about, "shop/web:live");
    assert_eq!(entries[1].about, "web");
    assert_eq!(entries[2].due_at, Some(at(5)));
}

#[test]
fn what_is_due_and_queued_waits_for_its_turn() {
    let entries = told(&deployment("queued"), &[], &[], 9);
    assert_eq!(
        shape(&entries)[2..4],
        [(Quiet, Done, Some(4000)), (Turn, Current, Some(4000))]
    );
}

#[test]
fn each_wait_lasts_until_the_next_thing_happens() {
    let lines = [
        line(6, "state", "waiting: somebody has to approve it"),
        line(8, "note", "approved by bob"),
        line(9, "state", "waiting: its window opens at noon"),
    ];
    let waiting = Deployment {
        approved_by: Some("bob".to_owned()),
        ..deployment("waiting")
    };
    let entries = told(&waiting, &[], &lines, 20);
    assert_eq!(
        shape(&entries)[3..6],
        [
            (Wait, Done, Some(2000)),
            (Approval, Done, None),
            (Wait, Current, Some(11_000)),
        ]
    );
    assert_eq!(entries[4].by.as_deref(), Some("bob"));
    let detail = entries[5].detail.as_deref();
    assert_eq!(detail, Some("its window opens at noon"));
}

#[test]
fn a_wait_goes_on_until_it_is_looked_at_after_the_approval() {
    let lines = [
        line(6, "state", "waiting: somebody has to approve it"),
        line(8, "note", "approved by bob"),
    ];
    let waiting = Deployment {
        approved_by: Some("bob".to_owned()),
        ..deployment("waiting")
    };
    let entries = told(&waiting, &[], &lines, 9);
    assert_eq!(
        shape(&entries)[3..5],
        [(Wait, Current, Some(3000)), (Approval, Done, None)]
    );
}

#[test]
fn steps_of_a_phase_are_one_entry_and_their_times_add_up() {
    let steps = [
        step(1, Phase::Pull, "done", 5, 7),
        step(2, Phase::Replace, "done", 7, 8),
        step(3, Phase::Verify, "started", 8, 0),
        step(4, Phase::Replace, "planned", 0, 0),
        step(5, Phase::Settle, "planned", 0, 0),
    ];
    let running = Deployment {
        started_at: Some(at(5)),
        ..deployment("verifying")
    };
    let entries = told(&running, &steps, &[], 12);
    assert_eq!(
        shape(&entries)[2..],
        [
            (Quiet, Done, Some(4000)),
            (Steps(Phase::Pull), Done, Some(2000)),
            (Steps(Phase::Replace), Partly, Some(1000)),
            (Steps(Phase::Verify), Current, Some(4000)),
            (Steps(Phase::Settle), Ahead, None),
            (End, Ahead, None),
        ]
    );
}

#[test]
fn between_two_steps_the_next_one_is_current() {
    let steps = [
        step(1, Phase::Pull, "done", 5, 7),
        step(2, Phase::Replace, "planned", 0, 0),
    ];
    let running = Deployment {
        started_at: Some(at(5)),
        ..deployment("pulling")
    };
    let entries = told(&running, &steps, &[], 8);
    assert_eq!(entries[4].stage, Steps(Phase::Replace));
    assert_eq!(entries[4].progress, Current);
    let current = entries.iter().filter(|it| it.progress == Current);
    assert_eq!(current.collect::<Vec<_>>().len(), 1);
}

#[test]
fn what_failed_says_why_once_and_what_was_taken_back_is_marked() {
    let why = "web did not become healthy";
    let failed = Step {
        detail: Some(why.to_owned()),
        ..step(3, Phase::Verify, "undone", 8, 11)
    };
    let steps = [
        step(1, Phase::Pull, "undone", 5, 14),
        step(2, Phase::Replace, "undone", 7, 13),
        failed,
        step(4, Phase::Settle, "planned", 0, 0),
    ];
    let lines = [
        line(10, "step", "3. failed: web did not become healthy"),
        line(10, "state", "rolling_back: web did not become healthy"),
    ];
    let ended = Deployment {
        reason: Some(why.to_owned()),
        started_at: Some(at(5)),
        finished_at: Some(at(15)),
        ..deployment("rolled_back")
    };
    let entries = told(&ended, &steps, &lines, 40);
    assert_eq!(
        shape(&entries)[3..],
        [
            (Steps(Phase::Pull), TakenBack, None),
            (Steps(Phase::Replace), TakenBack, None),
            (Steps(Phase::Verify), Failed, Some(2000)),
            (Rollback, Done, Some(5000)),
            (End, Failed, Some(14_000)),
        ]
    );
    let reasons: Vec<_> = entries
        .iter()
        .filter_map(|it| it.detail.as_deref())
        .collect();
    assert_eq!(reasons, [why]);
}

#[test]
fn while_it_is_rolled_back_that_is_current() {
    let steps = [
        step(1, Phase::Replace, "undoing", 5, 9),
        step(2, Phase::Verify, "planned", 0, 0),
    ];
    let lines = [line(9, "state", "rolling_back: it has ended with 1")];
    let running = Deployment {
        started_at: Some(at(5)),
        ..deployment("rolling_back")
    };
    let entries = told(&running, &steps, &lines, 11);
    assert_eq!(
        shape(&entries)[3..],
        [
            (Steps(Phase::Replace), TakenBack, None),
            (Rollback, Current, Some(2000)),
            (End, Ahead, None),
        ]
    );
}

#[test]
fn what_was_cancelled_while_quiet_ends_there() {
    let ended = Deployment {
        reason: Some("cancelled by bob".to_owned()),
        finished_at: Some(at(3)),
        ..deployment("cancelled")
    };
    let entries = told(&ended, &[], &[], 30);
    assert_eq!(
        shape(&entries)[2..],
        [(Quiet, Done, Some(2000)), (End, Done, Some(2000))]
    );
    assert_eq!(entries[3].detail.as_deref(), Some("cancelled by bob"));
}

#[test]
fn what_somebody_asked_for_begins_with_that() {
    let asked = Deployment {
        cause: "hand",
        requested_by: Some("bob".to_owned()),
        due_at: at(1),
        ..deployment("queued")
    };
    let entries = told(&asked, &[], &[], 2);
    assert_eq!(
        shape(&entries)[..2],
        [(Request, Done, None), (Turn, Current, Some(1000))]
    );
    assert_eq!(entries[0].by.as_deref(), Some("bob"));
}

#[test]
fn a_push_that_joins_comes_behind_the_match_of_the_first() {
    let deployment = deployment("queued");
    let entries = timeline(&Story {
        deployment: &deployment,
        pushes: &[push(0, "sha256:1"), push(2, "sha256:2")],
        steps: &[],
        lines: &[],
        now: now(3),
    });
    let stages: Vec<_> = entries.iter().map(|entry| entry.stage).collect();
    assert_eq!(stages[..3], [Push, Match, Push]);
    assert_eq!(entries[0].by, None);
    assert_eq!(entries[2].by.as_deref(), Some("ann"));
}

#[test]
fn of_a_push_that_is_forgotten_it_is_said_who_made_it() {
    let deployment = deployment("queued");
    let entries = timeline(&Story {
        deployment: &deployment,
        pushes: &[],
        steps: &[],
        lines: &[],
        now: now(3),
    });
    assert_eq!(entries[0].stage, Push);
    assert_eq!(
        (&entries[0].at, entries[0].by.as_deref()),
        (&None, Some("ann"))
    );
}
