use std::sync::Arc;

use http::HeaderMap;
use reqwest::Url;

use super::challenge::Challenge;
use super::error::{Nonsense, UpstreamError, host_of};
use super::link::{Ask, Link, refused, without_user};
use super::subject::Subject;
use crate::settings::Credentials;

/// The most repositories that one token is asked for.
const SCOPES: usize = 4;
const SCOPE_BYTES: usize = 512;

/// What a registry wants with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// User and password, with each request.
    Basic,
    /// A token of a token service.
    Token(Arc<Grant>),
}

/// What a token is asked for, and where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Grant {
    pub(super) realm: Url,
    pub(super) service: Option<String>,
    /// Never more than `pull`, or the catalog.
    pub(super) scopes: Vec<String>,
}

impl Need {
    /// What the challenges of a 401 ask for; Bearer goes before Basic.
    pub(super) fn read(
        link: &Link,
        ask: &Ask,
        subject: &Subject,
        headers: &HeaderMap,
    ) -> Result<Self, UpstreamError> {
        let challenges = Challenge::all(headers);
        let of_scheme = |scheme| {
            let mut challenges = challenges.iter();
            challenges.find(|challenge: &&Challenge| challenge.scheme == scheme)
        };
        if let Some(bearer) = of_scheme("bearer") {
            let grant = Grant::read(link, ask, subject, bearer)?;
            return Ok(Self::Token(Arc::new(grant)));
        }
        let password = matches!(link.settings.credentials, Credentials::Password { .. });
        if of_scheme("basic").is_some() && password {
            return Ok(Self::Basic);
        }
        Err(UpstreamError::Unauthorized {
            asked: ask.asked.clone(),
        })
    }
}

impl Grant {
    fn read(
        link: &Link,
        ask: &Ask,
        subject: &Subject,
        challenge: &Challenge,
    ) -> Result<Self, UpstreamError> {
        let realm = challenge
            .parameter("realm")
            .and_then(|realm| ask.url.join(realm).ok())
            .and_then(without_user)
            .ok_or_else(|| UpstreamError::Invalid {
                asked: ask.asked.clone(),
                nonsense: Nonsense::Challenge,
            })?;
        // Without credentials there is nothing that a stranger could learn.
        let trusted = match link.settings.credentials {
            Credentials::None => Ok(()),
            Credentials::Password { .. } | Credentials::Bearer(_) => link.guard.trust(&realm),
        };
        link.guard
            .follow(&realm)
            .and(trusted)
            .map_err(|refusal| refused(&ask.asked, host_of(&realm), refusal))?;
        Ok(Self {
            realm,
            service: challenge.parameter("service").map(str::to_owned),
            scopes: scopes(challenge.parameter("scope"), subject),
        })
    }

    /// The realm with what it is asked.
    pub(super) fn url(&self) -> Url {
        let mut url = self.realm.clone();
        let mut query = url.query_pairs_mut();
        if let Some(service) = &self.service {
            query.append_pair("service", service);
        }
        for scope in &self.scopes {
            query.append_pair("scope", scope);
        }
        drop(query);
        url
    }
}

/// The repositories that a challenge names, each for `pull`; what is asked for if it names none.
fn scopes(challenged: Option<&str>, subject: &Subject) -> Vec<String> {
    let Subject::Repository(repository) = subject else {
        return vec![Subject::CATALOG_SCOPE.to_owned()];
    };
    let named: Vec<String> = challenged
        .unwrap_or_default()
        .split_ascii_whitespace()
        .filter_map(|scope| {
            let (kind_and_name, _) = scope.rsplit_once(':')?;
            let fits = kind_and_name.starts_with("repository:") && scope.len() <= SCOPE_BYTES;
            fits.then(|| format!("{kind_and_name}:pull"))
        })
        .take(SCOPES)
        .collect();
    if named.is_empty() {
        vec![format!("repository:{repository}:pull")]
    } else {
        named
    }
}

#[cfg(test)]
mod tests {
    use super::scopes;
    use crate::upstream::subject::Subject;

    #[test]
    fn a_scope_is_for_pull_only() {
        let cases = [
            (None, "repository:team/app:pull"),
            (Some(""), "repository:team/app:pull"),
            (
                Some("repository:other:pull,push,delete"),
                "repository:other:pull",
            ),
            (Some("repository:other:*"), "repository:other:pull"),
            (Some("registry:catalog:*"), "repository:team/app:pull"),
            (
                Some("repository:a:pull  repository:host:5000/b:push"),
                "repository:a:pull repository:host:5000/b:pull",
            ),
        ];
        let repository = Subject::Repository("team/app".parse().expect("a name"));
        for (challenged, expected) in cases {
            assert_eq!(scopes(challenged, &repository).join(" "), expected);
        }
    }

    #[test]
    fn the_catalog_is_asked_for_with_its_own_scope_only() {
        for challenged in [None, Some("registry:catalog:*"), Some("repository:a:push")] {
            let scopes = scopes(challenged, &Subject::Catalog);
            assert_eq!(scopes, ["registry:catalog:*"]);
        }
    }
}
