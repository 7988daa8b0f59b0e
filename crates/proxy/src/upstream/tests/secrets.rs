use std::net::TcpListener;

use super::fake::{Fake, answer, ok};
use super::{changed, password, told, whole};
use crate::settings::Secret;
use crate::upstream::UpstreamError;

const SECRETS: [&str; 5] = [
    "hunter2",
    "cm9ib3Q6aHVudGVyMg",
    "token1234",
    "X-Sig",
    "robot",
];

/// A port that nobody listens at.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.3:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

async fn failing(registry: &Fake, proxy: Option<String>) -> UpstreamError {
    let upstream = changed(&registry.url, |settings| {
        settings.credentials = password();
        settings.proxy = proxy.map(Secret::new);
    });
    let blob = whole(&upstream);
    blob.await.err().expect("an error")
}

#[tokio::test]
async fn an_error_tells_no_secret() {
    let tokens = Fake::at("127.0.0.2", |_| ok(r#"{"token":"token1234"}"#)).await;
    let challenge = format!(
        r#"Bearer realm="http://robot:hunter2@{}/""#,
        tokens.url.authority()
    );
    let signed = format!("http://robot:hunter2@{}/blob?X-Sig=token1234", closed());
    let redirecting = Fake::start(move |seen| match seen.header("authorization") {
        Some("Bearer token1234") => answer(307, &[("location", &signed)], ""),
        _ => answer(401, &[("www-authenticate", &challenge)], ""),
    })
    .await;
    let error = failing(&redirecting, None).await;
    assert!(
        matches!(error, UpstreamError::Unreachable { .. }),
        "{error}"
    );
    let mut texts = vec![told(&error)];

    let realm = format!(r#"Bearer realm="http://{}/?X-Sig=1""#, closed());
    let headers = move || answer(401, &[("www-authenticate", &realm)], "");
    let without_tokens = Fake::start(move |_| headers()).await;
    texts.push(told(&failing(&without_tokens, None).await));

    for scheme in ["http", "socks5"] {
        let proxy = format!("{scheme}://robot:hunter2@{}", closed());
        texts.push(told(&failing(&redirecting, Some(proxy)).await));
    }
    for text in texts {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
