use std::fmt::Display;
use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use berth_oci::ProjectName;
use berth_proxy::{
    InvalidDocument, ManageError, ManagedUpstream, OpenProxyError, Origin, UpstreamDocument,
    UpstreamSecrets,
};
use berth_registry::auth::{Action, Target};
use berth_registry::cache::{AdoptError, StoreSourceError};
use berth_registry::sentence;
use serde::Serialize;
use utoipa::ToSchema;

use super::document::{CreatedAt, Document};
use super::list::{List, PageQuery, Parameters};
use super::names::{Named, UpstreamPath};
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use crate::console::Console;

mod settings;
mod state;

pub(crate) use settings::{Change, New};
pub(crate) use state::{OperationOf, State};

/// A registry that is pulled from, with its settings as they count.
#[derive(Serialize, ToSchema)]
pub(crate) struct Upstream {
    pub(crate) name: String,
    /// Where what it gives is kept: upstreams of one registry share a project
    pub(crate) project: String,
    /// `configuration`, and then it is changed there and not here, or `api`
    pub(crate) origin: &'static str,
    pub(crate) registry: String,
    pub(crate) url: String,
    pub(crate) profile: String,
    pub(crate) username: Option<String>,
    pub(crate) has_password: bool,
    pub(crate) has_token: bool,
    pub(crate) has_proxy: bool,
    pub(crate) order: u32,
    pub(crate) capabilities: Vec<String>,
    pub(crate) allow_hosts: Vec<String>,
    pub(crate) allow: Vec<String>,
    pub(crate) deny: Vec<String>,
    pub(crate) bytes_per_second: Option<u64>,
    pub(crate) fresh_seconds: u64,
    pub(crate) immutable_tags: Vec<String>,
    pub(crate) stale_days: u64,
    pub(crate) offline: bool,
    pub(crate) public: bool,
    pub(crate) warm: Vec<String>,
    pub(crate) warm_platforms: Vec<String>,
    pub(crate) warm_minutes: u64,
    pub(crate) state: State,
}

/// The upstreams, in the order of their names
#[utoipa::path(get, path = "/api/v1/upstreams", tag = "upstreams", params(PageQuery),
    responses((status = 200, body = List<Upstream>), Refusals))]
pub(crate) async fn list(
    Shared(console): Shared<Console>,
    signed: Signed,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Upstream>>, Problem> {
    let limit = page.limit()?;
    require(
        &console,
        &signed,
        Action::UpstreamRead,
        sentence("list of upstreams"),
    )
    .await?;
    let mut upstreams = console.proxy.upstreams();
    upstreams.retain(|upstream| upstream.name.as_str() > page.after());
    let name = |upstream: &ManagedUpstream| upstream.name.to_string();
    let list = List::by_name(upstreams, limit, name, Upstream::from);
    Ok(Document(list))
}

/// Make an upstream, and the project that keeps what it gives
#[utoipa::path(post, path = "/api/v1/upstreams", tag = "upstreams", request_body = New,
    responses((status = 201, body = Upstream,
        headers(("Location" = String, description = "Path of the upstream"))), Refusals))]
pub(crate) async fn create(
    Shared(console): Shared<Console>,
    signed: Signed,
    Document(new): Document<New>,
) -> Result<CreatedAt<Upstream>, Problem> {
    require(
        &console,
        &signed,
        Action::UpstreamManage,
        sentence("list of upstreams"),
    )
    .await?;
    let name: ProjectName = new.name.parse().map_err(Problem::bad_request)?;
    let change = Change::from(new);
    change.check()?;
    let mut document = UpstreamDocument::default();
    let mut secrets = UpstreamSecrets::default();
    change.apply(&mut document, &mut secrets);
    let (proxy, made) = (Arc::clone(&console.proxy), name.clone());
    // To its end, so that what is stored counts from now on even if the client leaves.
    let create = async move {
        proxy
            .create_upstream(&signed.0, made, document, secrets)
            .await
    };
    console.registry.to_the_end(create).await?;
    let path = format!("/api/v1/upstreams/{name}");
    Ok(CreatedAt(path, find(&console, &name)?))
}

/// An upstream
#[utoipa::path(get, path = "/api/v1/upstreams/{upstream}", tag = "upstreams",
    params(UpstreamPath), responses((status = 200, body = Upstream), Refusals))]
pub(crate) async fn get(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<UpstreamPath>,
) -> Result<Document<Upstream>, Problem> {
    let name = path.upstream()?;
    let what = sentence!("upstream {name}");
    require(&console, &signed, Action::UpstreamRead, what).await?;
    Ok(Document(find(&console, &name)?))
}

/// Change an upstream; downloads that are under way go on
#[utoipa::path(patch, path = "/api/v1/upstreams/{upstream}", tag = "upstreams",
    params(UpstreamPath), request_body = Change,
    responses((status = 200, body = Upstream), Refusals))]
pub(crate) async fn change(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<UpstreamPath>,
    Document(change): Document<Change>,
) -> Result<Document<Upstream>, Problem> {
    let name = path.upstream()?;
    let what = sentence!("upstream {name}");
    require(&console, &signed, Action::UpstreamManage, what).await?;
    change.check()?;
    let (proxy, changed) = (Arc::clone(&console.proxy), name.clone());
    let change = async move {
        let apply = |document: &mut _, secrets: &mut _| change.apply(document, secrets);
        proxy.change_upstream(&signed.0, changed, apply).await
    };
    console.registry.to_the_end(change).await?;
    Ok(Document(find(&console, &name)?))
}

/// Remove an upstream; what it gave stays in its project, and can be pulled
#[utoipa::path(delete, path = "/api/v1/upstreams/{upstream}", tag = "upstreams",
    params(UpstreamPath), responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn delete(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<UpstreamPath>,
) -> Result<StatusCode, Problem> {
    let name = path.upstream()?;
    let what = sentence!("upstream {name}");
    require(&console, &signed, Action::UpstreamManage, what).await?;
    let proxy = Arc::clone(&console.proxy);
    let remove = async move { proxy.remove_upstream(&signed.0, &name).await };
    console.registry.to_the_end(remove).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Goes on if the caller may do this on the whole installation.
pub(crate) async fn require(
    console: &Console,
    signed: &Signed,
    action: Action,
    what: impl Display + Send,
) -> Result<(), Problem> {
    signed
        .require(&console.registry, action, Target::Everything, what)
        .await
}

fn find(console: &Console, name: &ProjectName) -> Result<Upstream, Problem> {
    let mut upstreams = console.proxy.upstreams().into_iter();
    let upstream = upstreams.find(|upstream| upstream.name == *name);
    let upstream = upstream.ok_or_else(|| Problem::absent(sentence!("upstream {name}")))?;
    Ok(upstream.into())
}

pub(crate) fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Configuration => "configuration",
        Origin::Api => "api",
    }
}

impl From<ManagedUpstream> for Upstream {
    fn from(upstream: ManagedUpstream) -> Self {
        let document = upstream.document;
        Self {
            name: upstream.name.to_string(),
            project: upstream.project.to_string(),
            origin: origin(upstream.origin),
            registry: document.registry.unwrap_or_default(),
            url: document.url.unwrap_or_default(),
            profile: document.profile.unwrap_or_default(),
            username: document.username,
            has_password: upstream.has_password,
            has_token: upstream.has_token,
            has_proxy: upstream.has_proxy,
            order: document.order.unwrap_or_default(),
            capabilities: document.capabilities.unwrap_or_default(),
            allow_hosts: document.allow_hosts,
            allow: document.allow,
            deny: document.deny,
            bytes_per_second: document.bytes_per_second,
            fresh_seconds: document.fresh_seconds.unwrap_or_default(),
            immutable_tags: document.immutable_tags,
            stale_days: document.stale_days.unwrap_or_default(),
            offline: document.offline,
            public: document.public.unwrap_or_default(),
            warm: document.warm,
            warm_platforms: document.warm_platforms,
            warm_minutes: document.warm_minutes.unwrap_or_default(),
            state: State::from(&upstream.state),
        }
    }
}

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        use ManageError as E;
        match error {
            E::ReadOnly(_) | E::InUse(..) => Self::conflict(error),
            E::Reserved { .. } => Self::impossible(error),
            E::Document(error) => error.into(),
            E::Store(StoreSourceError::Taken(_)) => Self::conflict(error),
            E::Store(StoreSourceError::Unknown(name)) => Self::absent(name),
            E::Store(StoreSourceError::Db(error)) => error.into(),
            E::Open(error) => error.into(),
        }
    }
}

impl From<InvalidDocument> for Problem {
    fn from(error: InvalidDocument) -> Self {
        use InvalidDocument as E;
        match error {
            E::Glob { .. } | E::Name { .. } => Self::bad_request(error),
            E::Setting { .. }
            | E::NoRegistry
            | E::Incomplete { .. }
            | E::TwoCredentials
            | E::NoMembers
            | E::NoMember(_) => Self::impossible(error),
        }
    }
}

impl From<OpenProxyError> for Problem {
    fn from(error: OpenProxyError) -> Self {
        use OpenProxyError as E;
        match error {
            E::Project(AdoptError::Taken { .. }) | E::Twice(_) => Self::conflict(error),
            E::Upstream(_) | E::GroupInGroup { .. } | E::NoneResolves(_) => Self::impossible(error),
            E::Project(AdoptError::Db(error)) | E::Db(error) => error.into(),
        }
    }
}
