use berth_oci::RepositoryName;

use super::account::AccountId;
use super::authenticate::AuthenticationError;
use super::caller::Caller;
use super::rights::Target;
use super::scope::Scope;
use super::token::{ACCESS_LIFE, Access, AccessToken, Holder, InvalidToken, RefreshToken};
use super::{Action, ActionSet, Auth};
use crate::audit::Entry;
use crate::clock::Timestamp;

/// What a token is asked for.
pub(crate) struct Asked {
    pub(crate) scopes: Vec<Scope>,
    /// Whether the client wants something to keep in place of the password.
    pub(crate) offline: bool,
}

/// A token, and what it is good for.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) scope: String,
    pub(crate) expires_in_seconds: u64,
    pub(crate) issued_at: Timestamp,
}

impl Auth {
    /// Gives a token for what is both asked and allowed, be it nothing at all.
    pub(crate) async fn issue(
        &self,
        caller: &Caller,
        asked: Asked,
    ) -> Result<Issued, AuthenticationError> {
        // Or a token would never end, and a refresh token for it would give all that its account has.
        if caller.token.is_some() {
            return Err(InvalidToken::NotForTokens.into());
        }
        let now = self.clock.now();
        let mut granted: Vec<Scope> = Vec::new();
        for scope in asked.scopes {
            match scope {
                Scope::Repository { name, actions } => {
                    let allowed = self.actions_on(caller, Target::Repository(&name)).await?;
                    add(&mut granted, name, actions & allowed);
                }
                Scope::Catalog => {
                    if caller.known() && !granted.contains(&Scope::Catalog) {
                        granted.push(Scope::Catalog);
                    }
                }
            }
        }
        let access = granted.iter().map(|scope| match scope {
            Scope::Repository { name, actions } => Access::to_repository(name, *actions),
            Scope::Catalog => Access::to_catalog(),
        });
        let holder = Holder {
            account: caller.account_id(),
            name: caller.name(),
            generation: caller.generation(),
        };
        let access = access.collect();
        let service = &self.place.service;
        let token = AccessToken::issue(&self.keys.load(), service, &holder, access, now)
            .ok_or(AuthenticationError::NoSigningKey)?;
        if caller.known() {
            let entry = Entry::done(&caller.actor(), "sign_in", "").with_detail("token");
            self.audit.add(entry, now);
        }
        let refresh_token = caller
            .account_id()
            .filter(|_| asked.offline)
            .map(|account| self.refresh_token(account, caller.generation(), now));
        Ok(Issued {
            token,
            refresh_token,
            scope: granted
                .iter()
                .map(Scope::to_string)
                .collect::<Vec<_>>()
                .join(" "),
            expires_in_seconds: ACCESS_LIFE.as_secs(),
            issued_at: now,
        })
    }

    /// A token for pulling from these repositories, which Berth gives to an engine that it deploys to.
    /// `None` when there is no key to sign it with.
    pub(crate) fn pull_token<'r>(
        &self,
        repositories: impl IntoIterator<Item = &'r RepositoryName>,
    ) -> Option<String> {
        let pull = ActionSet::of(&[Action::Pull]);
        let access = repositories
            .into_iter()
            .map(|name| Access::to_repository(name, pull))
            .collect();
        let holder = Holder {
            account: Some(AccountId::Deployer),
            name: &AccountId::Deployer.to_string(),
            generation: 0,
        };
        let (keys, now) = (self.keys.load(), self.clock.now());
        AccessToken::issue(&keys, &self.place.service, &holder, access, now)
    }

    fn refresh_token(&self, account: AccountId, generation: i64, now: Timestamp) -> String {
        let token = RefreshToken {
            account,
            generation,
        };
        token.issue(&self.secrets, &self.place.service, now)
    }
}

/// A repository that is named twice gets one entry: clients look at the first.
fn add(granted: &mut Vec<Scope>, repository: RepositoryName, more: ActionSet) {
    if more.is_empty() {
        return;
    }
    for scope in granted.iter_mut() {
        if let Scope::Repository { name, actions } = scope
            && *name == repository
        {
            *actions = *actions | more;
            return;
        }
    }
    granted.push(Scope::Repository {
        name: repository,
        actions: more,
    });
}
