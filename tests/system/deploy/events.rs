//! The lines of a deployment as they come, and again for who has lost the connection.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::running;
use crate::support::deploy::{DeployServer, Version};

/// Longer than a deployment takes.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, PartialEq)]
struct Event {
    id: u64,
    kind: String,
    line: Value,
}

/// What comes until the server ends the stream, or as many events as are wanted.
async fn events(server: &DeployServer, id: u64, after: Option<u64>, most: usize) -> Vec<Event> {
    let mut request = server.get(&format!("/api/v1/deployments/{id}/events"));
    if let Some(after) = after {
        request = request.header("last-event-id", after.to_string());
    }
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut stream = answer.bytes_stream();
    let mut text = String::new();
    let read = tokio::time::timeout(PATIENCE, async {
        while let Some(piece) = stream.next().await {
            text.push_str(&String::from_utf8_lossy(&piece.expect("a piece")));
            if parse(&text).len() >= most {
                return;
            }
        }
    });
    read.await.expect("the stream ends");
    parse(&text)
}

fn parse(text: &str) -> Vec<Event> {
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    let blocks = whole.split("\n\n").filter(|block| block.contains("data:"));
    let field = |block: &str, name: &str| {
        let mut lines = block.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(field, _)| *field == name);
        let (_, value) = found.unwrap_or_else(|| panic!("no {name} in {block}"));
        value.trim().to_owned()
    };
    blocks
        .map(|block| Event {
            id: field(block, "id").parse().expect("a number"),
            kind: field(block, "event"),
            line: serde_json::from_str(&field(block, "data")).expect("JSON"),
        })
        .collect()
}

#[tokio::test]
async fn events_come_while_it_goes_on_and_end_with_it() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    let open = server.front.hold(|asked| asked.is("POST", "/start"));
    server.push("shop/web:live", &Version::new("2")).await;
    let id = server.in_state(&project.name, "replacing").await.id();
    let before = events(&server, id, None, 1).await;
    assert!(!before.is_empty());
    let (all, ()) = tokio::join!(events(&server, id, None, usize::MAX), async {
        open.send_replace(true);
    });
    server.ended(&project.name, 1).await.expect("succeeded");
    assert_eq!(all.last().expect("an event").kind, "end", "{all:#?}");
    assert_eq!(all[0], before[0]);
    assert!(
        all.windows(2).all(|pair| pair[0].id < pair[1].id),
        "{all:#?}"
    );
    let states = all.iter().filter(|event| event.kind == "state");
    let states: Vec<_> = states.map(|event| event.line["text"].to_string()).collect();
    assert!(states.len() >= 3, "{states:?}");

    let mut lines = server.log_of(id).await;
    lines.retain(|line| line["kind"] != "end");
    let told = all.iter().filter(|event| event.kind != "end");
    let told: Vec<_> = told.map(|event| event.line.clone()).collect();
    assert_eq!(told, lines);
    for event in &all {
        assert_eq!(event.line["number"], event.id);
        assert_eq!(event.line["kind"], event.kind);
    }
}

#[tokio::test]
async fn events_go_on_behind_the_one_that_came_last() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    server.push("shop/web:live", &Version::new("2")).await;
    let id = server.ended(&project.name, 1).await.id();
    let all = events(&server, id, None, usize::MAX).await;
    let middle = all[all.len() / 2].id;
    let rest = events(&server, id, Some(middle), usize::MAX).await;
    assert_eq!(rest, all[all.len() / 2 + 1..]);
    let end = all.last().expect("an event").id;
    assert_eq!(events(&server, id, Some(end), usize::MAX).await, []);
}
