use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use berth_registry::Timestamp;
use futures_util::FutureExt as _;

use crate::db::{deployments, events, steering, targets};
use crate::fixture::{Fixture, digest};
use crate::history::{Cause, LineKind, State, StepState};

const OPTED_IN: (&str, &str) = ("berth.deploy", "true");

#[tokio::test]
async fn a_push_brings_a_service_to_its_digest() {
    let fixture = Fixture::open().await;
    fixture.engine.add("web", 1, &[OPTED_IN]);
    fixture.engine.add("db", 1, &[]);
    fixture.push("db", 2).await;
    fixture.push("web", 2).await;
    let deployment = fixture.reaches(1, State::Succeeded).await;
    let service = &deployment.services[0];
    assert_eq!(service.from_digest, Some(digest(1)));
    assert_eq!(service.to_digest, digest(2));
    assert_eq!(service.pushed_by.as_deref(), Some("ann"));
    assert!(service.downtime_ms.is_some());
    assert_eq!(fixture.engine.runs("web"), digest(2));
    assert_eq!(fixture.engine.runs("db"), digest(1));
}

#[tokio::test]
async fn what_is_pushed_before_its_stack_was_quiet_is_one_deployment() {
    let mut fixture = Fixture::open().await;
    fixture.settings.quiet = Duration::from_secs(2);
    fixture.restart().await;
    for service in ["api", "web"] {
        fixture.engine.add(service, 1, &[OPTED_IN]);
    }
    fixture.push("web", 2).await;
    fixture.push("api", 2).await;
    fixture.push("web", 3).await;
    let deployment = fixture.reaches(1, State::Succeeded).await;
    assert_eq!(deployment.services.len(), 2);
    assert_eq!(fixture.engine.runs("web"), digest(3));
    assert_eq!(fixture.engine.runs("api"), digest(2));
    assert!(fixture.deployment(2).await.is_none());
}

#[tokio::test]
async fn a_version_that_fails_is_taken_back_and_only_another_is_tried() {
    let fixture = Fixture::open().await;
    fixture.engine.add("web", 1, &[OPTED_IN]);
    fixture.engine.spoil("web", 2);
    fixture.push("web", 2).await;
    let deployment = fixture.reaches(1, State::RolledBack).await;
    assert_eq!(deployment.reason.as_deref(), Some("it has ended with 1"));
    assert_eq!(fixture.engine.runs("web"), digest(1));
    fixture.push("web", 1).await;
    fixture.push("web", 2).await;
    fixture.push("web", 3).await;
    let deployment = fixture.reaches(2, State::Succeeded).await;
    assert_eq!(deployment.services[0].to_digest, digest(3));
}

#[tokio::test]
async fn what_was_taken_back_for_another_comes_again_with_the_next_push() {
    let mut fixture = Fixture::open().await;
    fixture.settings.quiet = Duration::from_secs(1);
    fixture.restart().await;
    for service in ["api", "web"] {
        fixture.engine.add(service, 1, &[OPTED_IN]);
    }
    fixture.engine.spoil("web", 2);
    fixture.push("api", 5).await;
    fixture.push("web", 2).await;
    fixture.reaches(1, State::RolledBack).await;
    assert_eq!(fixture.engine.runs("api"), digest(1));
    fixture.push("web", 3).await;
    fixture.reaches(2, State::Succeeded).await;
    assert_eq!(fixture.engine.runs("api"), digest(5));
    assert_eq!(fixture.engine.runs("web"), digest(3));
}

#[tokio::test]
async fn without_rollback_a_version_that_fails_is_left_for_a_person() {
    let fixture = Fixture::open().await;
    fixture
        .engine
        .add("web", 1, &[OPTED_IN, ("berth.deploy.rollback", "false")]);
    fixture.engine.spoil("web", 2);
    fixture.push("web", 2).await;
    fixture.reaches(1, State::RollbackFailed).await;
    assert_eq!(fixture.engine.runs("web"), digest(2));
}

#[tokio::test]
async fn what_can_not_be_replaced_fails_before_anything_is_touched() {
    let fixture = Fixture::open().await;
    fixture.engine.add("web", 99, &[OPTED_IN]);
    fixture.push("web", 2).await;
    let deployment = fixture.reaches(1, State::Failed).await;
    let reason = deployment.reason.unwrap();
    assert_eq!(reason, "web can not be replaced: it shares its network");
    assert!(fixture.engine.acts().is_empty());
}

/// Of a deployment that succeeds and of one that is rolled back.
#[tokio::test]
async fn a_process_that_ends_at_any_act_leaves_one_that_the_next_one_finishes() {
    for bad in [false, true] {
        for act in 1.. {
            let mut fixture = Fixture::open().await;
            fixture.engine.add("web", 1, &[OPTED_IN]);
            if bad {
                fixture.engine.spoil("web", 2);
            }
            fixture.engine.die_at(Some(act));
            fixture.push("web", 2).await;
            let (state, runs) = match bad {
                false => (State::Succeeded, digest(2)),
                true => (State::RolledBack, digest(1)),
            };
            let whole = async {
                while fixture.engine.acts().len() < act {
                    if fixture
                        .deployment(1)
                        .await
                        .is_some_and(|one| one.state.ended())
                    {
                        return true;
                    }
                    tokio::task::yield_now().await;
                }
                false
            };
            if whole.await {
                assert!(act > 4, "it died at none of its acts");
                break;
            }
            fixture.engine.die_at(None);
            fixture.restart().await;
            let deployment = fixture.reaches(1, state).await;
            assert_eq!(fixture.engine.runs("web"), runs, "act {act}");
            let reason = bad.then_some("it has ended with 1");
            assert_eq!(deployment.reason.as_deref(), reason, "act {act}");
            assert!(fixture.deployment(2).await.is_none());
        }
    }
}

/// What a process that is gone had asked for may come to pass a moment late.
#[tokio::test]
async fn an_engine_is_told_that_a_step_was_begun_before() {
    let mut fixture = Fixture::open().await;
    fixture.engine.add("web", 1, &[OPTED_IN]);
    fixture.engine.die_at(Some(2));
    fixture.push("web", 2).await;
    while fixture.engine.acts().len() < 2 {
        tokio::task::yield_now().await;
    }
    fixture.engine.die_at(None);
    fixture.restart().await;
    fixture.reaches(1, State::Succeeded).await;
    let acts = fixture.engine.acts();
    let expected = [
        "pull web",
        "replace web",
        "again: replace web",
        "verify web",
        "settle web",
    ];
    assert_eq!(acts, expected);
}

#[tokio::test]
async fn an_engine_that_is_away_is_waited_for() {
    let fixture = Fixture::open().await;
    fixture.engine.add("web", 1, &[OPTED_IN]);
    fixture.engine.away.store(true, Ordering::SeqCst);
    fixture.push("web", 2).await;
    while fixture.deployer.targets["local"].trouble().is_none() {
        tokio::task::yield_now().await;
    }
    fixture.engine.away.store(false, Ordering::SeqCst);
    fixture.reaches(1, State::Succeeded).await;
    assert!(fixture.deployer.targets["local"].trouble().is_none());
}

#[tokio::test]
async fn a_newer_push_supersedes_one_that_waits_for_approval() {
    let fixture = Fixture::open().await;
    fixture
        .engine
        .add("web", 1, &[OPTED_IN, ("berth.deploy.approval", "true")]);
    fixture.push("web", 2).await;
    let waiting = fixture.reaches(1, State::Waiting).await;
    let reason = waiting.reason.unwrap();
    assert_eq!(reason, "somebody has to approve it");
    fixture.push("web", 3).await;
    fixture.reaches(1, State::Superseded).await;
    fixture.reaches(2, State::Waiting).await;
    assert!(fixture.engine.acts().is_empty());
}

#[tokio::test]
async fn steps_and_what_containers_say_are_in_the_history() {
    let fixture = Fixture::open().await;
    fixture.engine.add("web", 1, &[OPTED_IN]);
    fixture.push("web", 2).await;
    fixture.reaches(1, State::Succeeded).await;
    let mut connection = fixture.deployer.journal.db().read().await.unwrap();
    let steps = crate::db::steps::list(&mut connection, 1).await.unwrap();
    assert!(steps.iter().all(|step| step.state == StepState::Done));
    let lines = crate::db::lines::list(&mut connection, 1, 0, 100)
        .await
        .unwrap();
    let said = lines
        .iter()
        .find(|line| line.kind == LineKind::Container)
        .unwrap();
    assert_eq!(
        (said.service.as_deref(), said.text.as_str()),
        (Some("web"), "hello")
    );
    let last = lines.last().unwrap();
    assert_eq!(
        (last.kind, last.text.as_str()),
        (LineKind::End, "succeeded")
    );
}

#[tokio::test]
async fn events_that_were_there_before_a_target_are_not_its_business() {
    let fixture = Fixture::open().await;
    fixture.push("web", 2).await;
    let db = fixture.deployer.journal.db();
    let late = db.write(|tx| targets::ensure(tx, "late", Timestamp(0)).boxed());
    let late = late.await.unwrap();
    fixture.push("web", 3).await;
    let mut connection = db.read().await.unwrap();
    let events = events::undone(&mut connection, late, 10).await.unwrap();
    let digests: Vec<_> = events.into_iter().map(|event| event.new_digest).collect();
    assert_eq!(digests, [digest(3)]);
}

#[tokio::test]
async fn marks_of_old_events_are_forgotten_up_to_the_first_that_is_not_done() {
    let fixture = Fixture::open().await;
    let db = fixture.deployer.journal.db();
    let late = db.write(|tx| targets::ensure(tx, "late", Timestamp(0)).boxed());
    let late = late.await.unwrap();
    for to in 1..=4 {
        fixture.push("web", to).await;
    }
    let undone = async || {
        let mut connection = db.read().await.unwrap();
        let events = events::undone(&mut connection, late, 10).await.unwrap();
        let sequences = events.into_iter().map(|event| event.sequence);
        sequences.collect::<Vec<_>>()
    };
    let all = undone().await;
    let (second, first, last) = (all[1], all[0], all[3]);
    for done in [first, last] {
        let mark = db.write(move |tx| events::mark(tx, late, done).boxed());
        assert!(mark.await.unwrap());
    }
    let compact = db.write(move |tx| events::compact(tx, late, Timestamp(1)).boxed());
    compact.await.unwrap();
    assert_eq!(undone().await, [second, all[2]]);
    let again = db.write(move |tx| events::mark(tx, late, last).boxed());
    assert!(!again.await.unwrap());
}

#[tokio::test]
async fn a_push_comes_after_what_a_person_has_asked_for() {
    let fixture = Fixture::open().await;
    fixture.engine.add("web", 1, &[OPTED_IN]);
    let db = fixture.deployer.journal.db();
    let target = fixture.deployer.targets["local"].id;
    let asked = db.write(move |tx| {
        async move {
            let new = deployments::New {
                target,
                stack: "shop",
                cause: Cause::Hand,
                requested_by: Some("ann"),
                rolls_back: None,
                due_at: Timestamp(i64::MAX),
            };
            deployments::insert(tx, &new, Timestamp(0)).await
        }
        .boxed()
    });
    let asked = asked.await.unwrap();
    fixture.push("web", 2).await;
    while fixture.engine.observations() == 0 {
        tokio::task::yield_now().await;
    }
    let deployment = fixture.deployment(asked).await.unwrap();
    assert!(deployment.services.is_empty(), "{deployment:?}");
    let cancelled = (State::Queued, State::Cancelled);
    let reason = "enough".to_owned();
    let cancel = fixture.deployer.change(asked, cancelled, reason);
    cancel.await.unwrap();
    fixture.reaches(asked + 1, State::Succeeded).await;
    assert_eq!(fixture.engine.runs("web"), digest(2));
}

#[tokio::test]
async fn what_is_pinned_before_its_deployment_begins_is_left_out() {
    let mut fixture = Fixture::open().await;
    fixture.settings.quiet = Duration::from_secs(2);
    fixture.restart().await;
    fixture.engine.add("web", 1, &[OPTED_IN]);
    fixture.push("web", 2).await;
    fixture.reaches(1, State::Queued).await;
    let target = fixture.deployer.targets["local"].id;
    let pin = fixture.deployer.journal.db().write(move |tx| {
        async move { steering::pin(tx, target, "shop", "web", &digest(1)).await }.boxed()
    });
    pin.await.unwrap();
    let deployment = fixture.reaches(1, State::Superseded).await;
    let reason = deployment.reason.unwrap();
    assert!(reason.starts_with("web: it is pinned to "), "{reason}");
    assert!(fixture.engine.acts().is_empty());
}

#[tokio::test]
async fn one_that_can_not_be_replaced_keeps_no_other_back() {
    let mut fixture = Fixture::open().await;
    fixture.settings.quiet = Duration::from_secs(1);
    fixture.restart().await;
    fixture.engine.add("api", 99, &[OPTED_IN]);
    fixture.engine.add("web", 1, &[OPTED_IN]);
    fixture.push("api", 3).await;
    fixture.push("web", 2).await;
    let deployment = fixture.reaches(1, State::Succeeded).await;
    let api = deployment.services.iter().find(|one| one.service == "api");
    let left_out = api.unwrap().left_out.as_deref();
    assert_eq!(
        left_out,
        Some("it can not be replaced: it shares its network")
    );
    assert_eq!(fixture.engine.runs("web"), digest(2));
    assert_eq!(fixture.engine.runs("api"), digest(99));
}

#[tokio::test]
async fn what_a_target_runs_or_may_go_back_to_is_deleted_by_nobody() {
    let fixture = Fixture::open().await;
    fixture.engine.add("web", 1, &[OPTED_IN]);
    fixture.engine.add("db", 7, &[]);
    fixture.push("web", 2).await;
    fixture.reaches(1, State::Succeeded).await;
    let target = &fixture.deployer.targets["local"];
    fixture.deployer.hold_what_runs(target).await.unwrap();
    let held = fixture.held().await;
    let why = |number| {
        let of = held
            .iter()
            .find(|(held, _)| *held == digest(number).to_string());
        of.map(|(_, reason)| reason.as_str())
    };
    assert_eq!(why(2), Some("shop/web of local runs it"));
    assert_eq!(why(1), Some("shop/web of local may go back to it"));
    assert_eq!(why(7), Some("shop/db of local runs it"));
}

#[tokio::test]
async fn what_is_held_is_in_the_repository_that_a_name_leads_to() {
    let mut fixture = Fixture::open().await;
    fixture.within = Some("hub".parse().unwrap());
    fixture.restart().await;
    fixture.engine.add("web", 1, &[OPTED_IN]);
    fixture.engine.die_at(Some(1));
    fixture.push("web", 2).await;
    fixture.reaches(1, State::Pulling).await;
    assert_eq!(fixture.holding().await, ["hub/shop/web"]);
    let target = &fixture.deployer.targets["local"];
    fixture.deployer.hold_what_runs(target).await.unwrap();
    assert_eq!(fixture.holding().await, ["hub/shop/web"]);
}

#[tokio::test]
async fn what_is_queued_is_held_until_it_has_ended() {
    let mut fixture = Fixture::open().await;
    fixture.settings.quiet = Duration::from_secs(60);
    fixture.restart().await;
    for service in ["api", "web"] {
        fixture.engine.add(service, 1, &[OPTED_IN]);
    }
    let target = Arc::clone(&fixture.deployer.targets["local"]);
    let brought = |number, deployment: i64| {
        let reason = format!("deployment {deployment} brings it to local");
        (digest(number).to_string(), reason)
    };
    fixture.push("web", 2).await;
    let queued = fixture.reaches(1, State::Queued).await;
    assert!(fixture.held().await.contains(&brought(2, 1)));
    fixture.deployer.hold_what_runs(&target).await.unwrap();
    assert!(fixture.held().await.contains(&brought(2, 1)));

    // Its services are those of the one that takes its place, too.
    let change = (queued.state, State::Waiting);
    let waits = fixture.deployer.change(1, change, "it has to".to_owned());
    waits.await.unwrap();
    fixture.push("api", 3).await;
    fixture.reaches(2, State::Queued).await;
    fixture.deployer.hold_what_runs(&target).await.unwrap();
    let held = fixture.held().await;
    assert!(held.contains(&brought(2, 2)), "{held:?}");
    assert!(held.contains(&brought(3, 2)), "{held:?}");
    let change = (State::Queued, State::Cancelled);
    let cancel = fixture.deployer.change(2, change, "enough".to_owned());
    cancel.await.unwrap();
    fixture.lets_go_of(2).await;
    fixture.lets_go_of(3).await;
}

#[tokio::test]
async fn what_ends_while_its_target_is_looked_at_is_held_until_the_next_look() {
    let mut fixture = Fixture::open().await;
    fixture.settings.quiet = Duration::from_secs(60);
    fixture.restart().await;
    fixture.engine.add("web", 1, &[OPTED_IN]);
    fixture.push("web", 2).await;
    fixture.reaches(1, State::Queued).await;
    let target = &fixture.deployer.targets["local"];
    let telling = fixture.engine.telling.lock().await;
    let mut look = pin!(fixture.deployer.hold_what_runs(target));
    assert!(look.as_mut().now_or_never().is_none());
    // Before the look that the deployer has of its own accord.
    let mut next = pin!(fixture.engine.telling.lock());
    assert!(next.as_mut().now_or_never().is_none());
    let change = (State::Queued, State::Cancelled);
    let cancel = fixture.deployer.change(1, change, "enough".to_owned());
    cancel.await.unwrap();
    drop(telling);
    look.await.unwrap();
    assert!(fixture.holds(2).await);
    drop(next.await);
    fixture.lets_go_of(2).await;
}

#[tokio::test]
async fn an_engine_that_was_away_is_looked_at_again_without_being_told() {
    let mut fixture = Fixture::open().await;
    fixture.engine.add("web", 7, &[]);
    fixture.engine.away.store(true, Ordering::SeqCst);
    let before = fixture.engine.observations();
    fixture.restart().await;
    // At the start, and when it has tidied up.
    while fixture.engine.observations() < before + 2 {
        fixture.look();
        tokio::task::yield_now().await;
    }
    fixture.engine.away.store(false, Ordering::SeqCst);
    let held = async {
        while !fixture.holds(7).await {
            fixture.look();
            tokio::task::yield_now().await;
        }
    };
    let held = tokio::time::timeout(Duration::from_secs(20), held);
    held.await.expect("it is looked at");
}
