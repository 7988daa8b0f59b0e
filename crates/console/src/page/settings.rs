//! What a project is, the space that it takes, and its end.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use berth_registry::quota::WARN_PERCENT;
use serde::Deserialize;

use super::done::Done;
use super::filters;
use super::form::Form;
use super::frame::{self, Frame};
use super::link;
use super::project_head::ProjectHead;
use super::visitor::Visitor;
use crate::api::document::Document;
use crate::api::names::{Named, ProjectPath};
use crate::api::problem::Problem;
use crate::api::projects::{self, Change};
use crate::api::quota::{self, Change as NewQuota, Quota};
use crate::console::Console;

mod size;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    page: Frame,
    head: ProjectHead,
    quota: Quota,
}

impl SettingsPage {
    /// What is used of the quota, in percent: more than a hundred where it was lowered since.
    fn percent(&self, quota_bytes: &u64) -> u128 {
        u128::from(self.quota.used_bytes) * 100 / u128::from(*quota_bytes).max(1)
    }

    /// Where the meter of a quota changes its colour.
    fn warns_at(&self, quota_bytes: &u64) -> u64 {
        quota_bytes / 100 * WARN_PERCENT
    }

    /// As it can be sent again.
    fn written_quota(&self) -> String {
        self.quota.quota_bytes.map(size::exact).unwrap_or_default()
    }
}

/// A quota as people write one, or nothing for no limit.
#[derive(Deserialize)]
pub(super) struct QuotaForm {
    quota: String,
}

/// Whether everybody may pull; what is not so is not sent.
#[derive(Deserialize)]
pub(super) struct Visibility {
    public: Option<String>,
}

fn place(path: &ProjectPath) -> String {
    format!("{}/settings", link::project(&path.project))
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
) -> Result<Response, Problem> {
    let head = ProjectHead::of(&console, &visitor, &path.project()?).await?;
    let found = quota::get(console, visitor.signed.clone(), Named(path)).await?;
    let Document(quota) = found;
    Ok(frame::html(&SettingsPage {
        page: visitor.frame(),
        head,
        quota,
    }))
}

pub(super) async fn set_quota(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
    Form(form): Form<QuotaForm>,
) -> Result<Done, Problem> {
    let place = place(&path);
    let new = Document(NewQuota {
        quota_bytes: size::limit(&form.quota)?,
    });
    quota::set(console, visitor.signed.clone(), Named(path), new).await?;
    let said = visitor.look().language.say("The quota is set.");
    Ok(Done {
        place,
        said: said.to_owned(),
    })
}

pub(super) async fn change(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
    Form(form): Form<Visibility>,
) -> Result<Done, Problem> {
    let place = place(&path);
    let public = form.public.is_some();
    let change = Document(Change { public });
    projects::change(console, visitor.signed.clone(), Named(path), change).await?;
    let language = visitor.look().language;
    let said = match public {
        true => language.say("Everybody may pull from it now."),
        false => language.say("Only its members may pull from it now."),
    };
    Ok(Done {
        place,
        said: said.to_owned(),
    })
}
