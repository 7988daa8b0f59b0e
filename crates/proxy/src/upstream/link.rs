use std::sync::Arc;

use berth_registry::Clock;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use reqwest::{Client, Response, Url};
use tokio::time::{Instant, timeout_at};

use super::client;
use super::counts::{Counts, Operation, Outcome};
use super::error::{Asked, Nonsense, OpenUpstreamError, UpstreamError, host_of};
use super::gates::Gates;
use super::guard::Guard;
use super::quota::Quotas;
use super::throttle::Throttle;
use crate::settings::UpstreamSettings;

mod failure;
mod redirect;
mod verdict;

use failure::failure;
use redirect::{redirects, target};
pub(super) use redirect::{refused, without_user};

const REDIRECTS: usize = 5;

/// Sends single requests to an upstream, if nothing is known that would answer them.
pub(super) struct Link {
    pub(super) settings: UpstreamSettings,
    pub(super) guard: Arc<Guard>,
    pub(super) gates: Gates,
    pub(super) quotas: Quotas,
    pub(super) counts: Counts,
    pub(super) throttle: Throttle,
    pub(super) clock: Arc<dyn Clock>,
    http: Client,
}

/// One request, up to the head of its answer.
pub(super) struct Ask {
    pub(super) operation: Operation,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) asked: Asked,
    pub(super) deadline: Instant,
}

pub(super) enum Answer {
    Given(Given),
    /// 401, and what would be enough.
    Challenged(HeaderMap),
}

/// An answer of 200 or 206, whose body is yet to come.
pub(super) struct Given {
    pub(super) response: Response,
    /// With the host that it came from.
    pub(super) asked: Asked,
}

impl Link {
    pub(super) fn new(
        settings: UpstreamSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenUpstreamError> {
        let guard = Arc::new(Guard::new(&settings, client::proxy_hosts(&settings)));
        Ok(Self {
            http: client::build(&settings, Arc::clone(&guard))?,
            throttle: Throttle::new(settings.bytes_per_second),
            settings,
            guard,
            gates: Gates::default(),
            quotas: Quotas::default(),
            counts: Counts::default(),
            clock,
        })
    }

    pub(super) fn name(&self) -> &str {
        self.settings.name.as_str()
    }

    pub(super) async fn send(
        &self,
        ask: &Ask,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, UpstreamError> {
        let passes = self
            .gates
            .pass(ask)
            .inspect_err(|_| self.counts.request(ask.operation, Outcome::Spared))?;
        let answer = self.follow(ask, authorization).await;
        let outcome = match &answer {
            Ok(Answer::Given(_)) => Outcome::Given,
            Ok(Answer::Challenged(_)) => Outcome::Denied,
            Err(error) => Outcome::of(error),
        };
        self.counts.request(ask.operation, outcome);
        let error = answer.as_ref().err();
        self.gates
            .settle(self.name(), ask.operation, &passes, outcome, error);
        answer
    }

    /// Asks, and goes where it is sent. The credentials are for the first host, and stay there.
    async fn follow(
        &self,
        ask: &Ask,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, UpstreamError> {
        let mut url = ask.url.clone();
        for _ in 0..=REDIRECTS {
            let home = url.origin() == ask.url.origin();
            let asked = ask.asked.at(&url);
            let authorization = authorization.filter(|_| home);
            let response = self.request(ask, &url, &asked, authorization).await?;
            if home {
                self.read_quota(ask, &response);
            }
            if !redirects(response.status()) {
                return self.judge(ask, response, asked, home);
            }
            url = target(&url, response.headers()).ok_or_else(|| UpstreamError::Invalid {
                asked: asked.clone(),
                nonsense: Nonsense::Location,
            })?;
            self.guard
                .follow(&url)
                .map_err(|refusal| refused(&asked, host_of(&url), refusal))?;
        }
        Err(UpstreamError::Invalid {
            asked: ask.asked.clone(),
            nonsense: Nonsense::Redirects,
        })
    }

    async fn request(
        &self,
        ask: &Ask,
        url: &Url,
        asked: &Asked,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, UpstreamError> {
        let mut request = self
            .http
            .request(ask.method.clone(), url.clone())
            .headers(ask.headers.clone());
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        match timeout_at(ask.deadline, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(failure(asked, error)),
            Err(_) => Err(UpstreamError::Timeout {
                asked: asked.clone(),
            }),
        }
    }
}
