use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr as _, SqliteConnection};

use super::DbError;

/// A migration is never edited once it is released.
const SQLITE: &[(i64, &str, &str)] = &[
    (
        1,
        "registry",
        include_str!("../../../../migrations/sqlite/0001_registry.sql"),
    ),
    (
        2,
        "rights",
        include_str!("../../../../migrations/sqlite/0002_rights.sql"),
    ),
    (
        3,
        "browse",
        include_str!("../../../../migrations/sqlite/0003_browse.sql"),
    ),
    (
        4,
        "proxy",
        include_str!("../../../../migrations/sqlite/0004_proxy.sql"),
    ),
    (
        5,
        "deploy",
        include_str!("../../../../migrations/sqlite/0005_deploy.sql"),
    ),
    (
        6,
        "space",
        include_str!("../../../../migrations/sqlite/0006_space.sql"),
    ),
];

pub(super) async fn run(connection: &mut SqliteConnection) -> Result<(), DbError> {
    let migrations = SQLITE.iter().map(|&(version, name, sql)| {
        Migration::new(
            version,
            Cow::Borrowed(name),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
        .run_direct(None, connection, false)
        .await
        .map_err(|error| sqlx::Error::Migrate(Box::new(error)).into())
}
