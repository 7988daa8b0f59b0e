//! Deployments in words.

use berth_deployer::engine::Phase;

use super::super::frame::Frame;
use super::timeline::{Progress, Stage};

impl Frame {
    /// A state of a deployment, in words.
    pub(crate) fn state(&self, state: &str) -> &'static str {
        let say = |text| self.say(text);
        match state {
            "queued" => say("queued"),
            "waiting" => say("waiting"),
            "pulling" => say("pulling"),
            "replacing" => say("replacing"),
            "verifying" => say("verifying"),
            "succeeded" => say("succeeded"),
            "rolling_back" => say("rolling back"),
            "rolled_back" => say("rolled back"),
            "rollback_failed" => say("rollback failed"),
            "failed" => say("failed"),
            "superseded" => say("superseded"),
            "cancelled" => say("cancelled"),
            _ => say("unknown"),
        }
    }

    pub(super) fn step_state(&self, state: &str) -> &'static str {
        let say = |text| self.say(text);
        match state {
            "planned" => say("to come"),
            "started" => say("under way"),
            "done" => say("done"),
            "failed" => say("failed"),
            "undoing" => say("being taken back"),
            "undone" => say("taken back"),
            "undo_failed" => say("could not be taken back"),
            _ => say("unknown"),
        }
    }

    pub(super) fn progress(&self, progress: &Progress) -> &'static str {
        let say = |text| self.say(text);
        match progress {
            Progress::Done => say("done"),
            Progress::Current => say("under way"),
            Progress::Partly => say("done in part"),
            Progress::Failed => say("failed"),
            Progress::TakenBack => say("taken back"),
            Progress::Ahead => say("to come"),
        }
    }

    pub(super) fn stage(&self, stage: Stage) -> &'static str {
        let say = |text| self.say(text);
        match stage {
            Stage::Push => say("Push"),
            Stage::Retag => say("Retag"),
            Stage::Request => say("Request"),
            Stage::Match => say("Match"),
            Stage::Quiet => say("Quiet time"),
            Stage::Turn => say("Wait for another deployment of the stack"),
            Stage::Wait => say("Wait"),
            Stage::Approval => say("Approval"),
            Stage::Steps(phase) => self.phase(&phase),
            Stage::Rollback => say("Rollback"),
            Stage::End => say("Outcome"),
        }
    }

    pub(crate) fn phase(&self, phase: &Phase) -> &'static str {
        let say = |text| self.say(text);
        match phase {
            Phase::Pull => say("Pull"),
            Phase::Before => say("Command before"),
            Phase::Replace => say("Replacement"),
            Phase::Verify => say("Check"),
            Phase::After => say("Command after"),
            Phase::Settle => say("Clean-up"),
        }
    }
}
