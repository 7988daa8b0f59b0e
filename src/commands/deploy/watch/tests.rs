use axum::Router;
use axum::extract::State;
use axum::routing::get;
use berth_registry::{Clock as _, SystemClock};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

use super::*;
use crate::client::{Client, Login, Secret};
use crate::output::Output;

const DEPLOYMENT: &str = r#"{"id": 7, "target": "local", "stack": "shop", "cause": "hand",
    "state": "succeeded", "reason": null, "requested_by": "ann", "approved_by": null, "services": [],
    "rolls_back": null, "created_at": "2026-01-31T12:00:00Z", "due_at": "2026-01-31T12:00:00Z",
    "started_at": null, "finished_at": FINISHED}"#;

/// What each request for events came with, and what it is answered.
#[derive(Clone)]
struct Script {
    asked: Arc<Mutex<Vec<Option<String>>>>,
    answers: &'static [&'static str],
    finished: &'static str,
}

async fn events(
    State(script): State<Script>,
    headers: HeaderMap,
) -> ([(http::HeaderName, &'static str); 1], &'static str) {
    let last = headers.get("last-event-id");
    let last = last.map(|last| last.to_str().expect("a number").to_owned());
    let mut asked = script.asked.lock().expect("nobody panics");
    asked.push(last);
    let answer = script.answers[asked.len() - 1];
    ([(CONTENT_TYPE, "text/event-stream")], answer)
}

async fn deployment(State(script): State<Script>) -> String {
    DEPLOYMENT.replace("FINISHED", script.finished)
}

async fn serve(script: &Script) -> Session {
    let app = Router::new()
        .route("/api/v1/deployments/7", get(deployment))
        .route("/api/v1/deployments/7/events", get(events))
        .with_state(script.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    let login = Login {
        server: address.to_string().parse().expect("a server"),
        user: "ann".to_owned(),
        secret: Secret::new("berth_pat_hunter2".to_owned()),
        made_token: None,
        ca_file: None,
        insecure: false,
    };
    Session {
        client: Client::new(&login).expect("a client"),
        output: Output {
            json: false,
            now: DateTime::from_timestamp_millis(SystemClock.now().0).expect("a time"),
        },
    }
}

/// The texts that come, and with which id each request resumed.
async fn watched(
    answers: &'static [&'static str],
    finished: &'static str,
) -> (Vec<String>, Vec<Option<String>>) {
    let script = Script {
        asked: Arc::default(),
        answers,
        finished,
    };
    let session = serve(&script).await;
    let mut watch = Watch::new(&session, Number::try_from(7).expect("a number"));
    let mut texts = Vec::new();
    while let Some((_, line)) = watch.next().await.expect("a line") {
        texts.push(line.text);
    }
    let asked = script.asked.lock().expect("nobody panics").clone();
    (texts, asked)
}

macro_rules! line {
    ($id:literal, $kind:literal) => {
        concat!(
            "id: ",
            $id,
            "\nevent: ",
            $kind,
            "\ndata: {\"number\": ",
            $id,
            ", \"kind\": \"",
            $kind,
            "\", \"at\": \"2026-01-31T12:00:00.000Z\", \"service\": null, \"text\": \"line ",
            $id,
            "\"}\n\n"
        )
    };
}

#[tokio::test]
async fn a_stream_that_was_cut_goes_on_behind_the_last_line_that_came() {
    let answers = &[
        concat!(line!("3", "state"), ": alive\n\n", line!("5", "step")),
        "id: 8\ndata: {\"cut",
        concat!(line!("8", "step"), line!("9", "end"), line!("10", "note")),
    ];
    let (texts, asked) = watched(answers, "null").await;
    assert_eq!(texts, ["line 3", "line 5", "line 8", "line 9"]);
    assert_eq!(asked, [None, Some("5".to_owned()), Some("5".to_owned())]);
}

#[tokio::test]
async fn a_deployment_that_has_ended_is_not_waited_for_if_its_last_line_is_gone() {
    let answers = &[concat!(line!("3", "state"), line!("4", "step"))];
    let (texts, asked) = watched(answers, "\"2026-01-31T12:00:00Z\"").await;
    assert_eq!(texts, ["line 3", "line 4"]);
    assert_eq!(asked, [None]);
}
