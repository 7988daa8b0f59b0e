//! What a project keeps: its policy as a form, what that would do, and its runs.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

use super::done::Done;
use super::form::Form;
use super::frame::{self, Frame};
use super::project_head::ProjectHead;
use super::visitor::Visitor;
use super::{filters, link};
use crate::api::document::{Document, Object};
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{Named, ProjectPath};
use crate::api::problem::Problem;
use crate::api::retention::{self, PreviewedPolicy, Retention, RetentionDecision, RetentionRun};
use crate::console::Console;

mod fields;
mod refused;
pub(super) mod runs;

use fields::Fields;
use refused::{Refused, Wrong};

/// So many of the last runs stand with the policy.
const LAST_RUNS: usize = 5;

#[derive(Template)]
#[template(path = "retention.html")]
struct RetentionPage {
    page: Frame,
    head: ProjectHead,
    fields: Fields,
    wrong: Option<Wrong>,
    /// The policy that is followed.
    stored: Option<Retention>,
    runs: List<RetentionRun>,
}

#[derive(Template)]
#[template(path = "retention_preview.html")]
struct PreviewPage {
    page: Frame,
    head: ProjectHead,
    fields: Fields,
    decisions: List<RetentionDecision>,
    later: bool,
}

impl PreviewPage {
    /// Of the decisions that are shown.
    fn removed(&self) -> u64 {
        let decisions = self.decisions.items.iter();
        decisions.filter(|decision| !decision.keep).count() as u64
    }

    fn kept(&self) -> u64 {
        self.decisions.items.len() as u64 - self.removed()
    }
}

fn place(path: &ProjectPath) -> String {
    format!("{}/retention", link::project(&path.project))
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
) -> Result<Response, Problem> {
    policy_page(console, &visitor, path, None).await
}

/// With the policy that is followed, or with what was sent and why it was not taken.
async fn policy_page(
    console: State<Console>,
    visitor: &Visitor,
    path: ProjectPath,
    sent: Option<(Fields, Wrong)>,
) -> Result<Response, Problem> {
    let last = Parameters(PageQuery {
        limit: Some(LAST_RUNS),
        cursor: None,
    });
    let (signed, named) = (visitor.signed.clone(), Named(path.clone()));
    let Document(runs) = retention::runs(console.clone(), signed, named, last).await?;
    let stored = stored(&console, visitor, &path).await?;
    let head = ProjectHead::of(&console, visitor, &path.project()?).await?;
    let (status, fields, wrong) = match sent {
        Some((fields, wrong)) => (StatusCode::UNPROCESSABLE_ENTITY, fields, Some(wrong)),
        None => {
            let policy = stored.as_ref().map(|stored| &stored.policy);
            let fields = policy.map(Fields::from).unwrap_or_default();
            (StatusCode::OK, fields, None)
        }
    };
    let mut response = frame::html(&RetentionPage {
        page: visitor.frame(),
        head,
        fields,
        wrong,
        stored,
        runs,
    });
    *response.status_mut() = status;
    Ok(response)
}

/// The policy of the project, if it has one, for who may see its runs.
async fn stored(
    console: &State<Console>,
    visitor: &Visitor,
    path: &ProjectPath,
) -> Result<Option<Retention>, Problem> {
    let found = retention::get(console.clone(), visitor.signed.clone(), Named(path.clone())).await;
    match found {
        Ok(Document(stored)) => Ok(Some(stored)),
        Err(problem) if problem.status == StatusCode::NOT_FOUND => Ok(None),
        Err(problem) => Err(problem),
    }
}

pub(super) async fn set(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let set = async {
        let policy = Document(fields.policy(visitor.look().language)?);
        let (signed, path) = (visitor.signed.clone(), Named(path.clone()));
        retention::set(console.clone(), signed, path, policy).await?;
        Ok(())
    };
    match set.await {
        Ok(()) => {
            let said = visitor.look().language.say("The policy is saved.");
            let done = Done {
                place: place(&path),
                said: said.to_owned(),
            };
            Ok(done.into_response())
        }
        Err(refused) => again(console, &visitor, path, fields, refused).await,
    }
}

/// What a run of the policy in the form would do, with the form above it.
pub(super) async fn preview(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
    query: Parameters<PageQuery>,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let preview = async {
        let policy = Some(Object(fields.policy(visitor.look().language)?));
        let previewed = Document(PreviewedPolicy { policy });
        let (signed, path) = (visitor.signed.clone(), Named(path.clone()));
        let found = retention::preview(console.clone(), signed, path, query, previewed).await?;
        let Document(decisions) = found;
        Ok(decisions)
    };
    match preview.await {
        Ok(decisions) => {
            let head = ProjectHead::of(&console, &visitor, &path.project()?).await?;
            let mut page = visitor.frame();
            // Its other parts are asked for with the same form.
            page.look.place = uri.to_string();
            Ok(frame::html(&PreviewPage {
                page,
                head,
                fields,
                decisions,
                later,
            }))
        }
        Err(refused) => again(console, &visitor, path, fields, refused).await,
    }
}

/// The form once more, as it was sent.
async fn again(
    console: State<Console>,
    visitor: &Visitor,
    path: ProjectPath,
    fields: Fields,
    refused: Refused,
) -> Result<Response, Problem> {
    match refused {
        Refused::Wrong(wrong) => policy_page(console, visitor, path, Some((fields, wrong))).await,
        Refused::Problem(problem) => Err(problem),
    }
}

/// Keeps everything from then on.
pub(super) async fn delete(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
) -> Result<Done, Problem> {
    let place = place(&path);
    retention::delete(console, visitor.signed.clone(), Named(path)).await?;
    let said = visitor
        .look()
        .language
        .say("The policy is deleted: everything is kept.");
    Ok(Done {
        place,
        said: said.to_owned(),
    })
}
