use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::filters;
use super::form::filled;
use super::frame::{self, Frame};
use super::link;
use super::told::Told;
use super::visitor::Visitor;
use crate::api::audit::{self, AuditEntry, Wanted};
use crate::api::document::Document;
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::problem::Problem;
use crate::console::Console;

mod actions;
mod detail;

use detail::{Detail, Piece, pieces};

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    page: Frame,
    entries: List<AuditEntry>,
    actor: String,
    action: String,
    project: String,
    later: bool,
}

impl AuditPage {
    /// What can be asked for, with its words.
    fn actions(&self) -> Vec<(&'static str, &'static str)> {
        self.with_words(actions::ALL)
    }

    fn rights(&self) -> Vec<(&'static str, &'static str)> {
        self.with_words(actions::rights())
    }

    fn with_words(
        &self,
        actions: impl IntoIterator<Item = &'static str>,
    ) -> Vec<(&'static str, &'static str)> {
        let actions = actions.into_iter();
        actions
            .map(|action| (action, self.words(action).unwrap_or(action)))
            .collect()
    }

    fn is_wanted(&self, action: &str) -> bool {
        self.action == action
    }

    fn words(&self, action: &str) -> Option<&'static str> {
        actions::words(self.page.look.language, action)
    }

    fn actor<'e>(&self, entry: &'e AuditEntry) -> &'e str {
        match entry.actor_kind {
            "system" => self.page.say("Berth itself"),
            _ => &entry.actor,
        }
    }

    fn subject(&self, entry: &AuditEntry) -> Vec<Piece> {
        let subject = entry.subject.as_deref();
        subject.map_or_else(Vec::new, |subject| {
            pieces(&detail::subject(
                self.page.look.language,
                &entry.action,
                subject,
            ))
        })
    }

    fn pieces(&self, line: &Told) -> Vec<Piece> {
        pieces(&line.text)
    }

    fn detail(&self, entry: &AuditEntry) -> Option<Detail> {
        Detail::of(self.page.look.language, entry)
    }
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    Parameters(wanted): Parameters<Wanted>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let wanted = Wanted {
        actor: wanted.actor.as_deref().and_then(filled),
        action: wanted.action.as_deref().and_then(filled),
        project: wanted.project.as_deref().and_then(filled),
        since: wanted.since.as_deref().and_then(filled),
        until: wanted.until.as_deref().and_then(filled),
    };
    let (actor, project) = (wanted.actor.clone(), wanted.project.clone());
    let action = wanted.action.clone();
    let wanted = Parameters(wanted);
    let found = audit::list(console, visitor.signed.clone(), wanted, query).await?;
    let Document(entries) = found;
    Ok(frame::html(&AuditPage {
        page: visitor.frame(),
        entries,
        actor: actor.unwrap_or_default(),
        action: action.unwrap_or_default(),
        project: project.unwrap_or_default(),
        later,
    }))
}
