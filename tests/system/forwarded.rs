//! Clients behind proxies: whose word about them is believed. The access line tells.

use serde_json::Value;

use crate::support::TestServer;

async fn behind(proxies: &str) -> TestServer {
    TestServer::builder()
        .env("BERTH_TRUSTED_PROXIES", proxies)
        .start()
        .await
}

/// The client in the access line of a request with these values of X-Forwarded-For; null when it
/// is the peer.
async fn forwarded(server: &TestServer, values: &[&str]) -> Value {
    let mut request = server.get("/v2/");
    for value in values {
        request = request.header("x-forwarded-for", *value);
    }
    let answer = request.send().await.expect("an answer");
    let id = answer.headers()["x-request-id"].to_str().expect("an id");
    let line = server.access_line(id).await;
    let peer = line["peer"].as_str().expect("a peer");
    assert!(peer.starts_with("127.0.0.1:"), "{line}");
    line["client"].clone()
}

#[tokio::test]
async fn a_trusted_proxy_tells_who_its_client_is() {
    let server = behind("127.0.0.1,10.0.0.0/8").await;
    let cases: [(&[&str], Value); 6] = [
        (&["192.0.2.1"], "192.0.2.1".into()),
        (&["[2001:db8::1]:4711"], "2001:db8::1".into()),
        (&["203.0.113.9, 192.0.2.1, 10.0.0.2"], "192.0.2.1".into()),
        (&["203.0.113.9", "192.0.2.1"], "192.0.2.1".into()),
        (&["192.0.2.1, nobody"], Value::Null),
        (&[], Value::Null),
    ];
    for (values, client) in cases {
        assert_eq!(forwarded(&server, values).await, client, "{values:?}");
    }
}

#[tokio::test]
async fn nobody_else_tells_who_a_client_is() {
    for proxies in ["", "192.0.2.1, 127.0.0.2"] {
        let server = behind(proxies).await;
        let client = forwarded(&server, &["192.0.2.1"]).await;
        assert_eq!(client, Value::Null, "{proxies}");
    }
}
