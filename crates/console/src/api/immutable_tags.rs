use axum::extract::State;
use axum::http::StatusCode;
use berth_registry::auth::{Action, RepositoryGlob};
use berth_registry::immutable::{Rule, RuleError};
use berth_registry::{TagPattern, sentence};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::{CreatedAt, Document};
use super::list::List;
use super::names::{ImmutableTagsPath, Named, ProjectPath};
use super::problem::{Problem, Refusals};
use super::projects::require;
use super::robots::absent_project;
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

/// Keeps tags where they are: once such a tag is there it neither moves nor is deleted.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImmutableTags {
    pub(crate) id: i64,
    pub(crate) repositories: String,
    pub(crate) tags: String,
    pub(crate) created_by: String,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewImmutableTags, example = json!({"repositories": "shop/**", "tags": "semver:>=1"}))]
pub(crate) struct New {
    /// Without it, every repository of the project
    #[schema(value_type = Option<texts::RepositoryGlob>)]
    pub(crate) repositories: Option<String>,
    /// A glob such as `v*`, `regex:EXPRESSION` or `semver:RANGE`, of whole tags
    #[schema(value_type = texts::TagsPattern)]
    pub(crate) tags: String,
}

/// The rules that keep tags of a project where they are, in the order in which they were made
#[utoipa::path(get, path = "/api/v1/projects/{project}/immutable-tags", tag = "immutable-tags",
    params(ProjectPath), responses((status = 200, body = List<ImmutableTags>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
) -> Result<Document<List<ImmutableTags>>, Problem> {
    let project = path.project()?;
    require(&console, &signed, Action::ProjectManage, &project).await?;
    let rules = console.registry.immutable_tags(&project).await?;
    let rules = rules.ok_or_else(|| absent_project(&project))?;
    let rules = rules.into_iter().map(ImmutableTags::from).collect();
    Ok(Document(List::new(rules, None)))
}

/// Keep tags where they are, those too that are there already
#[utoipa::path(post, path = "/api/v1/projects/{project}/immutable-tags", tag = "immutable-tags",
    params(ProjectPath), request_body = New, responses((status = 201, body = ImmutableTags,
        headers(("Location" = String, description = "Path of the rule"))), Refusals))]
pub(crate) async fn create(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
    Document(new): Document<New>,
) -> Result<CreatedAt<ImmutableTags>, Problem> {
    let project = path.project()?;
    require(&console, &signed, Action::ProjectManage, &project).await?;
    let repositories = match new.repositories {
        Some(text) => text.parse().map_err(Problem::bad_request)?,
        None => RepositoryGlob::of_project(&project),
    };
    let tags: TagPattern = new.tags.parse().map_err(Problem::impossible)?;
    let rule = console
        .registry
        .add_immutable_tags(&signed.0, &project, repositories, tags)
        .await?;
    let path = format!("/api/v1/projects/{project}/immutable-tags/{}", rule.id);
    Ok(CreatedAt(path, rule.into()))
}

/// Remove a rule: its tags can move and be deleted again
#[utoipa::path(delete, path = "/api/v1/projects/{project}/immutable-tags/{rule}",
    tag = "immutable-tags", params(ImmutableTagsPath),
    responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn delete(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ImmutableTagsPath>,
) -> Result<StatusCode, Problem> {
    let (project, rule) = (path.project()?, path.rule()?.0);
    require(&console, &signed, Action::ProjectManage, &project).await?;
    console
        .registry
        .remove_immutable_tags(&signed.0, &project, rule)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Rule> for ImmutableTags {
    fn from(rule: Rule) -> Self {
        Self {
            id: rule.id,
            repositories: rule.repositories.to_string(),
            tags: rule.tags.to_string(),
            created_by: rule.created_by,
            created_at: time::text(rule.created_at),
        }
    }
}

impl From<RuleError> for Problem {
    fn from(error: RuleError) -> Self {
        use RuleError as E;
        match error {
            E::Project(error) => error.into(),
            E::NotHosted { .. } | E::Outside { .. } | E::TooMany => Self::impossible(error),
            E::Unknown { project, rule } => {
                Self::absent(sentence!("rule {rule} of immutable tags of {project}"))
            }
            E::Db(error) => error.into(),
        }
    }
}
