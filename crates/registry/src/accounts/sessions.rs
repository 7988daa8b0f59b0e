//! Users who have signed in to the page: a random secret that their browser keeps.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::FutureExt as _;

use crate::audit::Entry;
use crate::auth::{AccountId, AuthenticationError, Caller, Secret, SecretKind, UserName};
use crate::clock::Timestamp;
use crate::db::sessions::{NewSession, SessionRow};
use crate::db::{self, DbError, changes, signed};
use crate::registry::Registry;
use crate::sentence;

/// A session ends by itself so long after its beginning.
const LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The oldest of a user who has more ends.
const MOST: i64 = 100;
/// Of what a browser says of itself.
const CLIENT_BYTES: usize = 300;

#[derive(Clone, Debug)]
pub struct Session {
    pub id: i64,
    /// What the browser said of itself.
    pub client: String,
    pub address: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// The secret is for the browser alone.
pub struct SignedIn {
    pub secret: Secret,
    pub life: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum EndSessionError {
    #[error("there is no user {0}")]
    UnknownUser(UserName),
    #[error("{user} has no session {id}")]
    Unknown { user: UserName, id: i64 },
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Registry {
    /// Begins a session of a user with this password; no token will do in its place, since a session
    /// may do all that the user may.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        client: &str,
        address: Option<IpAddr>,
    ) -> Result<SignedIn, AuthenticationError> {
        let caller = self.auth.authenticate_secret(Some(name), password, address);
        let caller = caller.await?;
        let Some(AccountId::User(user_id)) = caller.account_id() else {
            return Err(AuthenticationError::WrongPassword);
        };
        let secret = Secret::generate(SecretKind::Session);
        let (hash, generation) = (secret.hash(), caller.generation());
        let (actor, now) = (caller.actor(), self.clock.now());
        let mut client = client.to_owned();
        client.truncate(client.floor_char_boundary(CLIENT_BYTES));
        self.db
            .write(move |tx| {
                async move {
                    let session = NewSession {
                        user_id,
                        secret_hash: &hash,
                        generation,
                        client: &client,
                        address: address.map(|address| address.to_string()),
                        created_at: now,
                        expires_at: now.plus(LIFE),
                    };
                    db::sessions::insert(tx, &session).await?;
                    if db::sessions::delete_all_but(tx, user_id, MOST).await? > 0 {
                        changes::record(tx, changes::RIGHTS, &actor.name, now).await?;
                    }
                    Entry::done(&actor, "session.start", &actor.name)
                        .record(tx, now)
                        .await
                }
                .boxed()
            })
            .await?;
        Ok(SignedIn { secret, life: LIFE })
    }

    /// Who has begun the session with this secret.
    pub async fn authenticate_session(
        &self,
        secret: &str,
        address: Option<IpAddr>,
    ) -> Result<Caller, AuthenticationError> {
        self.auth.authenticate_session(secret, address).await
    }

    /// Ends the caller's own session, if the caller came with one.
    pub async fn sign_out(&self, by: &Caller) -> Result<(), DbError> {
        let (Some(id), Some(user_id)) = (by.session(), by.user()) else {
            return Ok(());
        };
        let (actor, now) = (by.actor(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    if db::sessions::delete(tx, user_id, id).await? {
                        let entry = Entry::done(&actor, "session.end", &actor.name);
                        entry.record(tx, now).await?;
                        changes::record(tx, changes::RIGHTS, &actor.name, now).await?;
                    }
                    Ok::<_, DbError>(())
                }
                .boxed()
            })
            .await?;
        Ok(())
    }

    /// The newest first, below an id; `None` when there is no such user.
    pub async fn sessions(
        &self,
        user: &UserName,
        before: i64,
        limit: usize,
    ) -> Result<Option<Vec<Session>>, DbError> {
        let mut connection = self.db.read().await?;
        let Some(user) = db::users::find(&mut connection, user).await? else {
            return Ok(None);
        };
        let (now, limit) = (self.clock.now(), signed(limit as u64));
        let rows = db::sessions::list(&mut connection, user.id, before, now, limit).await?;
        Ok(Some(rows.into_iter().map(Session::from).collect()))
    }

    /// Ends one session of a user, or all of them.
    pub async fn end_sessions(
        &self,
        by: &Caller,
        user: &UserName,
        session: Option<i64>,
    ) -> Result<(), EndSessionError> {
        let (user, actor, now) = (user.clone(), by.actor(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    let Some(row) = db::users::find(tx, &user).await? else {
                        return Err(EndSessionError::UnknownUser(user));
                    };
                    let entry = match session {
                        Some(id) if db::sessions::delete(tx, row.id, id).await? => {
                            Entry::done(&actor, "session.end", &user)
                        }
                        Some(id) => return Err(EndSessionError::Unknown { user, id }),
                        None => {
                            let ended = db::sessions::delete_all_but(tx, row.id, 0).await?;
                            Entry::done(&actor, "session.end", &user)
                                .with_detail(sentence!("all {ended}"))
                        }
                    };
                    entry.record(tx, now).await?;
                    changes::record(tx, changes::RIGHTS, user.as_str(), now).await?;
                    Ok(())
                }
                .boxed()
            })
            .await?;
        Ok(())
    }
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id,
            client: row.client,
            address: row.address,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        }
    }
}
