//! Robots belong to a project or to the whole installation. The API has both, and so has every page of
//! robots.

use axum::extract::State;
use berth_oci::ProjectName;
use berth_registry::auth::{ActionSet, Target, WHOLE};
use serde::Deserialize;

use super::language::Language;
use super::visitor::Visitor;
use super::{actions, link};
use crate::api::document::{Created, Document};
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{Named, ProjectPath, ProjectRobotPath, RobotPath};
use crate::api::problem::Problem;
use crate::api::robots::{self, Change, New, Robot, RobotCreated};
use crate::api::signed::Signed;
use crate::console::Console;

pub(super) enum RobotOwner {
    Project(ProjectName),
    /// The whole installation.
    Everything,
}

/// The path of a list of robots.
#[derive(Deserialize)]
pub(super) struct OwnerPath {
    project: Option<String>,
}

/// The path of one of them.
#[derive(Clone, Deserialize)]
pub(super) struct OwnedPath {
    project: Option<String>,
    robot: String,
}

impl OwnerPath {
    pub(super) fn owner(self) -> Result<RobotOwner, Problem> {
        Ok(match self.project {
            Some(project) => RobotOwner::Project(ProjectPath { project }.project()?),
            None => RobotOwner::Everything,
        })
    }
}

impl OwnedPath {
    /// Whose it is, and its name.
    pub(super) fn parts(self) -> Result<(RobotOwner, String), Problem> {
        let path = OwnerPath {
            project: self.project,
        };
        Ok((path.owner()?, self.robot))
    }
}

impl RobotOwner {
    /// Where the list of its robots is.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Project(project) => format!("{}/robots", link::project(project.as_str())),
            Self::Everything => "/robots".to_owned(),
        }
    }

    pub(super) fn place_of(&self, robot: &str) -> String {
        format!("{}/{}", self.place(), link::segment(robot))
    }

    pub(super) fn project(&self) -> Option<&ProjectName> {
        match self {
            Self::Project(project) => Some(project),
            Self::Everything => None,
        }
    }

    /// Every repository that a robot of it can have rights on.
    pub(super) fn pattern(&self) -> String {
        match self {
            Self::Project(project) => format!("{project}/**"),
            Self::Everything => "**".to_owned(),
        }
    }

    /// What its robots sign in with.
    pub(super) fn logins(&self, language: Language) -> String {
        let owner = self.project().map_or(WHOLE, ProjectName::as_str);
        format!("{owner}+{}", language.say("NAME"))
    }

    /// What its robots can do that the visitor may give.
    pub(super) async fn may_give(
        &self,
        console: &Console,
        visitor: &Visitor,
    ) -> Result<ActionSet, Problem> {
        let (target, known) = match self {
            Self::Project(project) => (Target::Project(project), actions::of_projects()),
            Self::Everything => (Target::Everything, ActionSet::ALL),
        };
        let own = console.registry.actions_on(&visitor.signed.0, target);
        Ok(own.await? & known)
    }

    pub(super) async fn list(
        &self,
        console: State<Console>,
        signed: Signed,
        query: Parameters<PageQuery>,
    ) -> Result<List<Robot>, Problem> {
        let Document(robots) = match self {
            Self::Project(project) => {
                robots::list_of_project(console, signed, named(project), query).await?
            }
            Self::Everything => robots::list(console, signed, query).await?,
        };
        Ok(robots)
    }

    pub(super) async fn create(
        &self,
        console: State<Console>,
        signed: Signed,
        new: New,
    ) -> Result<RobotCreated, Problem> {
        let new = Document(new);
        let Created(made) = match self {
            Self::Project(project) => {
                robots::create_in_project(console, signed, named(project), new).await?
            }
            Self::Everything => robots::create(console, signed, new).await?,
        };
        Ok(made)
    }

    pub(super) async fn get(
        &self,
        console: State<Console>,
        signed: Signed,
        robot: String,
    ) -> Result<Robot, Problem> {
        let Document(robot) = match self {
            Self::Project(project) => {
                robots::get_of_project(console, signed, of_project(project, robot)).await?
            }
            Self::Everything => robots::get(console, signed, of_everything(robot)).await?,
        };
        Ok(robot)
    }

    pub(super) async fn change(
        &self,
        console: State<Console>,
        signed: Signed,
        robot: String,
        change: Change,
    ) -> Result<Robot, Problem> {
        let change = Document(change);
        let Document(robot) = match self {
            Self::Project(project) => {
                let path = of_project(project, robot);
                robots::change_in_project(console, signed, path, change).await?
            }
            Self::Everything => {
                robots::change(console, signed, of_everything(robot), change).await?
            }
        };
        Ok(robot)
    }

    /// Gives the robot a new secret.
    pub(super) async fn renew(
        &self,
        console: State<Console>,
        signed: Signed,
        robot: String,
    ) -> Result<String, Problem> {
        let Document(renewed) = match self {
            Self::Project(project) => {
                robots::renew_in_project(console, signed, of_project(project, robot)).await?
            }
            Self::Everything => robots::renew(console, signed, of_everything(robot)).await?,
        };
        Ok(renewed.secret)
    }

    pub(super) async fn delete(
        &self,
        console: State<Console>,
        signed: Signed,
        robot: String,
    ) -> Result<(), Problem> {
        match self {
            Self::Project(project) => {
                robots::delete_from_project(console, signed, of_project(project, robot)).await?
            }
            Self::Everything => robots::delete(console, signed, of_everything(robot)).await?,
        };
        Ok(())
    }
}

fn named(project: &ProjectName) -> Named<ProjectPath> {
    Named(ProjectPath {
        project: project.to_string(),
    })
}

fn of_project(project: &ProjectName, robot: String) -> Named<ProjectRobotPath> {
    Named(ProjectRobotPath {
        project: project.to_string(),
        robot,
    })
}

fn of_everything(robot: String) -> Named<RobotPath> {
    Named(RobotPath { robot })
}
