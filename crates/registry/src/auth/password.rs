use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::secret::Secret;
use hasher::Hasher;

mod hasher;

/// How long a check may wait for its turn. Docker gives a sign-in 15 s.
const PATIENCE: Duration = Duration::from_secs(10);

/// The hash of a password that nobody knows, with the parameters of every other one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$E8RURMX+Tc4J63ITpZp70A\
                      $BZiw8fwIlMU2KrHDyurCZZcWzOt2U8+0WD670mjMm+A";

const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 8..=256;

/// A password that is fit to be set.
pub struct NewPassword(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    #[error(transparent)]
    Length(#[from] InvalidLength),
    #[error("a password can not begin as the secrets of tokens and robots do")]
    LooksLikeAToken,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a password has {} to {} characters, and this one has {length}",
    PASSWORD_CHARACTERS.start(),
    PASSWORD_CHARACTERS.end()
)]
pub struct InvalidLength {
    length: usize,
}

impl TryFrom<String> for NewPassword {
    type Error = InvalidPassword;

    fn try_from(text: String) -> Result<Self, InvalidPassword> {
        let length = text.chars().count();
        if !PASSWORD_CHARACTERS.contains(&length) {
            return Err(InvalidLength { length }.into());
        }
        // It would be looked up as one, and never be compared.
        match Secret::kind_of(&text) {
            Some(_) => Err(InvalidPassword::LooksLikeAToken),
            None => Ok(Self(text)),
        }
    }
}

/// So many checks wait that one more would not be answered in time.
#[derive(Debug, thiserror::Error)]
#[error("too many passwords are being checked just now")]
pub struct Busy;

/// Hashes and checks passwords with argon2id, a few at a time.
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    hashes: AtomicU64,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(at_once())),
            hashes: AtomicU64::new(0),
        }
    }

    /// How many hashes were computed since the start.
    pub(crate) fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    pub(crate) async fn hash(&self, password: NewPassword) -> Result<String, Busy> {
        self.take_turn(move || {
            let hash = Hasher::default().hash_password(password.0.as_bytes());
            hash.expect("the parameters are argon2's own").to_string()
        })
        .await
    }

    /// Whether the password is the one that was hashed. Without a hash this takes as long, so that
    /// the time of a refusal does not tell whether there is such a user.
    pub(crate) async fn verify(&self, password: &str, hash: Option<String>) -> Result<bool, Busy> {
        if password.chars().count() > *PASSWORD_CHARACTERS.end() {
            return Ok(false);
        }
        let password = password.to_owned();
        self.take_turn(move || {
            let exists = hash.is_some();
            let hash = hash.as_deref().unwrap_or(NOBODY);
            let fits = PasswordHash::new(hash).is_ok_and(|hash| {
                Hasher::default()
                    .verify_password(password.as_bytes(), &hash)
                    .is_ok()
            });
            exists && fits
        })
        .await
    }

    async fn take_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| Busy)?
            .expect("the semaphore is never closed");
        self.hashes.fetch_add(1, Ordering::Relaxed);
        // The turn goes along, since the hash is computed to its end even if the client leaves.
        let work = move || {
            let outcome = work();
            drop(turn);
            outcome
        };
        match spawn_blocking(work).await {
            Ok(outcome) => Ok(outcome),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// Hashes at one time: each takes 19 MiB and some tens of milliseconds of a core, and half of the
/// cores are left for those who pull.
fn at_once() -> usize {
    let cores = std::thread::available_parallelism();
    cores.map_or(1, |cores| (cores.get() / 2).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::new();
        let password = NewPassword::try_from("correct horse".to_owned()).unwrap();
        let hash = passwords.hash(password).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(
            passwords
                .verify("correct horse", Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(!passwords.verify("correct hors", Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_a_password_and_the_check_costs_a_hash_all_the_same() {
        assert!(PasswordHash::new(NOBODY).is_ok());
        let passwords = Passwords::new();
        assert!(!passwords.verify("correct horse", None).await.unwrap());
        assert_eq!(passwords.hashes(), 1);
    }

    #[test]
    fn a_password_is_neither_short_nor_endless() {
        assert!(NewPassword::try_from("1234567".to_owned()).is_err());
        assert!(NewPassword::try_from("x".repeat(257)).is_err());
        assert!(NewPassword::try_from("berth_token_of_mine".to_owned()).is_err());
        assert!(NewPassword::try_from("ünïcödé!".to_owned()).is_ok());
    }
}
