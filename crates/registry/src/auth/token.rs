//! Tokens after the Docker token specification: an access token is a JWT that says on which
//! repositories it may do what; a refresh token is shown to have another one. Neither says more
//! than its account may do when it is shown.

use std::sync::Arc;
use std::time::Duration;

use berth_oci::RepositoryName;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::account::AccountId;
use super::action::ActionSet;
use super::glob::RepositoryGlob;
use super::keys::SigningKeys;
use super::rights::{Grant, Rights};
use super::seal::SecretKeys;
use super::secret::random_hex;
use crate::clock::Timestamp;

/// Long enough for most layers; one that takes longer can still be finished, see
/// [`AccessToken::expires_at`].
pub(crate) const ACCESS_LIFE: Duration = Duration::from_secs(60 * 60);
/// Docker keeps a refresh token in place of the password, and asks again when it has ended.
const REFRESH_LIFE: Duration = Duration::from_secs(180 * 24 * 60 * 60);
/// Clocks of replicas differ a little.
const LEEWAY: Duration = Duration::from_secs(10);
const ISSUER: &str = "berth";
const ANONYMOUS: &str = "anonymous";

/// Docker token specification, "Claim Set".
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
    access: Vec<Access>,
    /// The account by number: names may be given to others.
    account: String,
    /// What the account had when this was issued.
    generation: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Access {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) actions: Vec<String>,
}

/// An access token whose signature was good.
#[derive(Debug)]
pub(crate) struct AccessToken {
    /// `None` for one that was given to a client without credentials.
    pub(crate) account: Option<AccountId>,
    pub(crate) generation: i64,
    /// After this it opens nothing any more, but an upload that it opened before can be finished.
    pub(crate) expires_at: Timestamp,
    not_before: Timestamp,
    pub(crate) rights: Arc<Rights>,
    pub(crate) catalog: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidToken {
    #[error("the token is not one of this registry")]
    Signature,
    #[error("the token was made for another service")]
    Audience,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet: the clocks of two servers differ")]
    NotYet,
    #[error("an access token is not good for another one: show a password, or a personal token")]
    NotForTokens,
    #[error("the account of the token has ended, or its password was changed")]
    Ended,
}

/// Whom a token is for.
pub(crate) struct Holder<'h> {
    pub(crate) account: Option<AccountId>,
    pub(crate) name: &'h str,
    pub(crate) generation: i64,
}

impl AccessToken {
    pub(crate) fn issue(
        keys: &SigningKeys,
        service: &str,
        holder: &Holder<'_>,
        access: Vec<Access>,
        now: Timestamp,
    ) -> Option<String> {
        let (id, key) = keys.signing()?;
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(id.to_owned());
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: holder.name.to_owned(),
            aud: service.to_owned(),
            exp: seconds(now.plus(ACCESS_LIFE)),
            nbf: seconds(now),
            iat: seconds(now),
            jti: random_hex(),
            access,
            account: account_text(holder.account),
            generation: holder.generation,
        };
        Some(encode(&header, &claims, key).expect("a key that was read, and claims of texts"))
    }

    /// Checks signature and audience; for the time see [`AccessToken::check_time`].
    pub(crate) fn verify(
        keys: &SigningKeys,
        service: &str,
        token: &str,
    ) -> Result<Self, InvalidToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidToken::Signature)?;
        let id = header.kid.ok_or(InvalidToken::Signature)?;
        let key = keys.find(&id).ok_or(InvalidToken::Signature)?;
        let claims: Claims = decode(token, key, &validation(Algorithm::ES256))
            .map_err(|_| InvalidToken::Signature)?
            .claims;
        if claims.aud != service {
            return Err(InvalidToken::Audience);
        }
        Ok(Self {
            account: account_of(&claims.account)?,
            generation: claims.generation,
            expires_at: timestamp(claims.exp),
            not_before: timestamp(claims.nbf),
            catalog: claims.access.iter().any(Access::opens_the_catalog),
            rights: Arc::new(claims.access.iter().filter_map(Access::grant).collect()),
        })
    }

    pub(crate) fn check_time(&self, now: Timestamp) -> Result<(), InvalidToken> {
        if self.not_before > now.plus(LEEWAY) {
            Err(InvalidToken::NotYet)
        } else if self.expires_at <= now.minus(LEEWAY) {
            Err(InvalidToken::Expired)
        } else {
            Ok(())
        }
    }
}

impl Access {
    pub(crate) fn to_repository(name: &RepositoryName, actions: ActionSet) -> Self {
        Self {
            kind: "repository".to_owned(),
            name: name.to_string(),
            actions: actions.names(),
        }
    }

    pub(crate) fn to_catalog() -> Self {
        Self {
            kind: "registry".to_owned(),
            name: "catalog".to_owned(),
            actions: vec!["*".to_owned()],
        }
    }

    fn grant(&self) -> Option<Grant> {
        if self.kind != "repository" {
            return None;
        }
        Some(Grant {
            repositories: RepositoryGlob::of_repository(&self.name.parse().ok()?),
            actions: ActionSet::of_stored(self.actions.iter().map(String::as_str)),
        })
    }

    fn opens_the_catalog(&self) -> bool {
        self.kind == "registry" && self.name == "catalog" && !self.actions.is_empty()
    }
}

/// What a client keeps in place of a password.
#[derive(Debug, Serialize, Deserialize)]
struct RefreshClaims {
    aud: String,
    exp: i64,
    account: String,
    generation: i64,
}

/// An account that a refresh token was given to, at this generation.
pub(crate) struct RefreshToken {
    pub(crate) account: AccountId,
    pub(crate) generation: i64,
}

impl RefreshToken {
    pub(crate) fn issue(&self, secrets: &SecretKeys, service: &str, now: Timestamp) -> String {
        let claims = RefreshClaims {
            aud: service.to_owned(),
            exp: seconds(now.plus(REFRESH_LIFE)),
            account: self.account.to_string(),
            generation: self.generation,
        };
        let key = secrets
            .refresh_keys()
            .next()
            .expect("there is a current key");
        let header = Header::new(Algorithm::HS256);
        encode(&header, &claims, &EncodingKey::from_secret(key)).expect("claims of texts")
    }

    pub(crate) fn verify(
        secrets: &SecretKeys,
        service: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Self, InvalidToken> {
        let validation = validation(Algorithm::HS256);
        let claims = secrets
            .refresh_keys()
            .find_map(|key| {
                decode::<RefreshClaims>(token, &DecodingKey::from_secret(key), &validation).ok()
            })
            .ok_or(InvalidToken::Signature)?
            .claims;
        if claims.aud != service {
            return Err(InvalidToken::Audience);
        }
        if timestamp(claims.exp) <= now {
            return Err(InvalidToken::Expired);
        }
        Ok(Self {
            account: account_of(&claims.account)?.ok_or(InvalidToken::Signature)?,
            generation: claims.generation,
        })
    }
}

/// Exactly one algorithm, whatever the token's header says. Time and audience are looked at by our
/// own code, with our own clock.
fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

fn account_text(account: Option<AccountId>) -> String {
    account.map_or_else(|| ANONYMOUS.to_owned(), |account| account.to_string())
}

fn account_of(text: &str) -> Result<Option<AccountId>, InvalidToken> {
    if text == ANONYMOUS {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| InvalidToken::Signature)
}

fn seconds(at: Timestamp) -> i64 {
    at.0.div_euclid(1000)
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp(seconds.saturating_mul(1000))
}

#[cfg(test)]
mod tests;
