use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    request: String,
    headers: reqwest::header::HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Sends a request and fails when its answer has another status.
pub(super) async fn send(request: RequestBuilder, expected: u16) -> Answer {
    let answer = answer_to(request).await;
    answer.must_be(expected);
    answer
}

pub(super) async fn answer_to(request: RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.expect("a request");
    let line = format!("{} {}", request.method(), request.url());
    let answer = client
        .execute(request)
        .await
        .unwrap_or_else(|error| panic!("{line}: {error}"));
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer
        .bytes()
        .await
        .unwrap_or_else(|error| panic!("{line}: {error}"));
    Answer {
        status,
        request: line,
        headers,
        body: body.to_vec(),
    }
}

impl Answer {
    pub(super) fn must_be(&self, expected: u16) {
        assert_eq!(
            self.status,
            expected,
            "{}: {}",
            self.request,
            String::from_utf8_lossy(&self.body)
        );
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().expect("visible ASCII"))
    }

    /// Fails unless the answer has the header with this value.
    pub(super) fn must_have(&self, name: &str, expected: &str) {
        assert_eq!(
            self.header(name),
            Some(expected),
            "{name} of {}",
            self.request
        );
    }

    /// Where to go on. containerd puts scheme and host before what begins with a slash, and takes
    /// off its credentials when they differ, so a path is what every client gets along with.
    pub(super) fn location(&self) -> String {
        let location = self.header("location");
        let location = location.unwrap_or_else(|| panic!("{} has no Location", self.request));
        assert!(
            location.starts_with("/v2/"),
            "{location} of {}",
            self.request
        );
        location.to_owned()
    }

    /// The location with a digest appended to whatever query it has.
    pub(super) fn location_with(&self, digest: &str) -> String {
        let location = self.location();
        let separator = if location.contains('?') { '&' } else { '?' };
        format!("{location}{separator}digest={}", digest.replace(':', "%3A"))
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{} is no JSON: {error}", self.request))
    }

    /// An error that Docker and others can print.
    pub(super) fn must_say(&self, code: &str) {
        self.must_have("content-type", "application/json");
        assert_eq!(self.json()["errors"][0]["code"], code, "{}", self.request);
    }
}
