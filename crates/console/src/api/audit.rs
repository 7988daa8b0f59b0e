use axum::extract::State;
use berth_registry::audit::{Filter, Recorded};
use berth_registry::auth::{Action, Target};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::document::Document;
use super::list::{List, PageQuery, Parameters};
use super::problem::{Problem, Refusals};
use super::projects::require;
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

/// Something that was done, or refused.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    #[schema(format = DateTime)]
    pub(crate) at: String,
    #[schema(format = DateTime)]
    pub(crate) last_at: String,
    /// How often, in a minute
    pub(crate) count: u64,
    pub(crate) actor: String,
    /// `user`, `robot`, `unknown` for a name without its password, `system` for Berth itself
    pub(crate) actor_kind: &'static str,
    pub(crate) address: Option<String>,
    /// What was done, such as `manifest.push`, or the right that was lacking
    pub(crate) action: String,
    pub(crate) project: Option<String>,
    pub(crate) subject: Option<String>,
    /// `done`, `refused` or `wrong_password`
    pub(crate) outcome: &'static str,
    pub(crate) detail: Option<String>,
}

/// Which entries are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only what this user or robot did
    #[param(example = "alice")]
    pub(crate) actor: Option<String>,
    /// Only what was done of this kind, or refused for lack of this right
    #[param(example = "manifest.push")]
    pub(crate) action: Option<String>,
    /// Only what was done in this project
    #[param(value_type = Option<texts::ProjectName>, inline, example = "shop")]
    pub(crate) project: Option<String>,
    /// Only what was done at this time or later
    #[param(format = DateTime, example = "2026-01-31T12:00:00Z")]
    pub(crate) since: Option<String>,
    /// Only what was done before this time
    #[param(format = DateTime, example = "2099-01-31T12:00:00Z")]
    pub(crate) until: Option<String>,
}

/// Who did what, newest first; with the right to it in a project, name the project
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(Wanted, PageQuery),
    responses((status = 200, body = List<AuditEntry>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Parameters(wanted): Parameters<Wanted>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<AuditEntry>>, Problem> {
    let limit = page.limit()?;
    let mut filter = Filter {
        actor: wanted.actor,
        action: wanted.action,
        project: wanted
            .project
            .map(|name| name.parse())
            .transpose()
            .map_err(Problem::bad_request)?,
        since: parse("since", wanted.since)?,
        until: parse("until", wanted.until)?,
        before: page.cursor()?,
    };
    let everything = console
        .registry
        .has(&signed.0, Action::AuditRead, Target::Everything)
        .await?;
    match &filter.project {
        Some(project) => {
            require(&console, &signed, Action::AuditRead, project).await?;
            if !everything {
                // What an earlier project of this name did is not for the members of this one.
                let project = console.registry.project(project).await?;
                let begun = project.map(|project| project.created_at);
                filter.since = filter.since.max(begun);
            }
        }
        None => {
            let target = Target::Everything;
            signed
                .require(
                    &console.registry,
                    Action::AuditRead,
                    target,
                    sentence("audit log"),
                )
                .await?;
        }
    }
    let entries = console.registry.audit_log(&filter, limit + 1).await?;
    let id = |entry: &Recorded| entry.id.to_string();
    Ok(Document(List::by_name(
        entries,
        limit,
        id,
        AuditEntry::from,
    )))
}

fn parse(name: &str, text: Option<String>) -> Result<Option<berth_registry::Timestamp>, Problem> {
    text.map(|text| time::parse(name, &text)).transpose()
}

impl From<Recorded> for AuditEntry {
    fn from(entry: Recorded) -> Self {
        Self {
            at: time::text(entry.at),
            last_at: time::text(entry.last_at),
            count: entry.count,
            actor: entry.actor,
            actor_kind: entry.actor_kind.as_str(),
            address: entry.address,
            action: entry.action,
            project: entry.project,
            subject: entry.subject,
            outcome: entry.outcome.as_str(),
            detail: entry.detail,
        }
    }
}
