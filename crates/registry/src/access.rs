//! What the other parts of Berth ask of rights.

use std::fmt;
use std::net::IpAddr;

use berth_oci::RepositoryName;
use http::HeaderMap;
use tokio::sync::watch;

use crate::audit::{Entry, Outcome};
use crate::auth::{Action, ActionSet, AuthenticationError, Caller, Readable, Target};
use crate::db::DbError;
use crate::registry::Registry;

/// An error that may be a refusal for want of a right.
pub(crate) trait Refusal {
    fn refused(&self) -> bool;
}

impl Registry {
    /// Notes in the audit log that somebody tried what they may not, if that is how it ended.
    pub(crate) fn noted<T, E: Refusal>(
        &self,
        by: &Caller,
        action: &'static str,
        subject: impl fmt::Display,
        outcome: Result<T, E>,
    ) -> Result<T, E> {
        if outcome.as_ref().is_err_and(Refusal::refused) {
            let entry = Entry::done(&by.actor(), action, subject);
            let refused = entry.with_outcome(Outcome::Refused);
            self.auth.audit.add(refused, self.clock.now());
        }
        outcome
    }

    /// Who sends a request with these headers. Without credentials that is nobody, and no error.
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
    ) -> Result<Caller, AuthenticationError> {
        self.auth.authenticate(headers, address).await
    }

    /// A token for pulling from these repositories and for nothing else, for an hour.
    pub fn pull_token<'r>(
        &self,
        repositories: impl IntoIterator<Item = &'r RepositoryName>,
    ) -> Option<String> {
        self.auth.pull_token(repositories)
    }

    /// Whether the caller may do this. That a known caller may not is noted in the audit log.
    pub async fn allows(
        &self,
        caller: &Caller,
        action: Action,
        target: Target<'_>,
    ) -> Result<bool, DbError> {
        let allowed = self.auth.allows(caller, action, target).await?;
        if !allowed && caller.known() {
            let entry = match target {
                Target::Repository(name) => {
                    Entry::done(&caller.actor(), action.as_str(), name).in_project(&name.project())
                }
                Target::Project(name) => {
                    Entry::done(&caller.actor(), action.as_str(), "").in_project(name)
                }
                Target::Everything => Entry::done(&caller.actor(), action.as_str(), ""),
            };
            let refused = entry.with_outcome(Outcome::Refused);
            self.auth.audit.add(refused, self.clock.now());
        }
        Ok(allowed)
    }

    /// As [`Registry::allows`], of which nothing is noted: for what only changes the answer.
    pub async fn has(
        &self,
        caller: &Caller,
        action: Action,
        target: Target<'_>,
    ) -> Result<bool, DbError> {
        self.auth.allows(caller, action, target).await
    }

    /// Number of the last change of a tag, a manifest, a right or a setting, by whichever process: it
    /// comes here in less than a second.
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.auth.changes()
    }

    /// The repositories that the caller may pull from.
    pub async fn readable(&self, caller: &Caller) -> Result<Readable, DbError> {
        self.auth.readable(caller).await
    }

    /// All that the caller may do there.
    pub async fn actions_on(
        &self,
        caller: &Caller,
        target: Target<'_>,
    ) -> Result<ActionSet, DbError> {
        self.auth.actions_on(caller, target).await
    }
}
