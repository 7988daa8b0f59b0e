//! Secrets that have to be kept in the clear are sealed with `secret_key`: AES-256-GCM under a key
//! that is derived from it. The beginning of what is sealed names the key, so that a change of
//! `secret_key` is noticed and can be followed.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};

const FINGERPRINT_BYTES: usize = 8;
const NONCE_BYTES: usize = 12;

/// The keys that are at hand: the one in force, and the one before it while it is being replaced.
pub struct SecretKeys {
    current: SecretKey,
    previous: Option<SecretKey>,
}

struct SecretKey {
    fingerprint: [u8; FINGERPRINT_BYTES],
    sealing: RandomizedNonceKey,
    refresh: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this was sealed with another secret_key, or is damaged")]
pub(crate) struct CanNotUnseal;

impl SecretKeys {
    /// Of texts that nobody can guess: the configuration takes 32 characters at least.
    pub fn new(current: &str, previous: Option<&str>) -> Self {
        Self {
            current: SecretKey::new(current),
            previous: previous.map(SecretKey::new),
        }
    }

    /// `purpose` goes into the seal: what was sealed for one can not be opened as another.
    pub(crate) fn seal(&self, purpose: &str, secret: &[u8]) -> Vec<u8> {
        let mut bytes = secret.to_vec();
        let nonce = self
            .current
            .sealing
            .seal_in_place_append_tag(Aad::from(purpose), &mut bytes)
            .expect("secrets are shorter than AES-GCM's limit");
        [&self.current.fingerprint[..], nonce.as_ref(), &bytes].concat()
    }

    pub(crate) fn unseal(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, CanNotUnseal> {
        let (fingerprint, rest) = sealed
            .split_at_checked(FINGERPRINT_BYTES)
            .ok_or(CanNotUnseal)?;
        let (nonce, content) = rest.split_at_checked(NONCE_BYTES).ok_or(CanNotUnseal)?;
        let key = [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|key| key.fingerprint == fingerprint)
            .ok_or(CanNotUnseal)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CanNotUnseal)?;
        let mut content = content.to_vec();
        let opened = key
            .sealing
            .open_in_place(nonce, Aad::from(purpose), &mut content)
            .map_err(|_| CanNotUnseal)?;
        Ok(opened.to_vec())
    }

    /// Whether this is sealed with the key in force.
    pub(crate) fn current(&self, sealed: &[u8]) -> bool {
        sealed.starts_with(&self.current.fingerprint)
    }

    /// What refresh tokens are signed with, newest first.
    pub(crate) fn refresh_keys(&self) -> impl Iterator<Item = &[u8; 32]> {
        [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .map(|key| &key.refresh)
    }
}

impl SecretKey {
    fn new(text: &str) -> Self {
        let derived = |purpose: &str| -> [u8; 32] {
            let hash = digest(&SHA256, format!("berth {purpose} {text}").as_bytes());
            hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
        };
        let sealing = derived("seal");
        let mut fingerprint = [0; FINGERPRINT_BYTES];
        fingerprint.copy_from_slice(&derived("fingerprint")[..FINGERPRINT_BYTES]);
        Self {
            fingerprint,
            sealing: RandomizedNonceKey::new(&AES_256_GCM, &sealing)
                .expect("AES-256 takes 32 bytes"),
            refresh: derived("refresh"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "one secret key of thirty-two characters";
    const OTHER: &str = "another secret key, as long as the first";

    #[test]
    fn what_is_sealed_opens_with_its_key_and_for_its_purpose_only() {
        let keys = SecretKeys::new(ONE, None);
        let sealed = keys.seal("test", b"secret");
        assert_eq!(keys.unseal("test", &sealed), Ok(b"secret".to_vec()));
        assert_eq!(keys.unseal("other", &sealed), Err(CanNotUnseal));
        let other = SecretKeys::new(OTHER, None);
        assert_eq!(other.unseal("test", &sealed), Err(CanNotUnseal));
        for length in 0..sealed.len() {
            assert_eq!(keys.unseal("test", &sealed[..length]), Err(CanNotUnseal));
        }
    }

    #[test]
    fn a_new_key_still_opens_what_the_one_before_it_sealed() {
        let sealed = SecretKeys::new(ONE, None).seal("test", b"secret");
        let keys = SecretKeys::new(OTHER, Some(ONE));
        assert_eq!(keys.unseal("test", &sealed), Ok(b"secret".to_vec()));
        assert!(!keys.current(&sealed));
        assert!(keys.current(&keys.seal("test", b"secret")));
    }
}
