//! The connection to an engine: made at its first use, and made again after the engine was away.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use berth_registry::sentence;
use bollard::API_DEFAULT_VERSION;
use bollard::BollardRequest;
use bollard::errors::Error;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use http::Uri;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::fault::Fault;
use crate::engine::EngineError;
use crate::settings::EngineSettings;

/// For what the engine answers from its memory, or nearly.
pub(super) const SOON: Duration = Duration::from_secs(30);
/// For what works on a container: with a slow disk, a start takes its time.
pub(super) const WORK: Duration = Duration::from_secs(120);

/// For agreeing upon a version of the API, and for a ping.
const AT_ONCE: Duration = Duration::from_secs(5);

/// All that want a client at the same time wait for the same negotiation.
type Negotiation = Shared<BoxFuture<'static, Result<bollard::Docker, Arc<Error>>>>;

enum Agreed {
    Nothing,
    Soon(Negotiation),
    Upon {
        client: bollard::Docker,
        since: Instant,
    },
}

pub(super) struct Connection {
    settings: EngineSettings,
    /// With the version of the API that was agreed upon. Emptied when the engine does not answer,
    /// since another version of it may come back.
    agreed: std::sync::Mutex<Agreed>,
    /// The containers that a warning was logged of.
    told: std::sync::Mutex<BTreeSet<String>>,
    /// By name. A tag is the engine's, and deployments of several stacks may use it at a time.
    tags: std::sync::Mutex<BTreeMap<String, Arc<Mutex<()>>>>,
}

impl Connection {
    pub(super) fn new(settings: EngineSettings) -> Self {
        Self {
            settings,
            agreed: std::sync::Mutex::new(Agreed::Nothing),
            told: std::sync::Mutex::default(),
            tags: std::sync::Mutex::default(),
        }
    }

    /// Makes a request. `what` says as an order what the engine is asked to do.
    pub(super) async fn ask<T, F>(
        &self,
        what: &str,
        limit: Duration,
        request: impl FnOnce(bollard::Docker) -> F + Send,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Error>> + Send,
        T: Send,
    {
        let asked = async {
            let client = self.client(limit).await?;
            Ok(request(client).await)
        };
        match tokio::time::timeout(limit, asked).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(error))) => Err(self.fault(what, error).await),
            Ok(Err(fault)) => Err(fault),
            Err(_) => Err(self.fault(what, Error::RequestTimeoutError).await),
        }
    }

    /// A client for a request that streams. Its errors go through [`Connection::fault`].
    pub(super) async fn client(&self, limit: Duration) -> Result<bollard::Docker, Fault> {
        let negotiation = {
            let mut agreed = self.agreed();
            match &*agreed {
                Agreed::Upon { client, .. } => {
                    return Ok(client.clone().with_timeout(limit));
                }
                Agreed::Soon(negotiation) => negotiation.clone(),
                Agreed::Nothing => {
                    let negotiation = negotiate(self.settings.clone()).boxed().shared();
                    *agreed = Agreed::Soon(negotiation.clone());
                    negotiation
                }
            }
        };
        let ended = negotiation.clone().await;
        let mut agreed = self.agreed();
        // The first that sees its end notes it.
        if matches!(&*agreed, Agreed::Soon(it) if it.ptr_eq(&negotiation)) {
            *agreed = match &ended {
                Ok(client) => Agreed::Upon {
                    client: client.clone(),
                    since: Instant::now(),
                },
                Err(_) => Agreed::Nothing,
            };
        }
        match ended {
            Ok(client) => Ok(client.with_timeout(limit)),
            Err(source) => Err(Fault::Away(
                self.away(sentence("agree upon a version of its API"), source),
            )),
        }
    }

    fn agreed(&self) -> MutexGuard<'_, Agreed> {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps other deployments from moving a tag. For a few requests only.
    pub(super) async fn hold_tag(&self, tag: &str) -> OwnedMutexGuard<()> {
        let tag = {
            let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody holds or waits for are forgotten.
            tags.retain(|_, it| Arc::strong_count(it) > 1);
            Arc::clone(tags.entry(tag.to_owned()).or_default())
        };
        tag.lock_owned().await
    }

    /// Whether the engine has at least this version of the API.
    pub(super) async fn knows(&self, minor: usize) -> Result<bool, Fault> {
        let version = self.client(SOON).await?.client_version();
        Ok((version.major_version, version.minor_version) >= (1, minor))
    }

    /// What an error of a request means. A daemon that is about to end answers some requests with
    /// 5xx: only one that still answers a ping has refused.
    pub(super) async fn fault(&self, what: &str, error: Error) -> Fault {
        match error {
            Error::DockerResponseServerError {
                status_code,
                message,
            } => match status_code {
                404 => Fault::Absent(message),
                409 => Fault::Conflict(message),
                500.. if !self.answers().await => {
                    let error = Error::DockerResponseServerError {
                        status_code,
                        message,
                    };
                    self.lost(what, error).await
                }
                _ => Fault::Refused(message),
            },
            Error::DockerStreamError { error } if self.answers().await => Fault::Refused(error),
            error if !of_connection(&error) && self.answers().await => Fault::Refused(sentence!(
                "the engine was asked to {what}, and its answer makes no sense: {error}"
            )),
            error => self.lost(what, error).await,
        }
    }

    /// Whether it is the first time that something is said of a container.
    pub(super) fn is_news(&self, id: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(id.to_owned())
    }

    /// For how long the engine has answered without a break that we know of. Before that it may have
    /// been away, or we were.
    pub(super) async fn answers_for(&self) -> Result<Duration, Fault> {
        self.client(SOON).await?;
        match &*self.agreed() {
            Agreed::Upon { since, .. } => Ok(since.elapsed()),
            Agreed::Nothing | Agreed::Soon(_) => Ok(Duration::ZERO),
        }
    }

    async fn answers(&self) -> bool {
        let Ok(client) = self.client(SOON).await else {
            return false;
        };
        let ping = tokio::time::timeout(AT_ONCE, client.ping());
        matches!(ping.await, Ok(Ok(_)))
    }

    async fn lost(&self, what: &str, source: Error) -> Fault {
        *self.agreed() = Agreed::Nothing;
        Fault::Away(self.away(what, Arc::new(source)))
    }

    fn away(&self, what: &str, source: Arc<Error>) -> EngineError {
        EngineError {
            what: sentence!(
                "the engine {} does not answer; it was asked to {what}",
                self.settings.name
            ),
            source: Some(Box::new(source)),
        }
    }
}

async fn negotiate(settings: EngineSettings) -> Result<bollard::Docker, Arc<Error>> {
    let client = connect(&settings)?;
    let negotiation = tokio::time::timeout(AT_ONCE, client.negotiate_version()).await;
    let client = negotiation.unwrap_or(Err(Error::RequestTimeoutError))?;
    let version = client.client_version().to_string();
    Ok(client.with_request_modifier(move |request| versioned(request, &version)))
}

/// Whether the engine was perhaps never reached, or did not get to the end of its answer.
fn of_connection(error: &Error) -> bool {
    matches!(
        error,
        Error::RequestTimeoutError
            | Error::IOError { .. }
            | Error::HyperResponseError { .. }
            | Error::HyperLegacyError { .. }
            | Error::SocketNotFoundError(_)
    )
}

/// Connects to nothing yet; a socket has to be there, though.
fn connect(settings: &EngineSettings) -> Result<bollard::Docker, Error> {
    let url = settings.url.as_str();
    let limit = SOON.as_secs();
    if url.starts_with("unix://") {
        return bollard::Docker::connect_with_unix(url, limit, API_DEFAULT_VERSION);
    }
    match &settings.tls {
        Some(tls) => bollard::Docker::connect_with_ssl(
            url,
            &tls.key,
            &tls.cert,
            &tls.ca,
            limit,
            API_DEFAULT_VERSION,
        ),
        None => bollard::Docker::connect_with_http(url, limit, API_DEFAULT_VERSION),
    }
}

/// Names the version of the API that was agreed upon in the path of a request. bollard 0.21 agrees
/// upon one and leaves it out (`Uri::parse` joins the path over it), and an engine takes a request
/// without for its own newest version, with answers that bollard may not be able to read.
pub(super) fn versioned(mut request: BollardRequest, version: &str) -> BollardRequest {
    let path = request.uri().path_and_query().map(|it| it.to_string());
    if let Some(uri) = path.and_then(|path| at_path(request.uri(), version, &path)) {
        *request.uri_mut() = uri;
    }
    request
}

/// A request to another path, below the version of the API that was agreed upon.
pub(super) fn at_path(uri: &Uri, version: &str, path: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("/v{version}{path}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    /// The clock stands still, and goes on at once where everybody waits.
    #[tokio::test(start_paused = true)]
    async fn an_engine_that_says_nothing_is_waited_for_once_by_all() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let engine = Connection::new(EngineSettings {
            name: "local".to_owned(),
            url: format!("http://{}", listener.local_addr().unwrap()),
            tls: None,
            triggers: None,
        });
        let began = tokio::time::Instant::now();
        let ask = |_| {
            engine.ask("tell its version", SOON, |client| async move {
                client.version().await
            })
        };
        for ended in join_all((0..20).map(ask)).await {
            assert!(matches!(ended, Err(Fault::Away(_))), "{ended:?}");
        }
        assert!(began.elapsed() < 2 * AT_ONCE, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_tag_is_held_by_one_and_others_are_free() {
        let engine = Connection::new(EngineSettings {
            name: "local".to_owned(),
            url: "http://127.0.0.1:1".to_owned(),
            tls: None,
            triggers: None,
        });
        let held = engine.hold_tag("web:live").await;
        assert!(engine.hold_tag("web:live").now_or_never().is_none());
        assert!(engine.hold_tag("api:live").now_or_never().is_some());
        drop(held);
        assert!(engine.hold_tag("web:live").now_or_never().is_some());
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_an_answer() {
        let unreadable = serde_json::from_str::<i64>("?").unwrap_err();
        assert!(!of_connection(&unreadable.into()));
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(of_connection(&broken.into()));
        assert!(of_connection(&Error::RequestTimeoutError));
    }
}
