use std::net::IpAddr;
use std::sync::Arc;

use super::account::{Account, AccountId};
use super::action::{Action, ActionSet};
use super::rights::{Rights, Target};
use super::token::AccessToken;
use crate::audit::{Actor, ActorKind};
use crate::clock::Timestamp;

/// Who sends a request, as far as it is known.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(super) account: Option<Arc<Account>>,
    /// What the request itself is limited to: it came with an access token.
    pub(super) token: Option<Arc<AccessToken>>,
    /// When the access token ended, if it did: it opens nothing but uploads that it opened before.
    pub(super) expired_at: Option<Timestamp>,
    pub(super) address: Option<IpAddr>,
}

impl Caller {
    pub(super) fn of_account(account: Arc<Account>, address: Option<IpAddr>) -> Self {
        Self {
            account: Some(account),
            token: None,
            expired_at: None,
            address,
        }
    }

    pub(crate) fn anonymous(address: Option<IpAddr>) -> Self {
        Self {
            account: None,
            token: None,
            expired_at: None,
            address,
        }
    }

    /// Whether this is somebody.
    pub fn known(&self) -> bool {
        self.account.is_some()
    }

    /// Whether anything was shown at all, be it the token of a client without an account.
    pub(crate) fn shows_something(&self) -> bool {
        self.account.is_some() || self.token.is_some()
    }

    /// Whether the list of repositories may be asked for with what was shown.
    pub fn may_list_repositories(&self) -> bool {
        match &self.token {
            Some(token) => token.catalog,
            None => self.account.is_some(),
        }
    }

    /// Whether an access token was shown that was given for this.
    pub(crate) fn token_allows(&self, action: Action, target: Target<'_>) -> bool {
        let token = self.token.as_ref();
        token.is_some_and(|token| token.rights.allow(action, target))
    }

    pub(crate) fn expired_at(&self) -> Option<Timestamp> {
        self.expired_at
    }

    /// The user, also behind one of the user's tokens; `None` for robots and strangers.
    pub fn user(&self) -> Option<i64> {
        self.account.as_ref()?.user
    }

    /// The name of the personal token that was shown.
    pub fn personal_token(&self) -> Option<&str> {
        self.account.as_ref()?.token.as_deref()
    }

    /// Whether what was shown gives less than the account has.
    pub fn limited(&self) -> bool {
        let all = |limit: &Arc<Rights>| limit.actions_on(Target::Everything) == ActionSet::ALL;
        self.token.is_some() || !self.account_limit().is_none_or(all)
    }

    pub fn admin(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.admin)
    }

    /// The session of the page that the caller came with.
    pub fn session(&self) -> Option<i64> {
        match self.account_id()? {
            AccountId::Session(id) => Some(id),
            _ => None,
        }
    }

    pub(crate) fn account_id(&self) -> Option<AccountId> {
        Some(self.account.as_ref()?.id)
    }

    pub(crate) fn generation(&self) -> i64 {
        self.account
            .as_ref()
            .map_or(0, |account| account.generation)
    }

    /// The name of the user, if what was shown gives all that the user has.
    pub(crate) fn whole_user(&self) -> Option<&str> {
        let account = self.account.as_ref()?;
        (account.user.is_some() && !self.limited()).then_some(account.name.as_str())
    }

    pub fn kind(&self) -> ActorKind {
        self.account
            .as_ref()
            .map_or(ActorKind::Unknown, |account| account.kind)
    }

    pub fn name(&self) -> &str {
        self.account
            .as_ref()
            .map_or("anonymous", |account| &account.name)
    }

    /// For the audit log and what it pushes.
    pub fn actor(&self) -> Actor {
        Actor {
            kind: self.kind(),
            name: self.name().to_owned(),
            address: self.address,
        }
    }

    /// What the personal token that was shown is limited to.
    pub(super) fn account_limit(&self) -> Option<&Arc<Rights>> {
        self.account.as_ref()?.limit.as_ref()
    }
}
