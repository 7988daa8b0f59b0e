use std::time::Duration;

use berth_registry::cache::CacheWork;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{SERVICE, World, admin};

const WORK: CacheWork = CacheWork {
    hits: 7,
    fills: 2,
    joins: 1,
    served_bytes: 500,
    fetched_bytes: 200,
};

/// A world with one upstream that is never asked.
async fn with_upstream() -> World {
    let world = World::open_for(SERVICE).await;
    let new = json!({"name": "far", "registry": "far.example", "offline": true});
    world.must(&admin(), Method::POST, "/upstreams", new).await;
    world
}

#[tokio::test]
async fn each_cache_is_shown_with_what_it_does() {
    let world = with_upstream().await;
    let caches = world.get("/api/v1/caches", &admin()).await.json();
    let cache = &caches["items"][0];
    assert_eq!(
        (&cache["project"], &cache["hits"]),
        (&json!("far"), &json!(0))
    );
    assert_eq!(cache["registry"], "far.example");
    assert_eq!(cache["upstreams"][0]["name"], "far");
    assert_eq!(
        (&cache["running"], &cache["downloads"]),
        (&json!(0), &json!([]))
    );
    assert_eq!(caches["cached_bytes"], 0);
    assert_eq!(caches["next"], Value::Null);
}

#[tokio::test]
async fn the_hours_of_a_cache_begin_where_they_are_asked_for() {
    let world = with_upstream().await;
    let project = "far".parse().unwrap();
    for _ in 0..2 {
        let added = world.registry.add_cache_work(&project, WORK).await;
        added.unwrap();
        world.advance(Duration::from_secs(2 * 60 * 60));
    }
    let hours = async |query: &str| {
        let path = format!("/api/v1/caches/far/hours{query}");
        let answer = world.get(&path, &admin()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()["items"].as_array().unwrap().clone()
    };
    let all = hours("").await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[0]["begins_at"], "2023-11-14T22:00:00.000Z");
    assert_eq!(
        (&all[0]["hits"], &all[0]["saved_bytes"]),
        (&json!(7), &json!(300))
    );
    let later = hours("?since=2023-11-14T23:00:00Z").await;
    assert_eq!(later.len(), 1, "{later:?}");
    let path = "/api/v1/caches/far/hours?since=yesterday";
    let refused = world.get(path, &admin()).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn each_image_that_can_not_be_fetched_says_why() {
    let world = with_upstream().await;
    world.project("shop").await;
    let images = json!({"images": ["far/web:1", "shop/web:1"], "platforms": ["linux/amd64"]});
    let warmed = world
        .must(&admin(), Method::POST, "/caches/warm", images)
        .await;
    let items = warmed["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{warmed}");
    for (item, (image, reason)) in items.iter().zip([
        ("far/web:1", "there is no image"),
        ("shop/web:1", "not kept in the cache"),
    ]) {
        assert_eq!(item["image"], image);
        let error = item["error"].as_str().unwrap();
        assert!(error.contains(reason), "{error}");
    }
    for refused in [
        json!({"images": []}),
        json!({"images": ["far/web"]}),
        json!({"images": vec!["far/web:1"; 21]}),
        json!({"images": ["far/web:1"], "platforms": ["linux"]}),
    ] {
        let text = refused.to_string();
        let answer = world
            .api(&admin(), Method::POST, "/caches/warm", refused)
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{text}");
    }
}

#[tokio::test]
async fn the_metrics_have_the_work_of_each_cache() {
    let world = with_upstream().await;
    let metrics = world.get("/metrics", &admin()).await.text();
    for line in [
        r#"berth_cache_hits_total{project="far"} 0"#,
        r#"berth_cache_fills_total{project="far"} 0"#,
        r#"berth_cache_joins_total{project="far"} 0"#,
        r#"berth_cache_served_bytes_total{project="far"} 0"#,
        r#"berth_cache_fetched_bytes_total{project="far"} 0"#,
        r#"berth_cache_fills_under_way{project="far"} 0"#,
        "berth_cache_bytes 0",
    ] {
        let found = metrics.lines().any(|found| found == line);
        assert!(found, "{line}: {metrics}");
    }
}
