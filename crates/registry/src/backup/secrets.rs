//! What only the secret key opens. A backup does not hold the key.

use std::fmt;

use berth_oci::ProjectName;
use sqlx::SqliteConnection;

use crate::auth::{SIGNING_KEY, SecretKeys};
use crate::cache::UPSTREAM;
use crate::db::{self, DbError};

/// A secret that the key at hand does not open. It is gone from what was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LostSecret {
    SigningKey,
    Upstream(ProjectName),
}

/// What has to be entered again.
impl fmt::Display for LostSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SigningKey => {
                f.write_str("a key that signed tokens: users have to sign in again")
            }
            Self::Upstream(name) => write!(f, "upstream {name}: its password or token"),
        }
    }
}

/// Removes the secrets that can not be opened.
pub(super) async fn remove_lost(
    connection: &mut SqliteConnection,
    keys: &SecretKeys,
) -> Result<Vec<LostSecret>, DbError> {
    let mut lost = Vec::new();
    for row in db::signing_keys::list(connection).await? {
        if keys.unseal(SIGNING_KEY, &row.sealed).is_err() {
            db::signing_keys::delete(connection, &row.id).await?;
            if !lost.contains(&LostSecret::SigningKey) {
                lost.push(LostSecret::SigningKey);
            }
        }
    }
    for row in db::sources::list(connection).await? {
        if let Some(sealed) = &row.sealed
            && keys.unseal(UPSTREAM, sealed).is_err()
        {
            db::sources::forget_sealed(connection, &row.name).await?;
            lost.push(LostSecret::Upstream(row.name));
        }
    }
    Ok(lost)
}
