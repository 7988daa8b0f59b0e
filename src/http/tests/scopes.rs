use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::credential::{Credential, claims};
use super::examples::{VARIANTS, call_of, endpoint};
use super::names::{BLOB, Names};
use super::world::{PASSWORD, SERVICE, World, admin, digest, empty_index};

/// A world with images in these repositories, whose projects are there.
async fn with_images(repositories: &[&str]) -> World {
    let world = World::open_for(SERVICE).await;
    for repository in repositories {
        let pushed = world.push(&admin(), repository, "stable").await;
        assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.text());
    }
    world
}

async fn pull(world: &World, by: &Credential, repository: &str) -> StatusCode {
    let path = format!("/v2/{repository}/manifests/stable");
    world.get(&path, by).await.status
}

async fn project_names(world: &World, by: &Credential) -> Vec<String> {
    let list = world.must(by, Method::GET, "/projects", Value::Null).await;
    let name = |project: &Value| project["name"].as_str().unwrap().to_owned();
    list["items"].as_array().unwrap().iter().map(name).collect()
}

fn strings(value: &Value) -> Vec<&str> {
    let items = value.as_array().unwrap().iter();
    items.map(|item| item.as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_personal_token_never_has_more_than_its_scopes() {
    let world = with_images(&["shop/web", "shop/api", "store/web"]).await;
    let owner = world.member("shop", "owner", "owner").await;
    world.join("store", "owner", "owner").await;
    let scopes = json!([{"repositories": "shop/web", "actions": ["pull"]}]);
    let token = world.personal_token(&owner, "web", scopes, Value::Null);
    let token = token.await;
    let Credential::Basic { secret, .. } = &token else {
        panic!("a personal token stands in place of a password");
    };
    let in_header = Credential::Bearer(secret.clone());
    let scope = "repository:shop/web:pull,push,delete repository:shop/api:pull";
    let bearer = world.bearer(&token, scope).await;
    for credential in [&token, &in_header, &bearer] {
        assert_eq!(pull(&world, credential, "shop/web").await, StatusCode::OK);
        let not_in_scope = pull(&world, credential, "shop/api").await;
        assert_eq!(not_in_scope, StatusCode::UNAUTHORIZED);
        let pushed = world.push(credential, "shop/web", "stable").await;
        assert_eq!(pushed.status, StatusCode::UNAUTHORIZED);
        for (method, path) in [
            (Method::GET, "/projects/shop/members"),
            (Method::GET, "/projects/shop/robots"),
            (Method::DELETE, "/projects/shop"),
            (Method::GET, "/audit?project=shop"),
            (Method::GET, "/users/owner"),
            (Method::GET, "/users/owner/tokens"),
            (Method::DELETE, "/users/owner/tokens/web"),
            (Method::GET, "/repositories/shop%2Fapi"),
            (Method::GET, "/projects/store"),
        ] {
            let answer = world.api(credential, method.clone(), path, Value::Null);
            let status = answer.await.status;
            assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}");
        }
    }
    for credential in [&token, &in_header] {
        assert_eq!(project_names(&world, credential).await, ["shop"]);
    }
    // It was given for a repository, not for a look around.
    assert!(project_names(&world, &bearer).await.is_empty());
    let all = world.get("/api/v1/repositories", &token).await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1, "{all}");

    let more = json!({"name": "more", "scopes": [{"repositories": "**", "actions": ["*"]}]});
    let path = "/users/owner/tokens";
    let made = world.api(&token, Method::POST, path, more).await;
    assert_eq!(made.status, StatusCode::NOT_FOUND, "{}", made.text());
    let change = json!({"current_password": PASSWORD, "new_password": "something else"});
    let changed = world.api(&token, Method::PUT, "/me/password", change).await;
    assert_eq!(changed.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_token_for_one_project_shows_no_other_even_of_an_admin() {
    let world = with_images(&["shop/web", "store/web"]).await;
    let shop = json!([{"repositories": "shop/**", "actions": ["*"]}]);
    let by = &admin();
    let token = world.personal_token(by, "shop", shop, Value::Null).await;
    assert_eq!(project_names(&world, &token).await, ["shop"]);
    let other = world.get("/api/v1/projects/store", &token).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    let some = json!([{"repositories": "s*p/web", "actions": ["pull"]}]);
    let token = world.personal_token(by, "some", some, Value::Null);
    assert_eq!(project_names(&world, &token.await).await, ["shop"]);
}

#[tokio::test]
async fn a_personal_token_has_no_more_than_its_user() {
    let world = with_images(&["shop/web", "store/web"]).await;
    let reader = world.member("shop", "reader", "reader").await;
    let all = json!([{"repositories": "**", "actions": ["*"]}]);
    let token = world.personal_token(&reader, "all", all, Value::Null).await;
    assert_eq!(pull(&world, &token, "shop/web").await, StatusCode::OK);
    let pushed = world.push(&token, "shop/web", "stable").await;
    assert_eq!(pushed.status, StatusCode::UNAUTHORIZED);
    let other = pull(&world, &token, "store/web").await;
    assert_eq!(other, StatusCode::UNAUTHORIZED);
    let me = world.get("/api/v1/me", &token).await.json();
    assert_eq!(me["actions"], json!([]));
    assert_eq!(me["token"], "all");
}

#[tokio::test]
async fn a_robot_never_has_more_than_its_scopes() {
    let world = with_images(&["shop/web", "shop/api"]).await;
    let scope = json!([{"repositories": "shop/web", "actions": ["pull"]}]);
    let new = json!({"name": "web", "scopes": scope});
    let path = "/projects/shop/robots";
    let made = world.must(&admin(), Method::POST, path, new).await;
    let robot = Credential::basic("shop+web", made["secret"].as_str().unwrap());
    assert_eq!(pull(&world, &robot, "shop/web").await, StatusCode::OK);
    let other = pull(&world, &robot, "shop/api").await;
    assert_eq!(other, StatusCode::UNAUTHORIZED);
    let pushed = world.push(&robot, "shop/web", "stable").await;
    assert_eq!(pushed.status, StatusCode::UNAUTHORIZED);
    let other_name = Credential::basic("shop+api", made["secret"].as_str().unwrap());
    let taken = pull(&world, &other_name, "shop/web").await;
    assert_eq!(taken, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_role_on_some_repositories_gives_nothing_on_others() {
    let world = with_images(&["shop/web-a", "shop/api"]).await;
    let grants = json!([{"repositories": "shop/web-*", "actions": ["*"]}]);
    let path = "/projects/shop/roles/web";
    let role = json!({"grants": grants});
    world.must(&admin(), Method::PUT, path, role).await;
    let member = world.member("shop", "member", "web").await;
    assert_eq!(pull(&world, &member, "shop/web-a").await, StatusCode::OK);
    let other = pull(&world, &member, "shop/api").await;
    assert_eq!(other, StatusCode::UNAUTHORIZED);
    let all = world.get("/api/v1/repositories", &member).await.json();
    assert_eq!(all["items"][0]["name"], "shop/web-a");
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    let members = world.get("/api/v1/projects/shop/members", &member).await;
    assert_eq!(members.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_public_project_answers_the_pulls_of_everybody_and_nothing_else() {
    let world = with_images(&["shop/web-front", "shop/web-other"]).await;
    let pushed = world.push_blob(&admin(), "shop/web-front", BLOB).await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    let public = json!({"public": true});
    world
        .must(&admin(), Method::PATCH, "/projects/shop", public)
        .await;
    let upload = world.open_upload(&admin(), "shop/web-front").await;
    let (_, id) = upload.rsplit_once('/').unwrap();
    let names = Names::there(id);
    let stranger = world.user("stranger").await;
    let pulls = [
        "GetBlob",
        "HeadBlob",
        "GetManifest",
        "HeadManifest",
        "ListTags",
        "ListReferrers",
    ];
    for variant in VARIANTS {
        let call = call_of(&endpoint(variant, &names));
        let expected = match pulls.contains(variant) {
            true => StatusCode::OK,
            false => StatusCode::UNAUTHORIZED,
        };
        let answer = world.send(&call, &Credential::Nothing).await;
        assert_eq!(answer.status, expected, "{variant} by nobody");
        if *variant != "Version" && *variant != "ListRepositories" {
            let answer = world.send(&call, &stranger).await;
            assert_eq!(answer.status, expected, "{variant} by a stranger");
        }
    }
    // What is not there is told as it is.
    let absent = pull(&world, &Credential::Nothing, "shop/nothing").await;
    assert_eq!(absent, StatusCode::NOT_FOUND);
    let api = world.get(
        "/api/v1/repositories/shop%2Fweb-front",
        &Credential::Nothing,
    );
    assert_eq!(api.await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_catalog_holds_only_what_the_caller_may_pull() {
    let world = with_images(&["open/web", "shop/api", "shop/web", "store/web"]).await;
    let public = json!({"public": true});
    world
        .must(&admin(), Method::PATCH, "/projects/open", public)
        .await;
    let reader = world.member("shop", "reader", "reader").await;
    let stranger = world.user("stranger").await;
    let robot = world.robot(&admin(), "store", "ci", json!(["pull"])).await;
    let scopes = json!([{"repositories": "shop/web", "actions": ["pull"]}]);
    let token = world.personal_token(&reader, "web", scopes, Value::Null);
    let token = token.await;
    let all = ["open/web", "shop/api", "shop/web", "store/web"];
    for (who, expected) in [
        (&admin(), &all[..]),
        (&reader, &["open/web", "shop/api", "shop/web"]),
        (&stranger, &["open/web"]),
        (&robot, &["open/web", "store/web"]),
        (&token, &["open/web", "shop/web"]),
    ] {
        let bearer = world.bearer(who, "registry:catalog:*").await;
        for credential in [who, &bearer] {
            let catalog = world.get("/v2/_catalog", credential).await.json();
            assert_eq!(strings(&catalog["repositories"]), expected, "{who:?}");
            let list = world.get("/api/v1/repositories", credential).await.json();
            let names = list["items"].as_array().unwrap().iter();
            let names: Vec<_> = names.map(|item| item["name"].as_str().unwrap()).collect();
            assert_eq!(names, expected, "{who:?}");
        }
    }
    let without = world.bearer(&reader, "repository:shop/web:pull").await;
    let catalog = world.get("/v2/_catalog", &without).await;
    assert_eq!(catalog.status, StatusCode::UNAUTHORIZED);
    assert!(catalog.challenge().ends_with("insufficient_scope\""));
}

#[tokio::test]
async fn the_token_server_grants_what_is_both_asked_and_allowed() {
    let world = with_images(&["shop/web", "store/web"]).await;
    let writer = world.member("shop", "writer", "writer").await;
    let asked = "repository:shop/web:pull,push,delete repository:store/web:pull \
                 repository:void/web:pull registry:catalog:*";
    let answer = world.token_answer(&writer, asked).await;
    let granted = "repository:shop/web:pull,push registry:catalog:*";
    assert_eq!(answer["scope"], granted);
    let said = claims(answer["token"].as_str().unwrap());
    let access = json!([
        {"type": "repository", "name": "shop/web", "actions": ["pull", "push"]},
        {"type": "registry", "name": "catalog", "actions": ["*"]},
    ]);
    assert_eq!(said["access"], access);
    assert_eq!(answer["refresh_token"], Value::Null);

    for who in [Credential::Nothing, world.user("stranger").await] {
        let answer = world.token_answer(&who, "repository:shop/web:pull").await;
        let void = world.token_answer(&who, "repository:void/web:pull").await;
        assert_eq!(answer["scope"], "");
        assert_eq!(answer["scope"], void["scope"]);
    }
}

#[tokio::test]
async fn a_token_of_nothing_opens_only_the_version() {
    let world = with_images(&["shop/web"]).await;
    let nothing = world.bearer(&Credential::Nothing, "repository:shop/web:pull");
    let nothing = nothing.await;
    let version = world.get("/v2/", &nothing).await;
    assert_eq!(version.status, StatusCode::OK);
    let refused = pull(&world, &nothing, "shop/web").await;
    assert_eq!(refused, StatusCode::UNAUTHORIZED);
    for path in ["/v2/_catalog", "/api/v1/me", "/api/v1/projects", "/metrics"] {
        let answer = world.get(path, &nothing).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn an_access_token_says_no_more_in_the_management_api_than_under_v2() {
    let world = with_images(&["shop/web", "shop/api", "store/web"]).await;
    let token = world.bearer(&admin(), "repository:shop/web:pull").await;
    let digest = digest(&empty_index());
    for (method, path, expected) in [
        (Method::GET, "/repositories/shop%2Fweb".to_owned(), 200),
        (Method::GET, "/repositories/shop%2Fapi".to_owned(), 404),
        (Method::GET, "/repositories".to_owned(), 404),
        (Method::GET, "/projects/shop".to_owned(), 404),
        (Method::GET, "/projects/store".to_owned(), 404),
        (Method::GET, "/users".to_owned(), 404),
        (Method::GET, "/users/admin".to_owned(), 404),
        (Method::GET, "/users/admin/tokens".to_owned(), 404),
        (Method::GET, "/robots".to_owned(), 404),
        (Method::GET, "/audit".to_owned(), 404),
        (Method::GET, "/projects/shop/members".to_owned(), 404),
        (Method::GET, "/projects/shop/robots".to_owned(), 404),
        (
            Method::DELETE,
            "/repositories/shop%2Fweb/tags/stable".to_owned(),
            404,
        ),
        (
            Method::DELETE,
            format!("/repositories/shop%2Fweb/images/{digest}"),
            404,
        ),
    ] {
        let answer = world.api(&token, method.clone(), &path, Value::Null).await;
        assert_eq!(
            answer.status,
            expected,
            "{method} {path}: {}",
            answer.text()
        );
    }
    assert!(project_names(&world, &token).await.is_empty());
    let metrics = world.get("/metrics", &token).await;
    assert_eq!(metrics.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_access_token_is_worth_no_other_token() {
    let world = with_images(&["shop/web"]).await;
    let token = world.bearer(&admin(), "repository:shop/web:pull").await;
    for query in [
        "scope=repository:shop/web:pull",
        "scope=registry:catalog:*",
        "offline_token=true",
    ] {
        let answer = world.get(&format!("/token?{query}"), &token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text());
        assert!(answer.challenge().ends_with("invalid_token\""));
    }
}
