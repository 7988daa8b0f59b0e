//! The keys that tokens are signed with: ES256, made here, kept as rows with their private part
//! sealed. The newest one signs. One that has been replaced checks the tokens that it signed for as
//! long as any of them may still be shown.

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Serialize;
use tracing::{info, warn};

use super::seal::SecretKeys;
use super::secret::random_hex;
use crate::clock::Timestamp;
use crate::db::DbError;
use crate::db::signing_keys::SigningKeyRow;

/// A key signs for so long before the next one is made.
pub(crate) const ROTATE_AFTER: Duration = Duration::from_secs(30 * 24 * 60 * 60);
pub(crate) const PURPOSE: &str = "signing key";

/// The keys of one moment.
pub(crate) struct SigningKeys {
    /// Newest first.
    keys: Vec<Key>,
    /// The one of them that signs.
    signing: Option<(String, EncodingKey)>,
}

struct Key {
    id: String,
    decoding: DecodingKey,
    jwk: Jwk,
}

/// RFC 7517.
#[derive(Clone, Serialize)]
pub(crate) struct Jwk {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    x: String,
    y: String,
}

impl SigningKeys {
    pub(crate) fn of_rows(rows: &[SigningKeyRow], secrets: &SecretKeys) -> Result<Self, DbError> {
        let keys = rows.iter().map(Key::of_row).collect::<Result<_, _>>()?;
        // Only the newest signs; one that can not be unsealed is replaced, see `due`.
        let signing = rows.first().and_then(|row| {
            let pkcs8 = secrets.unseal(PURPOSE, &row.sealed).ok()?;
            Some((row.id.clone(), EncodingKey::from_ec_der(&pkcs8)))
        });
        Ok(Self { keys, signing })
    }

    pub(crate) fn signing(&self) -> Option<(&str, &EncodingKey)> {
        self.signing.as_ref().map(|(id, key)| (id.as_str(), key))
    }

    pub(crate) fn find(&self, id: &str) -> Option<&DecodingKey> {
        let key = self.keys.iter().find(|key| key.id == id)?;
        Some(&key.decoding)
    }

    pub(crate) fn jwks(&self) -> Vec<Jwk> {
        self.keys.iter().map(|key| key.jwk.clone()).collect()
    }
}

impl Key {
    fn of_row(row: &SigningKeyRow) -> Result<Self, DbError> {
        // SEC 1, 2.3.3: 4, then both coordinates.
        let [4, point @ ..] = &row.public_key[..] else {
            return Err(inconsistent(&row.id));
        };
        let (x, y) = point
            .split_at_checked(32)
            .ok_or_else(|| inconsistent(&row.id))?;
        if y.len() != 32 {
            return Err(inconsistent(&row.id));
        }
        Ok(Self {
            id: row.id.clone(),
            decoding: DecodingKey::from_ec_der(&row.public_key),
            jwk: Jwk {
                kty: "EC",
                crv: "P-256",
                alg: "ES256",
                usage: "sig",
                kid: row.id.clone(),
                x: BASE64_URL_SAFE_NO_PAD.encode(x),
                y: BASE64_URL_SAFE_NO_PAD.encode(y),
            },
        })
    }
}

fn inconsistent(id: &str) -> DbError {
    DbError::Inconsistent {
        value: id.to_owned(),
        expected: "a key on P-256",
    }
}

pub(crate) fn generate(secrets: &SecretKeys, now: Timestamp) -> SigningKeyRow {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
        .expect("the system has random bytes");
    let pkcs8 = pair.to_pkcs8v1().expect("a key that was just made");
    SigningKeyRow {
        id: random_hex()[..16].to_owned(),
        public_key: pair.public_key().as_ref().to_vec(),
        sealed: secrets.seal(PURPOSE, pkcs8.as_ref()),
        created_at: now,
    }
}

/// What has to happen to the keys now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) generate: bool,
    /// Ids of keys whose last token has ended.
    pub(crate) delete: Vec<String>,
    /// Keys that the former secret key sealed, sealed anew.
    pub(crate) reseal: Vec<(String, Vec<u8>)>,
}

/// `used` is how long after its replacement a key may still be asked for.
pub(crate) fn due(
    rows: &[SigningKeyRow],
    secrets: &SecretKeys,
    used: Duration,
    now: Timestamp,
) -> Due {
    let newest = rows.first();
    let signs = newest.is_some_and(|row| secrets.unseal(PURPOSE, &row.sealed).is_ok());
    if let Some(row) = newest.filter(|_| !signs) {
        warn!(
            key = row.id,
            "signing key {} was sealed with another secret_key, so a new one is made; to keep it, \
             give that key as previous_secret_key",
            row.id
        );
    }
    let old = newest.is_some_and(|row| row.created_at <= now.minus(ROTATE_AFTER));
    let replaced_at = |index: usize| Some(rows.get(index.checked_sub(1)?)?.created_at);
    Due {
        generate: !signs || old,
        delete: (0..rows.len())
            .filter(|&index| replaced_at(index).is_some_and(|at| at <= now.minus(used)))
            .map(|index| rows[index].id.clone())
            .collect(),
        reseal: rows
            .iter()
            .filter(|row| !secrets.current(&row.sealed))
            .filter_map(|row| {
                let secret = secrets.unseal(PURPOSE, &row.sealed).ok()?;
                info!(key = row.id, "sealed signing key {} anew", row.id);
                Some((row.id.clone(), secrets.seal(PURPOSE, &secret)))
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
