use sqlx::SqliteConnection;

use super::DbError;
use crate::clock::Timestamp;

pub(crate) struct SigningKeyRow {
    pub(crate) id: String,
    pub(crate) public_key: Vec<u8>,
    pub(crate) sealed: Vec<u8>,
    pub(crate) created_at: Timestamp,
}

/// Newest first.
pub(crate) async fn list(connection: &mut SqliteConnection) -> Result<Vec<SigningKeyRow>, DbError> {
    let rows: Vec<(String, Vec<u8>, Vec<u8>, i64)> = sqlx::query_as(
        "SELECT id, public_key, sealed, created_at FROM signing_keys ORDER BY created_at DESC, id",
    )
    .fetch_all(connection)
    .await?;
    let row = |(id, public_key, sealed, created_at)| SigningKeyRow {
        id,
        public_key,
        sealed,
        created_at: Timestamp(created_at),
    };
    Ok(rows.into_iter().map(row).collect())
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    key: &SigningKeyRow,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO signing_keys (id, algorithm, public_key, sealed, created_at)
         VALUES ($1, 'ES256', $2, $3, $4)",
    )
    .bind(&key.id)
    .bind(&key.public_key)
    .bind(&key.sealed)
    .bind(key.created_at.0)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn set_sealed(
    connection: &mut SqliteConnection,
    id: &str,
    sealed: &[u8],
) -> Result<(), DbError> {
    sqlx::query("UPDATE signing_keys SET sealed = $2 WHERE id = $1")
        .bind(id)
        .bind(sealed)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn delete(connection: &mut SqliteConnection, id: &str) -> Result<(), DbError> {
    sqlx::query("DELETE FROM signing_keys WHERE id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}
