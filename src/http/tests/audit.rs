use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::credential::Credential;
use super::world::{Call, SERVICE, World, admin, digest, empty_index};

/// The log, oldest first, after what is still in memory was written.
async fn log(world: World) -> Vec<Value> {
    let world = world.reopen().await;
    let path = "/audit?limit=1000";
    let list = world.must(&admin(), Method::GET, path, Value::Null).await;
    let mut entries = list["items"].as_array().unwrap().clone();
    entries.reverse();
    entries
}

/// The entries of this actor, as action, subject, outcome and count.
fn of(log: &[Value], actor: &str) -> Vec<(String, String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    log.iter()
        .filter(|entry| entry["actor"] == actor)
        .map(|entry| {
            let (action, subject) = (text(&entry["action"]), text(&entry["subject"]));
            let outcome = text(&entry["outcome"]);
            (action, subject, outcome, entry["count"].as_u64().unwrap())
        })
        .collect()
}

fn entry(action: &str, subject: &str, outcome: &str) -> (String, String, String, u64) {
    (action.to_owned(), subject.to_owned(), outcome.to_owned(), 1)
}

#[tokio::test]
async fn pushes_deletions_changes_and_sign_ins_are_in_the_audit_log() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let owner = world.member("shop", "owner", "owner").await;
    let pushed = world.push(&owner, "shop/web", "stable").await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    let path = "/repositories/shop%2Fweb/tags/old";
    let target = json!({"reference": "stable"});
    world.must(&owner, Method::PUT, path, target).await;
    world.must(&owner, Method::DELETE, path, Value::Null).await;
    world.push_blob(&owner, "shop/web", b"a blob").await;
    let (digest, image) = (digest(b"a blob"), digest(&empty_index()));
    let blob = format!("/v2/shop/web/blobs/{digest}");
    let deleted = Call::new(Method::DELETE, blob);
    let deleted = world.send(&deleted, &owner).await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED);
    let public = json!({"public": true});
    let path = "/projects/shop";
    world.must(&owner, Method::PATCH, path, public).await;
    world.robot(&owner, "shop", "ci", json!(["pull"])).await;
    world.bearer(&owner, "repository:shop/web:pull").await;

    let log = log(world).await;
    let of_owner = of(&log, "owner");
    for expected in [
        entry("manifest.push", &format!("shop/web@{image}"), "done"),
        entry("tag.move", "shop/web:old", "done"),
        entry("tag.delete", "shop/web:old", "done"),
        entry("blob.delete", &format!("shop/web@{digest}"), "done"),
        entry("project.change", "shop", "done"),
        entry("robot.create", "shop+ci", "done"),
        entry("sign_in", "", "done"),
    ] {
        assert!(of_owner.contains(&expected), "{expected:?}: {of_owner:?}");
    }
    let of_admin = of(&log, "admin");
    for expected in [
        entry("project.create", "shop", "done"),
        entry("user.create", "owner", "done"),
        entry("member.set", "owner", "done"),
    ] {
        assert!(of_admin.contains(&expected), "{expected:?}: {of_admin:?}");
    }
    assert_eq!(of(&log, "berth"), [entry("user.create", "admin", "done")]);
    let push = log.iter().find(|entry| entry["action"] == "manifest.push");
    let push = push.unwrap();
    assert_eq!(push["actor_kind"], "user");
    assert_eq!(push["address"], "192.0.2.1");
    assert_eq!(push["project"], "shop");
    assert_eq!(push["detail"], "stable");
}

#[tokio::test]
async fn refusals_and_wrong_passwords_are_in_the_audit_log_and_requests_of_nobody_are_not() {
    let world = World::open_for(SERVICE).await;
    world.push(&admin(), "shop/web", "stable").await;
    let stranger = world.user("stranger").await;
    let wrong = Credential::basic("stranger", "not the one");
    let unknown = Credential::basic("mallory", "not the one");
    let manifest = "/v2/shop/web/manifests/stable";
    for credential in [&stranger, &wrong, &unknown, &Credential::Nothing] {
        let answer = world.get(manifest, credential).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let paths = ["/api/v1/projects/shop/members", "/api/v1/audit", "/metrics"];
    for path in paths {
        world.get(path, &stranger).await;
        world.get(path, &Credential::Nothing).await;
    }
    world.push(&stranger, "void/web", "stable").await;
    world.get("/token", &Credential::Nothing).await;

    let log = log(world).await;
    let of_stranger = of(&log, "stranger");
    for expected in [
        entry("sign_in", "", "done"),
        entry("pull", "shop/web", "refused"),
        entry("push", "void/web", "refused"),
        entry("member.manage", "", "refused"),
        entry("audit.read", "", "refused"),
        entry("metrics.read", "", "refused"),
        entry("sign_in", "", "wrong_password"),
    ] {
        assert!(
            of_stranger.contains(&expected),
            "{expected:?}: {of_stranger:?}"
        );
    }
    let of_mallory = of(&log, "mallory");
    assert_eq!(of_mallory, [entry("sign_in", "", "wrong_password")]);
    let failed = log
        .iter()
        .filter(|entry| entry["outcome"] == "wrong_password");
    for entry in failed {
        assert_eq!(entry["actor_kind"], "unknown");
    }
    let known = ["admin", "berth", "stranger", "mallory"];
    for entry in &log {
        let actor = entry["actor"].as_str().unwrap();
        assert!(known.contains(&actor), "{entry}");
    }
}

#[tokio::test]
async fn repeats_in_a_minute_are_one_row_of_the_audit_log_with_a_count() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let reader = world.member("shop", "reader", "reader").await;
    world.push(&admin(), "shop/web", "stable").await;
    for _ in 0..5 {
        world.push(&reader, "shop/web", "stable").await;
        world.push(&admin(), "shop/web", "stable").await;
    }
    world.advance(Duration::from_secs(60));
    for _ in 0..2 {
        world.push(&reader, "shop/web", "stable").await;
    }
    let log = log(world).await;
    let counts = |actor: &str, action: &str| {
        let entries = of(&log, actor).into_iter();
        let entries = entries.filter(|entry| entry.0 == action);
        entries.map(|entry| entry.3).collect::<Vec<_>>()
    };
    assert_eq!(counts("reader", "push"), [5, 2]);
    assert_eq!(counts("admin", "manifest.push"), [6]);
}

#[tokio::test]
async fn the_audit_log_is_asked_for_one_action_and_read_page_by_page() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let owner = world.member("shop", "owner", "owner").await;
    for tag in ["1.0", "1.1", "1.2"] {
        world.push(&owner, "shop/web", tag).await;
        let path = format!("/repositories/shop%2Fweb/tags/{tag}");
        world.must(&owner, Method::DELETE, &path, Value::Null).await;
    }
    let mut found = Vec::new();
    let mut path = "/audit?action=tag.delete&project=shop&limit=2".to_owned();
    loop {
        let page = world.must(&owner, Method::GET, &path, Value::Null).await;
        found.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/audit?action=tag.delete&project=shop&limit=2&cursor={next}");
    }
    let expected = ["1.2", "1.1", "1.0"];
    let expected = expected.map(|tag| entry("tag.delete", &format!("shop/web:{tag}"), "done"));
    assert_eq!(of(&found, "owner"), expected);
    assert_eq!(found.len(), 3, "{found:?}");
    let path = "/audit?action=nothing.known";
    let none = world.must(&admin(), Method::GET, path, Value::Null).await;
    assert_eq!(none["items"], json!([]));
}
