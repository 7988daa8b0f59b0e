use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::credential::Credential;
use super::names::BLOB;
use super::world::{Answer, Call, SERVICE, World, admin, digest};

const PUSH: &str = "repository:shop/web:pull,push";

async fn mount(world: &World, by: &Credential, from: Option<&str>) -> Answer {
    let from = from.map(|from| format!("&from={from}")).unwrap_or_default();
    let digest = digest(BLOB);
    let path = format!("/v2/shop/web/blobs/uploads/?mount={digest}{from}");
    world.send(&Call::new(Method::POST, path), by).await
}

#[tokio::test]
async fn a_first_push_makes_its_project_for_who_may_and_they_own_it() {
    let world = World::open_for(SERVICE).await;
    let maker = world.user_with("maker", json!(["project.create"])).await;
    let stranger = world.user("stranger").await;
    let scope = "repository:shop/web:pull,push";
    let token = world.bearer(&maker, scope).await;
    let pushed = world.push(&token, "shop/web", "stable").await;
    assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.text());
    let members = world.get("/api/v1/projects/shop/members", &maker).await;
    let owner = json!([{"user": "maker", "roles": ["owner"]}]);
    assert_eq!(members.json()["items"], owner);
    let refused = world.push(&stranger, "shop/web", "stable").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);

    // By an upload too, which has no manifest yet.
    let pushed = world.push_blob(&maker, "store/web", BLOB).await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    let store = world.get("/api/v1/projects/store", &maker).await;
    assert_eq!(store.status, StatusCode::OK);
}

#[tokio::test]
async fn a_push_to_no_project_by_others_is_refused_like_any_other() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let stranger = world.user("stranger").await;
    let maker = world.user_with("maker", json!(["project.create"])).await;
    // A right to push everywhere is none to make projects.
    let pusher = world.user_with("pusher", json!(["push"])).await;
    let scopes = json!([{"repositories": "**", "actions": ["pull", "push"]}]);
    let limited = world.personal_token(&maker, "ci", scopes, Value::Null);
    let limited = limited.await;
    let robot = world
        .robot(&admin(), "shop", "ci", json!(["pull", "push"]))
        .await;
    for who in [&stranger, &limited, &robot, &pusher] {
        let bearer = world.bearer(who, "repository:void/web:pull,push").await;
        for credential in [who, &bearer] {
            let refused = world.push(credential, "void/web", "stable").await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{who:?}");
            assert!(refused.challenge().ends_with("insufficient_scope\""));
        }
    }
    let nobody = world.push(&Credential::Nothing, "void/web", "stable").await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let void = world.get("/api/v1/projects/void", &admin()).await;
    assert_eq!(void.status, StatusCode::NOT_FOUND);
    let pushed = world.push(&pusher, "shop/web", "stable").await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    // The name that stands before robots is no project's.
    let reserved = world.push(&maker, "robot/web", "stable").await;
    assert!(reserved.status.is_client_error(), "{}", reserved.status);
}

#[tokio::test]
async fn a_mount_takes_only_from_where_the_caller_may_pull() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let writer = world.member("shop", "writer", "writer").await;
    let pushed = world.push_blob(&admin(), "store/web", BLOB).await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    let both = "repository:shop/web:pull,push repository:store/web:pull";
    let with_both = world.bearer(&writer, both).await;
    for credential in [&writer, &with_both] {
        for from in [
            Some("store/web"),
            Some("store/void"),
            Some("void/web"),
            None,
        ] {
            let answer = mount(&world, credential, from).await;
            assert_eq!(answer.status, StatusCode::ACCEPTED, "{from:?}");
            assert_eq!(answer.header("range"), "0-0");
        }
    }
    let blob = format!("/v2/shop/web/blobs/{}", digest(BLOB));
    let there = world.get(&blob, &writer).await;
    assert_eq!(there.status, StatusCode::NOT_FOUND);

    world.join("store", "writer", "reader").await;
    let with_push = world.bearer(&writer, PUSH).await;
    for from in [Some("store/web"), None] {
        let answer = mount(&world, &with_push, from).await;
        let message = "the token says nothing of the source";
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{message}");
    }
    let with_both = world.bearer(&writer, both).await;
    let mounted = mount(&world, &with_both, Some("store/web")).await;
    assert_eq!(mounted.status, StatusCode::CREATED);
    let mounted = mount(&world, &writer, None).await;
    assert_eq!(mounted.status, StatusCode::CREATED);
}

#[tokio::test]
async fn an_upload_that_outlives_its_token_can_be_finished_with_it() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let writer = world.member("shop", "writer", "writer").await;
    let token = world.bearer(&writer, PUSH).await;
    let pulls = world.bearer(&writer, "repository:shop/web:pull").await;
    let elsewhere = world.bearer(&writer, "repository:shop/api:pull,push").await;
    let upload = world.open_upload(&token, "shop/web").await;
    let abandoned = world.open_upload(&token, "shop/web").await;
    world.advance(Duration::from_secs(5 * 60 * 60));

    let later = world.open_upload(&writer, "shop/web").await;
    let invalid = |answer: &Answer| {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.challenge().ends_with("error=\"invalid_token\""));
    };
    let octets = "application/octet-stream";
    let append = |path: &str| Call::new(Method::PATCH, path).with_body(octets, BLOB);
    let finish = |path: &str| Call::new(Method::PUT, format!("{path}?digest={}", digest(BLOB)));
    for token in [&pulls, &elsewhere] {
        invalid(&world.send(&append(&upload), token).await);
        invalid(&world.send(&finish(&upload), token).await);
    }
    for call in [
        Call::new(Method::POST, "/v2/shop/web/blobs/uploads/"),
        Call::get("/v2/shop/web/tags/list"),
        append(&later),
        finish(&later),
        Call::get(later),
    ] {
        invalid(&world.send(&call, &token).await);
    }
    invalid(&world.push(&token, "shop/web", "stable").await);
    invalid(&world.push_blob(&token, "shop/web", BLOB).await);
    invalid(&world.get("/token", &token).await);

    let appended = world.send(&append(&upload), &token).await;
    assert_eq!(appended.status, StatusCode::ACCEPTED, "{}", appended.text());
    let stands = world.get(&upload, &token).await;
    assert_eq!(stands.status, StatusCode::NO_CONTENT);
    let finished = world.send(&finish(&upload), &token).await;
    assert_eq!(finished.status, StatusCode::CREATED, "{}", finished.text());
    let cancel = Call::new(Method::DELETE, &abandoned);
    let cancelled = world.send(&cancel, &token).await;
    assert_eq!(cancelled.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_upload_does_not_outlive_the_right_of_its_token() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let writer = world.member("shop", "writer", "writer").await;
    let token = world.bearer(&writer, PUSH).await;
    let upload = world.open_upload(&token, "shop/web").await;
    world.advance(Duration::from_secs(5 * 60 * 60));
    let path = "/projects/shop/members/writer";
    world
        .must(&admin(), Method::DELETE, path, Value::Null)
        .await;
    let append = Call::new(Method::PATCH, upload).with_body("application/octet-stream", BLOB);
    let refused = world.send(&append, &token).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}
