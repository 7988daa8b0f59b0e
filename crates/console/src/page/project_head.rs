use berth_oci::ProjectName;
use berth_registry::auth::{Action, ActionSet, Target};

use super::visitor::Visitor;
use crate::api::document::Document;
use crate::api::names::{Named, ProjectPath};
use crate::api::problem::Problem;
use crate::api::projects::{self, Project};
use crate::console::Console;

/// What stands above every page of a project: its name, and the ways to the others.
pub(super) struct ProjectHead {
    pub(super) project: Project,
    /// What the visitor may do in it.
    pub(super) may: ActionSet,
}

impl ProjectHead {
    pub(super) async fn of(
        console: &Console,
        visitor: &Visitor,
        name: &ProjectName,
    ) -> Result<Self, Problem> {
        let path = Named(ProjectPath {
            project: name.to_string(),
        });
        let state = axum::extract::State(console.clone());
        let Document(project) = projects::get(state, visitor.signed.clone(), path).await?;
        let target = Target::Project(name);
        let may = console.registry.actions_on(&visitor.signed.0, target);
        Ok(Self {
            project,
            may: may.await?,
        })
    }

    pub(super) fn hosted(&self) -> bool {
        self.project.kind == "hosted"
    }

    /// Whether what it holds came from an upstream.
    pub(super) fn fetched(&self) -> bool {
        self.project.kind == "proxy"
    }

    pub(super) fn may_manage(&self) -> bool {
        self.may.contains(Action::ProjectManage)
    }

    pub(super) fn may_manage_members(&self) -> bool {
        self.may.contains(Action::MemberManage)
    }

    pub(super) fn may_manage_robots(&self) -> bool {
        self.may.contains(Action::RobotManage)
    }
}
