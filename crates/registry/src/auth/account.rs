use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sqlx::SqliteConnection;

use super::action::{Action, ActionSet};
use super::glob::RepositoryGlob;
use super::rights::{Grant, Rights};
use crate::audit::ActorKind;
use crate::clock::Timestamp;
use crate::db::{self, DbError};

const DEPLOYER: &str = "deployer";

/// What a credential belongs to, as tokens name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AccountId {
    User(i64),
    PersonalToken(i64),
    /// A user who has signed in to the page.
    Session(i64),
    Robot(i64),
    /// Berth itself, as it pulls for a deployment. Only we can make a token of it.
    Deployer,
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::PersonalToken(id) => write!(f, "token:{id}"),
            Self::Session(id) => write!(f, "session:{id}"),
            Self::Robot(id) => write!(f, "robot:{id}"),
            Self::Deployer => f.write_str(DEPLOYER),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("not an account")]
pub(crate) struct InvalidAccountId;

impl FromStr for AccountId {
    type Err = InvalidAccountId;

    fn from_str(text: &str) -> Result<Self, InvalidAccountId> {
        if text == DEPLOYER {
            return Ok(Self::Deployer);
        }
        let (kind, id) = text.split_once(':').ok_or(InvalidAccountId)?;
        let id = id.parse().map_err(|_| InvalidAccountId)?;
        match kind {
            "user" => Ok(Self::User(id)),
            "token" => Ok(Self::PersonalToken(id)),
            "session" => Ok(Self::Session(id)),
            "robot" => Ok(Self::Robot(id)),
            _ => Err(InvalidAccountId),
        }
    }
}

/// What is known of an account that may be used.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) kind: ActorKind,
    /// The name of the user, also for one of the user's tokens, or the login of the robot.
    pub(crate) name: String,
    pub(crate) token: Option<String>,
    pub(crate) generation: i64,
    pub(crate) expires_at: Option<Timestamp>,
    /// The user whose memberships count.
    pub(crate) user: Option<i64>,
    pub(crate) admin: bool,
    /// What it may do whatever the project says.
    pub(crate) own: Rights,
    /// What the token is limited to.
    pub(crate) limit: Option<Arc<Rights>>,
}

impl Account {
    /// `None` when there is no such account, or it is disabled. That it has expired is for who asks.
    pub(crate) async fn load(
        connection: &mut SqliteConnection,
        id: AccountId,
    ) -> Result<Option<Self>, DbError> {
        match id {
            AccountId::User(user) => Self::load_user(connection, id, user).await,
            AccountId::PersonalToken(token) => {
                let Some(row) = db::personal_tokens::find_by_id(connection, token).await? else {
                    return Ok(None);
                };
                let user = Self::load_user(connection, id, row.user_id).await?;
                Ok(user.map(|user| Self {
                    token: Some(row.name.to_string()),
                    generation: 0,
                    expires_at: row.expires_at,
                    limit: Some(Arc::new(row.scopes)),
                    ..user
                }))
            }
            AccountId::Session(session) => {
                let Some(row) = db::sessions::find_by_id(connection, session).await? else {
                    return Ok(None);
                };
                let user = Self::load_user(connection, id, row.user_id).await?;
                Ok(user.map(|user| Self {
                    expires_at: Some(row.expires_at),
                    ..user
                }))
            }
            AccountId::Deployer => Ok(Some(Self::deployer())),
            AccountId::Robot(robot) => {
                let row = db::robots::find_by_id(connection, robot).await?;
                Ok(row.filter(|row| !row.disabled).map(|row| Self {
                    id,
                    kind: ActorKind::Robot,
                    name: row.login,
                    token: None,
                    generation: row.generation,
                    expires_at: row.expires_at,
                    user: None,
                    admin: false,
                    own: row.scopes,
                    limit: None,
                }))
            }
        }
    }

    /// May pull anything; its tokens are for single repositories.
    fn deployer() -> Self {
        Self {
            id: AccountId::Deployer,
            kind: ActorKind::System,
            name: DEPLOYER.to_owned(),
            token: None,
            generation: 0,
            expires_at: None,
            user: None,
            admin: false,
            own: Rights::from_iter([Grant {
                repositories: RepositoryGlob::everything(),
                actions: ActionSet::of(&[Action::Pull]),
            }]),
            limit: None,
        }
    }

    async fn load_user(
        connection: &mut SqliteConnection,
        id: AccountId,
        user: i64,
    ) -> Result<Option<Self>, DbError> {
        let Some(row) = db::users::find_by_id(connection, user).await? else {
            return Ok(None);
        };
        let actions = db::users::actions(connection, user).await?;
        let own = if row.admin {
            Rights::everything()
        } else {
            let actions = ActionSet::of_stored(actions.iter().map(String::as_str));
            Rights::from_iter([Grant {
                repositories: RepositoryGlob::everything(),
                actions,
            }])
        };
        Ok((!row.disabled).then(|| Self {
            id,
            kind: ActorKind::User,
            name: row.name.to_string(),
            token: None,
            generation: row.generation,
            expires_at: None,
            user: Some(user),
            admin: row.admin,
            own,
            limit: None,
        }))
    }

    /// How many grants it holds.
    pub(crate) fn grants(&self) -> usize {
        let limit = self.limit.as_ref().map_or(0, |limit| limit.grants().len());
        self.own.grants().len() + limit
    }

    pub(crate) fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}
