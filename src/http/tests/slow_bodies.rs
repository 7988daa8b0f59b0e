use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::names::BLOB;
use super::world::{Call, INDEX, SERVICE, World, admin, digest, empty_index};

fn put_manifest(repository: &str) -> Call {
    let path = format!("/v2/{repository}/manifests/latest");
    Call::new(Method::PUT, path).with_body(INDEX, empty_index())
}

async fn tags(world: &World, repository: &str) -> StatusCode {
    let path = format!("/v2/{repository}/manifests/latest");
    world.get(&path, &admin()).await.status
}

#[tokio::test]
async fn a_right_that_goes_while_a_body_comes_is_gone() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let writer = world.member("shop", "writer", "writer").await;
    let bearer = world.bearer(&writer, "repository:shop/web:pull,push").await;
    let upload = Call::new(
        Method::POST,
        format!("/v2/shop/web/blobs/uploads/?digest={}", digest(BLOB)),
    )
    .with_body("application/octet-stream", BLOB);
    for call in [put_manifest("shop/web"), upload] {
        for credential in [&writer, &bearer] {
            let path = "/projects/shop/members/writer";
            let removed = async {
                world
                    .must(&admin(), Method::DELETE, path, Value::Null)
                    .await;
            };
            let answer = world.send_slowly(&call, credential, removed).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
            assert_eq!(tags(&world, "shop/web").await, StatusCode::NOT_FOUND);
            world.join("shop", "writer", "writer").await;
        }
    }
    let disabled = async {
        let disabled = json!({"disabled": true});
        world
            .must(&admin(), Method::PATCH, "/users/writer", disabled)
            .await;
    };
    let call = put_manifest("shop/web");
    let answer = world.send_slowly(&call, &writer, disabled).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_first_push_makes_its_project_or_goes_to_none() {
    let world = World::open_for(SERVICE).await;
    let maker = world.user_with("maker", json!(["project.create"])).await;
    let call = put_manifest("shop/web");
    let made = async { world.project("shop").await };
    let answer = world.send_slowly(&call, &maker, made).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
    assert_eq!(tags(&world, "shop/web").await, StatusCode::NOT_FOUND);

    // Another push of the same maker makes it meanwhile.
    let call = put_manifest("store/web");
    let made = async {
        let pushed = world.push(&maker, "store/web", "other").await;
        assert_eq!(pushed.status, StatusCode::CREATED);
    };
    let answer = world.send_slowly(&call, &maker, made).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(tags(&world, "store/web").await, StatusCode::OK);
}
