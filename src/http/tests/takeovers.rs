//! Ways around a right that somebody has found, and that are closed.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::credential::Credential;
use super::world::{PASSWORD, SERVICE, World, admin};

async fn status(
    world: &World,
    by: &Credential,
    method: Method,
    path: &str,
    document: Value,
) -> u16 {
    world.api(by, method, path, document).await.status.as_u16()
}

#[tokio::test]
async fn a_token_does_not_stand_for_the_password_that_is_to_be_changed() {
    let world = World::open_for(SERVICE).await;
    let alice = world.user("alice").await;
    let everything = json!([{"repositories": "**", "actions": ["*"]}]);
    let token = world.personal_token(&alice, "laptop", everything, Value::Null);
    let token = token.await;
    let Credential::Basic { secret, .. } = &token else {
        panic!("a token stands in place of a password");
    };
    for (current, expected) in [(secret.as_str(), 422), (PASSWORD, 204)] {
        let change = json!({"current_password": current, "new_password": "battery staple"});
        let changed = status(&world, &token, Method::PUT, "/me/password", change).await;
        assert_eq!(changed, expected);
    }
}

#[tokio::test]
async fn a_manager_of_users_does_not_become_one_who_may_more() {
    let world = World::open_for(SERVICE).await;
    let helpdesk = world.user_with("helpdesk", json!(["user.manage"])).await;
    world.user_with("boss", json!(["*"])).await;
    world.user("alice").await;
    let by = &helpdesk;
    for (user, expected) in [("boss", 422), ("admin", 422), ("alice", 200)] {
        let path = format!("/users/{user}/password");
        let reset = status(&world, by, Method::PUT, &path, json!({})).await;
        assert_eq!(reset, expected, "{user}");
    }
    let path = "/users/boss";
    let disabled = status(&world, by, Method::PATCH, path, json!({"disabled": true})).await;
    assert_eq!(disabled, 422);
    assert_eq!(
        status(&world, by, Method::DELETE, path, Value::Null).await,
        422
    );
}

#[tokio::test]
async fn no_project_stands_for_the_whole_installation() {
    let world = World::open_for(SERVICE).await;
    let everything = json!([{"repositories": "**", "actions": ["*"]}]);
    let backup = json!({"name": "backup", "scopes": everything});
    world.must(&admin(), Method::POST, "/robots", backup).await;
    let path = "/projects/robot/robots/backup";
    for (method, path) in [
        (Method::GET, path.to_owned()),
        (Method::POST, format!("{path}/secret")),
        (Method::DELETE, path.to_owned()),
    ] {
        let answer = status(&world, &admin(), method, &path, Value::Null).await;
        assert_eq!(answer, 404, "{path}");
    }
    let made = json!({"name": "robot"});
    let made = status(&world, &admin(), Method::POST, "/projects", made).await;
    assert_eq!(made, 422);
    let pushed = world.push(&admin(), "robot/web", "latest").await;
    assert_eq!(pushed.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_was_done_in_a_project_is_not_told_to_a_later_one_of_its_name() {
    let world = World::open_for(SERVICE).await;
    let maker = world.user_with("maker", json!(["project.create"])).await;
    world.project("gone").await;
    world.member("gone", "alice", "writer").await;
    world
        .must(&admin(), Method::DELETE, "/projects/gone", Value::Null)
        .await;
    world.advance(std::time::Duration::from_secs(1));
    let again = json!({"name": "gone"});
    world.must(&maker, Method::POST, "/projects", again).await;
    let count = async |by: &Credential| {
        let log = world.must(by, Method::GET, "/audit?project=gone", Value::Null);
        log.await["items"].as_array().unwrap().len()
    };
    assert_eq!(count(&maker).await, 1);
    assert!(count(&admin()).await > 3);
}

#[tokio::test]
async fn to_move_a_tag_one_has_to_see_where_it_goes() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    world.push(&admin(), "shop/web", "stable").await;
    let robot = world
        .robot(&admin(), "shop", "blind", json!(["push"]))
        .await;
    let path = "/repositories/shop%2Fweb/tags/stable";
    let target = json!({"reference": "stable"});
    assert_eq!(status(&world, &robot, Method::PUT, path, target).await, 404);
}

#[tokio::test]
async fn a_role_is_taken_only_by_who_has_what_it_gives() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let path = "/projects/shop/roles";
    for (role, actions) in [
        ("settings", json!(["project.manage"])),
        ("pusher", json!(["push"])),
    ] {
        let grants = json!({"grants": [{"repositories": "shop/**", "actions": actions}]});
        world
            .must(&admin(), Method::PUT, &format!("{path}/{role}"), grants)
            .await;
    }
    let manager = world.member("shop", "manager", "settings").await;
    let nothing = json!({"grants": []});
    let emptied = status(
        &world,
        &manager,
        Method::PUT,
        &format!("{path}/pusher"),
        nothing,
    )
    .await;
    assert_eq!(emptied, 422);
}

#[tokio::test]
async fn a_try_for_more_rights_is_in_the_audit_log() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let maintainer = world.member("shop", "bob", "maintainer").await;
    let scopes = json!([{"repositories": "shop/**", "actions": ["member.manage"]}]);
    let robot = json!({"name": "boss", "scopes": scopes});
    let path = "/projects/shop/robots";
    assert_eq!(
        status(&world, &maintainer, Method::POST, path, robot).await,
        422
    );
    let world = world.reopen().await;
    let path = "/audit?actor=bob";
    let log = world.must(&admin(), Method::GET, path, Value::Null).await;
    let items = log["items"].as_array().unwrap();
    let refused = items.iter().find(|item| item["outcome"] == "refused");
    assert_eq!(refused.unwrap()["action"], "robot.create", "{log}");
}
