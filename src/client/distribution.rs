use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;

use super::{Login, Secret, Server, http};
use crate::table::printable;

/// For requests without a body to speak of.
const ANSWER: Duration = Duration::from_secs(120);
/// The most of a refusal that is read.
const REFUSAL_CHARACTERS: usize = 500;

/// The distribution API of one server, as one user: what images are pushed by.
pub(crate) struct Distribution {
    http: reqwest::Client,
    server: Server,
    user: String,
    secret: Secret,
}

impl Distribution {
    /// Refuses a login whose secret would travel where others can read it.
    pub(crate) fn new(login: &Login) -> anyhow::Result<Self> {
        // Without a limit to silence: while a body is sent there is nothing to be read.
        let http = http(login)?.build();
        Ok(Self {
            http: http.context("could not set up the client")?,
            server: login.server.clone(),
            user: login.user.clone(),
            secret: login.secret.clone(),
        })
    }

    /// The URL of what is at `/v2/{path}`.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.server.url().clone();
        url.set_path(&format!("/v2/{path}"));
        url
    }

    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http
            .request(method, url)
            .basic_auth(&self.user, Some(self.secret.expose()))
    }

    /// Sends a request whose answer should come soon. What is answered with `absent` is `None`.
    pub(crate) async fn ask(
        &self,
        request: RequestBuilder,
        absent: Option<StatusCode>,
    ) -> Result<Option<Response>, PushError> {
        let sent = request.timeout(ANSWER).send().await;
        let response = sent.map_err(|error| self.unreachable(error))?;
        if Some(response.status()) == absent {
            return Ok(None);
        }
        self.judge(response).await.map(Some)
    }

    /// An answer that is none of a refusal.
    pub(crate) async fn judge(&self, response: Response) -> Result<Response, PushError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status == StatusCode::UNAUTHORIZED {
            return Err(PushError::Unauthorized {
                server: self.server.clone(),
            });
        }
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let bytes = response.bytes().await;
        let bytes = bytes.map_err(|error| self.unreachable(error))?;
        Err(PushError::Refused {
            server: self.server.clone(),
            status,
            refusal: Box::new(Refusal::read(&bytes)),
            retry_after,
        })
    }

    /// Where an answer says to go on, if that is at the server itself.
    pub(crate) fn location(&self, response: &Response) -> Result<Url, PushError> {
        let location = response.headers().get(reqwest::header::LOCATION);
        location
            .and_then(|value| self.server.url().join(value.to_str().ok()?).ok())
            .filter(|url| url.origin() == self.server.url().origin())
            .ok_or_else(|| self.nonsense("a Location at itself"))
    }

    pub(crate) fn unreachable(&self, error: reqwest::Error) -> PushError {
        PushError::Unreachable {
            server: self.server.clone(),
            source: error.without_url(),
        }
    }

    pub(crate) fn stalled(&self) -> PushError {
        PushError::Stalled {
            server: self.server.clone(),
        }
    }

    pub(crate) fn nonsense(&self, missing: &'static str) -> PushError {
        PushError::Nonsense {
            server: self.server.clone(),
            missing,
        }
    }
}

/// Why a push did not do what it was sent for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PushError {
    #[error("no answer from {server}")]
    Unreachable {
        server: Server,
        #[source]
        source: reqwest::Error,
    },
    #[error("{server} took nothing more for minutes")]
    Stalled { server: Server },
    #[error("{server} no longer takes the login that is kept: run `berth login {server}`")]
    Unauthorized { server: Server },
    #[error("{server} answered {status}{}", .refusal.text())]
    Refused {
        server: Server,
        status: StatusCode,
        refusal: Box<Refusal>,
        retry_after: Option<Duration>,
    },
    #[error("the answer of {server} lacks {missing}: is it a Berth server?")]
    Nonsense {
        server: Server,
        missing: &'static str,
    },
}

impl PushError {
    /// Whether the same request may be answered in a while.
    pub(crate) fn transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Stalled { .. } => true,
            Self::Refused { status, .. } => {
                status.is_server_error()
                    || *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
            }
            Self::Unauthorized { .. } | Self::Nonsense { .. } => false,
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::Unreachable { .. }
            | Self::Stalled { .. }
            | Self::Unauthorized { .. }
            | Self::Nonsense { .. } => None,
        }
    }

    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unauthorized { .. } => Some(StatusCode::UNAUTHORIZED),
            Self::Unreachable { .. } | Self::Stalled { .. } | Self::Nonsense { .. } => None,
        }
    }

    /// Whether it would be the same with any other request.
    pub(crate) fn lost(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Unauthorized { .. } => true,
            Self::Stalled { .. } | Self::Refused { .. } | Self::Nonsense { .. } => false,
        }
    }

    /// Whether the bytes that were sent are not those of their digest.
    pub(crate) fn wrong_bytes(&self) -> bool {
        match self {
            Self::Refused { refusal, .. } => refusal.code == "DIGEST_INVALID",
            Self::Unreachable { .. }
            | Self::Stalled { .. }
            | Self::Unauthorized { .. }
            | Self::Nonsense { .. } => false,
        }
    }
}

/// What the server says of an error; distribution specification, "Error Codes".
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Refusal {
    code: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct RefusalDocument {
    errors: Vec<Refusal>,
}

impl Refusal {
    fn read(bytes: &[u8]) -> Self {
        let document: Option<RefusalDocument> = serde_json::from_slice(bytes).ok();
        let first = document.and_then(|document| document.errors.into_iter().next());
        first.unwrap_or_default()
    }

    fn text(&self) -> String {
        if self.message.is_empty() {
            return " and did not say why".to_owned();
        }
        let text: String = self.message.chars().take(REFUSAL_CHARACTERS).collect();
        format!(": {}", printable(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_server() {
        let cases = [
            (
                r#"{"errors":[{"code":"DENIED","message":"the project is full"}]}"#,
                ": the project is full",
            ),
            (r#"{"errors":[{"code":"DENIED"}]}"#, " and did not say why"),
            (r#"{"errors":[]}"#, " and did not say why"),
            ("<html>", " and did not say why"),
        ];
        for (body, expected) in cases {
            assert_eq!(Refusal::read(body.as_bytes()).text(), expected, "{body}");
        }
    }
}
