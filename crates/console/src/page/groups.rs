//! Projects and upstreams that are read as one.

use std::collections::HashSet;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::done::Done;
use super::form::{Form, filled};
use super::frame::{self, Frame};
use super::lines;
use super::link;
use super::visitor::Visitor;
use crate::api::document::{CreatedAt, Document};
use crate::api::groups::{self, Change, Group, New};
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{GroupPath, Named};
use crate::api::problem::Problem;
use crate::api::upstreams;
use crate::console::Console;

/// As many as a page of the API can have.
const UPSTREAMS: usize = 1000;

#[derive(Template)]
#[template(path = "groups.html")]
struct GroupsPage {
    page: Frame,
    groups: List<Group>,
    later: bool,
}

#[derive(Template)]
#[template(path = "group.html")]
struct GroupPage {
    page: Frame,
    group: Group,
    upstreams: HashSet<String>,
}

impl GroupPage {
    fn may_change(&self) -> bool {
        self.page.may_manage_upstreams() && self.group.origin == "api"
    }

    fn is_upstream(&self, member: &String) -> bool {
        self.upstreams.contains(member)
    }

    fn member_place(&self, member: &String) -> String {
        if self.is_upstream(member) {
            format!("/upstreams/{}", link::segment(member))
        } else {
            link::project(member)
        }
    }

    fn member_lines(&self) -> String {
        lines::text(&self.group.members)
    }
}

#[derive(Deserialize)]
pub(super) struct NewForm {
    name: String,
    /// One a line.
    members: String,
    /// Empty if nothing can be pushed.
    push: String,
}

#[derive(Deserialize)]
pub(super) struct ChangeForm {
    members: String,
    push: String,
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let Document(groups) = groups::list(console, visitor.signed.clone(), query).await?;
    Ok(frame::html(&GroupsPage {
        page: visitor.frame(),
        groups,
        later,
    }))
}

pub(super) async fn create(
    console: State<Console>,
    visitor: Visitor,
    Form(form): Form<NewForm>,
) -> Result<Done, Problem> {
    let new = New {
        name: form.name.trim().to_owned(),
        members: lines::read(&form.members),
        push: filled(&form.push),
    };
    let made = groups::create(console, visitor.signed.clone(), Document(new)).await?;
    let CreatedAt(_, group) = made;
    Ok(Done {
        place: place(&group.name),
        said: visitor
            .look()
            .language
            .fill("Group {} is made.", &group.name),
    })
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    path: Named<GroupPath>,
) -> Result<Response, Problem> {
    let signed = || visitor.signed.clone();
    let Document(group) = groups::get(console.clone(), signed(), path).await?;
    let all = Parameters(PageQuery {
        limit: Some(UPSTREAMS),
        cursor: None,
    });
    let Document(upstreams) = upstreams::list(console, signed(), all).await?;
    let upstreams = upstreams.items.into_iter();
    Ok(frame::html(&GroupPage {
        page: visitor.frame(),
        group,
        upstreams: upstreams.map(|upstream| upstream.name).collect(),
    }))
}

pub(super) async fn change(
    console: State<Console>,
    visitor: Visitor,
    path: Named<GroupPath>,
    Form(form): Form<ChangeForm>,
) -> Result<Done, Problem> {
    let change = Change {
        members: Some(lines::read(&form.members)),
        push: Some(filled(&form.push)),
    };
    let changed = groups::change(console, visitor.signed.clone(), path, Document(change));
    let Document(group) = changed.await?;
    Ok(Done {
        place: place(&group.name),
        said: visitor
            .look()
            .language
            .fill("Group {} is changed.", &group.name),
    })
}

pub(super) async fn delete(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<GroupPath>,
) -> Result<Done, Problem> {
    let said = visitor
        .look()
        .language
        .fill("Group {} is removed; its members stay.", path.group()?);
    groups::delete(console, visitor.signed.clone(), Named(path)).await?;
    Ok(Done {
        place: "/groups".to_owned(),
        said,
    })
}

fn place(group: &str) -> String {
    format!("/groups/{}", link::segment(group))
}
