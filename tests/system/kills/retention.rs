use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{TestServer, ask, create_project, full, until};

const TAGS: usize = 600;
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const RETENTION: &str = "/api/v1/projects/shop/retention";

#[tokio::test]
async fn a_run_that_was_killed_is_made_again_and_removes_each_tag_once() {
    let mut server = TestServer::start().await;
    create_project(&server, "shop").await;
    let policy = json!({"rules": [{"tags": "v*", "keep": {"newest_pushed": 20}}]});
    ask(server.put(RETENTION).json(&policy)).await.expect(200);
    let mut cut = 0;
    for round in 1..=if full() { 30 } else { 3 } {
        push_tags(&server, round).await;
        let (kept, gone) = preview(&server).await;
        let newest = runs(&server).await.first().map_or(0, id);

        let begun = ask(server.post(&format!("{RETENTION}/runs"))).await;
        let run = begun.expect(202).json();
        // In the middle of it, as long as a round trip takes less than what is left.
        until("the first removals", async || {
            let path = format!("{RETENTION}/runs/{}", id(&run));
            let run = ask(server.get(&path)).await.expect(200).json();
            run["removed_tags"] != 0
        })
        .await;
        server = server.restart().await;
        until("the end of the run", async || {
            let runs = runs(&server).await;
            runs[0]["state"] == "done"
        })
        .await;

        let (left, nothing) = preview(&server).await;
        assert_eq!(left, kept, "round {round}");
        assert_eq!(nothing, BTreeSet::new(), "round {round}");
        let mut removed = Vec::new();
        for run in runs(&server).await.iter().filter(|run| id(run) > newest) {
            cut += usize::from(run["state"] == "interrupted");
            removed.extend(removals(&server, id(run)).await);
        }
        let once: BTreeSet<_> = removed.iter().cloned().collect();
        assert_eq!((once.len(), once), (removed.len(), gone), "round {round}");
    }
    println!("{cut} runs were cut");
    assert!(cut > 0, "every run was faster than the kill");
}

/// Tags that are pushed beside each other, under names of the round.
async fn push_tags(server: &TestServer, round: usize) {
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [],
        "annotations": {"round": round.to_string()}});
    let names: Vec<_> = (0..TAGS).map(|tag| format!("v{round}-{tag}")).collect();
    for names in names.chunks(50) {
        let pushes = names.iter().map(|name| {
            let put = server.put(&format!("/v2/shop/web/manifests/{name}"));
            ask(put.header("Content-Type", INDEX).body(index.to_string()))
        });
        for answer in join_all(pushes).await {
            answer.expect(201);
        }
    }
}

/// The tags that the policy keeps, and those that it does not.
async fn preview(server: &TestServer) -> (BTreeSet<String>, BTreeSet<String>) {
    let post = server.post(&format!("{RETENTION}/preview?limit=1000"));
    let page = ask(post.json(&json!({}))).await.expect(200).json();
    assert_eq!(page["next"], Value::Null);
    let (mut kept, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for decision in page["items"].as_array().expect("a list") {
        let side = match decision["keep"].as_bool().expect("yes or no") {
            true => &mut kept,
            false => &mut gone,
        };
        side.insert(tag(decision));
    }
    (kept, gone)
}

async fn runs(server: &TestServer) -> Vec<Value> {
    items(server, &format!("{RETENTION}/runs")).await
}

async fn removals(server: &TestServer, run: u64) -> Vec<String> {
    let path = format!("{RETENTION}/runs/{run}/removals?limit=1000");
    items(server, &path).await.iter().map(tag).collect()
}

async fn items(server: &TestServer, path: &str) -> Vec<Value> {
    let page = ask(server.get(path)).await.expect(200).json();
    page["items"].as_array().expect("a list").clone()
}

fn tag(item: &Value) -> String {
    item["tag"].as_str().expect("a tag").to_owned()
}

fn id(run: &Value) -> u64 {
    run["id"].as_u64().expect("a number")
}
