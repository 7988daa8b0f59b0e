//! The registries that are pulled from: how they do, and their settings.

use askama::Template;
use axum::extract::State as Shared;
use axum::response::Response;
use berth_proxy::Profile;
use berth_registry::Timestamp;

use super::done::Done;
use super::filters;
use super::form::Form;
use super::frame::{self, Frame};
use super::link;
use super::visitor::Visitor;
use crate::api::caches::{self, Cache};
use crate::api::document::{CreatedAt, Document};
use crate::api::groups::{self, Group};
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{Named, UpstreamPath};
use crate::api::problem::Problem;
use crate::api::upstreams::{self, OperationOf, Upstream};
use crate::console::Console;

mod settings;
mod standing;

use settings::{Fields, Settings};
use standing::Standing;

/// How requests can end, in the order in which people ask.
const OUTCOMES: [&str; 7] = [
    "given",
    "not-found",
    "denied",
    "limited",
    "failed",
    "invalid",
    "spared",
];

#[derive(Template)]
#[template(path = "upstreams.html")]
struct UpstreamsPage {
    page: Frame,
    upstreams: List<Upstream>,
    caches: Vec<Cache>,
    cached_bytes: u64,
    groups: List<Group>,
    /// Of an upstream that is to be made.
    fields: Fields,
    later: bool,
    now: Timestamp,
}

#[derive(Template)]
#[template(path = "upstream.html")]
struct UpstreamPage {
    page: Frame,
    upstream: Upstream,
    standing: Standing,
    fields: Fields,
}

impl UpstreamsPage {
    fn standing(&self, upstream: &Upstream) -> Standing {
        Standing::of(upstream, self.now)
    }

    fn profiles(&self) -> impl Iterator<Item = &'static str> {
        Profile::names()
    }
}

impl UpstreamPage {
    fn profiles(&self) -> impl Iterator<Item = &'static str> {
        Profile::names()
    }

    fn may_change(&self) -> bool {
        self.page.may_manage_upstreams() && self.upstream.origin == "api"
    }

    fn outcomes(&self) -> [&'static str; 7] {
        OUTCOMES
    }

    fn fetched(&self) -> String {
        filters::size_text(self.upstream.state.fetched_bytes)
    }

    fn requests(&self, operation: &OperationOf, outcome: &str) -> u64 {
        let count = operation.requests.get(outcome);
        count.copied().unwrap_or_default()
    }
}

impl Frame {
    /// A kind of request, in words.
    pub(super) fn operation(&self, operation: &str) -> &'static str {
        let say = |text| self.say(text);
        match operation {
            "manifest" => say("manifests"),
            "blob" => say("layers"),
            "list" => say("lists"),
            "token" => say("tokens"),
            _ => say("unknown"),
        }
    }

    /// How requests ended, in words.
    pub(super) fn outcome(&self, outcome: &str) -> &'static str {
        let say = |text| self.say(text);
        match outcome {
            "given" => say("Answered"),
            "not-found" => say("Not found"),
            "denied" => say("Denied"),
            "limited" => say("Rate limited"),
            "failed" => say("Failed"),
            "invalid" => say("Invalid answer"),
            "spared" => say("Not sent"),
            _ => say("Unknown"),
        }
    }

    /// Who says what the settings are.
    pub(super) fn origin(&self, origin: &str) -> &'static str {
        match origin {
            "configuration" => self.say("configuration file"),
            _ => self.say("this page or the API"),
        }
    }
}

pub(super) async fn list(
    console: Shared<Console>,
    visitor: Visitor,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let now = console.registry.clock().now();
    let signed = || visitor.signed.clone();
    let Document(upstreams) = upstreams::list(console.clone(), signed(), query).await?;
    let Document(all) = caches::list(console.clone(), signed()).await?;
    let first = Parameters(PageQuery::first());
    let Document(groups) = groups::list(console, signed(), first).await?;
    Ok(frame::html(&UpstreamsPage {
        page: visitor.frame(),
        upstreams,
        caches: all.list.items,
        cached_bytes: all.cached_bytes,
        groups,
        fields: Fields::default(),
        later,
        now,
    }))
}

pub(super) async fn create(
    console: Shared<Console>,
    visitor: Visitor,
    Form(form): Form<Settings>,
) -> Result<Done, Problem> {
    let new = Document(form.new_upstream()?);
    let made = upstreams::create(console, visitor.signed.clone(), new).await?;
    let CreatedAt(_, upstream) = made;
    Ok(Done {
        place: place(&upstream.name),
        said: visitor
            .look()
            .language
            .fill("Upstream {} is made.", &upstream.name),
    })
}

pub(super) async fn show(
    console: Shared<Console>,
    visitor: Visitor,
    path: Named<UpstreamPath>,
) -> Result<Response, Problem> {
    let now = console.registry.clock().now();
    let found = upstreams::get(console, visitor.signed.clone(), path).await?;
    let Document(upstream) = found;
    Ok(frame::html(&UpstreamPage {
        page: visitor.frame(),
        standing: Standing::of(&upstream, now),
        fields: Fields::of(&upstream),
        upstream,
    }))
}

pub(super) async fn change(
    console: Shared<Console>,
    visitor: Visitor,
    Named(path): Named<UpstreamPath>,
    Form(form): Form<Settings>,
) -> Result<Done, Problem> {
    let signed = || visitor.signed.clone();
    let named = Named(path.clone());
    let Document(was) = upstreams::get(console.clone(), signed(), named).await?;
    let change = Document(form.change(&was)?);
    upstreams::change(console, signed(), Named(path), change).await?;
    Ok(Done {
        place: place(&was.name),
        said: visitor
            .look()
            .language
            .fill("Upstream {} is changed.", &was.name),
    })
}

pub(super) async fn delete(
    console: Shared<Console>,
    visitor: Visitor,
    Named(path): Named<UpstreamPath>,
) -> Result<Done, Problem> {
    let said = visitor.look().language.fill(
        "Upstream {} is removed; what it gave stays in its project.",
        path.upstream()?,
    );
    upstreams::delete(console, visitor.signed.clone(), Named(path)).await?;
    Ok(Done {
        place: "/upstreams".to_owned(),
        said,
    })
}

fn place(upstream: &str) -> String {
    format!("/upstreams/{}", link::segment(upstream))
}
