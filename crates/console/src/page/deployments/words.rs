//! Deployments in words.

use berth_deployer::engine::Phase;

use super::super::frame::Frame;
use super::super::told::Told;
use super::timeline::{Progress, Stage};
use crate::api::deployments::Line;

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

    /// A line of the log, in the language of the page. Those of a state begin with its name, which is
    /// a word of the API.
    pub(super) fn line(&self, line: &Line) -> Told {
        match line.kind {
            "container" => Told::as_it_is(&line.text),
            "state" | "end" => {
                let (state, reason) = match line.text.split_once(": ") {
                    Some((state, reason)) => (state, Some(reason)),
                    None => (line.text.as_str(), None),
                };
                let state = self.state(state);
                let reason = reason.map(|reason| self.told(reason).text);
                let text = reason.map_or(state.to_owned(), |reason| {
                    format!("{state}{}{reason}", self.colon())
                });
                Told::as_it_is(&text)
            }
            _ => self.told(&line.text),
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

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT_LANGUAGE;
    use axum::http::{HeaderMap, HeaderValue, Method, Uri};

    use super::super::super::look::Look;
    use super::*;

    fn page(language: &'static str) -> Frame {
        let language = HeaderValue::from_static(language);
        let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, language)]);
        Frame::new(Look::of(
            &Method::GET,
            &headers,
            &Uri::from_static("/"),
            None,
        ))
    }

    #[test]
    fn a_line_of_a_state_begins_with_its_words() {
        for (kind, text, english, chinese) in [
            (
                "state",
                "rolling_back: it is not there any more",
                "rolling back: it is not there any more",
                "回滚中：服务已不存在",
            ),
            ("end", "rolled_back", "rolled back", "已回滚"),
            (
                "container",
                "rolling_back: ours",
                "rolling_back: ours",
                "rolling_back: ours",
            ),
        ] {
            let line = Line {
                number: 1,
                at: "2026-01-31T12:00:00Z".to_owned(),
                kind,
                service: None,
                text: text.to_owned(),
            };
            assert_eq!(page("en").line(&line).text, english);
            assert_eq!(page("zh").line(&line).text, chinese);
        }
    }
}
