//! The credential with which an engine pulls is good for that alone, and stays between the two.

use serde_json::{Value, json};

use super::running;
use crate::support::ask;
use crate::support::deploy::Version;

/// All texts of a document that are as long as a secret.
fn secrets(document: &Value) -> Vec<String> {
    let values = document.as_object().expect("credentials").values();
    let texts = values.filter_map(Value::as_str);
    texts
        .filter(|text| text.len() >= 20 && !text.starts_with("http"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn the_credential_of_a_pull_pulls_only_and_is_told_nowhere() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    server.front.forget();
    server.push("shop/web:live", &Version::new("2")).await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect("succeeded");
    let asked = server.front.requests();
    let mut credentials = asked.iter().filter_map(|asked| asked.credentials.clone());
    let credentials = credentials.next().expect("a pull with a credential");
    let secrets = secrets(&credentials);
    assert!(!secrets.is_empty(), "{credentials}");

    for token in &secrets {
        let engine = server.bearer(token);
        let manifest = "/v2/shop/web/manifests/live";
        ask(engine.get(manifest)).await.expect(200);
        ask(engine.post("/v2/shop/web/blobs/uploads/"))
            .await
            .expect(401);
        let other = ask(engine.get("/v2/shop/other/manifests/live")).await;
        assert!(other.status.is_client_error(), "{other:?}");
    }
    let shown = json!([
        deployment.0,
        server.steps_of(deployment.id()).await,
        server.log_of(deployment.id()).await,
        server.server.log(),
    ]);
    let shown = shown.to_string();
    for secret in &secrets {
        assert!(!shown.contains(secret), "{secret} is told");
    }
    for reference in asked
        .iter()
        .filter(|asked| asked.is("POST", "/images/create"))
    {
        assert!(reference.path.contains("sha256"), "{reference:?}");
    }
}
