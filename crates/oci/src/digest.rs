use std::fmt;
use std::str::FromStr;

use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest as _, Sha256, Sha512};

/// The two hash functions that the image specification registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    /// As it is written before the colon of a digest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn hash_bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl FromStr for Algorithm {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(InvalidDigest::UnknownAlgorithm(
                text.chars().take(32).collect(),
            )),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A content digest, `sha256:<64 hex>` or `sha512:<128 hex>`, always in lower case.
///
/// Narrower than oci-spec's, which admits any algorithm name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    text: Box<str>,
}

impl Digest {
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The hexadecimal part, without the algorithm.
    pub fn hex(&self) -> &str {
        &self.text[self.algorithm.as_str().len() + 1..]
    }

    /// The digest of bytes that are at hand whole.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    fn from_hash(algorithm: Algorithm, hash: &[u8]) -> Self {
        Self {
            algorithm,
            text: format!("{algorithm}:{}", hex::encode(hash)).into(),
        }
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let (algorithm, hash) = text.split_once(':').ok_or(InvalidDigest::NoColon)?;
        let algorithm: Algorithm = algorithm.parse()?;
        let expected = algorithm.hash_bytes() * 2;
        if hash.len() != expected {
            return Err(InvalidDigest::Length {
                algorithm,
                expected,
                actual: hash.len(),
            });
        }
        if !hash
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(InvalidDigest::NotLowerHex);
        }
        Ok(Self {
            algorithm,
            text: text.into(),
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDigest {
    #[error(
        "a digest is written algorithm:hex, for example sha256:e3b0c442…, and this one has no colon"
    )]
    NoColon,
    #[error("digest algorithm `{0}` is not known here: use sha256 or sha512")]
    UnknownAlgorithm(String),
    #[error("a {algorithm} digest has {expected} hexadecimal digits, and this one has {actual}")]
    Length {
        algorithm: Algorithm,
        expected: usize,
        actual: usize,
    },
    #[error("a digest is written in lower case hexadecimal digits")]
    NotLowerHex,
}

/// A hash under way, whose state can be put aside and taken up by another process.
#[derive(Clone, Debug)]
pub enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    pub fn finish(self) -> Digest {
        match self {
            Self::Sha256(hash) => Digest::from_hash(Algorithm::Sha256, &hash.finalize()),
            Self::Sha512(hash) => Digest::from_hash(Algorithm::Sha512, &hash.finalize()),
        }
    }

    /// The state in sha2's own serial form: 104 bytes for SHA-256, 208 for SHA-512.
    pub fn save(&self) -> Vec<u8> {
        match self {
            Self::Sha256(hash) => hash.serialize().to_vec(),
            Self::Sha512(hash) => hash.serialize().to_vec(),
        }
    }

    /// Takes up the state that [`Hasher::save`] gave for the same algorithm.
    pub fn restore(algorithm: Algorithm, state: &[u8]) -> Result<Self, InvalidHashState> {
        let invalid = InvalidHashState { algorithm };
        // The count of blocks, little endian, follows eight words that are as long as the hash.
        // sha2 would overflow on a count that no content reaches: six bytes are 16 PiB and more.
        let words = algorithm.hash_bytes();
        let blocks = state.get(words..words + words / 4).ok_or(invalid)?;
        if blocks[6..].iter().any(|byte| *byte != 0) {
            return Err(invalid);
        }
        match algorithm {
            Algorithm::Sha256 => {
                let state = state.try_into().map_err(|_| invalid)?;
                Sha256::deserialize(state)
                    .map(Self::Sha256)
                    .map_err(|_| invalid)
            }
            Algorithm::Sha512 => {
                let state = state.try_into().map_err(|_| invalid)?;
                Sha512::deserialize(state)
                    .map(Self::Sha512)
                    .map_err(|_| invalid)
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the saved {algorithm} state can not be read")]
pub struct InvalidHashState {
    algorithm: Algorithm,
}

#[cfg(test)]
mod tests;
