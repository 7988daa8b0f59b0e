//! The client of one upstream registry: what to ask it for, and what to make of what it says.
//!
//! `link` sends single requests, under the rules of `guard` (where they may lead) and `gates`
//! (whether they are sent at all); `need` and `token` say with what credentials. Whether a
//! repository may be asked for is not known here.

use std::sync::Arc;

use berth_oci::RepositoryName;
use berth_registry::Clock;
use http::HeaderValue;
use quick_cache::sync::Cache;
use reqwest::Url;

use crate::settings::{Credentials, Profile, UpstreamSettings};

mod all;
mod blob;
mod body;
mod breaker;
mod challenge;
mod client;
mod counts;
mod error;
mod gate;
mod gates;
mod guard;
mod link;
mod lists;
mod manifest;
mod need;
mod quota;
mod retry_after;
mod state;
mod subject;
mod throttle;
mod token;

pub(crate) use blob::BlobRange;
pub use counts::{Operation, Outcome};
pub use error::OpenUpstreamError;
pub(crate) use error::UpstreamError;
pub(crate) use lists::TagPage;
pub(crate) use manifest::FetchedManifest;
pub use quota::Quota;
pub use state::{OperationState, UpstreamState};
pub(crate) use subject::Subject;

use link::{Answer, Ask, Given, Link, without_user};
use need::Need;
use token::{Held, Tokens, basic, sensitive};

/// The most repositories whose need of credentials is remembered.
const REPOSITORIES: usize = 100_000;

/// One registry, and all that is known of how it does.
pub(crate) struct Upstream {
    link: Arc<Link>,
    tokens: Tokens,
    /// What each of them wanted, so that it need not say so again.
    needs: Cache<Subject, Need>,
    /// The token of the settings, which goes with everything.
    own_token: Option<HeaderValue>,
}

impl Upstream {
    pub(crate) fn new(
        mut settings: UpstreamSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenUpstreamError> {
        let upstream = || settings.name.to_string();
        let url = without_user(settings.url.clone()).filter(|url| url.has_host());
        let mut url = url.ok_or_else(|| OpenUpstreamError::Url {
            upstream: upstream(),
        })?;
        let own_token = match &settings.credentials {
            Credentials::Bearer(token) => {
                let header = sensitive(&format!("Bearer {}", token.expose()));
                Some(header.ok_or_else(|| OpenUpstreamError::Token {
                    upstream: upstream(),
                })?)
            }
            Credentials::None | Credentials::Password { .. } => None,
        };
        url.set_query(None);
        settings.url = url;
        Ok(Self {
            link: Arc::new(Link::new(settings, clock)?),
            tokens: Tokens::new(),
            needs: Cache::new(REPOSITORIES),
            own_token,
        })
    }

    pub(crate) fn settings(&self) -> &UpstreamSettings {
        &self.link.settings
    }

    /// The name that a repository has at the upstream: clients of Docker Hub leave `library/` out.
    fn name_there(&self, repository: &RepositoryName) -> RepositoryName {
        let official = match self.link.settings.profile {
            Profile::DockerHub | Profile::AliyunAccelerator => !repository.as_str().contains('/'),
            Profile::Generic
            | Profile::AliyunAcr
            | Profile::Quay
            | Profile::Ghcr
            | Profile::Kubernetes
            | Profile::Mcr => false,
        };
        let longer = official.then(|| format!("library/{repository}").parse().ok());
        longer.flatten().unwrap_or_else(|| repository.clone())
    }

    fn url(&self, repository: &RepositoryName, rest: &str) -> Url {
        let mut url = self.link.settings.url.clone();
        let path = url.path().trim_end_matches('/');
        url.set_path(&format!("{path}/v2/{repository}/{rest}"));
        url
    }

    async fn ask(&self, repository: &RepositoryName, ask: &Ask) -> Result<Given, UpstreamError> {
        let subject = Subject::Repository(repository.clone());
        self.ask_of(&subject, ask).await
    }

    /// Asks with what the subject is known to want, and once more if it wants something else.
    async fn ask_of(&self, subject: &Subject, ask: &Ask) -> Result<Given, UpstreamError> {
        if self.link.settings.offline {
            return Err(UpstreamError::Offline {
                upstream: self.link.name().into(),
            });
        }
        let unauthorized = || UpstreamError::Unauthorized {
            asked: ask.asked.clone(),
        };
        let known = self.needs.get(subject).or_else(|| {
            // It does not say with what it is asked.
            (*subject == Subject::HarborApi).then_some(Need::Basic)
        });
        let shown = self.credential(known.as_ref(), ask).await?;
        let challenge = match self.link.send(ask, shown.header()).await? {
            Answer::Given(given) => return Ok(given),
            Answer::Challenged(challenge) => challenge,
        };
        if self.own_token.is_some() {
            return Err(unauthorized());
        }
        let need = Need::read(&self.link, ask, subject, &challenge)?;
        shown.refuse();
        if known.as_ref() == Some(&need) && !shown.outdated() {
            return Err(unauthorized());
        }
        self.needs.insert(subject.clone(), need.clone());
        let shown = self.credential(Some(&need), ask).await?;
        match self.link.send(ask, shown.header()).await? {
            Answer::Given(given) => Ok(given),
            Answer::Challenged(_) => Err(unauthorized()),
        }
    }

    async fn credential(&self, need: Option<&Need>, ask: &Ask) -> Result<Shown, UpstreamError> {
        if let Some(header) = &self.own_token {
            return Ok(Shown::Fixed(header.clone()));
        }
        Ok(match need {
            None => Shown::Nothing,
            Some(Need::Basic) => match basic(&self.link.settings.credentials) {
                Some(header) => Shown::Fixed(header),
                None => Shown::Nothing,
            },
            Some(Need::Token(grant)) => {
                let held = self.tokens.token(&self.link, grant, ask.deadline);
                Shown::Token(held.await?)
            }
        })
    }
}

/// What went with a request.
enum Shown {
    Nothing,
    Fixed(HeaderValue),
    Token(Held),
}

impl Shown {
    fn header(&self) -> Option<&HeaderValue> {
        match self {
            Self::Nothing => None,
            Self::Fixed(header) => Some(header),
            Self::Token(held) => Some(&held.token.header),
        }
    }

    /// Not to be shown again.
    fn refuse(&self) {
        match self {
            Self::Nothing | Self::Fixed(_) => {}
            Self::Token(held) => held.token.refuse(),
        }
    }

    /// Whether another may be taken: it is a token of some age.
    fn outdated(&self) -> bool {
        match self {
            Self::Nothing | Self::Fixed(_) => false,
            Self::Token(held) => !held.fresh,
        }
    }
}

#[cfg(test)]
mod tests;
