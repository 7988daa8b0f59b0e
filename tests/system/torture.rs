//! Everything at once, and a kill at any moment: pushes of images, indexes and referrers, mounts, pulls,
//! retags, deletions and what takes them back, fills, collection, retention, quotas and tags that do not
//! move, compared with a model. After each kill what was acknowledged is there, and nothing is there in
//! part; after the grace time nothing is left over.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::kills::{kill_after, seed};
use crate::support::{Hub, Random, TestServer, ask, create_project, full, random_bytes, until};

mod leftovers;
mod model;
mod worker;

use worker::Worker;

/// Longer than a push takes from its first question to its manifest, with a restart in between.
const GRACE: Duration = Duration::from_secs(6);
/// A kill comes at any moment of so much work.
const LONGEST_RUN: Duration = Duration::from_millis(400);
/// Tags with this beginning do not move, in the project `fixed`.
const IMMUTABLE: &str = "v";
/// Of tags with this beginning, in the project `tight`, the newest are kept.
const RETAINED: &str = "r";
const KEPT: usize = 2;
const PROJECTS: [&str; 3] = ["fixed", "tight", "whole"];
/// One for each worker. The last has a project of its own, which it deletes as well.
const REPOSITORIES: [&str; 5] = ["fixed/a", "fixed/b", "tight/a", "tight/b", "whole/a"];
const UPSTREAM_IMAGES: usize = 4;

#[tokio::test]
async fn nothing_is_lost_and_nothing_is_left_over_whenever_a_kill_comes() {
    let seed = seed();
    println!("the seed is {seed}; BERTH_TEST_SEED={seed} gives the same work");
    let kills = if full() { 1000 } else { 20 };
    let mut random = Random::new(seed);
    let hub = Hub::start().await;
    let mut upstream = Vec::new();
    for number in 0..UPSTREAM_IMAGES {
        let layers = (0..2).map(|layer| random_bytes((number * 2 + layer) as u64 + 900, 300_000));
        upstream.push(hub.push(&format!("{number}"), layers).await);
    }
    let mut server = hub
        .proxy()
        .env("BERTH_COLLECTION__GRACE_SECONDS", GRACE.as_secs())
        // Room for some of what the upstream has, so that blobs are evicted and filled again.
        .env("BERTH_CACHE__BYTES", 1_500_000)
        .start()
        .await;
    prepare(&server).await;
    let mut workers: Vec<_> = REPOSITORIES
        .into_iter()
        .map(|repository| Worker::new(repository, Random::new(random.word()), upstream.clone()))
        .collect();
    for kill in 1..=kills {
        let moment = LONGEST_RUN.mul_f64(random.below(1000) as f64 / 1000.0);
        let killer = kill_after(server.pid(), moment);
        join_all(workers.iter_mut().map(|worker| worker.work(&server))).await;
        killer.join().expect("the server was killed");
        server = server.restart().await;
        for worker in &mut workers {
            worker.check(&server).await;
            worker.check_referrers(&server).await;
        }
        if kill % 100 == 0 || kill == kills {
            settle(&server).await;
            leftovers::check(&server, &workers, &upstream).await;
            leftovers::check_usage(&server, &workers).await;
            leftovers::check_with_fsck(&server);
            workers.iter_mut().for_each(Worker::forget_what_is_gone);
        }
    }
    for worker in &workers {
        println!("{worker}");
    }
}

async fn prepare(server: &TestServer) {
    for project in PROJECTS {
        create_project(server, project).await;
    }
    let put = async |method: Method, path: &str, document: Value| {
        let path = format!("/api/v1/projects/{path}");
        let answer = ask(server.request(method, &path).json(&document)).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
    };
    let rule = json!({"repositories": "fixed/**", "tags": format!("{IMMUTABLE}*")});
    put(Method::POST, "fixed/immutable-tags", rule).await;
    put(
        Method::PUT,
        "tight/quota",
        json!({"quota_bytes": 2_000_000}),
    )
    .await;
    let rule = json!({"tags": format!("{RETAINED}*"), "keep": {"newest_pushed": KEPT}});
    put(Method::PUT, "tight/retention", json!({"rules": [rule]})).await;
}

/// Until the grace time of everything is over that nothing needs.
async fn settle(server: &TestServer) {
    until("everything is collected", async || {
        ask(server.post("/api/v1/collection/runs").json(&json!({})))
            .await
            .expect(200);
        let totals = ask(server.get("/api/v1/collection")).await.expect(200);
        let totals = totals.json();
        // A blob that another repository needs is in the list alone.
        let blobs = ask(server.get("/api/v1/collection/blobs"))
            .await
            .expect(200);
        totals["due_blobs"] == 0 && totals["later_blobs"] == 0 && blobs.json()["items"] == json!([])
    })
    .await;
}
