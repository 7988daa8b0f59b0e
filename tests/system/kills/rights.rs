use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::random_moments::{kill_after, seed};
use crate::support::{Random, TestServer, full};

/// A first start takes less, the password's hash included.
const FIRST_START: Duration = Duration::from_millis(400);
const WORKERS: u64 = 4;
const LONGEST_RUN: Duration = Duration::from_millis(150);

#[tokio::test]
async fn after_a_first_start_that_was_killed_one_can_sign_in_with_the_password_of_the_file() {
    let seed = seed();
    println!("the seed is {seed}; BERTH_TEST_SEED={seed} gives the same moments");
    let mut random = Random::new(seed);
    for _ in 0..if full() { 60 } else { 6 } {
        let data = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        let mut killed = Command::new(env!("CARGO_BIN_EXE_berth"))
            .arg("serve")
            .env("BERTH_LISTEN", "127.0.0.1:0")
            .env("BERTH_DATA_DIR", data.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("berth starts");
        thread::sleep(FIRST_START.mul_f64(random.below(1000) as f64 / 1000.0));
        killed.kill().expect("a child that can be killed");
        killed.wait().expect("a child that can be waited for");

        let builder = TestServer::builder().under(&["env", "-u", "BERTH_ADMIN_PASSWORD"]);
        let server = builder.start_on(Arc::clone(&data)).await;
        let file = data.path().join("initial-admin-password");
        let password = std::fs::read_to_string(&file).expect("a file with the password");
        let status = sign_in(&server, "admin", password.trim()).await;
        assert_eq!(status, StatusCode::OK);
    }
}

/// What is known of a robot: its secret, if it may sign in, and secrets that have ended.
#[derive(Default)]
struct Known {
    good: Option<String>,
    ended: Vec<String>,
}

#[tokio::test]
async fn what_was_given_and_what_was_taken_survives_kills_at_any_moment() {
    let seed = seed();
    println!("the seed is {seed}; BERTH_TEST_SEED={seed} gives the same changes");
    let mut random = Random::new(seed);
    let mut server = TestServer::start().await;
    let robots: Vec<Mutex<Known>> = (0..WORKERS).map(|_| Mutex::default()).collect();
    for round in 0..if full() { 100 } else { 8 } {
        let moment = LONGEST_RUN.mul_f64(random.below(1000) as f64 / 1000.0);
        let killer = kill_after(server.pid(), moment);
        let changes = robots.iter().enumerate().map(|(number, known)| {
            let robot = format!("robot{number}-{round}");
            change_until_killed(&server, known, robot, Random::new(random.word()))
        });
        join_all(changes).await;
        killer.join().expect("the server was killed");
        server = server.restart().await;
        for (number, known) in robots.iter().enumerate() {
            let known = std::mem::take(&mut *known.lock().expect("what is known"));
            let login = format!("robot+robot{number}-{round}");
            for secret in &known.ended {
                let status = sign_in(&server, &login, secret).await;
                assert_eq!(status, StatusCode::UNAUTHORIZED, "{login} had ended");
            }
            if let Some(secret) = &known.good {
                let status = sign_in(&server, &login, secret).await;
                assert_eq!(status, StatusCode::OK, "{login} may sign in");
            }
        }
    }
}

/// Makes a robot, renews its secret, disables, enables and removes it, until the server is gone.
/// While a change is not answered nothing is known of what it touches.
async fn change_until_killed(
    server: &TestServer,
    known: &Mutex<Known>,
    robot: String,
    mut random: Random,
) {
    let path = format!("/api/v1/robots/{robot}");
    let scopes = json!([{"repositories": "**", "actions": ["pull"]}]);
    loop {
        let secret = known.lock().expect("what is known").good.take();
        let request = match (&secret, random.below(3)) {
            (None, _) => server
                .post("/api/v1/robots")
                .json(&json!({"name": robot, "scopes": scopes})),
            (Some(_), 0) => server.post(&format!("{path}/secret")),
            (Some(_), 1) => server.patch(&path).json(&json!({"disabled": true})),
            (Some(_), _) => server.delete(&path),
        };
        let Some(answer) = answered(request).await else {
            return;
        };
        {
            let mut known = known.lock().expect("what is known");
            known.ended.extend(secret);
            known.good = answer["secret"].as_str().map(str::to_owned);
        }
        // A robot that is disabled is removed, so that the next one can have its name.
        if answer["disabled"] == true && answered(server.delete(&path)).await.is_none() {
            return;
        }
    }
}

/// The document of an answer that says yes; `None` when the server is gone.
async fn answered(request: RequestBuilder) -> Option<Value> {
    let answer = request.send().await.ok()?;
    let status = answer.status();
    let bytes = answer.bytes().await.ok()?;
    assert!(status.is_success(), "{status}: {bytes:?}");
    Some(serde_json::from_slice(&bytes).unwrap_or_default())
}

async fn sign_in(server: &TestServer, name: &str, secret: &str) -> StatusCode {
    let client = reqwest::Client::builder().build().expect("a client");
    let request = client
        .get(server.url("/v2/"))
        .basic_auth(name, Some(secret));
    request.send().await.expect("an answer").status()
}
