use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use berth_oci::ProjectName;
use berth_proxy::{GroupDocument, ManagedGroup};
use berth_registry::auth::Action;
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::{CreatedAt, Document, given};
use super::limits::{self, ENTRIES};
use super::list::{List, PageQuery, Parameters};
use super::names::{GroupPath, Named};
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use super::texts;
use super::upstreams::{origin, require};
use crate::console::Console;

const NAME_CHARACTERS: usize = 255;

/// Projects and upstreams that are read as one, the first that has something first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// `configuration`, and then it is changed there and not here, or `api`
    pub(crate) origin: &'static str,
    pub(crate) members: Vec<String>,
    /// Where pushes go: one of the members
    pub(crate) push: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGroup, example = json!({"name": "both", "members": ["shop", "hub"], "push": "shop"}))]
pub(crate) struct New {
    #[schema(value_type = texts::ProjectName)]
    pub(crate) name: String,
    /// Projects and upstreams, in the order in which they are asked
    #[schema(value_type = Vec<texts::ProjectName>, min_items = 1, max_items = 100)]
    pub(crate) members: Vec<String>,
    /// Where pushes go: one of the members. Without it, nothing can be pushed
    #[schema(value_type = Option<texts::ProjectName>)]
    pub(crate) push: Option<String>,
}

/// What is to be different
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GroupChange, example = json!({"members": ["shop"]}))]
pub(crate) struct Change {
    #[schema(value_type = Option<Vec<texts::ProjectName>>, min_items = 1, max_items = 100)]
    pub(crate) members: Option<Vec<String>>,
    /// Null takes no pushes
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<texts::ProjectName>)]
    pub(crate) push: Option<Option<String>>,
}

/// The groups, in the order of their names
#[utoipa::path(get, path = "/api/v1/groups", tag = "groups", params(PageQuery),
    responses((status = 200, body = List<Group>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Group>>, Problem> {
    let limit = page.limit()?;
    require(
        &console,
        &signed,
        Action::UpstreamRead,
        sentence("list of groups"),
    )
    .await?;
    let mut groups = console.proxy.groups();
    groups.retain(|group| group.name.as_str() > page.after());
    let name = |group: &ManagedGroup| group.name.to_string();
    Ok(Document(List::by_name(groups, limit, name, Group::from)))
}

/// Make a group
#[utoipa::path(post, path = "/api/v1/groups", tag = "groups", request_body = New,
    responses((status = 201, body = Group,
        headers(("Location" = String, description = "Path of the group"))), Refusals))]
pub(crate) async fn create(
    State(console): State<Console>,
    signed: Signed,
    Document(new): Document<New>,
) -> Result<CreatedAt<Group>, Problem> {
    require(
        &console,
        &signed,
        Action::UpstreamManage,
        sentence("list of groups"),
    )
    .await?;
    let name: ProjectName = new.name.parse().map_err(Problem::bad_request)?;
    check(&new.members)?;
    let document = GroupDocument {
        members: new.members,
        push: new.push,
    };
    let (proxy, made) = (Arc::clone(&console.proxy), name.clone());
    let create = async move { proxy.create_group(&signed.0, made, document).await };
    console.registry.to_the_end(create).await?;
    let path = format!("/api/v1/groups/{name}");
    Ok(CreatedAt(path, find(&console, &name)?))
}

/// A group
#[utoipa::path(get, path = "/api/v1/groups/{group}", tag = "groups", params(GroupPath),
    responses((status = 200, body = Group), Refusals))]
pub(crate) async fn get(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<GroupPath>,
) -> Result<Document<Group>, Problem> {
    let name = path.group()?;
    let what = sentence!("group {name}");
    require(&console, &signed, Action::UpstreamRead, what).await?;
    Ok(Document(find(&console, &name)?))
}

/// Change a group
#[utoipa::path(patch, path = "/api/v1/groups/{group}", tag = "groups", params(GroupPath),
    request_body = Change, responses((status = 200, body = Group), Refusals))]
pub(crate) async fn change(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<GroupPath>,
    Document(change): Document<Change>,
) -> Result<Document<Group>, Problem> {
    let name = path.group()?;
    let what = sentence!("group {name}");
    require(&console, &signed, Action::UpstreamManage, what).await?;
    check(change.members.as_deref().unwrap_or_default())?;
    let (proxy, changed) = (Arc::clone(&console.proxy), name.clone());
    let change = async move {
        let apply = |document: &mut GroupDocument| {
            if let Some(members) = change.members {
                document.members = members;
            }
            if let Some(push) = change.push {
                document.push = push;
            }
        };
        proxy.change_group(&signed.0, changed, apply).await
    };
    console.registry.to_the_end(change).await?;
    Ok(Document(find(&console, &name)?))
}

/// Remove a group; its members stay
#[utoipa::path(delete, path = "/api/v1/groups/{group}", tag = "groups", params(GroupPath),
    responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn delete(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<GroupPath>,
) -> Result<StatusCode, Problem> {
    let name = path.group()?;
    let what = sentence!("group {name}");
    require(&console, &signed, Action::UpstreamManage, what).await?;
    let proxy = Arc::clone(&console.proxy);
    let remove = async move { proxy.remove_group(&signed.0, &name).await };
    console.registry.to_the_end(remove).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check(members: &[String]) -> Result<(), Problem> {
    limits::list("members", members, ENTRIES, NAME_CHARACTERS)
}

fn find(console: &Console, name: &ProjectName) -> Result<Group, Problem> {
    let mut groups = console.proxy.groups().into_iter();
    let group = groups.find(|group| group.name == *name);
    let group = group.ok_or_else(|| Problem::absent(sentence!("group {name}")))?;
    Ok(group.into())
}

impl From<ManagedGroup> for Group {
    fn from(group: ManagedGroup) -> Self {
        Self {
            name: group.name.to_string(),
            origin: origin(group.origin),
            members: group.document.members,
            push: group.document.push,
        }
    }
}
