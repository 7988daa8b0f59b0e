//! Tags that stay where they are. A rule of a project says which: the tag can be made, and from then
//! on neither moves nor is deleted. Rules are asked in the transaction that would do it.

use berth_oci::{Digest, Page, ProjectName, RepositoryName, Tag};
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;

use crate::audit::Entry;
use crate::auth::{Caller, RepositoryGlob};
use crate::cache::ProjectKind;
use crate::clock::Timestamp;
use crate::db::immutable_tags::RuleRow;
use crate::db::tags::{Cause, Current, Move};
use crate::db::{self, DbError, checked};
use crate::project::{self, ProjectError};
use crate::registry::Registry;
use crate::sentence;
use crate::tag_pattern::TagPattern;

/// A push to a tag that is there may ask all of them.
const MOST: i64 = 100;

#[derive(Clone, Debug)]
pub struct Rule {
    pub id: i64,
    pub repositories: RepositoryGlob,
    pub tags: TagPattern,
    pub created_by: String,
    pub created_at: Timestamp,
}

/// A tag that a rule keeps where it is.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "tag {tag} of {repository} is on {digest} and immutable, by rule {} of the project: tags {} of \
     {}", .rule.id, .rule.tags, .rule.repositories
)]
pub struct ImmutableTag {
    pub repository: RepositoryName,
    pub tag: Tag,
    pub digest: Digest,
    pub rule: Rule,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error(transparent)]
    Immutable(Box<ImmutableTag>),
    #[error(transparent)]
    Db(#[from] DbError),
}

#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error("project {project} is a {}: only what is pushed here has immutable tags", .kind.as_str())]
    NotHosted {
        project: ProjectName,
        kind: ProjectKind,
    },
    #[error("{repositories} matches no repository of project {project}")]
    Outside {
        project: ProjectName,
        repositories: RepositoryGlob,
    },
    #[error("a project has {MOST} rules of immutable tags at most")]
    TooMany,
    #[error("project {project} has no rule {rule} of immutable tags")]
    Unknown { project: ProjectName, rule: i64 },
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The rules of a project that can say something of one of its repositories.
pub(crate) struct Rules(Vec<Rule>);

impl Rules {
    pub(crate) async fn of(
        tx: &mut SqliteConnection,
        project_id: i64,
        repository: &RepositoryName,
    ) -> Result<Self, DbError> {
        let rows = db::immutable_tags::list(tx, project_id).await?;
        let rows = rows.into_iter();
        let rows = rows.filter(|row| row.repositories.matches(repository));
        Ok(Self(rows.map(Rule::from).collect()))
    }

    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// The first that keeps the tag where it is.
    pub(crate) fn first_of(&self, tag: &Tag) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.tags.matches(tag))
    }
}

/// The rule that keeps the tag where it is, once it is there.
pub(crate) async fn check(
    tx: &mut SqliteConnection,
    project_id: i64,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<Option<Rule>, DbError> {
    let rules = Rules::of(tx, project_id, repository).await?;
    Ok(rules.first_of(tag).cloned())
}

/// Refuses to move the tag from where it is, if a rule says so. What an upstream has moved is moved
/// here too.
pub(crate) async fn refuse_move(
    tx: &mut SqliteConnection,
    moved: &Move<'_>,
    current: Option<&Current>,
) -> Result<(), CheckError> {
    match (current, moved.cause) {
        (Some(current), Cause::Push | Cause::Retag) if current.manifest_id != moved.manifest_id => {
            refuse(tx, current, moved.repository, moved.tag).await
        }
        (Some(_) | None, Cause::Push | Cause::Retag | Cause::Fill | Cause::Restore) => Ok(()),
    }
}

/// Refuses to delete the tag, if a rule says so.
pub(crate) async fn refuse_deletion(
    tx: &mut SqliteConnection,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<(), CheckError> {
    match db::tags::current(tx, repository, tag).await? {
        Some(current) => refuse(tx, &current, repository, tag).await,
        None => Ok(()),
    }
}

/// Refuses to delete the manifest, if a rule says so of a tag that is on it or on an index that leads
/// to it.
pub(crate) async fn refuse_deletion_of_manifest(
    tx: &mut SqliteConnection,
    repository: &RepositoryName,
    manifest_id: i64,
) -> Result<(), CheckError> {
    let Some(project_id) = db::tags::ruled_project(tx, manifest_id).await? else {
        return Ok(());
    };
    let rules = Rules::of(tx, project_id, repository).await?;
    for (tag, digest) in db::tags::above_manifest(tx, manifest_id).await? {
        if let Some(rule) = rules.first_of(&tag) {
            return Err(immutable(repository, &tag, &digest, rule.clone()));
        }
    }
    Ok(())
}

/// Refuses to delete the repository, if a rule says so of one of its tags.
pub(crate) async fn refuse_deletion_of_repository(
    tx: &mut SqliteConnection,
    project_id: i64,
    repository: (i64, &RepositoryName),
) -> Result<(), CheckError> {
    const PART: i64 = 1000;
    let (id, name) = repository;
    let rules = Rules::of(tx, project_id, name).await?;
    if rules.0.is_empty() {
        return Ok(());
    }
    let mut page = Page::default();
    loop {
        let tags = db::tags::list(tx, id, &page, PART).await?;
        let Some(last) = tags.last() else {
            return Ok(());
        };
        page.last = Some(last.clone());
        for tag in tags {
            let tag = checked(tag, "a tag")?;
            if let Some(rule) = rules.first_of(&tag)
                && let Some(current) = db::tags::current(tx, name, &tag).await?
            {
                return Err(immutable(name, &tag, &current.digest, rule.clone()));
            }
        }
    }
}

async fn refuse(
    tx: &mut SqliteConnection,
    current: &Current,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<(), CheckError> {
    let Some(project_id) = current.ruled_project else {
        return Ok(());
    };
    match check(tx, project_id, repository, tag).await? {
        Some(rule) => Err(immutable(repository, tag, &current.digest, rule)),
        None => Ok(()),
    }
}

fn immutable(repository: &RepositoryName, tag: &Tag, digest: &Digest, rule: Rule) -> CheckError {
    CheckError::Immutable(Box::new(ImmutableTag {
        repository: repository.clone(),
        tag: tag.clone(),
        digest: digest.clone(),
        rule,
    }))
}

impl From<RuleRow> for Rule {
    fn from(row: RuleRow) -> Self {
        let tags = row.tags.parse();
        Self {
            id: row.id,
            repositories: row.repositories,
            tags: tags.unwrap_or_else(|_| TagPattern::unreadable(&row.tags)),
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

impl Registry {
    /// The rules of the project in the order in which they were made; `None` when there is no such
    /// project.
    pub async fn immutable_tags(
        &self,
        project: &ProjectName,
    ) -> Result<Option<Vec<Rule>>, DbError> {
        let mut connection = self.db.read().await?;
        let Some(row) = db::projects::find(&mut connection, project).await? else {
            return Ok(None);
        };
        let rules = db::immutable_tags::list(&mut connection, row.id).await?;
        Ok(Some(rules.into_iter().map(Rule::from).collect()))
    }

    /// The rule that keeps the tag where it is, if the tag is there and one does.
    pub async fn immutable_by(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<Rule>, DbError> {
        let mut connection = self.db.read().await?;
        let current = db::tags::current(&mut connection, repository, tag).await?;
        match current.and_then(|current| current.ruled_project) {
            Some(project_id) => check(&mut connection, project_id, repository, tag).await,
            None => Ok(None),
        }
    }

    /// Makes a rule, which counts for tags that are there already.
    pub async fn add_immutable_tags(
        &self,
        by: &Caller,
        project: &ProjectName,
        repositories: RepositoryGlob,
        tags: TagPattern,
    ) -> Result<Rule, RuleError> {
        let (project, actor, now) = (project.clone(), by.actor(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    let row = project::find(tx, &project).await?;
                    if row.kind != ProjectKind::Hosted {
                        let kind = row.kind;
                        return Err(RuleError::NotHosted { project, kind });
                    }
                    if !repositories.reaches(&project) {
                        return Err(RuleError::Outside {
                            project,
                            repositories,
                        });
                    }
                    if db::immutable_tags::count(tx, row.id).await? >= MOST {
                        return Err(RuleError::TooMany);
                    }
                    let (globbed, named) = (repositories.as_str(), tags.as_str());
                    let id =
                        db::immutable_tags::insert(tx, row.id, globbed, named, &actor.name, now)
                            .await?;
                    Entry::done(&actor, "immutable_rule.create", id)
                        .in_project(&project)
                        .with_detail(sentence!("tags {tags} of {repositories}"))
                        .record(tx, now)
                        .await?;
                    Ok(Rule {
                        id,
                        repositories,
                        tags,
                        created_by: actor.name,
                        created_at: now,
                    })
                }
                .boxed()
            })
            .await
    }

    pub async fn remove_immutable_tags(
        &self,
        by: &Caller,
        project: &ProjectName,
        rule: i64,
    ) -> Result<(), RuleError> {
        let (project, actor, now) = (project.clone(), by.actor(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    let row = project::find(tx, &project).await?;
                    let removed = db::immutable_tags::delete(tx, row.id, rule).await?;
                    let Some((repositories, tags)) = removed else {
                        return Err(RuleError::Unknown { project, rule });
                    };
                    Entry::done(&actor, "immutable_rule.delete", rule)
                        .in_project(&project)
                        .with_detail(sentence!("tags {tags} of {repositories}"))
                        .record(tx, now)
                        .await?;
                    Ok(())
                }
                .boxed()
            })
            .await
    }
}

#[cfg(test)]
mod tests;
