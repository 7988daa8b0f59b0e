//! What the page of one deployment shows.

use askama::Template;
use berth_deployer::ImageReference;
use berth_registry::auth::Action;

use super::super::filters;
use super::super::frame::Frame;
use super::super::image_rights::ImageRights;
use super::super::lasting::lasting;
use super::super::link;
use super::super::moves::Move;
use super::super::told::Told;
use super::timeline::{Entry, Progress, Stage, took_ms};
use crate::api::deployments::{DeployedService, Deployment, Line, Step};
use crate::api::list::List;

#[derive(Template)]
#[template(path = "deployment.html")]
pub(super) struct DeploymentPage {
    pub(super) page: Frame,
    pub(super) deployment: Deployment,
    pub(super) timeline: Vec<Entry>,
    pub(super) steps: List<Step>,
    pub(super) lines: List<Line>,
    /// Whether there are lines before these.
    pub(super) later: bool,
    pub(super) rights: ImageRights,
}

impl DeploymentPage {
    fn ended(&self) -> bool {
        self.deployment.finished_at.is_some()
    }

    fn went_wrong(&self) -> bool {
        matches!(
            self.deployment.state,
            "failed" | "rolled_back" | "rollback_failed"
        )
    }

    fn may_approve(&self) -> bool {
        self.deployment.wants_approval && self.rights.on_all(Action::DeployApprove)
    }

    fn may_cancel(&self) -> bool {
        let begins = matches!(self.deployment.state, "queued" | "waiting");
        begins && self.rights.on_all(Action::DeployApprove)
    }

    fn may_roll_back(&self) -> bool {
        let stays = matches!(self.deployment.state, "succeeded" | "rollback_failed");
        let back = self.back();
        let known = !back.is_empty() && back.len() == self.forth().len();
        stays && known && self.rights.on_all(Action::DeployRollback)
    }

    fn may_plan(&self) -> bool {
        self.ended() && self.rights.on_all(Action::DeployRun)
    }

    fn forth(&self) -> Vec<Move> {
        Move::all(&self.deployment.services)
    }

    /// The way back, of those that have one.
    fn back(&self) -> Vec<Move> {
        let forth = self.forth().into_iter();
        forth.filter_map(Move::back).collect()
    }

    fn stage(&self, entry: &Entry) -> &'static str {
        match self.is_outcome(entry) {
            true => self.page.state(self.deployment.state),
            false => self.page.stage(entry.stage),
        }
    }

    /// The state says how it ended.
    fn is_outcome(&self, entry: &Entry) -> bool {
        entry.stage == Stage::End && self.ended()
    }

    fn step_state(&self, step: &Step) -> &'static str {
        match step.state {
            "planned" if self.ended() => self.page.say("not taken"),
            state => self.page.step_state(state),
        }
    }

    fn lasting(&self, milliseconds: i64) -> String {
        lasting(self.page.look.language, milliseconds)
    }

    fn line(&self, line: &Line) -> Told {
        self.page.line(line)
    }

    fn step_took(&self, step: &Step) -> Option<String> {
        took_ms(step).map(|took| self.lasting(took))
    }

    fn is_current(&self, entry: &Entry) -> bool {
        entry.progress == Progress::Current
    }

    fn took(&self, entry: &Entry) -> Option<String> {
        let took = self.lasting(entry.took_ms?);
        Some(match (entry.stage, entry.progress) {
            (_, Progress::Current) => self.page.fill("{} so far", took),
            (Stage::End, _) => self.page.fill("{} in all", took),
            _ => took,
        })
    }

    fn downtime(&self, service: &DeployedService) -> Option<String> {
        service.downtime_ms.map(|downtime| self.lasting(downtime))
    }

    /// The page of an image of a service.
    fn image(&self, service: &DeployedService, digest: &str) -> Option<String> {
        let image: ImageReference = service.image.parse().ok()?;
        Some(link::image(image.repository.as_str(), digest))
    }

    fn decisions(&self, service: &DeployedService) -> String {
        let Deployment { target, stack, .. } = &self.deployment;
        let service = link::service(target, stack, &service.service);
        format!("{service}/decisions")
    }

    /// The list of what was deployed to the same stack.
    fn others(&self) -> String {
        let Deployment { target, stack, .. } = &self.deployment;
        let (target, stack) = (link::segment(target), link::segment(stack));
        format!("/deployments?target={target}&stack={stack}")
    }
}
