//! One robot, and all that can be done about it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::actions::ActionBoxes;
use super::done::Done;
use super::filters;
use super::form::Form;
use super::frame::{self, Frame};
use super::grants;
use super::link;
use super::robot_owner::{OwnedPath, RobotOwner};
use super::robots::end;
use super::visitor::Visitor;
use crate::api::names::Named;
use crate::api::problem::Problem;
use crate::api::robots::{Change, Robot};
use crate::console::Console;

#[derive(Template)]
#[template(path = "robot.html")]
struct RobotPage {
    page: Frame,
    /// Where the list is that it stands in.
    list: String,
    place: String,
    robot: Robot,
    /// Its secret, if it was just made: it is shown now and never again.
    secret: Option<String>,
    /// Actions that can be given, by name.
    actions: String,
    /// Whether the visitor may do all that it may, and so give it more than an end.
    may_change: bool,
}

impl RobotPage {
    fn login_command(&self) -> String {
        format!("docker login -u {} ", self.robot.login)
    }

    /// Whether it can sign in to pull or push at all: some are for `/metrics` alone.
    fn for_clients(&self) -> bool {
        let scopes = self.robot.scopes.iter();
        let mut actions = scopes.flat_map(|scope| &scope.actions);
        actions.any(|action| matches!(action.as_str(), "pull" | "push" | "delete" | "*"))
    }

    fn scopes(&self) -> String {
        grants::write(&self.robot.scopes)
    }

    fn last_day(&self) -> &str {
        last_day(&self.robot)
    }
}

/// The day of its end, as a browser has one.
fn last_day(robot: &Robot) -> &str {
    let end = robot.expires_at.as_deref();
    end.and_then(|end| end.get(..10)).unwrap_or_default()
}

#[derive(Deserialize)]
pub(super) struct Scopes {
    scopes: String,
}

#[derive(Deserialize)]
pub(super) struct End {
    ends: String,
}

pub(super) async fn page(
    console: &Console,
    visitor: &Visitor,
    owner: &RobotOwner,
    robot: Robot,
    secret: Option<String>,
) -> Result<Response, Problem> {
    let place = owner.place_of(&robot.name);
    let own = owner.may_give(console, visitor).await?;
    let given = grants::actions(&robot.scopes);
    let mut page = visitor.frame();
    // The answer to a form is not where a choice of the language leads back to.
    page.look.place.clone_from(&place);
    let boxes = ActionBoxes::new(page.look.language, own, given);
    Ok(frame::html(&RobotPage {
        page,
        list: owner.place(),
        place,
        may_change: own.covers(given),
        robot,
        secret,
        actions: boxes.names().join(", "),
    }))
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<OwnedPath>,
) -> Result<Response, Problem> {
    let (owner, robot) = path.parts()?;
    let signed = visitor.signed.clone();
    let robot = owner.get(console.clone(), signed, robot).await?;
    page(&console, &visitor, &owner, robot, None).await
}

pub(super) async fn renew(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<OwnedPath>,
) -> Result<Response, Problem> {
    let (owner, robot) = path.parts()?;
    let signed = || visitor.signed.clone();
    let secret = owner
        .renew(console.clone(), signed(), robot.clone())
        .await?;
    let robot = owner.get(console.clone(), signed(), robot).await?;
    page(&console, &visitor, &owner, robot, Some(secret)).await
}

pub(super) async fn change_scopes(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<OwnedPath>,
    Form(form): Form<Scopes>,
) -> Result<Done, Problem> {
    let wanted = Change {
        scopes: Some(grants::read(&form.scopes)),
        ..Change::default()
    };
    let (place, login) = change(console, &visitor, path, wanted).await?;
    let language = visitor.look().language;
    let said = language.fill("What {} may do is changed.", login);
    Ok(Done { place, said })
}

pub(super) async fn change_end(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<OwnedPath>,
    Form(form): Form<End>,
) -> Result<Done, Problem> {
    let (owner, robot) = path.clone().parts()?;
    let signed = visitor.signed.clone();
    let robot = owner.get(console.clone(), signed, robot).await?;
    // A day that was not touched leaves the time of day as it is.
    let touched = last_day(&robot) != form.ends;
    let wanted = Change {
        expires_at: touched.then(|| end(&form.ends)),
        ..Change::default()
    };
    let (place, login) = change(console, &visitor, path, wanted).await?;
    let language = visitor.look().language;
    let said = language.fill("The end of {} is changed.", login);
    Ok(Done { place, said })
}

pub(super) async fn disable(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<OwnedPath>,
) -> Result<Done, Problem> {
    let wanted = Change {
        disabled: Some(true),
        ..Change::default()
    };
    let (place, login) = change(console, &visitor, path, wanted).await?;
    let said = visitor.look().language.fill("{} is disabled.", login);
    Ok(Done { place, said })
}

pub(super) async fn enable(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<OwnedPath>,
) -> Result<Done, Problem> {
    let wanted = Change {
        disabled: Some(false),
        ..Change::default()
    };
    let (place, login) = change(console, &visitor, path, wanted).await?;
    let said = visitor.look().language.fill("{} is enabled.", login);
    Ok(Done { place, said })
}

pub(super) async fn delete(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<OwnedPath>,
) -> Result<Done, Problem> {
    let (owner, robot) = path.parts()?;
    let said = visitor.look().language.fill("Robot {} is deleted.", &robot);
    let signed = visitor.signed.clone();
    owner.delete(console, signed, robot).await?;
    Ok(Done {
        place: owner.place(),
        said,
    })
}

/// Where the robot is that was changed, and its login.
async fn change(
    console: State<Console>,
    visitor: &Visitor,
    path: OwnedPath,
    change: Change,
) -> Result<(String, String), Problem> {
    let (owner, robot) = path.parts()?;
    let place = owner.place_of(&robot);
    let signed = visitor.signed.clone();
    let robot = owner.change(console, signed, robot, change).await?;
    Ok((place, robot.login))
}
