use sqlx::SqliteConnection;

use super::DbError;
use crate::auth::AccountId;
use crate::clock::Timestamp;

/// Whoever comes with a token or a session is used too. Uses may be told in any order.
pub(crate) async fn set_last_used(
    connection: &mut SqliteConnection,
    account: AccountId,
    at: Timestamp,
) -> Result<(), DbError> {
    let (statements, id): (&[&str], i64) = match account {
        AccountId::User(id) => (
            &["UPDATE users SET last_used_at = $2
               WHERE id = $1 AND COALESCE(last_used_at, 0) < $2"],
            id,
        ),
        AccountId::PersonalToken(id) => (
            &[
                "UPDATE personal_tokens SET last_used_at = $2 WHERE id = $1",
                "UPDATE users SET last_used_at = $2
                 WHERE id = (SELECT user_id FROM personal_tokens WHERE id = $1)
                   AND COALESCE(last_used_at, 0) < $2",
            ],
            id,
        ),
        AccountId::Session(id) => (
            &[
                "UPDATE sessions SET last_used_at = $2 WHERE id = $1",
                "UPDATE users SET last_used_at = $2
                 WHERE id = (SELECT user_id FROM sessions WHERE id = $1)
                   AND COALESCE(last_used_at, 0) < $2",
            ],
            id,
        ),
        AccountId::Robot(id) => (&["UPDATE robots SET last_used_at = $2 WHERE id = $1"], id),
        // Not a row.
        AccountId::Deployer => return Ok(()),
    };
    for statement in statements {
        sqlx::query(*statement)
            .bind(id)
            .bind(at.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[tokio::test]
    async fn who_uses_a_token_or_a_session_is_used_too() {
        let fixture = Fixture::open().await;
        let mut database = fixture.database().await;
        sqlx::raw_sql(
            "INSERT INTO users (id, name, created_at) VALUES (7, 'alice', 0);
             INSERT INTO personal_tokens (id, user_id, name, secret_hash, scopes, created_at)
             VALUES (1, 7, 'laptop', x'01', '[]', 0);
             INSERT INTO sessions (id, user_id, secret_hash, generation, client, created_at, expires_at)
             VALUES (1, 7, x'02', 0, 'a browser', 0, 9)",
        )
        .execute(&mut database)
        .await
        .unwrap();
        for (account, at, expected) in [
            (AccountId::PersonalToken(1), 1, 1),
            (AccountId::Session(1), 3, 3),
            // Told of later than what came after it.
            (AccountId::PersonalToken(1), 2, 3),
            (AccountId::User(7), 2, 3),
        ] {
            set_last_used(&mut database, account, Timestamp(at))
                .await
                .unwrap();
            let used: Option<i64> =
                sqlx::query_scalar("SELECT last_used_at FROM users WHERE id = 7")
                    .fetch_one(&mut database)
                    .await
                    .unwrap();
            assert_eq!(used, Some(expected), "{account:?} at {at}");
        }
    }
}
