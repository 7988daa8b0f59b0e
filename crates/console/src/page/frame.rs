use std::fmt::Display;

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use berth_registry::auth::{Action, ActionSet};

use super::live::Seen;
use super::look::Look;
use super::told::Told;
use super::{assets, link};
use crate::api::problem::Problem;

/// What is around the content of every page.
pub(crate) struct Frame {
    pub(super) look: Look,
    /// The name of who has signed in.
    pub(super) user: Option<String>,
    /// What that one may do on the whole installation.
    pub(super) may: ActionSet,
    /// How far what is shown had come.
    pub(super) seen: Option<Seen>,
}

impl Frame {
    /// For nobody who is known.
    pub(super) fn new(look: Look) -> Self {
        Self {
            look,
            user: None,
            may: ActionSet::NONE,
            seen: None,
        }
    }

    pub(super) fn say(&self, text: &'static str) -> &'static str {
        self.look.language.say(text)
    }

    pub(super) fn fill(&self, text: &'static str, value: impl Display) -> String {
        self.look.language.fill(text, value)
    }

    pub(super) fn count(&self, number: &u64, one: &'static str, many: &'static str) -> String {
        self.look.language.count(*number, one, many)
    }

    /// Between two sentences.
    pub(super) fn gap(&self) -> &'static str {
        self.look.language.gap()
    }

    pub(super) fn colon(&self) -> &'static str {
        self.look.language.colon()
    }

    pub(super) fn comma(&self) -> &'static str {
        self.look.language.comma()
    }

    /// What the server says in English, in the language of the page.
    pub(super) fn told(&self, text: &str) -> Told {
        Told::new(self.look.language, text)
    }

    pub(super) fn may_audit(&self) -> bool {
        self.may.contains(Action::AuditRead)
    }

    pub(super) fn may_see_upstreams(&self) -> bool {
        self.may.contains(Action::UpstreamRead)
    }

    pub(super) fn may_manage_upstreams(&self) -> bool {
        self.may.contains(Action::UpstreamManage)
    }

    pub(super) fn may_see_targets(&self) -> bool {
        self.may.contains(Action::TargetRead)
    }

    pub(super) fn may_manage_targets(&self) -> bool {
        self.may.contains(Action::TargetManage)
    }

    pub(super) fn may_manage_users(&self) -> bool {
        self.may.contains(Action::UserManage)
    }

    pub(super) fn may_manage_robots(&self) -> bool {
        self.may.contains(Action::RobotManage)
    }

    pub(super) fn may_manage_storage(&self) -> bool {
        self.may.contains(Action::StorageManage)
    }

    /// `host[:port]`, for commands.
    pub(super) fn host(&self) -> &str {
        &self.look.host
    }

    /// The first part of the list that is shown.
    pub(super) fn start(&self) -> String {
        link::first(&self.look.place)
    }

    /// The part of it behind this one.
    pub(super) fn next(&self, cursor: &str) -> String {
        link::next(&self.look.place, cursor)
    }

    pub(super) fn at_home(&self) -> bool {
        self.look.place == "/"
    }

    /// Whether the page is one of those below these.
    pub(super) fn within(&self, beginnings: &[&str]) -> bool {
        beginnings.iter().any(|beginning| {
            let rest = self.look.place.strip_prefix(beginning);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        })
    }

    pub(super) fn asset(&self, name: &str) -> &'static str {
        assets::path(name)
    }
}

/// A page as an answer.
pub(super) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => Problem::internal(error).into_response(),
    }
}
