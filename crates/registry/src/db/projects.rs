use std::collections::HashMap;

use berth_oci::ProjectName;
use sqlx::SqliteConnection;

use super::{DbError, checked, signed, unsigned};
use crate::auth::{BuiltinRole, Rights, RoleName};
use crate::cache::ProjectKind;
use crate::clock::Timestamp;

pub(crate) struct ProjectRow {
    pub(crate) id: i64,
    pub(crate) name: ProjectName,
    pub(crate) public: bool,
    pub(crate) kind: ProjectKind,
    pub(crate) quota_bytes: Option<u64>,
    pub(crate) created_at: Timestamp,
}

type Columns = (i64, String, i64, String, Option<i64>, i64);

impl TryFrom<Columns> for ProjectRow {
    type Error = DbError;

    fn try_from((id, name, public, kind, quota, created_at): Columns) -> Result<Self, DbError> {
        Ok(Self {
            id,
            name: checked(name, "the name of a project")?,
            public: public != 0,
            kind: checked(kind, "the kind of a project")?,
            quota_bytes: quota.map(unsigned),
            created_at: Timestamp(created_at),
        })
    }
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    name: &ProjectName,
) -> Result<Option<ProjectRow>, DbError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT id, name, public, kind, quota_bytes, created_at FROM projects WHERE name = $1",
    )
    .bind(name.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(ProjectRow::try_from).transpose()
}

/// Makes a project; `None` when there is one of this name.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    name: &ProjectName,
    kind: ProjectKind,
    public: bool,
    now: Timestamp,
) -> Result<Option<i64>, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "INSERT INTO projects (name, public, kind, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (name) DO NOTHING
         RETURNING id",
    )
    .bind(name.as_str())
    .bind(i64::from(public))
    .bind(kind.as_str())
    .bind(now.0)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(id,)| id))
}

/// In order of the bytes of their names.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<ProjectRow>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, name, public, kind, quota_bytes, created_at FROM projects
         WHERE name > $1 AND deletion_id IS NULL ORDER BY name LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(ProjectRow::try_from).collect()
}

/// The projects of upstreams and groups.
pub(crate) async fn not_hosted(
    connection: &mut SqliteConnection,
) -> Result<Vec<ProjectName>, DbError> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT name FROM projects WHERE kind <> 'hosted' AND deletion_id IS NULL")
            .fetch_all(connection)
            .await?;
    rows.into_iter()
        .map(|(name,)| checked(name, "the name of a project"))
        .collect()
}

pub(crate) async fn set_public(
    connection: &mut SqliteConnection,
    id: i64,
    public: bool,
) -> Result<bool, DbError> {
    let done = sqlx::query("UPDATE projects SET public = $2 WHERE id = $1")
        .bind(id)
        .bind(i64::from(public))
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn has_manifests(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT m.id FROM repositories r JOIN manifests m ON m.repository_id = r.id
         WHERE r.project_id = $1 AND r.deletion_id IS NULL LIMIT 1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Whether there is a project of this name, or was one that things were pushed to.
pub(crate) async fn claimed(
    connection: &mut SqliteConnection,
    name: &ProjectName,
) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM projects WHERE name = $1
         UNION ALL SELECT 1 FROM retired_projects WHERE name = $1 LIMIT 1",
    )
    .bind(name.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

pub(crate) async fn set_quota(
    connection: &mut SqliteConnection,
    id: i64,
    quota_bytes: Option<u64>,
) -> Result<(), DbError> {
    sqlx::query("UPDATE projects SET quota_bytes = $2 WHERE id = $1")
        .bind(id)
        .bind(quota_bytes.map(signed))
        .execute(connection)
        .await?;
    Ok(())
}

/// What a project gives to somebody.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProjectRights {
    /// To everybody.
    pub(crate) public: Rights,
    /// To the user, by the user's roles.
    pub(crate) of_user: Rights,
}

impl ProjectRights {
    /// Takes in one row: that the project is public, and one role of the user.
    fn add(
        &mut self,
        project: &ProjectName,
        public: bool,
        role: Option<String>,
        custom: Option<String>,
    ) {
        if public {
            self.public = Rights::from_iter([BuiltinRole::Reader.grant(project)]);
        }
        if let Some(builtin) = role.and_then(|role| role.parse::<RoleName>().ok()?.builtin()) {
            self.of_user.add([builtin.grant(project)]);
        }
        if let Some(custom) = custom {
            self.of_user
                .add(Rights::of_stored(&custom).grants().iter().cloned());
        }
    }
}

/// What a project gives; `None` when there is no such project. One statement, whatever the answer
/// is.
pub(crate) async fn rights(
    connection: &mut SqliteConnection,
    project: &ProjectName,
    user_id: Option<i64>,
) -> Result<Option<ProjectRights>, DbError> {
    let rows: Vec<(i64, Option<String>, Option<String>)> = sqlx::query_as(
        "SELECT p.public, m.role, r.grants
         FROM projects p
         LEFT JOIN members m ON m.project_id = p.id AND m.user_id = $2
         LEFT JOIN roles r ON r.project_id = p.id AND r.name = m.role
         WHERE p.name = $1",
    )
    .bind(project.as_str())
    .bind(user_id)
    .fetch_all(connection)
    .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut rights = ProjectRights::default();
    for (public, role, custom) in rows {
        rights.add(project, public != 0, role, custom);
    }
    Ok(Some(rights))
}

/// As [`rights`], for each project that gives anything.
pub(crate) async fn rights_of_all(
    connection: &mut SqliteConnection,
    user_id: Option<i64>,
) -> Result<HashMap<ProjectName, ProjectRights>, DbError> {
    let rows: Vec<(String, i64, Option<String>, Option<String>)> = sqlx::query_as(
        "SELECT p.name, p.public, m.role, r.grants
         FROM projects p
         LEFT JOIN members m ON m.project_id = p.id AND m.user_id = $1
         LEFT JOIN roles r ON r.project_id = p.id AND r.name = m.role
         WHERE (p.public = 1 OR m.role IS NOT NULL) AND p.deletion_id IS NULL",
    )
    .bind(user_id)
    .fetch_all(connection)
    .await?;
    let mut all: HashMap<ProjectName, ProjectRights> = HashMap::new();
    for (name, public, role, custom) in rows {
        let project: ProjectName = checked(name, "the name of a project")?;
        let rights = all.entry(project.clone()).or_default();
        rights.add(&project, public != 0, role, custom);
    }
    Ok(all)
}
