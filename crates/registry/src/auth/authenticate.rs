use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::account::{Account, AccountId};
use super::caller::Caller;
use super::credentials::{Credentials, Malformed};
use super::password::Busy;
use super::secret::{self, Secret, SecretKind};
use super::throttle::Throttled;
use super::token::{AccessToken, InvalidToken, RefreshToken};
use super::{ActionSet, Auth, VERIFIED_FOR, Verified};
use crate::audit::{Actor, ActorKind, Entry, Outcome};
use crate::db::{self, DbError};
use crate::known;

/// Names that clients make up can be long; none of ours is.
const NAME_BYTES: usize = 400;

#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    #[error(
        "the header Authorization is neither `Basic` with a name and a secret nor `Bearer` with a token"
    )]
    Malformed,
    #[error("the name or the password is not right")]
    WrongPassword,
    #[error("{0}")]
    InvalidToken(String),
    #[error("too many wrong passwords: try again in {} s", .0.as_secs().max(1))]
    Throttled(Duration),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error("there is no key to sign tokens with")]
    NoSigningKey,
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<Malformed> for AuthenticationError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<InvalidToken> for AuthenticationError {
    fn from(error: InvalidToken) -> Self {
        Self::InvalidToken(error.to_string())
    }
}

impl From<Throttled> for AuthenticationError {
    fn from(Throttled(wait): Throttled) -> Self {
        Self::Throttled(wait)
    }
}

impl Auth {
    /// Who sends a request with these headers. Without credentials that is nobody, and no error.
    pub(crate) async fn authenticate(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
    ) -> Result<Caller, AuthenticationError> {
        let caller = self.authenticate_late(headers, address).await?;
        if caller.expired_at().is_some() {
            return Err(InvalidToken::Expired.into());
        }
        Ok(caller)
    }

    /// As [`Auth::authenticate`], for who goes on with an upload: a token to push may have ended
    /// since, and the caller tells when. That the upload was opened before is for who asks.
    pub(crate) async fn authenticate_late(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
    ) -> Result<Caller, AuthenticationError> {
        let caller = match Credentials::read(headers)? {
            Credentials::None => return Ok(Caller::anonymous(address)),
            Credentials::Basic { name, secret } => {
                self.authenticate_secret(Some(&name), &secret, address)
                    .await?
            }
            Credentials::Bearer(text) if Secret::kind_of(&text).is_some() => {
                self.authenticate_secret(None, &text, address).await?
            }
            Credentials::Bearer(text) => self.authenticate_token(&text, address).await?,
        };
        if let Some(AccountId::Session(_)) = caller.account_id() {
            // It is the page's alone, which looks where a request comes from.
            return Err(AuthenticationError::WrongPassword);
        }
        self.note_use(&caller);
        Ok(caller)
    }

    /// Who has begun the session with this secret.
    pub(crate) async fn authenticate_session(
        &self,
        secret: &str,
        address: Option<IpAddr>,
    ) -> Result<Caller, AuthenticationError> {
        if Secret::kind_of(secret) != Some(SecretKind::Session) {
            return Err(AuthenticationError::WrongPassword);
        }
        let caller = self.authenticate_secret(None, secret, address).await?;
        self.note_use(&caller);
        Ok(caller)
    }

    fn note_use(&self, caller: &Caller) {
        if let Some(account) = caller.account_id() {
            self.used.note(account, self.clock.now());
        }
    }

    /// Who has this password, personal token or robot's secret; the name must be the one that it
    /// belongs to, if there is one.
    pub(crate) async fn authenticate_secret(
        &self,
        name: Option<&str>,
        secret: &str,
        address: Option<IpAddr>,
    ) -> Result<Caller, AuthenticationError> {
        let name = name.unwrap_or_default();
        let proof = self.proof(name, secret);
        if let Some(account) = self.verified_before(&proof).await? {
            return Ok(Caller::of_account(account, address));
        }
        // Many clients that begin at once with one password are one guess, and not many.
        let shown = known::or_made(&self.shown, &proof, Arc::default);
        let _turn = shown.lock().await;
        if let Some(account) = self.verified_before(&proof).await? {
            return Ok(Caller::of_account(account, address));
        }
        let kind = Secret::kind_of(secret);
        let verified = if name.len() > NAME_BYTES {
            Err(AuthenticationError::WrongPassword)
        } else {
            match kind {
                Some(kind) => self.verify_random(kind, name, secret).await,
                None => self.verify_password(name, secret, address).await,
            }
        };
        // That an account has ended is told to nobody who has its secret.
        let outcome = match verified {
            Ok((id, generation)) => {
                let account = self.usable(id, generation).await?;
                account.ok_or(AuthenticationError::WrongPassword)
            }
            Err(error) => Err(error),
        };
        let now = self.clock.now();
        match outcome {
            Ok(account) => {
                if let (Some(address), None) = (address, kind) {
                    self.throttle.succeeded(name, address, now);
                }
                let verified = Verified {
                    account: account.id,
                    generation: account.generation,
                    at: now,
                };
                self.verified.insert(proof, verified);
                let caller = Caller::of_account(account, address);
                self.audit
                    .add(Entry::done(&caller.actor(), "sign_in", ""), now);
                Ok(caller)
            }
            Err(error) => {
                if let AuthenticationError::WrongPassword = error {
                    // A random secret costs nothing to show, with any name: those are one row.
                    let name = match kind {
                        Some(SecretKind::PersonalToken) => "an unknown token".to_owned(),
                        Some(SecretKind::Robot) => "an unknown robot".to_owned(),
                        Some(SecretKind::Session) => "an unknown session".to_owned(),
                        None => name.chars().take(100).collect(),
                    };
                    let actor = Actor {
                        kind: ActorKind::Unknown,
                        name,
                        address,
                    };
                    let entry = Entry::done(&actor, "sign_in", "");
                    self.audit
                        .add(entry.with_outcome(Outcome::WrongPassword), now);
                }
                Err(error)
            }
        }
    }

    async fn verified_before(&self, proof: &[u8; 32]) -> Result<Option<Arc<Account>>, DbError> {
        let now = self.clock.now();
        match self.verified.get(proof) {
            // What lies ahead is from before the clock was set back.
            Some(it) if it.at <= now && now.since(it.at) < VERIFIED_FOR => {
                self.usable(it.account, it.generation).await
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Whether this is the password of the caller: no token will do in its place.
    pub(crate) async fn check_password(
        &self,
        caller: &Caller,
        password: &str,
    ) -> Result<(), AuthenticationError> {
        let actor = caller.actor();
        self.verify_password(&actor.name, password, actor.address)
            .await?;
        Ok(())
    }

    /// The caller again, as the account is now; `None` when it has ended meanwhile.
    pub(crate) async fn again(&self, caller: &Caller) -> Result<Option<Caller>, DbError> {
        let Some(account) = &caller.account else {
            return Ok(Some(caller.clone()));
        };
        let account = self.usable(account.id, account.generation).await?;
        Ok(account.map(|account| Caller {
            account: Some(account),
            ..caller.clone()
        }))
    }

    /// Who was given this refresh token.
    pub(crate) async fn authenticate_refresh_token(
        &self,
        token: &str,
        address: Option<IpAddr>,
    ) -> Result<Caller, AuthenticationError> {
        let now = self.clock.now();
        let token = RefreshToken::verify(&self.secrets, &self.place.service, token, now)?;
        let account = self.usable(token.account, token.generation).await?;
        let account = account.ok_or(InvalidToken::Ended)?;
        Ok(Caller::of_account(account, address))
    }

    async fn verify_random(
        &self,
        kind: SecretKind,
        name: &str,
        secret: &str,
    ) -> Result<(AccountId, i64), AuthenticationError> {
        let hash = secret::hash(secret);
        let mut connection = self.db.read().await?;
        let found = match kind {
            SecretKind::PersonalToken => {
                let found = db::personal_tokens::find_by_secret(&mut connection, &hash).await?;
                found.map(|(id, user)| (AccountId::PersonalToken(id), 0, user))
            }
            SecretKind::Robot => {
                let found = db::robots::find_by_secret(&mut connection, &hash).await?;
                found.map(|(id, generation, login)| (AccountId::Robot(id), generation, login))
            }
            SecretKind::Session => {
                let found = db::sessions::find_by_secret(&mut connection, &hash).await?;
                found.map(|(id, generation)| (AccountId::Session(id), generation, String::new()))
            }
        };
        found
            .filter(|(_, _, owner)| name.is_empty() || name == owner)
            .map(|(id, generation, _)| (id, generation))
            .ok_or(AuthenticationError::WrongPassword)
    }

    async fn verify_password(
        &self,
        name: &str,
        password: &str,
        address: Option<IpAddr>,
    ) -> Result<(AccountId, i64), AuthenticationError> {
        let now = self.clock.now();
        let _guess = address
            .map(|address| self.throttle.begin(name, address, now))
            .transpose()?;
        let mut connection = self.db.read().await?;
        let user = db::users::password(&mut connection, name).await?;
        drop(connection);
        let hash = user.as_ref().and_then(|(_, _, hash)| hash.clone());
        let right = self.passwords.verify(password, hash).await?;
        match user.filter(|_| right) {
            Some((id, generation, _)) => Ok((AccountId::User(id), generation)),
            None => {
                if let Some(address) = address {
                    self.throttle.failed(name, address, self.clock.now());
                }
                Err(AuthenticationError::WrongPassword)
            }
        }
    }

    async fn authenticate_token(
        &self,
        text: &str,
        address: Option<IpAddr>,
    ) -> Result<Caller, AuthenticationError> {
        let key: [u8; 32] = Sha256::digest(text).into();
        let token = match self.tokens.get(&key) {
            Some(token) => token,
            None => {
                let service = &self.place.service;
                let token = Arc::new(AccessToken::verify(&self.keys.load(), service, text)?);
                self.tokens.insert(key, Arc::clone(&token));
                token
            }
        };
        let now = self.clock.now();
        let expired_at = match token.check_time(now) {
            Ok(()) => None,
            Err(InvalidToken::Expired)
                if token.expires_at > now.minus(self.upload_expiry)
                    && token.rights.grants().iter().any(|grant| {
                        grant.actions.covers(ActionSet::of(&[super::Action::Push]))
                    }) =>
            {
                Some(token.expires_at)
            }
            Err(error) => return Err(error.into()),
        };
        let account = match token.account {
            Some(id) => {
                let account = self.usable(id, token.generation).await?;
                Some(account.ok_or(InvalidToken::Ended)?)
            }
            None => None,
        };
        Ok(Caller {
            account,
            token: Some(token),
            expired_at,
            address,
        })
    }

    /// The account, if it may be used and is what it was when the credential was made.
    async fn usable(
        &self,
        id: AccountId,
        generation: i64,
    ) -> Result<Option<Arc<Account>>, DbError> {
        let account = self.account(id).await?;
        let now = self.clock.now();
        Ok(account.filter(|account| account.generation == generation && !account.expired(now)))
    }

    fn proof(&self, name: &str, secret: &str) -> [u8; 32] {
        Sha256::new()
            .chain_update(&self.salt)
            .chain_update((name.len() as u64).to_le_bytes())
            .chain_update(name)
            .chain_update(secret)
            .finalize()
            .into()
    }
}

#[cfg(test)]
mod tests;
