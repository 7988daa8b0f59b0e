use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Connection as _;
use tokio_util::sync::CancellationToken;

use super::super::policy::PolicyText;
use super::super::schedule::UnderWay;
use super::super::snapshot;
use super::super::{Run, RunState};
use super::{Batch, Decision, Progress, Removed, Started};
use crate::audit::Actor;
use crate::auth::Caller;
use crate::fixture::{Fixture, index};
use crate::usage::Pulled;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn numbered(number: usize) -> Value {
    let mut document = index(&[]);
    document["annotations"] = json!({"number": number.to_string()});
    document
}

async fn set_policy(fixture: &Fixture, policy: Value) {
    let policy: PolicyText = serde_json::from_value(policy).unwrap();
    let (by, project) = (Caller::anonymous(None), fixture.repository.project());
    let set = fixture.registry.set_retention(&by, &project, policy).await;
    set.unwrap();
}

fn keep(keep: Value) -> Value {
    let mut whole = json!({"always": false});
    let all = whole.as_object_mut().unwrap();
    all.extend(keep.as_object().unwrap().clone());
    json!({"rules": [{"keep": whole}]})
}

async fn begin(fixture: &Fixture) -> Started {
    let project = fixture.repository.project();
    let begun = fixture
        .registry
        .begin_retention(&Actor::system(), &project)
        .await;
    begun.unwrap()
}

async fn ended(fixture: &Fixture, started: &Started) -> Run {
    let registry = &fixture.registry;
    registry
        .run_to_its_end(started, &CancellationToken::new())
        .await;
    let run = registry.retention_run(&started.project, started.id).await;
    run.unwrap().unwrap()
}

async fn execute(fixture: &Fixture, sql: &str) {
    let mut database = fixture.database().await;
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()))
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
}

async fn tags(fixture: &Fixture) -> Vec<String> {
    let mut database = fixture.database().await;
    let rows: Vec<(String,)> = sqlx::query_as("SELECT name FROM tags ORDER BY name")
        .fetch_all(&mut database)
        .await
        .unwrap();
    rows.into_iter().map(|(name,)| name).collect()
}

/// What is decided and not yet done, while something else happens.
struct Decided {
    fixture: Fixture,
    batch: Batch<(super::TagRow, Decision)>,
    sequence: i64,
}

impl Decided {
    /// Of tags a, b and c, each a day younger than the one before, of which c alone is kept.
    async fn new() -> Self {
        let fixture = Fixture::open().await;
        for (number, tag) in ["a", "b", "c"].into_iter().enumerate() {
            fixture.push_manifest(Some(tag), &numbered(number)).await;
            fixture.clock.advance(DAY);
        }
        set_policy(&fixture, keep(json!({"newest_pushed": 1}))).await;
        let run = begin(&fixture).await;
        let name = fixture.repository.clone();
        let (db, policy) = (&fixture.registry.db, &run.policy);
        let decided = snapshot::tags(db, (1, &name), policy, run.now)
            .await
            .unwrap();
        let sequence = decided.sequence;
        let things = decided.rows.into_iter().zip(decided.decisions);
        let batch = Batch {
            run: run.id,
            repository_id: 1,
            repository: name,
            things: things.filter(|(_, decision)| !decision.keeps()).collect(),
            progress: Progress::default(),
            remover: fixture.registry.rule_remover(),
        };
        Self {
            fixture,
            batch,
            sequence,
        }
    }

    /// The tags that are there afterwards; `None` where it has to be decided again.
    async fn carried_out(self) -> Option<String> {
        let (batch, sequence) = (self.batch, self.sequence);
        let db = &self.fixture.registry.db;
        let outcome = db
            .write(move |tx| Box::pin(batch.remove_tags(tx, sequence)))
            .await;
        match outcome.unwrap() {
            Removed::Done(..) => Some(tags(&self.fixture).await.join(" ")),
            Removed::Outdated => None,
            Removed::Overtaken => Some(format!(
                "overtaken: {}",
                tags(&self.fixture).await.join(" ")
            )),
        }
    }
}

#[tokio::test]
async fn what_happens_between_a_decision_and_its_removal_counts() {
    let decided = Decided::new().await;
    assert_eq!(decided.carried_out().await.as_deref(), Some("c"));

    let decided = Decided::new().await;
    let fixture = &decided.fixture;
    fixture.push_manifest(Some("a"), &numbered(9)).await;
    assert_eq!(decided.carried_out().await.as_deref(), Some("a c"), "moved");

    let decided = Decided::new().await;
    let fixture = &decided.fixture;
    fixture.push_manifest(Some("a"), &numbered(0)).await;
    let left = decided.carried_out().await;
    assert_eq!(left.as_deref(), Some("a c"), "pushed again as it was");

    let decided = Decided::new().await;
    let registry = &decided.fixture.registry;
    let pulled = Pulled::Tag {
        repository_id: 1,
        tag: "b".parse().unwrap(),
    };
    let now = registry.clock.now();
    registry.usage.count(pulled, now).await;
    registry.write_usage().await.unwrap();
    assert_eq!(
        decided.carried_out().await.as_deref(),
        Some("b c"),
        "pulled"
    );

    let decided = Decided::new().await;
    let held = "INSERT INTO held_manifests (holder, repository, digest, reason)
                SELECT 'test', 'a/b', m.digest, '' FROM tags t JOIN manifests m ON m.id = t.manifest_id
                WHERE t.name = 'a'";
    execute(&decided.fixture, held).await;
    assert_eq!(decided.carried_out().await.as_deref(), Some("a c"), "held");

    let decided = Decided::new().await;
    let rule = "INSERT INTO immutable_tags (project_id, repositories, tags, created_by, created_at)
                SELECT id, 'a/**', 'b', '', 0 FROM projects";
    execute(&decided.fixture, rule).await;
    assert_eq!(
        decided.carried_out().await.as_deref(),
        Some("b c"),
        "immutable"
    );

    // The newest is gone, so that b would be it now.
    let decided = Decided::new().await;
    let fixture = &decided.fixture;
    let (newest, actor) = ("c".parse().unwrap(), Actor::system());
    let repository = fixture.repository.clone();
    let deleted = fixture
        .registry
        .delete_manifest(&repository, &newest, &actor)
        .await;
    deleted.unwrap();
    assert_eq!(decided.carried_out().await, None);
}

#[tokio::test]
async fn a_tag_that_is_pushed_while_a_run_removes_it_is_there_at_the_end() {
    let fixture = Fixture::open().await;
    let names: Vec<_> = (100..350).map(|number| format!("v{number}")).collect();
    for name in &names {
        fixture.push_manifest(Some(name), &numbered(0)).await;
    }
    fixture.clock.advance(10 * DAY);
    set_policy(&fixture, keep(json!({"pushed_within_days": 5}))).await;
    let run = begin(&fixture).await;
    let pushes = async {
        // Against the order of the run, so that they meet.
        for name in names.iter().rev() {
            fixture.push_manifest(Some(name), &numbered(1)).await;
        }
    };
    let (run, ()) = tokio::join!(ended(&fixture, &run), pushes);
    assert_eq!(run.state, RunState::Done);
    assert_eq!(tags(&fixture).await, names);
}

#[tokio::test]
async fn more_than_one_transaction_holds_is_removed_and_noted_in_order() {
    let fixture = Fixture::open().await;
    for number in 1000..1250 {
        let tag = format!("v{number}");
        fixture
            .push_manifest(Some(&tag), &numbered(number % 7))
            .await;
        fixture.clock.advance(Duration::from_secs(1));
    }
    set_policy(&fixture, keep(json!({"newest_pushed": 10}))).await;
    let started = begin(&fixture).await;
    let run = ended(&fixture, &started).await;
    assert_eq!(run.state, RunState::Done);
    assert_eq!((run.totals.removed_tags, run.totals.kept_tags), (240, 10));
    assert_eq!(tags(&fixture).await.len(), 10);
    let (registry, project) = (&fixture.registry, &started.project);
    let removals = registry.retention_removals(project, run.id, 0, 1000).await;
    let removals = removals.unwrap().unwrap();
    assert!(
        removals
            .iter()
            .zip(1..)
            .all(|(removal, number)| removal.number == number)
    );
    assert_eq!(removals.len(), 240);
    assert_eq!(removals[0].reason, "rule 1 selects it and does not keep it");
}

#[tokio::test]
async fn a_run_that_is_stopped_is_interrupted_and_made_again_and_one_project_has_one() {
    let fixture = Fixture::open().await;
    for (number, tag) in ["a", "b"].into_iter().enumerate() {
        fixture.push_manifest(Some(tag), &numbered(number)).await;
        fixture.clock.advance(DAY);
    }
    set_policy(&fixture, keep(json!({"newest_pushed": 1}))).await;
    let (registry, project) = (&fixture.registry, &fixture.repository.project());
    let started = begin(&fixture).await;
    assert!(
        registry
            .begin_retention(&Actor::system(), project)
            .await
            .is_err(),
        "one runs"
    );
    let stopped = CancellationToken::new();
    stopped.cancel();
    registry.run_to_its_end(&started, &stopped).await;
    assert_eq!(tags(&fixture).await, ["a", "b"]);
    assert!(registry.claim_due().await.unwrap().is_none(), "one runs");

    // As the next start does.
    registry.interrupt_retention().await.unwrap();
    let run = registry.retention_run(project, started.id).await.unwrap();
    assert_eq!(run.unwrap().state, RunState::Interrupted);
    let again = registry.claim_due().await.unwrap().expect("it is due");
    assert_eq!(ended(&fixture, &again).await.state, RunState::Done);
    assert_eq!(tags(&fixture).await, ["b"]);
    assert!(
        registry.claim_due().await.unwrap().is_none(),
        "by hand only"
    );
}

#[tokio::test]
async fn a_policy_runs_as_often_as_it_says() {
    let fixture = Fixture::open().await;
    fixture.push_manifest(Some("a"), &numbered(0)).await;
    let mut policy = keep(json!({"newest_pushed": 1}));
    policy["every_hours"] = json!(6);
    set_policy(&fixture, policy.clone()).await;
    let registry = &fixture.registry;
    let hour = Duration::from_secs(60 * 60);
    assert!(registry.claim_due().await.unwrap().is_none());
    fixture.clock.advance(5 * hour);
    // Set once more, it is due when it was.
    set_policy(&fixture, policy).await;
    assert!(registry.claim_due().await.unwrap().is_none());
    fixture.clock.advance(hour);
    let run = registry.claim_due().await.unwrap().expect("it is due");
    assert!(registry.claim_due().await.unwrap().is_none());
    ended(&fixture, &run).await;
    assert!(registry.claim_due().await.unwrap().is_none());
    fixture.clock.advance(6 * hour);
    assert!(registry.claim_due().await.unwrap().is_some());
}

#[tokio::test]
async fn signatures_of_images_that_stay_stay_and_those_of_others_follow_them() {
    let fixture = Fixture::open().await;
    let mut signatures = Vec::new();
    for (number, tag) in ["a", "b", "c"].into_iter().enumerate() {
        let digest = fixture.push_manifest(Some(tag), &numbered(number)).await;
        let signature = format!("sha256-{}.sig", digest.hex());
        let document = numbered(10 + number);
        fixture.push_manifest(Some(&signature), &document).await;
        signatures.push(signature);
        fixture.clock.advance(Duration::from_secs(60));
    }
    let mut policy = keep(json!({"newest_pushed": 2}));
    policy["untagged_after_days"] = json!(1);
    set_policy(&fixture, policy).await;
    let names = |tagged: &[&str], signed: &[String]| {
        let tagged = tagged.iter().map(|&tag| tag.to_owned());
        let mut names: Vec<String> = tagged.chain(signed.iter().cloned()).collect();
        names.sort();
        names
    };
    let run = begin(&fixture).await;
    assert_eq!(ended(&fixture, &run).await.totals.removed_tags, 1);
    assert_eq!(tags(&fixture).await, names(&["b", "c"], &signatures));

    // Its image goes, and then the signature.
    fixture.clock.advance(2 * DAY);
    let run = begin(&fixture).await;
    assert_eq!(ended(&fixture, &run).await.totals.removed_manifests, 1);
    let run = begin(&fixture).await;
    let run = ended(&fixture, &run).await;
    assert_eq!((run.totals.removed_tags, run.totals.kept_tags), (1, 4));
    assert_eq!(tags(&fixture).await, names(&["b", "c"], &signatures[1..]));
}

#[tokio::test]
async fn a_project_that_is_made_again_has_no_runs_of_the_one_before() {
    let fixture = Fixture::open().await;
    fixture.push_manifest(Some("a"), &numbered(0)).await;
    set_policy(&fixture, keep(json!({"newest_pushed": 1}))).await;
    let run = begin(&fixture).await;
    ended(&fixture, &run).await;
    let (registry, project) = (&fixture.registry, &fixture.repository.project());
    let by = Caller::anonymous(None);
    registry.delete_project(&by, project, true).await.unwrap();
    fixture.push_manifest(Some("a"), &numbered(0)).await;
    let runs = registry.retention_runs(project, None, 10).await.unwrap();
    assert!(runs.is_empty(), "{runs:?}");
    let found = registry.retention_run(project, run.id).await.unwrap();
    assert!(found.is_none(), "{found:?}");
}

#[tokio::test]
async fn the_history_has_an_end() {
    let fixture = Fixture::open().await;
    fixture.push_manifest(Some("a"), &numbered(0)).await;
    set_policy(&fixture, keep(json!({"newest_pushed": 1}))).await;
    let first = begin(&fixture).await;
    ended(&fixture, &first).await;
    let ids = async || -> Vec<i64> {
        let project = fixture.repository.project();
        let runs = fixture.registry.retention_runs(&project, None, 2000).await;
        runs.unwrap().into_iter().map(|run| run.id).collect()
    };
    fixture.clock.advance(90 * DAY);
    let second = begin(&fixture).await;
    ended(&fixture, &second).await;
    assert_eq!(ids().await, [second.id, first.id]);
    fixture.clock.advance(DAY);
    let third = begin(&fixture).await;
    ended(&fixture, &third).await;
    assert_eq!(ids().await, [third.id, second.id], "older than 90 days");

    execute(
        &fixture,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
         INSERT INTO retention_runs (project_id, policy, state, started_at)
         SELECT r.project_id, '', 'done', r.started_at FROM n, (SELECT * FROM retention_runs LIMIT 1) r",
    )
    .await;
    let last = begin(&fixture).await;
    ended(&fixture, &last).await;
    let kept = ids().await;
    assert_eq!((kept.len(), kept[0]), (1000, last.id));
}

#[tokio::test]
async fn a_run_follows_its_policy_only_while_it_is_that_of_the_project() {
    let by = Caller::anonymous(None);
    let untouched = Some("overtaken: a b c");

    let decided = Decided::new().await;
    set_policy(&decided.fixture, keep(json!({"newest_pushed": 2}))).await;
    assert_eq!(decided.carried_out().await.as_deref(), untouched, "changed");

    let decided = Decided::new().await;
    let project = decided.fixture.repository.project();
    let registry = &decided.fixture.registry;
    registry.delete_retention(&by, &project).await.unwrap();
    assert_eq!(decided.carried_out().await.as_deref(), untouched, "removed");

    // The same project with the same policy, and another one of its name.
    let decided = Decided::new().await;
    let fixture = &decided.fixture;
    let deleted = fixture.registry.delete_project(&by, &project, true).await;
    deleted.unwrap();
    for (number, tag) in ["a", "b", "c"].into_iter().enumerate() {
        fixture.push_manifest(Some(tag), &numbered(number)).await;
    }
    set_policy(fixture, keep(json!({"newest_pushed": 1}))).await;
    let all = Some("overtaken: a a b b c c");
    assert_eq!(decided.carried_out().await.as_deref(), all, "made again");
}

#[tokio::test]
async fn a_run_whose_policy_was_removed_is_interrupted_and_not_made_again() {
    let fixture = Fixture::open().await;
    for number in 0..2 {
        let document = numbered(number);
        fixture.push_manifest(Some("a"), &document).await;
    }
    fixture.clock.advance(2 * DAY);
    set_policy(&fixture, json!({"rules": [], "untagged_after_days": 1})).await;
    let run = begin(&fixture).await;
    let (registry, project) = (&fixture.registry, &fixture.repository.project());
    let by = Caller::anonymous(None);
    registry.delete_retention(&by, project).await.unwrap();
    let run = ended(&fixture, &run).await;
    assert_eq!(run.state, RunState::Interrupted);
    assert_eq!(run.totals.removed_manifests, 0);
    assert!(run.error.is_some());
    assert!(registry.claim_due().await.unwrap().is_none());
}

#[tokio::test]
async fn a_run_that_no_task_has_is_ended_and_the_project_can_have_another() {
    let fixture = Fixture::open().await;
    fixture.push_manifest(Some("a"), &numbered(0)).await;
    set_policy(&fixture, keep(json!({"newest_pushed": 1}))).await;
    let (registry, lost) = (&fixture.registry, begin(&fixture).await);
    let state = async || {
        let run = registry.retention_run(&lost.project, lost.id).await;
        run.unwrap().unwrap().state
    };
    let (mut under_way, going_on) = (UnderWay::default(), CancellationToken::new());
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    under_way.spawn(lost.id, async move {
        ended.await.expect("the task panics when its time has come");
    });
    fixture.clock.advance(DAY);
    registry.fail_lost(&under_way, &going_on).await.unwrap();
    assert_eq!(state().await, RunState::Running);

    drop(end);
    assert!(under_way.ended().await);
    registry.fail_lost(&under_way, &going_on).await.unwrap();
    assert_eq!(state().await, RunState::Failed);

    // One that has just begun may not have its task yet.
    let young = begin(&fixture).await;
    registry.fail_lost(&under_way, &going_on).await.unwrap();
    let run = registry.retention_run(&young.project, young.id).await;
    assert_eq!(run.unwrap().unwrap().state, RunState::Running);
}

#[tokio::test]
async fn a_policy_that_can_not_be_read_stops_that_of_no_other_project() {
    let mut fixture = Fixture::open().await;
    let mut policy = keep(json!({"newest_pushed": 1}));
    policy["every_hours"] = json!(1);
    for name in ["a/b", "b/b"] {
        fixture.repository = name.parse().unwrap();
        fixture.push_manifest(Some("a"), &numbered(0)).await;
        set_policy(&fixture, policy.clone()).await;
        fixture.clock.advance(Duration::from_secs(1));
    }
    let broken = "UPDATE retention_policies SET policy = '{\"rules\": 1}'
                  WHERE project_id = (SELECT id FROM projects WHERE name = 'a')";
    execute(&fixture, broken).await;
    fixture.clock.advance(DAY);
    let registry = &fixture.registry;
    let run = registry.claim_due().await.unwrap().expect("one is due");
    assert_eq!(run.project.as_str(), "b");
    let runs = registry
        .retention_runs(&"a".parse().unwrap(), None, 10)
        .await;
    let runs = runs.unwrap();
    assert_eq!((runs.len(), runs[0].state), (1, RunState::Failed));
    assert!(runs[0].error.as_deref().unwrap().contains("policy"));
    assert!(registry.claim_due().await.unwrap().is_none(), "not at once");
}

#[tokio::test]
async fn what_is_restored_has_all_its_time_before_retention_takes_it() {
    let fixture = Fixture::open().await;
    fixture.push_manifest(None, &numbered(0)).await;
    let mut policy = keep(json!({"newest_pushed": 1}));
    policy["untagged_after_days"] = json!(1);
    policy["every_hours"] = json!(24 * 7);
    set_policy(&fixture, policy).await;
    let (registry, project) = (&fixture.registry, &fixture.repository.project());
    let by = Caller::anonymous(None);
    // Within the time in which it can be taken back all of that is over.
    fixture.clock.advance(7 * DAY - Duration::from_secs(60));
    registry.delete_project(&by, project, true).await.unwrap();
    fixture.clock.advance(Duration::from_secs(120));
    registry.restore(1, &Actor::system()).await.unwrap();
    assert!(registry.claim_due().await.unwrap().is_none());
    let run = begin(&fixture).await;
    assert_eq!(ended(&fixture, &run).await.totals.removed_manifests, 0);
    fixture.clock.advance(7 * DAY);
    let run = registry.claim_due().await.unwrap().expect("it is due");
    assert_eq!(ended(&fixture, &run).await.totals.removed_manifests, 1);
}
