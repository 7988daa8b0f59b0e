use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::credential::Credential;
use super::world::{Answer, PASSWORD, SERVICE, World, admin};

const PULL: &str = "repository:shop/web:pull,push,delete";

async fn with_image() -> World {
    let world = World::open_for(SERVICE).await;
    let pushed = world.push(&admin(), "shop/web", "stable").await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    world
}

async fn pulls(world: &World, by: &Credential) -> bool {
    let answer = world.get("/v2/shop/web/manifests/stable", by).await;
    match answer.status {
        StatusCode::OK => true,
        StatusCode::UNAUTHORIZED => false,
        status => panic!("{status}: {}", answer.text()),
    }
}

async fn refresh(world: &World, token: &str) -> Answer {
    let form = format!("grant_type=refresh_token&refresh_token={token}&scope={PULL}");
    world.token_form(&form).await
}

/// All that were good, and end at once with what is done.
async fn end_with(
    world: &World,
    credentials: &[&Credential],
    method: Method,
    path: &str,
    document: Value,
) {
    for credential in credentials {
        assert!(pulls(world, credential).await, "{credential:?}");
    }
    world.must(&admin(), method, path, document).await;
    for credential in credentials {
        assert!(!pulls(world, credential).await, "{credential:?}");
    }
}

#[tokio::test]
async fn a_disabled_user_is_refused_at_once_with_all_credentials() {
    let world = with_image().await;
    let user = world.member("shop", "alice", "owner").await;
    let all = json!([{"repositories": "**", "actions": ["*"]}]);
    let personal = world.personal_token(&user, "all", all, Value::Null).await;
    let token = world.bearer(&user, PULL).await;
    let of_personal = world.bearer(&personal, PULL).await;
    let refreshing = world.refresh_token("alice").await;
    let all = [&user, &personal, &token, &of_personal];
    let disabled = json!({"disabled": true});
    end_with(&world, &all, Method::PATCH, "/users/alice", disabled).await;
    let refused = refresh(&world, &refreshing).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    for credential in all {
        let me = world.get("/api/v1/me", credential).await;
        assert_eq!(me.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_removed_user_is_refused_at_once_and_one_of_the_same_name_has_nothing_of_theirs() {
    let world = with_image().await;
    let user = world.member("shop", "alice", "owner").await;
    let token = world.bearer(&user, PULL).await;
    let both = [&user, &token];
    end_with(&world, &both, Method::DELETE, "/users/alice", Value::Null).await;
    let user = world.user("alice").await;
    assert!(!pulls(&world, &user).await);
    assert!(!pulls(&world, &token).await);
    let me = world.get("/api/v1/me", &token).await;
    assert_eq!(me.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_changed_password_ends_the_old_one_and_its_tokens() {
    let world = with_image().await;
    let user = world.member("shop", "alice", "owner").await;
    let token = world.bearer(&user, PULL).await;
    assert!(pulls(&world, &user).await && pulls(&world, &token).await);
    let new = "another horse";
    let change = json!({"current_password": PASSWORD, "new_password": new});
    world.must(&user, Method::PUT, "/me/password", change).await;
    assert!(!pulls(&world, &user).await);
    assert!(!pulls(&world, &token).await);
    let user = Credential::basic("alice", new);
    assert!(pulls(&world, &user).await);

    let token = world.bearer(&user, PULL).await;
    let reset = json!({"password": "a third horse"});
    let both = [&user, &token];
    end_with(&world, &both, Method::PUT, "/users/alice/password", reset).await;
}

#[tokio::test]
async fn refresh_tokens_end_with_the_password() {
    let world = with_image().await;
    world.member("shop", "alice", "owner").await;
    let refreshing = world.refresh_token("alice").await;
    let answer = refresh(&world, &refreshing).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert!(pulls(&world, &Credential::Bearer(token)).await);
    let as_token = Credential::Bearer(refreshing.clone());
    assert!(!pulls(&world, &as_token).await, "it opens nothing itself");

    let path = "/users/alice/password";
    world.must(&admin(), Method::PUT, path, json!({})).await;
    let refused = refresh(&world, &refreshing).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.challenge().ends_with("error=\"invalid_token\""));
}

#[tokio::test]
async fn a_deleted_personal_token_is_refused_at_once() {
    let world = with_image().await;
    let user = world.member("shop", "alice", "owner").await;
    let all = json!([{"repositories": "**", "actions": ["*"]}]);
    let personal = world.personal_token(&user, "ci", all, Value::Null).await;
    let token = world.bearer(&personal, PULL).await;
    let path = "/users/alice/tokens/ci";
    let both = [&personal, &token];
    end_with(&world, &both, Method::DELETE, path, Value::Null).await;
    assert!(pulls(&world, &user).await);
}

#[tokio::test]
async fn a_renewed_a_disabled_and_a_removed_robot_is_refused_at_once() {
    let world = with_image().await;
    let robots = "/projects/shop/robots";
    for (name, method, path, document) in [
        ("a", Method::POST, format!("{robots}/a/secret"), Value::Null),
        (
            "b",
            Method::PATCH,
            format!("{robots}/b"),
            json!({"disabled": true}),
        ),
        ("c", Method::DELETE, format!("{robots}/c"), Value::Null),
        (
            "d",
            Method::PATCH,
            format!("{robots}/d"),
            json!({"scopes": [{"repositories": "shop/api", "actions": ["pull"]}]}),
        ),
    ] {
        let robot = world.robot(&admin(), "shop", name, json!(["pull"])).await;
        let token = world.bearer(&robot, PULL).await;
        end_with(&world, &[&robot, &token], method, &path, document).await;
    }
}

#[tokio::test]
async fn a_personal_token_and_a_robot_that_expire_end_the_tokens_made_with_them() {
    let world = with_image().await;
    let user = world.member("shop", "alice", "owner").await;
    let scopes = json!([{"repositories": "shop/**", "actions": ["pull"]}]);
    // Five minutes from now, and an access token lives for an hour.
    let soon = json!("2023-11-14T22:18:20Z");
    let personal = world.personal_token(&user, "ci", scopes.clone(), soon.clone());
    let personal = personal.await;
    let new = json!({"name": "ci", "scopes": scopes, "expires_at": soon});
    let path = "/projects/shop/robots";
    let made = world.must(&user, Method::POST, path, new).await;
    let robot = Credential::basic("shop+ci", made["secret"].as_str().unwrap());
    let of_personal = world.bearer(&personal, PULL).await;
    let of_robot = world.bearer(&robot, PULL).await;
    let all = [&personal, &robot, &of_personal, &of_robot];
    for credential in all {
        assert!(pulls(&world, credential).await, "{credential:?}");
    }
    world.advance(Duration::from_secs(5 * 60));
    for credential in all {
        assert!(!pulls(&world, credential).await, "{credential:?}");
    }
}

#[tokio::test]
async fn a_robot_ends_with_its_project() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let robot = world.robot(&admin(), "shop", "ci", json!(["pull"])).await;
    let token = world.bearer(&robot, PULL).await;
    let path = "/projects/shop";
    world
        .must(&admin(), Method::DELETE, path, Value::Null)
        .await;
    let pushed = world.push(&admin(), "shop/web", "stable").await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    assert!(!pulls(&world, &robot).await);
    assert!(!pulls(&world, &token).await);
}

#[tokio::test]
async fn a_member_who_is_removed_is_refused_at_once() {
    let world = with_image().await;
    let user = world.member("shop", "alice", "owner").await;
    let token = world.bearer(&user, PULL).await;
    let path = "/projects/shop/members/alice";
    let both = [&user, &token];
    end_with(&world, &both, Method::DELETE, path, Value::Null).await;
}

#[tokio::test]
async fn users_see_and_end_their_own_tokens_and_nobody_makes_one_for_another() {
    let world = with_image().await;
    let alice = world.user("alice").await;
    let mallory = world.user_with("mallory", json!(["user.manage"])).await;
    let all = json!([{"repositories": "**", "actions": ["pull"]}]);
    world.personal_token(&alice, "ci", all, Value::Null).await;
    let path = "/users/alice/tokens";
    let list = world.must(&alice, Method::GET, path, Value::Null).await;
    assert_eq!(list["items"][0]["name"], "ci");
    assert_eq!(list["items"][0]["secret"], Value::Null);
    for by in [&mallory, &admin()] {
        let new = json!({"name": "mine"});
        let made = world.api(by, Method::POST, path, new).await;
        assert_eq!(made.status, StatusCode::NOT_FOUND);
    }
    let path = "/users/alice/tokens/ci";
    world.must(&alice, Method::DELETE, path, Value::Null).await;
}
