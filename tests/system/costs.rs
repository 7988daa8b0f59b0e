//! What a request costs, by the server's own count.

use crate::support::{Image, TestServer, ask};

const PULLS: u64 = 300;
/// After a pause of a second, as a busy machine may make one, what is known is asked again.
const ASKED_AGAIN: u64 = 20;

#[tokio::test]
async fn a_pull_of_what_was_pulled_before_costs_no_query_and_no_hash() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    image.push(&server, "team/app", "1").await;
    let path = "/token?scope=repository:team/app:pull";
    let token = ask(server.get(path)).await.expect(200).json();
    let token = token["token"].as_str().expect("a token").to_owned();
    let client = reqwest::Client::builder().build().expect("a client");
    let config = image.config.digest.clone();
    let pull = async || {
        for path in ["manifests/1".to_owned(), format!("blobs/{config}")] {
            let url = server.url(&format!("/v2/team/app/{path}"));
            let answer = client.get(url).bearer_auth(&token).send().await;
            assert_eq!(answer.expect("an answer").status(), 200);
        }
    };
    // What has to be known is known after this.
    pull().await;
    let before = Costs::of(&server).await;
    for _ in 0..PULLS {
        pull().await;
    }
    let after = Costs::of(&server).await;
    assert_eq!(after.hashes, before.hashes);
    let reads = after.reads - before.reads;
    assert!(reads < ASKED_AGAIN, "{reads} queries");
}

#[tokio::test]
async fn a_password_that_was_right_is_not_hashed_again() {
    let server = TestServer::start().await;
    for _ in 0..50 {
        ask(server.get("/v2/")).await.expect(200);
        ask(server.get("/api/v1/me")).await.expect(200);
    }
    // One when the user was made, and one when the password was first shown.
    assert_eq!(Costs::of(&server).await.hashes, 2);
}

struct Costs {
    reads: u64,
    hashes: u64,
}

impl Costs {
    async fn of(server: &TestServer) -> Self {
        let text = ask_metrics(server).await;
        let count = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.rsplit(' ').next());
            value
                .and_then(|value| value.parse().ok())
                .unwrap_or_else(|| panic!("no {name} in {text}"))
        };
        Self {
            reads: count("berth_database_reads_total "),
            hashes: count("berth_password_hashes_total "),
        }
    }
}

async fn ask_metrics(server: &TestServer) -> String {
    let answer = ask(server.get("/metrics")).await.expect(200);
    String::from_utf8(answer.body).expect("text")
}
