//! Brings the schema of a database up to date: forward only, all that is pending in one transaction,
//! so that an upgrade which is interrupted has not begun.

use std::borrow::Cow;
use std::path::Path;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Connection as _, SqlSafeStr as _, SqliteConnection};
use tracing::info;

use super::{DbError, OpenDbError, checked, copy};
use crate::release::Release;

/// A migration is never edited once it is released.
struct Step {
    version: i64,
    name: &'static str,
    sql: &'static str,
    /// The oldest release that may use the database from then on. A migration that only adds leaves
    /// that of the one before it; one that takes away what an older release uses raises it.
    oldest_release: &'static str,
}

const STEPS: &[Step] = &[
    Step {
        version: 1,
        name: "registry",
        sql: include_str!("../../../../migrations/sqlite/0001_registry.sql"),
        oldest_release: "0.1.0",
    },
    Step {
        version: 2,
        name: "rights",
        sql: include_str!("../../../../migrations/sqlite/0002_rights.sql"),
        oldest_release: "0.1.0",
    },
    Step {
        version: 3,
        name: "browse",
        sql: include_str!("../../../../migrations/sqlite/0003_browse.sql"),
        oldest_release: "0.1.0",
    },
    Step {
        version: 4,
        name: "proxy",
        sql: include_str!("../../../../migrations/sqlite/0004_proxy.sql"),
        oldest_release: "0.1.0",
    },
    Step {
        version: 5,
        name: "deploy",
        sql: include_str!("../../../../migrations/sqlite/0005_deploy.sql"),
        oldest_release: "0.1.0",
    },
    Step {
        version: 6,
        name: "space",
        sql: include_str!("../../../../migrations/sqlite/0006_space.sql"),
        oldest_release: "0.1.0",
    },
    Step {
        version: 7,
        name: "sessions",
        sql: include_str!("../../../../migrations/sqlite/0007_sessions.sql"),
        oldest_release: "0.1.0",
    },
    Step {
        version: 8,
        name: "page",
        sql: include_str!("../../../../migrations/sqlite/0008_page.sql"),
        oldest_release: "0.1.0",
    },
    Step {
        version: 9,
        name: "audit",
        sql: include_str!("../../../../migrations/sqlite/0009_audit.sql"),
        oldest_release: "0.1.0",
    },
    Step {
        version: 10,
        name: "pulls",
        sql: include_str!("../../../../migrations/sqlite/0010_pulls.sql"),
        oldest_release: "0.1.0",
    },
];

/// Upgrades the database in `file`, after a copy of it was made beside it.
pub(super) async fn run(
    connection: &mut SqliteConnection,
    file: &Path,
    release: &Release,
) -> Result<(), OpenDbError> {
    run_steps(connection, Some(file), release, STEPS).await
}

/// The same, for a database that is a copy itself.
pub(super) async fn run_without_copy(
    connection: &mut SqliteConnection,
    release: &Release,
) -> Result<(), OpenDbError> {
    run_steps(connection, None, release, STEPS).await
}

/// Refuses a database that this release must not use as it is.
pub(super) async fn check(
    connection: &mut SqliteConnection,
    file: &Path,
    release: &Release,
) -> Result<(), OpenDbError> {
    check_release(connection, Some(file), release).await?;
    let applied = applied(connection).await?;
    if pending(STEPS, &applied).next().is_some() {
        return Err(OpenDbError::Outdated);
    }
    Ok(())
}

async fn run_steps(
    connection: &mut SqliteConnection,
    file: Option<&Path>,
    release: &Release,
    steps: &[Step],
) -> Result<(), OpenDbError> {
    check_release(connection, file, release).await?;
    let applied = applied(connection).await?;
    let Some(first) = pending(steps, &applied).next() else {
        return Ok(());
    };
    let copied = match file {
        Some(file) if !applied.is_empty() => {
            let copy = copy::before(file, first.version);
            copy::make(connection, &copy)
                .await
                .map_err(|source| OpenDbError::Copy {
                    copy: copy.clone(),
                    source,
                })?;
            info!(
                "copied the database to {} before its upgrade",
                copy.display()
            );
            Some((file, copy))
        }
        Some(_) | None => None,
    };
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(DbError::from)?;
    migrator(steps)
        .run_direct(None, &mut *transaction, false)
        .await
        .map_err(|error| DbError::from(sqlx::Error::Migrate(Box::new(error))))?;
    raise(&mut transaction, steps).await?;
    transaction.commit().await.map_err(DbError::from)?;
    if let Some((file, copy)) = copied {
        info!("upgraded the database to that of berth {release}");
        copy::remove_others(file, &copy);
    }
    Ok(())
}

fn migrator(steps: &[Step]) -> Migrator {
    let migration = |step: &Step| {
        Migration::new(
            step.version,
            Cow::Borrowed(step.name),
            MigrationType::Simple,
            step.sql.into_sql_str(),
            false,
        )
    };
    let mut migrator = Migrator::with_migrations(steps.iter().map(migration).collect());
    // Those of newer releases, which have left the mark where this one may use the database.
    migrator.set_ignore_missing(true);
    migrator
}

fn pending<'s>(steps: &'s [Step], applied: &[i64]) -> impl Iterator<Item = &'s Step> {
    steps.iter().filter(|step| !applied.contains(&step.version))
}

/// The versions of the migrations that the database has.
async fn applied(connection: &mut SqliteConnection) -> Result<Vec<i64>, DbError> {
    if !table_exists(connection, "_sqlx_migrations").await? {
        return Ok(Vec::new());
    }
    let rows: Vec<(i64,)> = sqlx::query_as("SELECT version FROM _sqlx_migrations")
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|(version,)| version).collect())
}

/// Number of the last migration that the database has.
pub(super) async fn version(connection: &mut SqliteConnection) -> Result<i64, DbError> {
    let applied = applied(connection).await?;
    Ok(applied.into_iter().max().unwrap_or_default())
}

/// The oldest release that may use the database; `None` where it does not say.
async fn oldest_release(connection: &mut SqliteConnection) -> Result<Option<Release>, DbError> {
    if !table_exists(connection, "compatibility").await? {
        return Ok(None);
    }
    let row: Option<(String,)> = sqlx::query_as("SELECT oldest_release FROM compatibility")
        .fetch_optional(connection)
        .await?;
    row.map(|(release,)| checked(release, "a release"))
        .transpose()
}

async fn check_release(
    connection: &mut SqliteConnection,
    file: Option<&Path>,
    release: &Release,
) -> Result<(), OpenDbError> {
    let oldest = oldest_release(connection).await?;
    match oldest.filter(|oldest| release < oldest) {
        None => Ok(()),
        Some(oldest) => Err(OpenDbError::TooOld {
            release: release.clone(),
            oldest,
            copies: file.map(copy::made_before).unwrap_or_default(),
        }),
    }
}

/// Marks the database as what its last migration has made of it.
async fn raise(connection: &mut SqliteConnection, steps: &[Step]) -> Result<(), DbError> {
    let (Some(there), Some(last)) = (oldest_release(connection).await?, steps.last()) else {
        return Ok(());
    };
    let oldest: Release = checked(last.oldest_release.to_owned(), "a release")?;
    if oldest > there {
        sqlx::query("UPDATE compatibility SET oldest_release = $1")
            .bind(oldest.to_string())
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn table_exists(connection: &mut SqliteConnection, name: &str) -> Result<bool, DbError> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1")
            .bind(name)
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some())
}

#[cfg(test)]
mod tests;
