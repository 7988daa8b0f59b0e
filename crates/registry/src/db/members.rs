use sqlx::SqliteConnection;

use super::{DbError, checked};
use crate::auth::{Rights, RoleName, UserName};

/// A page of users with their roles in the project, in order of the bytes of the users' names.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    project_id: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<(UserName, Vec<RoleName>)>, DbError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT u.name, m.role
         FROM (
             SELECT DISTINCT m.user_id, u.name FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.project_id = $1 AND u.name > $2 ORDER BY u.name LIMIT $3
         ) u
         JOIN members m ON m.project_id = $1 AND m.user_id = u.user_id
         ORDER BY u.name, m.role",
    )
    .bind(project_id)
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let mut members: Vec<(UserName, Vec<RoleName>)> = Vec::new();
    for (user, role) in rows {
        let (user, role): (UserName, RoleName) = (
            checked(user, "the name of a user")?,
            checked(role, "the name of a role")?,
        );
        match members.last_mut().filter(|(last, _)| *last == user) {
            Some((_, roles)) => roles.push(role),
            None => members.push((user, vec![role])),
        }
    }
    Ok(members)
}

pub(crate) async fn add(
    connection: &mut SqliteConnection,
    project_id: i64,
    user_id: i64,
    role: &RoleName,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO members (project_id, user_id, role) VALUES ($1, $2, $3)
         ON CONFLICT (project_id, user_id, role) DO NOTHING",
    )
    .bind(project_id)
    .bind(user_id)
    .bind(role.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes every role from the user.
pub(crate) async fn remove(
    connection: &mut SqliteConnection,
    project_id: i64,
    user_id: i64,
) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM members WHERE project_id = $1 AND user_id = $2")
        .bind(project_id)
        .bind(user_id)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// The roles that the user has in the project.
pub(crate) async fn roles_of(
    connection: &mut SqliteConnection,
    project_id: i64,
    user_id: i64,
) -> Result<Vec<RoleName>, DbError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT role FROM members WHERE project_id = $1 AND user_id = $2 ORDER BY role",
    )
    .bind(project_id)
    .bind(user_id)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(role,)| checked(role, "the name of a role"))
        .collect()
}

/// The custom roles of the project, in order of the bytes of their names.
pub(crate) async fn custom_roles(
    connection: &mut SqliteConnection,
    project_id: i64,
) -> Result<Vec<(RoleName, Rights)>, DbError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT name, grants FROM roles WHERE project_id = $1 ORDER BY name")
            .bind(project_id)
            .fetch_all(connection)
            .await?;
    rows.into_iter()
        .map(|(name, grants)| {
            let name = checked(name, "the name of a role")?;
            Ok((name, Rights::of_stored(&grants)))
        })
        .collect()
}

pub(crate) async fn set_custom_role(
    connection: &mut SqliteConnection,
    project_id: i64,
    name: &RoleName,
    grants: &Rights,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO roles (project_id, name, grants) VALUES ($1, $2, $3)
         ON CONFLICT (project_id, name) DO UPDATE SET grants = excluded.grants",
    )
    .bind(project_id)
    .bind(name.as_str())
    .bind(grants.to_json())
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn delete_custom_role(
    connection: &mut SqliteConnection,
    project_id: i64,
    name: &RoleName,
) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM roles WHERE project_id = $1 AND name = $2")
        .bind(project_id)
        .bind(name.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// A member that has the role, if there is one.
pub(crate) async fn member_with_role(
    connection: &mut SqliteConnection,
    project_id: i64,
    name: &RoleName,
) -> Result<Option<String>, DbError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT u.name FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.project_id = $1 AND m.role = $2 ORDER BY u.name LIMIT 1",
    )
    .bind(project_id)
    .bind(name.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(user,)| user))
}
