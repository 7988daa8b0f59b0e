//! What a server has, seen past every client.

use reqwest::StatusCode;
use serde_json::Value;

use super::{Caller, TestServer, digest_of, until};

/// A manifest as the server gives it.
#[derive(Debug)]
pub struct Stored {
    pub digest: String,
    pub media_type: String,
    pub document: Value,
}

impl Stored {
    pub async fn get(server: &Caller, repository: &str, reference: &str) -> Self {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let answer = server.get(&path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "GET {path}");
        let header = |name: &str| {
            let value = answer.headers().get(name);
            let value = value.unwrap_or_else(|| panic!("GET {path} has no {name}"));
            value.to_str().expect("visible ASCII").to_owned()
        };
        let (digest, media_type) = (header("docker-content-digest"), header("content-type"));
        let bytes = answer.bytes().await.expect("a whole manifest");
        assert_eq!(digest_of(&bytes), digest, "the bytes of {path}");
        Self {
            digest,
            media_type,
            document: serde_json::from_slice(&bytes).expect("a manifest is JSON"),
        }
    }

    /// A manifest all of whose blobs and children are there too, with the bytes that it names.
    pub async fn whole(server: &Caller, repository: &str, reference: &str) -> Self {
        let stored = Self::get(server, repository, reference).await;
        for child in stored.children() {
            let child = Box::pin(Self::whole(server, repository, &child)).await;
            assert!(child.children().is_empty(), "an index in an index");
        }
        for descriptor in stored.blobs() {
            let digest = descriptor["digest"].as_str().expect("a digest");
            let path = format!("/v2/{repository}/blobs/{digest}");
            let answer = server.get(&path).send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK, "GET {path}");
            let bytes = answer.bytes().await.expect("a whole blob");
            assert_eq!(digest_of(&bytes), digest, "the bytes of {path}");
            assert_eq!(
                Some(bytes.len() as u64),
                descriptor["size"].as_u64(),
                "{path}"
            );
        }
        stored
    }

    /// The digests of an index's entries.
    pub fn children(&self) -> Vec<String> {
        list(&self.document["manifests"])
            .iter()
            .map(|child| child["digest"].as_str().expect("a digest").to_owned())
            .collect()
    }

    /// The architectures of an index's entries, in order.
    pub fn architectures(&self) -> Vec<String> {
        let mut architectures: Vec<String> = list(&self.document["manifests"])
            .iter()
            .map(|child| child["platform"]["architecture"].to_string())
            .map(|name| name.trim_matches('"').to_owned())
            .collect();
        architectures.sort();
        architectures
    }

    pub fn layers(&self) -> usize {
        list(&self.document["layers"]).len()
    }

    fn blobs(&self) -> Vec<&Value> {
        let config = &self.document["config"];
        let layers = list(&self.document["layers"]);
        (!config.is_null())
            .then_some(config)
            .into_iter()
            .chain(layers)
            .collect()
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Fails unless the server has answered so many requests of a kind, in all, with that status. A
/// line of the access log is written when an answer is over, which its client may know first.
pub async fn assert_answered(server: &TestServer, endpoint: &str, status: u16, expected: usize) {
    let line = |line: &Value| (line["endpoint"].clone(), line["status"].as_u64());
    let count = |endpoint: &str, status: u16| {
        let wanted = (Value::from(endpoint), Some(u64::from(status)));
        server
            .log()
            .iter()
            .filter(|entry| line(entry) == wanted)
            .count()
    };
    until("the access lines", async || {
        count(endpoint, status) >= expected
    })
    .await;
    // What a request too many left in the log stands before the line of this one.
    let versions = count("version", 200);
    server.get("/v2/").send().await.expect("an answer");
    until("the line of the version", async || {
        count("version", 200) > versions
    })
    .await;
    assert_eq!(
        count(endpoint, status),
        expected,
        "requests {endpoint} that were answered {status}, among {:?}",
        server.log().iter().map(line).collect::<Vec<_>>()
    );
}
