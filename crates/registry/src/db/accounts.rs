use sqlx::SqliteConnection;

use super::DbError;
use crate::auth::AccountId;
use crate::clock::Timestamp;

pub(crate) async fn set_last_used(
    connection: &mut SqliteConnection,
    account: AccountId,
    at: Timestamp,
) -> Result<(), DbError> {
    let (statement, id) = match account {
        AccountId::User(id) => ("UPDATE users SET last_used_at = $2 WHERE id = $1", id),
        AccountId::PersonalToken(id) => (
            "UPDATE personal_tokens SET last_used_at = $2 WHERE id = $1",
            id,
        ),
        AccountId::Session(id) => ("UPDATE sessions SET last_used_at = $2 WHERE id = $1", id),
        AccountId::Robot(id) => ("UPDATE robots SET last_used_at = $2 WHERE id = $1", id),
        // Not a row.
        AccountId::Deployer => return Ok(()),
    };
    sqlx::query(statement)
        .bind(id)
        .bind(at.0)
        .execute(connection)
        .await?;
    Ok(())
}
