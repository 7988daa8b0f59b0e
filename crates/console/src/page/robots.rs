use askama::Template;
use axum::extract::State;
use axum::response::Response;
use berth_registry::auth::{Action, ActionSet};
use serde::Deserialize;

use super::actions::{self, ActionBoxes};
use super::filters;
use super::form::Form;
use super::frame::{self, Frame};
use super::link;
use super::project_head::ProjectHead;
use super::robot;
use super::robot_owner::OwnerPath;
use super::ticked::Ticked;
use super::visitor::Visitor;
use crate::api::document::Object;
use crate::api::grant::Grant;
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::Named;
use crate::api::problem::Problem;
use crate::api::robots::{New, Robot};
use crate::console::Console;

#[derive(Template)]
#[template(path = "robots.html")]
struct RobotsPage {
    page: Frame,
    /// Of their project; those of the whole installation have none.
    head: Option<ProjectHead>,
    place: String,
    robots: List<Robot>,
    /// What is proposed for a new one.
    pattern: String,
    logins: String,
    boxes: ActionBoxes,
    later: bool,
}

/// A robot with one grant; others are written down later.
#[derive(Deserialize)]
pub(super) struct NewRobot {
    name: String,
    repositories: String,
    ends: String,
    #[serde(flatten)]
    actions: Ticked,
}

/// The end of a day, as a browser sends one: `2026-01-31`, or nothing.
pub(super) fn end(day: &str) -> Option<String> {
    (!day.is_empty()).then(|| format!("{day}T23:59:59Z"))
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<OwnerPath>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let (owner, later) = (path.owner()?, query.0.cursor.is_some());
    let signed = visitor.signed.clone();
    let robots = owner.list(console.clone(), signed, query).await?;
    let head = match owner.project() {
        Some(project) => Some(ProjectHead::of(&console, &visitor, project).await?),
        None => None,
    };
    let offered = owner.may_give(&console, &visitor).await?;
    let usual = ActionSet::of(&[Action::Pull]);
    Ok(frame::html(&RobotsPage {
        page: visitor.frame(),
        head,
        place: owner.place(),
        robots,
        pattern: owner.pattern(),
        logins: owner.logins(visitor.look().language),
        boxes: ActionBoxes::new(visitor.look().language, offered, usual),
        later,
    }))
}

pub(super) async fn create(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<OwnerPath>,
    Form(new): Form<NewRobot>,
) -> Result<Response, Problem> {
    let owner = path.owner()?;
    let scope = Object(Grant {
        repositories: new.repositories.trim().to_owned(),
        actions: actions::ticked(new.actions),
    });
    let new = New {
        name: new.name.trim().to_owned(),
        scopes: vec![scope],
        expires_at: end(&new.ends),
    };
    let signed = visitor.signed.clone();
    let made = owner.create(console.clone(), signed, new).await?;
    robot::page(&console, &visitor, &owner, made.robot, Some(made.secret)).await
}
