use http::header::WARNING;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::credential::Credential;
use super::names::BLOB;
use super::world::{Answer, SERVICE, World, admin, digest, empty_index};

/// What of the list of deletions somebody sees: kind and name of each.
async fn deletions(world: &World, by: &Credential) -> Vec<(String, String)> {
    let answer = world.get("/api/v1/deletions", by).await;
    let items = answer.json()["items"].as_array().unwrap().clone();
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    items
        .iter()
        .map(|item| (text(item, "kind"), text(item, "name")))
        .collect()
}

async fn restore_last(world: &World, by: &Credential) -> Answer {
    let answer = world.get("/api/v1/deletions", &admin()).await;
    let id = answer.json()["items"][0]["id"].as_i64().unwrap();
    let path = format!("/deletions/{id}/restore");
    world.api(by, Method::POST, &path, json!({})).await
}

async fn delete(world: &World, by: &Credential, path: &str) {
    world.must(by, Method::DELETE, path, json!({})).await;
}

#[tokio::test]
async fn who_may_delete_sees_what_was_deleted_and_restores_it() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let reader = world.member("shop", "reader", "reader").await;
    let maintainer = world.member("shop", "maint", "maintainer").await;
    world.push(&admin(), "shop/web", "v1").await;
    let image = digest(&empty_index());
    for (path, kind, name) in [
        ("/repositories/shop%2Fweb/tags/v1", "tag", "shop/web:v1"),
        (
            &*format!("/repositories/shop%2Fweb/images/{image}"),
            "image",
            &*format!("shop/web@{image}"),
        ),
        ("/repositories/shop%2Fweb", "repository", "shop/web"),
    ] {
        delete(&world, &maintainer, path).await;
        let gone = world.get("/v2/shop/web/manifests/v1", &admin()).await;
        assert_eq!(gone.status, StatusCode::NOT_FOUND);
        let seen = deletions(&world, &maintainer).await;
        assert_eq!(seen, [(kind.to_owned(), name.to_owned())]);
        assert_eq!(deletions(&world, &reader).await, []);
        let refused = restore_last(&world, &reader).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND);
        let restored = restore_last(&world, &maintainer).await;
        assert_eq!(restored.status, StatusCode::OK, "{}", restored.text());
        let there = world.get("/v2/shop/web/manifests/v1", &admin()).await;
        assert_eq!(there.status, StatusCode::OK);
        assert_eq!(deletions(&world, &maintainer).await, []);
    }
}

#[tokio::test]
async fn a_project_that_was_deleted_lets_nobody_in_until_it_is_restored() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let owner = world.member("shop", "owner", "owner").await;
    let robot = world.robot(&owner, "shop", "ci", json!(["pull"])).await;
    world.push(&admin(), "shop/web", "v1").await;
    let pull = async |by: &Credential| {
        let answer = world.get("/v2/shop/web/manifests/v1", by).await;
        answer.status
    };
    assert_eq!(pull(&robot).await, StatusCode::OK);

    let refused = world.api(&owner, Method::DELETE, "/projects/shop", json!({}));
    assert_eq!(refused.await.status, StatusCode::CONFLICT);
    delete(&world, &owner, "/projects/shop?with_images=true").await;
    assert_eq!(pull(&robot).await, StatusCode::UNAUTHORIZED);
    assert_eq!(pull(&owner).await, StatusCode::UNAUTHORIZED);
    assert_eq!(pull(&admin()).await, StatusCode::NOT_FOUND);
    assert_eq!(deletions(&world, &owner).await, []);

    // The robot of the project of before is not that of a new one, which can have its name.
    world.project("shop").await;
    let new = world.robot(&admin(), "shop", "ci", json!(["pull"])).await;
    assert_eq!(pull(&robot).await, StatusCode::UNAUTHORIZED);
    let refused = restore_last(&world, &admin()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let project = json!({});
    world
        .must(&admin(), Method::DELETE, "/projects/shop", project)
        .await;
    let seen = deletions(&world, &admin()).await;
    assert_eq!(seen.len(), 2);

    let list = world.get("/api/v1/deletions", &admin()).await.json();
    let first = list["items"][1]["id"].as_i64().unwrap();
    let path = format!("/deletions/{first}/restore");
    world.must(&admin(), Method::POST, &path, json!({})).await;
    assert_eq!(pull(&robot).await, StatusCode::OK);
    assert_eq!(pull(&owner).await, StatusCode::OK);
    assert_eq!(pull(&new).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_quota_is_set_by_the_admin_and_refuses_with_its_numbers() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let owner = world.member("shop", "owner", "owner").await;
    let path = "/projects/shop/quota";
    let refused = world.api(&owner, Method::PUT, path, json!({"quota_bytes": 5}));
    assert_eq!(refused.await.status, StatusCode::NOT_FOUND);
    let index = empty_index().len();
    let limit = json!({"quota_bytes": index + BLOB.len()});
    world.must(&admin(), Method::PUT, path, limit).await;

    let pushed = world.push(&owner, "shop/web", "v1").await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    assert!(pushed.header(WARNING).starts_with("299 - "), "nearly full");
    let pushed = world.push_blob(&owner, "shop/web", BLOB).await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    let refused = world.push_blob(&owner, "shop/web", b"one more").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let error = &refused.json()["errors"][0];
    assert_eq!(error["code"], "DENIED");
    let used = index + BLOB.len();
    let detail = json!({"used_bytes": used, "quota_bytes": used, "asked_bytes": 8});
    assert_eq!(error["detail"], detail);
    // What the project has already, wherever in it, takes nothing.
    let again = world.push_blob(&owner, "shop/other", BLOB).await;
    assert_eq!(again.status, StatusCode::CREATED);

    let quota = world
        .get("/api/v1/projects/shop/quota", &owner)
        .await
        .json();
    assert_eq!(quota["used_bytes"], used);
    assert_eq!(quota["short"], true);
    let audit = world.get("/api/v1/audit?project=shop", &owner).await.text();
    assert!(audit.contains("quota.warning") && audit.contains("quota.change"));
}
