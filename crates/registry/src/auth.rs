//! Who sends a request, and what they may do.
//!
//! [`authenticate`] turns credentials into a [`Caller`]; [`authorize`] says what the caller may do on a
//! repository, a project or the whole. Both ask caches that hold what the database said, as long as its
//! feed of changes has nothing newer: a request with a credential that was seen before costs neither a
//! query nor a hash.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use berth_oci::ProjectName;
use quick_cache::sync::Cache;
use tokio::sync::watch;

use crate::audit::Gathered;
use crate::clock::{Clock, Timestamp};
use crate::db::projects::ProjectRights;
use crate::db::{self, Db, DbError};
use crate::known::{Kept, Known, Weighed, kept};

mod account;
mod action;
mod authenticate;
mod authorize;
mod caller;
mod credentials;
mod glob;
mod issue;
mod keys;
mod name;
mod password;
mod rights;
mod role;
mod scope;
mod seal;
mod secret;
mod tend;
mod throttle;
mod token;

pub use action::{Action, ActionSet, UnknownAction};
pub use authenticate::AuthenticationError;
pub use authorize::Readable;
pub use caller::Caller;
pub(crate) use glob::wildcard_matches;
pub use glob::{InvalidGlob, RepositoryGlob};
pub(crate) use keys::PURPOSE as SIGNING_KEY;
pub use name::{InvalidAccountName, RobotName, TokenName, UserName, WHOLE, robot_login};
pub use password::{Busy, InvalidPassword, NewPassword};
pub use rights::{Grant, GrantText, InvalidGrant, Rights, Target};
pub use role::{BuiltinRole, RoleName};
pub use scope::Scope;
pub(crate) use seal::CanNotUnseal;
pub use seal::SecretKeys;
pub use secret::{Secret, generate_key, generate_password};

pub(crate) use account::AccountId;
pub(crate) use authorize::Admission;
pub(crate) use issue::{Asked, Issued};
pub(crate) use keys::Jwk;
pub(crate) use secret::SecretKind;

use account::Account;
use keys::SigningKeys;
use password::Passwords;
use throttle::Throttle;
use token::AccessToken;

/// Bytes of each cache, about.
const CACHED: u64 = 8 * 1024 * 1024;
/// What a grant takes.
const GRANT_BYTES: usize = 256;
/// Secrets that are remembered.
const SECRETS: usize = 16 * 1024;
/// A password that was right is compared again after so long.
const VERIFIED_FOR: Duration = Duration::from_secs(60 * 60);

/// Names of this installation, as its tokens say them.
#[derive(Clone, Debug)]
pub struct Place {
    /// `https://host[:port]`; without it clients are told the address that they have asked.
    pub public_url: Option<String>,
    /// Other hosts that clients ask; those who ask one are told to stay there.
    pub aliases: Vec<String>,
    /// The `service` of challenges and the audience of tokens.
    pub service: String,
}

pub(crate) struct Auth {
    db: Db,
    clock: Arc<dyn Clock>,
    secrets: SecretKeys,
    pub(crate) place: Place,
    /// How long an upload may go on after it was opened.
    upload_expiry: Duration,
    keys: ArcSwap<SigningKeys>,
    accounts: Known<AccountId, u64, Option<Arc<Account>>>,
    projects: Known<InProject, u64, Arc<Option<ProjectRights>>>,
    /// Whether names are those of projects here.
    names: Known<ProjectName, u64, bool>,
    /// Secrets that are being compared.
    shown: Cache<[u8; 32], Arc<tokio::sync::Mutex<()>>>,
    /// Secrets that were right, by a hash that only this process can make.
    verified: Cache<[u8; 32], Verified>,
    tokens: Kept<[u8; 32], Arc<AccessToken>>,
    salt: String,
    passwords: Passwords,
    throttle: Throttle,
    pub(crate) audit: Gathered,
    pub(crate) used: Used,
}

/// A user, or anybody, in a project.
type InProject = (Option<i64>, ProjectName);

/// Whose secret was right, and when.
#[derive(Clone, Copy)]
struct Verified {
    account: AccountId,
    generation: i64,
    at: Timestamp,
}

impl Weighed for Option<Arc<Account>> {
    fn bytes(&self) -> usize {
        let grants = self.as_deref().map_or(0, Account::grants);
        grants * GRANT_BYTES
    }
}

impl Weighed for Arc<Option<ProjectRights>> {
    fn bytes(&self) -> usize {
        let grants = self.as_ref().as_ref();
        let grants = grants.map_or(0, |project| project.of_user.grants().len() + 1);
        grants * GRANT_BYTES
    }
}

impl Weighed for bool {}

impl Weighed for Arc<AccessToken> {
    fn bytes(&self) -> usize {
        self.rights.grants().len() * GRANT_BYTES
    }
}

/// When accounts were last used, for the next write.
#[derive(Default)]
pub(crate) struct Used(Mutex<HashMap<AccountId, Timestamp>>);

impl Used {
    fn note(&self, account: AccountId, now: Timestamp) {
        self.map().insert(account, now);
    }

    pub(crate) fn take(&self) -> HashMap<AccountId, Timestamp> {
        std::mem::take(&mut *self.map())
    }

    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<AccountId, Timestamp>> {
        self.0
            .lock()
            .expect("nothing panics while it holds the map")
    }
}

impl Auth {
    pub(crate) async fn open(
        db: Db,
        clock: Arc<dyn Clock>,
        secrets: SecretKeys,
        place: Place,
        upload_expiry: Duration,
    ) -> Result<Self, DbError> {
        let auth = Self {
            keys: ArcSwap::from_pointee(SigningKeys::of_rows(&[], &secrets)?),
            db,
            clock,
            secrets,
            place,
            upload_expiry,
            accounts: Known::new(CACHED),
            projects: Known::new(CACHED),
            names: Known::new(CACHED),
            shown: Cache::new(SECRETS),
            verified: Cache::new(SECRETS),
            tokens: kept(CACHED),
            salt: secret::random_hex(),
            passwords: Passwords::new(),
            throttle: Throttle::new(),
            audit: Gathered::default(),
            used: Used::default(),
        };
        auth.tend_keys().await?;
        Ok(auth)
    }

    /// Hashes of passwords that were computed since the start.
    pub(crate) fn password_hashes(&self) -> u64 {
        self.passwords.hashes()
    }

    pub(crate) fn seal(&self, purpose: &str, secret: &[u8]) -> Vec<u8> {
        self.secrets.seal(purpose, secret)
    }

    pub(crate) fn unseal(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, CanNotUnseal> {
        self.secrets.unseal(purpose, sealed)
    }

    /// The same secret sealed with the key in force; `None` when it is so already.
    pub(crate) fn reseal(&self, purpose: &str, sealed: &[u8], opened: &[u8]) -> Option<Vec<u8>> {
        let stale = !self.secrets.current(sealed);
        stale.then(|| self.secrets.seal(purpose, opened))
    }

    /// The keys that tokens can be checked with.
    pub(crate) fn jwks(&self) -> Vec<Jwk> {
        self.keys.load().jwks()
    }

    /// Number of the last change that was seen.
    pub(crate) fn changes(&self) -> watch::Receiver<i64> {
        self.db.feed().follow()
    }

    pub(crate) async fn hash_password(&self, password: NewPassword) -> Result<String, Busy> {
        self.passwords.hash(password).await
    }

    /// An account that may be used; `None` when there is none or it is disabled.
    async fn account(&self, id: AccountId) -> Result<Option<Arc<Account>>, DbError> {
        let epoch = self.db.feed().rights();
        if let Some(known) = self.accounts.get(&id, epoch) {
            return Ok(known);
        }
        let mut connection = self.db.read().await?;
        let account = Account::load(&mut connection, id).await?.map(Arc::new);
        self.accounts.keep(id, epoch, account.clone());
        Ok(account)
    }

    /// What a project gives; `None` when there is no such project.
    async fn project(
        &self,
        user: Option<i64>,
        project: ProjectName,
    ) -> Result<Arc<Option<ProjectRights>>, DbError> {
        let epoch = self.db.feed().rights();
        let key = (user, project);
        if let Some(known) = self.projects.get(&key, epoch) {
            return Ok(known);
        }
        let mut connection = self.db.read().await?;
        let rights = db::projects::rights(&mut connection, &key.1, user).await?;
        let rights = Arc::new(rights);
        self.projects.keep(key, epoch, Arc::clone(&rights));
        Ok(rights)
    }

    /// Whether there is a project of this name, or was one.
    pub(crate) async fn claims(&self, name: &ProjectName) -> Result<bool, DbError> {
        let epoch = self.db.feed().rights();
        if let Some(known) = self.names.get(name, epoch) {
            return Ok(known);
        }
        let mut connection = self.db.read().await?;
        let claimed = db::projects::claimed(&mut connection, name).await?;
        self.names.keep(name.clone(), epoch, claimed);
        Ok(claimed)
    }
}
