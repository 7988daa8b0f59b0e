use axum::Router;
use axum::extract::Query;
use axum::response::Redirect;
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tokio::net::TcpListener;

use super::{Client, Login, RequestError, Secret};

#[derive(Deserialize)]
struct Wanted {
    limit: usize,
    cursor: Option<usize>,
}

/// The numbers to 4, two in a page at most.
async fn numbers(Query(wanted): Query<Wanted>) -> String {
    let first = wanted.cursor.unwrap_or_default();
    let last = 5.min(first + wanted.limit.min(2));
    let items: Vec<_> = (first..last).map(|number| number.to_string()).collect();
    let next = if last == 5 {
        "null".to_owned()
    } else {
        format!("\"{last}\"")
    };
    format!(r#"{{"items": [{}], "next": {next}}}"#, items.join(" , "))
}

/// Whoever is not ann with her secret is refused.
async fn guarded(headers: HeaderMap) -> (StatusCode, &'static str) {
    let credential = headers.get("authorization").map(|value| value.as_bytes());
    if credential == Some(b"Basic YW5uOmJlcnRoX3BhdF9odW50ZXIy") {
        (StatusCode::OK, r#" {"name" : "ann"} "#)
    } else {
        (StatusCode::UNAUTHORIZED, "{}")
    }
}

/// A server that answers as the API does, and clients of it with the right secret and a wrong one.
async fn serve() -> [Client; 2] {
    let app = Router::new()
        .route("/api/v1/numbers", get(numbers))
        .route("/api/v1/me", get(guarded))
        .route(
            "/api/v1/moved",
            get(|| async { Redirect::temporary("/api/v1/me") }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    ["berth_pat_hunter2", "wrong"].map(|secret| {
        let login = Login {
            server: address.to_string().parse().expect("a server"),
            user: "ann".to_owned(),
            secret: Secret::new(secret.to_owned()),
            made_token: None,
            ca_file: None,
            insecure: false,
        };
        Client::new(&login).expect("a client")
    })
}

#[tokio::test]
async fn a_list_is_gathered_from_its_pages_as_far_as_it_is_wanted() {
    let [client, _] = serve().await;
    for (most, expected) in [
        (None, &["0", "1", "2", "3", "4"][..]),
        (Some(3), &["0", "1", "2"]),
        (Some(2), &["0", "1"]),
        (Some(0), &[]),
    ] {
        let items = client.list(&["numbers"], &[], most).await.expect("a list");
        let items: Vec<_> = items.iter().map(|item| item.text()).collect();
        assert_eq!(items, expected, "{most:?}");
    }
}

#[tokio::test]
async fn a_document_is_kept_as_it_came() {
    let [client, _] = serve().await;
    let me = client.get(&["me"]).await.expect("an answer");
    assert_eq!(me.text(), r#"{"name" : "ann"}"#);
}

#[tokio::test]
async fn an_answer_that_is_no_success_says_what_to_do() {
    let [client, wrong] = serve().await;
    let refused = wrong.get(&["me"]).await.err().expect("refused");
    let said = refused.to_string();
    assert!(
        matches!(refused, RequestError::Unauthorized { .. }),
        "{said}"
    );
    assert!(said.contains("berth login http://127.0.0.1:"), "{said}");

    // A secret follows nobody's redirection.
    for path in ["moved", "missing"] {
        let refused = client.get(&[path]).await.err().expect("refused");
        let said = refused.to_string();
        assert!(
            matches!(refused, RequestError::Unexplained { .. }),
            "{said}"
        );
        assert!(said.contains("is it a Berth server?"), "{said}");
    }
}
