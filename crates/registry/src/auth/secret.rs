use std::fmt;

use aws_lc_rs::rand;
use sha2::{Digest as _, Sha256};

const RANDOM_BYTES: usize = 32;

/// A random secret, to be shown once: a prefix that secret scanners find, and 256 bits in
/// hexadecimal digits, which no shell, URL or YAML reads as something else.
pub struct Secret(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretKind {
    PersonalToken,
    Robot,
    Session,
}

impl SecretKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::PersonalToken => "berth_token_",
            Self::Robot => "berth_robot_",
            Self::Session => "berth_session_",
        }
    }
}

impl Secret {
    pub(crate) fn generate(kind: SecretKind) -> Self {
        Self(format!("{}{}", kind.prefix(), random_hex()))
    }

    /// The kind that a text is a secret of, by its form alone.
    pub(crate) fn kind_of(text: &str) -> Option<SecretKind> {
        [
            SecretKind::PersonalToken,
            SecretKind::Robot,
            SecretKind::Session,
        ]
        .into_iter()
        .find(|kind| text.starts_with(kind.prefix()))
    }

    /// What is stored: a random secret needs no slow hash.
    pub(crate) fn hash(&self) -> [u8; 32] {
        hash(&self.0)
    }

    /// To hand out.
    pub fn reveal(self) -> String {
        self.0
    }
}

/// The hash under which a secret that somebody shows would be stored. To look it up takes as long
/// whatever the secret is: nobody can choose the beginning of a hash.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// A password for somebody who is to change it.
pub fn generate_password() -> String {
    random_hex()[..24].to_owned()
}

/// A key for `secret_key`.
pub fn generate_key() -> String {
    random_hex()
}

pub(crate) fn random_hex() -> String {
    let mut bytes = [0; RANDOM_BYTES];
    rand::fill(&mut bytes).expect("the system has random bytes");
    hex::encode(bytes)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
