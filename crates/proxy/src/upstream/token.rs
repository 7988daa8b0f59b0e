use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use berth_registry::sentence;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use http::{HeaderMap, HeaderValue, Method};
use quick_cache::sync::Cache;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use super::body::read_at_most;
use super::counts::Operation;
use super::error::{Asked, Nonsense, UpstreamError};
use super::link::{Answer, Ask, Link};
use super::need::Grant;
use crate::settings::Credentials;

const TOKENS: usize = 10_000;
const TOKEN_BYTES: u64 = 256 << 10;
/// How long a token service may take; whoever waits may give up before.
const FETCH: Duration = Duration::from_secs(10);
/// What a token is good for if nothing is said (distribution, token specification).
const LIFETIME: u64 = 60;
const REFUSED_FOR: Duration = Duration::from_secs(30);
const LONGEST_LIFETIME: u64 = 24 * 60 * 60;

/// The tokens of one upstream: one request for each thing that a token can be for, whoever waits.
pub(super) struct Tokens {
    fetches: Cache<Arc<Grant>, Fetch>,
    /// When credentials were refused, and how.
    refused: Mutex<Option<(Instant, UpstreamError)>>,
    tasks: TaskTracker,
}

type Fetch = Shared<BoxFuture<'static, Result<Arc<Token>, UpstreamError>>>;

pub(super) struct Token {
    pub(super) header: HeaderValue,
    renew_at: Instant,
    refused: AtomicBool,
}

impl Token {
    /// Not to be shown again: the registry did not take it.
    pub(super) fn refuse(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }

    fn usable(&self) -> bool {
        !self.refused.load(Ordering::Relaxed) && Instant::now() < self.renew_at
    }
}

/// A token, and whether it was made for this request and others that waited for it.
pub(super) struct Held {
    pub(super) token: Arc<Token>,
    pub(super) fresh: bool,
}

impl Tokens {
    pub(super) fn new() -> Self {
        Self {
            fetches: Cache::new(TOKENS),
            refused: Mutex::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// The token that is known, or the one that is being fetched, or a new one.
    pub(super) async fn token(
        &self,
        link: &Arc<Link>,
        grant: &Arc<Grant>,
        deadline: Instant,
    ) -> Result<Held, UpstreamError> {
        if let Some(error) = self.lately_refused(link) {
            return Err(error.again(&asked(grant), None));
        }
        let over = |fetch: &Fetch| match fetch.peek() {
            Some(Ok(token)) => !token.usable(),
            Some(Err(_)) => true,
            None => false,
        };
        let start = || self.start(Arc::clone(link), Arc::clone(grant));
        self.fetches.remove_if(grant, over);
        let Ok(fetch) = self
            .fetches
            .get_or_insert_with(grant, || Ok::<_, Infallible>(start()));
        let fresh = fetch.peek().is_none();
        match timeout_at(deadline, fetch).await {
            Ok(Err(error @ UpstreamError::Unauthorized { .. })) => {
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((Instant::now(), error.clone()));
                Err(error)
            }
            Ok(fetched) => fetched.map(|token| Held { token, fresh }),
            Err(_) => Err(UpstreamError::Timeout {
                asked: asked(grant),
            }),
        }
    }

    /// A password that was refused is not shown again for a while: Docker Hub locks the name of a
    /// user that signs in wrongly (hub-feedback#2201).
    fn lately_refused(&self, link: &Link) -> Option<UpstreamError> {
        basic(&link.settings.credentials)?;
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, error) = refused.as_ref()?;
        (at.elapsed() < REFUSED_FOR).then(|| error.clone())
    }

    /// The task drives the request to its end, though all who wait may leave.
    fn start(&self, link: Arc<Link>, grant: Arc<Grant>) -> Fetch {
        let fetch = async move { fetch(&link, &grant).await.map(Arc::new) };
        let fetch = fetch.boxed().shared();
        self.tasks.spawn(fetch.clone().map(drop));
        fetch
    }
}

fn asked(grant: &Grant) -> Asked {
    Asked::new(
        &grant.realm,
        sentence!("a token for {}", grant.scopes.join(" ")),
    )
}

async fn fetch(link: &Link, grant: &Grant) -> Result<Token, UpstreamError> {
    let ask = Ask {
        operation: Operation::Token,
        method: Method::GET,
        url: grant.url(),
        headers: HeaderMap::new(),
        asked: asked(grant),
        deadline: Instant::now() + FETCH,
    };
    let basic = basic(&link.settings.credentials);
    let answer = match link.send(&ask, basic.as_ref()).await {
        // Those of Aliyun reset connections now and then.
        Err(UpstreamError::Unreachable { .. }) => link.send(&ask, basic.as_ref()).await,
        answer => answer,
    };
    let given = match answer? {
        Answer::Given(given) => given,
        Answer::Challenged(_) => return Err(UpstreamError::Unauthorized { asked: ask.asked }),
    };
    let asked_at = Instant::now();
    let body = read_at_most(given, TOKEN_BYTES, ask.deadline).await?;
    read(&body, asked_at).ok_or(UpstreamError::Invalid {
        asked: ask.asked,
        nonsense: Nonsense::Token,
    })
}

#[derive(Deserialize)]
struct TokenDocument {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

fn read(body: &[u8], asked_at: Instant) -> Option<Token> {
    let document: TokenDocument = serde_json::from_slice(body).ok()?;
    let token = document
        .token
        .or(document.access_token)
        .filter(|token| !token.is_empty())?;
    let lifetime = document
        .expires_in
        .unwrap_or(LIFETIME)
        .min(LONGEST_LIFETIME);
    // The last fifth is for clocks that differ and requests that are long under way.
    let good_for = Duration::from_secs(lifetime).mul_f64(0.8);
    Some(Token {
        header: sensitive(&format!("Bearer {token}"))?,
        renew_at: asked_at + good_for,
        refused: AtomicBool::new(false),
    })
}

/// The header for user and password, if there are any.
pub(super) fn basic(credentials: &Credentials) -> Option<HeaderValue> {
    match credentials {
        Credentials::None | Credentials::Bearer(_) => None,
        Credentials::Password { username, password } => {
            let pair = format!("{username}:{}", password.expose());
            sensitive(&format!("Basic {}", BASE64_STANDARD.encode(pair)))
        }
    }
}

/// A header that no log shows.
pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
