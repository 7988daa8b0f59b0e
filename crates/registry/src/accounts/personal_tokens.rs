use futures_util::FutureExt as _;

use crate::access::Refusal;
use crate::audit::Entry;
use crate::auth::{Caller, Rights, Secret, SecretKind, TokenName, UserName};
use crate::clock::Timestamp;
use crate::db::personal_tokens::{NewPersonalToken, PersonalTokenRow};
use crate::db::{self, DbError, changes, signed};
use crate::registry::Registry;

/// More than anybody keeps apart; a limit on what a user can fill the database with.
const MOST: i64 = 500;

/// A secret in place of a user's password, with rights of its own within the user's.
#[derive(Clone, Debug)]
pub struct PersonalToken {
    pub name: TokenName,
    pub scopes: Rights,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

pub struct NewToken {
    pub name: TokenName,
    pub scopes: Rights,
    pub expires_at: Option<Timestamp>,
}

/// The secret is shown here and never again.
pub struct TokenCreated {
    pub token: PersonalToken,
    pub secret: Secret,
}

#[derive(Debug, thiserror::Error)]
pub enum CreateTokenError {
    #[error("there is no user {0}")]
    UnknownUser(UserName),
    #[error("{user} has a token {name} already")]
    Taken { user: UserName, name: TokenName },
    #[error("a user has {MOST} tokens at most: remove some first")]
    TooMany,
    #[error(
        "a token is made by a user who has signed in with a password, or with a token for everything"
    )]
    Limited,
    #[error("the token would have ended already")]
    Ended,
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refusal for CreateTokenError {
    fn refused(&self) -> bool {
        matches!(self, Self::Limited)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DeleteTokenError {
    #[error("{user} has no token {name}")]
    Unknown { user: UserName, name: TokenName },
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Registry {
    /// In order of the bytes of their names; `None` when there is no such user.
    pub async fn personal_tokens(
        &self,
        user: &UserName,
        after: &str,
        limit: usize,
    ) -> Result<Option<Vec<PersonalToken>>, DbError> {
        let mut connection = self.db.read().await?;
        let Some(user) = db::users::find(&mut connection, user).await? else {
            return Ok(None);
        };
        let limit = signed(limit as u64);
        let rows = db::personal_tokens::list(&mut connection, user.id, after, limit).await?;
        Ok(Some(rows.into_iter().map(PersonalToken::from).collect()))
    }

    /// Makes a token for the caller. One who is limited makes none: it could have more rights.
    pub async fn create_personal_token(
        &self,
        by: &Caller,
        user: &UserName,
        new: NewToken,
    ) -> Result<TokenCreated, CreateTokenError> {
        if by.limited() {
            return self.noted(by, "token.create", user, Err(CreateTokenError::Limited));
        }
        let (user, actor, now) = (user.clone(), by.actor(), self.clock.now());
        if new.expires_at.is_some_and(|at| at <= now) {
            return Err(CreateTokenError::Ended);
        }
        let secret = Secret::generate(SecretKind::PersonalToken);
        let hash = secret.hash();
        let token = self
            .db
            .write(move |tx| {
                async move {
                    let Some(row) = db::users::find(tx, &user).await? else {
                        return Err(CreateTokenError::UnknownUser(user));
                    };
                    if db::personal_tokens::count(tx, row.id).await? >= MOST {
                        return Err(CreateTokenError::TooMany);
                    }
                    let NewToken {
                        name,
                        scopes,
                        expires_at,
                    } = new;
                    let token = NewPersonalToken {
                        user_id: row.id,
                        name: &name,
                        secret_hash: &hash,
                        scopes: &scopes,
                        created_at: now,
                        expires_at,
                    };
                    if db::personal_tokens::insert(tx, &token).await?.is_none() {
                        return Err(CreateTokenError::Taken { user, name });
                    }
                    Entry::done(&actor, "token.create", format!("{user}/{name}"))
                        .with_detail(scopes.summary())
                        .record(tx, now)
                        .await?;
                    Ok(PersonalToken {
                        name,
                        scopes,
                        created_at: now,
                        expires_at,
                        last_used_at: None,
                    })
                }
                .boxed()
            })
            .await?;
        Ok(TokenCreated { token, secret })
    }

    pub async fn delete_personal_token(
        &self,
        by: &Caller,
        user: &UserName,
        name: &TokenName,
    ) -> Result<(), DeleteTokenError> {
        let (user, name) = (user.clone(), name.clone());
        let (actor, now) = (by.actor(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    let found = match db::users::find(tx, &user).await? {
                        Some(row) => db::personal_tokens::delete(tx, row.id, &name).await?,
                        None => false,
                    };
                    if !found {
                        return Err(DeleteTokenError::Unknown { user, name });
                    }
                    let entry = Entry::done(&actor, "token.delete", format!("{user}/{name}"));
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

impl From<PersonalTokenRow> for PersonalToken {
    fn from(row: PersonalTokenRow) -> Self {
        Self {
            name: row.name,
            scopes: row.scopes,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        }
    }
}
