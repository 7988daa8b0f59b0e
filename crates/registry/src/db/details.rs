use sqlx::SqliteConnection;

use super::{DbError, migrations, unsigned};

/// What can be said of the database itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseDetails {
    /// Of its file, without the log beside it.
    pub size_bytes: u64,
    /// Number of the last migration that it has.
    pub schema_version: i64,
}

impl DatabaseDetails {
    pub(crate) async fn of(connection: &mut SqliteConnection) -> Result<Self, DbError> {
        let (size_bytes,) = sqlx::query_as(
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        )
        .fetch_one(&mut *connection)
        .await?;
        Ok(Self {
            size_bytes: unsigned(size_bytes),
            schema_version: migrations::version(connection).await?,
        })
    }
}
