use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{CustomizedPasswordHasher, PasswordHasher, Result};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// The malloc of glibc maps what is larger than this by itself, and unmaps it when it is freed.
const MAPPED_BYTES: usize = 32 * 1024 * 1024;

/// argon2id as its crate has it, in memory that goes back to the kernel.
///
/// What is less than [`MAPPED_BYTES`] stays, once the first was freed, with the arena of the thread
/// that has used it: 19 MiB for each thread that has ever compared a password. So more is asked for
/// than is touched.
#[derive(Default)]
pub(super) struct Hasher {
    algorithm: Algorithm,
    version: Version,
    params: Params,
}

impl PasswordHasher<PasswordHash> for Hasher {
    fn hash_password_with_salt(&self, password: &[u8], salt: &[u8]) -> Result<PasswordHash> {
        let salt = Salt::new(salt)?;
        let blocks = self.params.block_count();
        let mut memory = Vec::with_capacity(blocks.max(MAPPED_BYTES / Block::SIZE));
        memory.resize(blocks, Block::new());
        let length = self.params.output_len();
        let mut output = vec![0; length.unwrap_or(Params::DEFAULT_OUTPUT_LEN)];
        Argon2::new(self.algorithm, self.version, self.params.clone())
            .hash_password_into_with_memory(password, &salt, &mut output, &mut memory)?;
        Ok(PasswordHash {
            algorithm: self.algorithm.ident(),
            version: Some(self.version.into()),
            params: ParamsString::try_from(&self.params)?,
            salt: Some(salt),
            hash: Some(Output::new(&output)?),
        })
    }
}

/// With this a password can be verified: it is hashed as the other one was.
impl CustomizedPasswordHasher<PasswordHash> for Hasher {
    type Params = Params;

    fn hash_password_customized(
        &self,
        password: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<u32>,
        params: Params,
    ) -> Result<PasswordHash> {
        let hasher = Self {
            algorithm: algorithm.map_or(Ok(self.algorithm), Algorithm::try_from)?,
            version: version.map_or(Ok(self.version), Version::try_from)?,
            params,
        };
        hasher.hash_password_with_salt(password, salt)
    }
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier as _;

    use super::*;

    #[test]
    fn it_hashes_as_the_crate_does() {
        let salt = b"sixteen bytes ..";
        let (ours, theirs) = (
            Hasher::default().hash_password_with_salt(b"correct horse", salt),
            Argon2::default().hash_password_with_salt(b"correct horse", salt),
        );
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        assert_eq!(ours.to_string(), theirs.to_string());

        let params = Params::new(256, 3, 2, Some(24)).unwrap();
        let other = Argon2::new(Algorithm::Argon2d, Version::V0x10, params);
        let other = other.hash_password_with_salt(b"correct horse", salt);
        let other = other.unwrap();
        let fits = |password| Hasher::default().verify_password(password, &other).is_ok();
        assert!(fits(b"correct horse"));
        assert!(!fits(b"correct hors!"));
    }
}
