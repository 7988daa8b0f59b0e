use futures_util::FutureExt as _;
use sqlx::SqliteConnection;

use crate::access::Refusal;
use crate::audit::{Actor, Entry};
use crate::auth::{ActionSet, AuthenticationError, Busy, Caller, NewPassword, Target, UserName};
use crate::clock::Timestamp;
use crate::db::users::UserRow;
use crate::db::{self, DbError, changes, signed};
use crate::registry::Registry;
use crate::sentence;

/// A person, as the API shows one.
#[derive(Clone, Debug)]
pub struct User {
    pub name: UserName,
    pub admin: bool,
    /// What the user may do on the whole installation.
    pub actions: Vec<String>,
    pub disabled: bool,
    pub created_at: Timestamp,
    pub password_changed_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

pub struct NewUser {
    pub name: UserName,
    pub password: NewPassword,
    pub admin: bool,
    pub actions: ActionSet,
}

/// What is to be different; `None` leaves something as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserChange {
    pub admin: Option<bool>,
    pub disabled: Option<bool>,
    pub actions: Option<ActionSet>,
}

#[derive(Debug, thiserror::Error)]
pub enum CreateUserError {
    #[error("there is a user {0} already")]
    Taken(UserName),
    #[error("nobody can give rights on the whole installation that they do not have")]
    MoreThanOwn,
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refusal for CreateUserError {
    fn refused(&self) -> bool {
        matches!(self, Self::MoreThanOwn)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ChangeUserError {
    #[error("there is no user {0}")]
    Unknown(UserName),
    #[error(
        "nobody can change a user who has, or is to have, rights on the whole installation that they lack"
    )]
    MoreThanOwn,
    #[error("{0} is the last user who can do everything: make another one an admin first")]
    LastAdmin(UserName),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refusal for ChangeUserError {
    fn refused(&self) -> bool {
        matches!(self, Self::MoreThanOwn)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DeleteUserError {
    #[error("there is no user {0}")]
    Unknown(UserName),
    #[error("nobody can remove a user who has rights on the whole installation that they lack")]
    MoreThanOwn,
    #[error("{0} is the last user who can do everything: make another one an admin first")]
    LastAdmin(UserName),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refusal for DeleteUserError {
    fn refused(&self) -> bool {
        matches!(self, Self::MoreThanOwn)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    #[error("there is no user {0}")]
    Unknown(UserName),
    #[error(
        "nobody can set the password of a user who has rights on the whole installation that they lack"
    )]
    MoreThanOwn,
    #[error(
        "a password is changed by its user, not with a token that is limited and not by a robot"
    )]
    NotTheUser,
    #[error(transparent)]
    Current(#[from] AuthenticationError),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refusal for SetPasswordError {
    fn refused(&self) -> bool {
        matches!(self, Self::MoreThanOwn | Self::NotTheUser)
    }
}

impl Registry {
    pub async fn user(&self, name: &UserName) -> Result<Option<User>, DbError> {
        let mut connection = self.db.read().await?;
        match db::users::find(&mut connection, name).await? {
            Some(row) => Ok(Some(with_actions(&mut connection, row).await?)),
            None => Ok(None),
        }
    }

    /// In order of the bytes of their names.
    pub async fn users(&self, after: &str, limit: usize) -> Result<Vec<User>, DbError> {
        let mut connection = self.db.read().await?;
        let rows = db::users::list(&mut connection, after, signed(limit as u64)).await?;
        let mut users = Vec::with_capacity(rows.len());
        for row in rows {
            users.push(with_actions(&mut connection, row).await?);
        }
        Ok(users)
    }

    pub async fn create_user(&self, by: &Caller, new: NewUser) -> Result<User, CreateUserError> {
        let own = self.auth.actions_on(by, Target::Everything).await?;
        if !own.covers(new.actions) || (new.admin && own != ActionSet::ALL) {
            let refused = Err(CreateUserError::MoreThanOwn);
            return self.noted(by, "user.create", new.name, refused);
        }
        self.insert_user(by.actor(), new).await
    }

    /// Makes the first user, who may do everything; `false` when there are users already.
    pub async fn create_first_user(
        &self,
        name: UserName,
        password: NewPassword,
    ) -> Result<bool, CreateUserError> {
        let mut connection = self.db.read().await?;
        if db::users::exist(&mut connection).await? {
            return Ok(false);
        }
        drop(connection);
        let new = NewUser {
            name,
            password,
            admin: true,
            actions: ActionSet::NONE,
        };
        self.insert_user(Actor::system(), new).await?;
        Ok(true)
    }

    /// Gives the user this password and every right, and makes the user if there is none: for who
    /// has the machine, when nobody can sign in any more.
    pub async fn recover_admin(
        &self,
        name: &UserName,
        password: NewPassword,
    ) -> Result<(), CreateUserError> {
        let hash = self.auth.hash_password(password).await?;
        let (name, now) = (name.clone(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    match db::users::find(tx, &name).await? {
                        Some(row) => {
                            db::users::set_password(tx, row.id, &hash, now).await?;
                            db::users::set_flags(tx, row.id, true, false).await?;
                        }
                        None => {
                            db::users::insert(tx, &name, &hash, true, now).await?;
                        }
                    }
                    let entry = Entry::done(&Actor::system(), "password.reset", &name);
                    let entry = entry.with_detail(sentence("by berth recover-admin"));
                    entry.record(tx, now).await?;
                    changes::record(tx, changes::RIGHTS, name.as_str(), now).await?;
                    Ok::<_, CreateUserError>(())
                }
                .boxed()
            })
            .await
    }

    /// Whether there is anybody who could sign in.
    pub async fn has_users(&self) -> Result<bool, DbError> {
        let mut connection = self.db.read().await?;
        db::users::exist(&mut connection).await
    }

    async fn insert_user(&self, actor: Actor, new: NewUser) -> Result<User, CreateUserError> {
        let hash = self.auth.hash_password(new.password).await?;
        let now = self.clock.now();
        let (name, admin, actions) = (new.name, new.admin, new.actions);
        let user = self
            .db
            .write(move |tx| {
                async move {
                    let id = db::users::insert(tx, &name, &hash, admin, now).await?;
                    let Some(id) = id else {
                        return Err(CreateUserError::Taken(name));
                    };
                    db::users::set_actions(tx, id, &actions.names()).await?;
                    let entry = Entry::done(&actor, "user.create", &name);
                    entry
                        .with_detail(rights(admin, actions))
                        .record(tx, now)
                        .await?;
                    changes::record(tx, changes::RIGHTS, name.as_str(), now).await?;
                    Ok(reread(tx, id).await?)
                }
                .boxed()
            })
            .await?;
        Ok(user)
    }

    pub async fn change_user(
        &self,
        by: &Caller,
        name: &UserName,
        change: UserChange,
    ) -> Result<User, ChangeUserError> {
        let own = self.auth.actions_on(by, Target::Everything).await?;
        let (subject, name) = (name, name.clone());
        let (actor, now) = (by.actor(), self.clock.now());
        let outcome = self
            .db
            .write(move |tx| {
                async move {
                    let Some(row) = db::users::find(tx, &name).await? else {
                        return Err(ChangeUserError::Unknown(name));
                    };
                    let names = db::users::actions(tx, row.id).await?;
                    let had = ActionSet::of_stored(names.iter().map(String::as_str));
                    let admin = change.admin.unwrap_or(row.admin);
                    let disabled = change.disabled.unwrap_or(row.disabled);
                    let actions = change.actions.unwrap_or(had);
                    let all = if row.admin || admin {
                        ActionSet::ALL
                    } else {
                        had | actions
                    };
                    if !own.covers(all) {
                        return Err(ChangeUserError::MoreThanOwn);
                    }
                    db::users::set_flags(tx, row.id, admin, disabled).await?;
                    if change.actions.is_some() {
                        db::users::set_actions(tx, row.id, &actions.names()).await?;
                    }
                    if row.admin && !db::users::admin_exists(tx).await? {
                        return Err(ChangeUserError::LastAdmin(name));
                    }
                    let mut detail = rights(admin, actions);
                    if disabled {
                        detail.push_str(if detail.is_empty() {
                            "disabled"
                        } else {
                            ", disabled"
                        });
                    }
                    Entry::done(&actor, "user.change", &name)
                        .with_detail(detail)
                        .record(tx, now)
                        .await?;
                    changes::record(tx, changes::RIGHTS, name.as_str(), now).await?;
                    Ok(reread(tx, row.id).await?)
                }
                .boxed()
            })
            .await;
        let user = self.noted(by, "user.change", subject, outcome)?;
        Ok(user)
    }

    /// Removes the user, with the user's tokens and memberships. What the user pushed stays.
    pub async fn delete_user(&self, by: &Caller, name: &UserName) -> Result<(), DeleteUserError> {
        let own = self.auth.actions_on(by, Target::Everything).await?;
        let (subject, name) = (name, name.clone());
        let (actor, now) = (by.actor(), self.clock.now());
        let outcome = self
            .db
            .write(move |tx| {
                async move {
                    let Some(row) = db::users::find(tx, &name).await? else {
                        return Err(DeleteUserError::Unknown(name));
                    };
                    if !own.covers(all_actions(tx, &row).await?) {
                        return Err(DeleteUserError::MoreThanOwn);
                    }
                    db::users::delete(tx, row.id).await?;
                    if row.admin && !db::users::admin_exists(tx).await? {
                        return Err(DeleteUserError::LastAdmin(name));
                    }
                    let entry = Entry::done(&actor, "user.delete", &name);
                    entry.record(tx, now).await?;
                    changes::record(tx, changes::RIGHTS, name.as_str(), now).await?;
                    Ok(())
                }
                .boxed()
            })
            .await;
        self.noted(by, "user.delete", subject, outcome)?;
        Ok(())
    }

    /// Sets the password of another user.
    pub async fn reset_password(
        &self,
        by: &Caller,
        name: &UserName,
        password: NewPassword,
    ) -> Result<(), SetPasswordError> {
        let own = self.auth.actions_on(by, Target::Everything).await?;
        let set = SetPassword {
            action: "password.reset",
            allowed: own,
        };
        self.set_password(by, name, password, set).await
    }

    /// Changes the caller's own password. The current one is asked for again: a browser that was
    /// left open, or a token, is not enough.
    pub async fn change_password(
        &self,
        by: &Caller,
        current: &str,
        password: NewPassword,
    ) -> Result<(), SetPasswordError> {
        let name: UserName = match by.whole_user() {
            Some(name) => db::checked(name.to_owned(), "the name of a user")?,
            None => {
                let refused = Err(SetPasswordError::NotTheUser);
                return self.noted(by, "password.change", by.name(), refused);
            }
        };
        self.auth.check_password(by, current).await?;
        let set = SetPassword {
            action: "password.change",
            allowed: ActionSet::ALL,
        };
        self.set_password(by, &name, password, set).await
    }

    async fn set_password(
        &self,
        by: &Caller,
        name: &UserName,
        password: NewPassword,
        set: SetPassword,
    ) -> Result<(), SetPasswordError> {
        let action = set.action;
        let hash = self.auth.hash_password(password).await?;
        let (subject, name) = (name, name.clone());
        let (actor, now) = (by.actor(), self.clock.now());
        let outcome = self
            .db
            .write(move |tx| {
                async move {
                    let Some(row) = db::users::find(tx, &name).await? else {
                        return Err(SetPasswordError::Unknown(name));
                    };
                    if !set.allowed.covers(all_actions(tx, &row).await?) {
                        return Err(SetPasswordError::MoreThanOwn);
                    }
                    db::users::set_password(tx, row.id, &hash, now).await?;
                    let entry = Entry::done(&actor, set.action, &name);
                    entry.record(tx, now).await?;
                    changes::record(tx, changes::RIGHTS, name.as_str(), now).await?;
                    Ok(())
                }
                .boxed()
            })
            .await;
        self.noted(by, action, subject, outcome)?;
        Ok(())
    }
}

/// A password on its way: how that is noted, and the most that its user may have.
struct SetPassword {
    action: &'static str,
    allowed: ActionSet,
}

/// What the user may do on the whole installation.
async fn all_actions(
    connection: &mut SqliteConnection,
    row: &UserRow,
) -> Result<ActionSet, DbError> {
    if row.admin {
        return Ok(ActionSet::ALL);
    }
    let names = db::users::actions(connection, row.id).await?;
    Ok(ActionSet::of_stored(names.iter().map(String::as_str)))
}

async fn with_actions(connection: &mut SqliteConnection, row: UserRow) -> Result<User, DbError> {
    Ok(User {
        actions: db::users::actions(connection, row.id).await?,
        name: row.name,
        admin: row.admin,
        disabled: row.disabled,
        created_at: row.created_at,
        password_changed_at: row.password_changed_at,
        last_used_at: row.last_used_at,
    })
}

async fn reread(connection: &mut SqliteConnection, id: i64) -> Result<User, DbError> {
    let row = db::users::find_by_id(connection, id).await?;
    let row = row.ok_or_else(|| DbError::Inconsistent {
        value: id.to_string(),
        expected: "the id of a user",
    })?;
    with_actions(connection, row).await
}

fn rights(admin: bool, actions: ActionSet) -> String {
    if admin {
        "admin".to_owned()
    } else {
        actions.names().join(" ")
    }
}
