use berth_proxy::{GroupSettings, ProxySettings};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::credential::Credential;
use super::world::{SERVICE, World, admin};

async fn create(world: &World, document: Value) -> Value {
    world
        .must(&admin(), Method::POST, "/upstreams", document)
        .await
}

async fn change(world: &World, name: &str, document: Value) -> Value {
    let path = format!("/upstreams/{name}");
    world.must(&admin(), Method::PATCH, &path, document).await
}

#[tokio::test]
async fn an_upstream_is_shown_with_what_counts_and_without_its_secrets() {
    let world = World::open_for(SERVICE).await;
    let new = json!({
        "name": "hub",
        "registry": "docker.io",
        "username": "ann",
        "password": "hunter2",
        "proxy": "http://ann:hunter2@proxy.example:3128",
    });
    let answer = world.api(&admin(), Method::POST, "/upstreams", new).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(answer.header("location"), "/api/v1/upstreams/hub");
    let shown = world.get(answer.header("location"), &admin()).await;
    assert!(!shown.text().contains("hunter2"), "{}", shown.text());
    let shown = shown.json();
    for (key, expected) in [
        ("project", json!("hub")),
        ("origin", json!("api")),
        ("profile", json!("docker-hub")),
        ("has_password", json!(true)),
        ("has_token", json!(false)),
        ("has_proxy", json!(true)),
        ("fresh_seconds", json!(300)),
        ("public", json!(false)),
    ] {
        assert_eq!(shown[key], expected, "{key}");
    }
    let project = world.get("/api/v1/projects/hub", &admin()).await.json();
    assert_eq!(project["kind"], "proxy");
    let taken = json!({"name": "hub", "registry": "quay.io"});
    let taken = world.api(&admin(), Method::POST, "/upstreams", taken).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_change_leaves_what_it_does_not_name_also_after_a_restart() {
    let world = World::open_for(SERVICE).await;
    let url = "https://registry.example";
    create(&world, json!({"name": "far", "url": url, "order": 5})).await;
    let shown = change(&world, "far", json!({"fresh_seconds": 60})).await;
    assert_eq!(
        (&shown["public"], &shown["order"]),
        (&json!(true), &json!(5))
    );

    // What was public by default is not, once it is asked with credentials.
    let shown = change(&world, "far", json!({"token": "hunter2"})).await;
    assert_eq!(shown["public"], false);
    let world = world.reopen().await;
    let shown = change(&world, "far", json!({"order": null})).await;
    for (key, expected) in [
        ("order", json!(100)),
        ("fresh_seconds", json!(60)),
        ("has_token", json!(true)),
        ("public", json!(false)),
    ] {
        assert_eq!(shown[key], expected, "{key}");
    }
    let shown = change(&world, "far", json!({"token": null})).await;
    assert_eq!(shown["has_token"], false);
}

#[tokio::test]
async fn what_can_not_be_is_refused_and_changes_nothing() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let cases = [
        (json!({"name": "Far", "registry": "ghcr.io"}), 400),
        (
            json!({"name": "far", "allow": ["a//b"], "registry": "ghcr.io"}),
            400,
        ),
        (
            json!({"name": "far", "deny": vec!["a"; 101], "registry": "ghcr.io"}),
            400,
        ),
        (json!({"name": "far", "secret": "hunter2"}), 400),
        (json!({"name": "far"}), 422),
        (json!({"name": "far", "url": "ftp://registry.example"}), 422),
        (
            json!({"name": "far", "registry": "ghcr.io", "username": "ann"}),
            422,
        ),
        (
            json!({"name": "far", "registry": "ghcr.io", "capabilities": ["pull"]}),
            422,
        ),
        (json!({"name": "library", "registry": "ghcr.io"}), 422),
        (json!({"name": "shop", "registry": "ghcr.io"}), 409),
    ];
    for (document, status) in cases {
        let text = document.to_string();
        let answer = world
            .api(&admin(), Method::POST, "/upstreams", document)
            .await;
        assert_eq!(answer.status.as_u16(), status, "{text}: {}", answer.text());
    }
    let upstreams = world.get("/api/v1/upstreams", &admin()).await.json();
    assert_eq!(upstreams, json!({"items": [], "next": null}));
}

#[tokio::test]
async fn upstreams_and_groups_are_not_taken_for_each_other() {
    let world = World::open_for(SERVICE).await;
    create(&world, json!({"name": "far", "registry": "ghcr.io"})).await;
    let group = json!({"name": "all", "members": ["far"]});
    world.must(&admin(), Method::POST, "/groups", group).await;
    for (method, path) in [
        (Method::GET, "/upstreams/all"),
        (Method::PATCH, "/upstreams/all"),
        (Method::DELETE, "/upstreams/all"),
        (Method::GET, "/groups/far"),
        (Method::PATCH, "/groups/far"),
        (Method::DELETE, "/groups/far"),
    ] {
        let answer = world.api(&admin(), method.clone(), path, json!({})).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
    }
    let member = world
        .api(&admin(), Method::DELETE, "/upstreams/far", Value::Null)
        .await;
    assert_eq!(member.status, StatusCode::CONFLICT);
    assert!(member.text().contains("group all"), "{}", member.text());
}

#[tokio::test]
async fn what_the_configuration_made_is_changed_there_alone() {
    let settings = ProxySettings {
        groups: vec![GroupSettings {
            name: "all".parse().unwrap(),
            members: vec!["shop".parse().unwrap()],
            push: None,
        }],
        ..ProxySettings::default()
    };
    let world = World::open_with(settings).await;
    let group = world.get("/api/v1/groups/all", &admin()).await.json();
    assert_eq!(group["origin"], "configuration");
    let again = json!({"name": "all", "members": ["shop"]});
    for (method, path, document) in [
        (Method::POST, "/groups", again),
        (Method::PATCH, "/groups/all", json!({"members": ["shop"]})),
        (Method::DELETE, "/groups/all", Value::Null),
    ] {
        let answer = world.api(&admin(), method.clone(), path, document).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{method}");
        assert!(answer.text().contains("configuration file"), "{method}");
    }
}

#[tokio::test]
async fn a_group_is_made_changed_and_removed() {
    let world = World::open_for(SERVICE).await;
    let by = &admin();
    let new = json!({"name": "all", "members": ["shop", "store"], "push": "shop"});
    let made = world.must(by, Method::POST, "/groups", new).await;
    assert_eq!(made["push"], "shop");
    let change = json!({"members": ["shop"]});
    let changed = world.must(by, Method::PATCH, "/groups/all", change).await;
    let expected = json!({"name": "all", "origin": "api", "members": ["shop"], "push": "shop"});
    assert_eq!(changed, expected);
    let change = json!({"members": ["store"]});
    let impossible = world.api(by, Method::PATCH, "/groups/all", change).await;
    assert_eq!(impossible.status, StatusCode::UNPROCESSABLE_ENTITY);
    let change = json!({"members": ["store"], "push": null});
    world.must(by, Method::PATCH, "/groups/all", change).await;
    let project = world.get("/api/v1/projects/all", by).await.json();
    assert_eq!(project["kind"], "group");
    world
        .must(by, Method::DELETE, "/groups/all", Value::Null)
        .await;
    let groups = world.get("/api/v1/groups", by).await.json();
    assert_eq!(groups["items"], json!([]));
}

#[tokio::test]
async fn who_may_read_upstreams_may_not_change_them() {
    let world = World::open_for(SERVICE).await;
    let group = json!({"name": "all", "members": ["shop"]});
    let reader = world.user_with("reader", json!(["upstream.read"])).await;
    let manager = world.user_with("manager", json!(["upstream.manage"])).await;
    let status = async |by: &Credential, method: Method, path: &str, document: Value| {
        world.api(by, method, path, document).await.status
    };
    let refused = status(&reader, Method::POST, "/groups", group.clone()).await;
    assert_eq!(refused, StatusCode::NOT_FOUND);
    let made = status(&manager, Method::POST, "/groups", group).await;
    assert_eq!(made, StatusCode::CREATED);
    for path in ["/groups", "/groups/all", "/upstreams", "/caches"] {
        let seen = status(&reader, Method::GET, path, Value::Null).await;
        assert_eq!(seen, StatusCode::OK, "{path}");
        let hidden = status(&manager, Method::GET, path, Value::Null).await;
        assert_eq!(hidden, StatusCode::NOT_FOUND, "{path}");
    }
    let warm = json!({"images": ["shop/web:1"]});
    let refused = status(&reader, Method::POST, "/caches/warm", warm.clone()).await;
    assert_eq!(refused, StatusCode::NOT_FOUND);
    let answered = status(&manager, Method::POST, "/caches/warm", warm).await;
    assert_eq!(answered, StatusCode::OK);
}

#[tokio::test]
async fn lists_of_groups_come_in_pages() {
    let world = World::open_for(SERVICE).await;
    for name in ["cherry", "apple", "banana"] {
        let group = json!({"name": name, "members": ["shop"]});
        world.must(&admin(), Method::POST, "/groups", group).await;
    }
    let page = async |query: &str| {
        let path = format!("/api/v1/groups{query}");
        world.get(&path, &admin()).await.json()
    };
    let first = page("?limit=2").await;
    assert_eq!(first["items"][0]["name"], "apple");
    assert_eq!(first["next"], "banana");
    let second = page("?limit=2&cursor=banana").await;
    assert_eq!(second["items"][0]["name"], "cherry");
    assert_eq!(second["next"], Value::Null);
}
