use axum::extract::State;
use berth_registry::activity::{Activity as Of, PulledTag as Pulled, PushedTag as Pushed};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::document::Document;
use super::list::Parameters;
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

const MOST: usize = 100;
const USUAL: usize = 20;

/// What was done with tags lately, in the repositories that the caller may pull from.
#[derive(Serialize, ToSchema)]
pub(crate) struct Activity {
    /// The newest first; what came from an upstream is left out
    pub(crate) pushed: Vec<PushedTag>,
    /// The newest first
    pub(crate) pulled: Vec<PulledTag>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PushedTag {
    pub(crate) repository: String,
    pub(crate) tag: String,
    /// What it was moved to
    #[schema(value_type = texts::Digest)]
    pub(crate) digest: String,
    pub(crate) pushed_by: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) pushed_at: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PulledTag {
    pub(crate) repository: String,
    pub(crate) tag: String,
    /// What it is on now
    #[schema(value_type = texts::Digest)]
    pub(crate) digest: String,
    /// Of the tag, whatever it was on
    pub(crate) pulls: u64,
    #[schema(format = DateTime)]
    pub(crate) last_pulled_at: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Newest {
    /// The most entries of each kind
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub(crate) limit: Option<usize>,
}

/// What was pushed and pulled lately
#[utoipa::path(get, path = "/api/v1/activity", tag = "activity", params(Newest),
    responses((status = 200, body = Activity), Refusals))]
pub(crate) async fn get(
    State(console): State<Console>,
    signed: Signed,
    Parameters(wanted): Parameters<Newest>,
) -> Result<Document<Activity>, Problem> {
    let limit = wanted.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::bad_request(sentence!(
            "`limit` is a number from 1 to {MOST}, not {limit}"
        )));
    }
    let readable = console.registry.readable(&signed.0).await?;
    let visible = |name: &_| readable.contains(name);
    let activity = console.registry.activity(&visible, limit).await?;
    Ok(Document(activity.into()))
}

impl From<Of> for Activity {
    fn from(activity: Of) -> Self {
        Self {
            pushed: activity.pushed.into_iter().map(PushedTag::from).collect(),
            pulled: activity.pulled.into_iter().map(PulledTag::from).collect(),
        }
    }
}

impl From<Pushed> for PushedTag {
    fn from(tag: Pushed) -> Self {
        Self {
            repository: tag.repository.to_string(),
            tag: tag.tag.to_string(),
            digest: tag.digest.to_string(),
            pushed_by: tag.by,
            pushed_at: time::text(tag.at),
        }
    }
}

impl From<Pulled> for PulledTag {
    fn from(tag: Pulled) -> Self {
        Self {
            repository: tag.repository.to_string(),
            tag: tag.tag.to_string(),
            digest: tag.digest.to_string(),
            pulls: tag.pulls,
            last_pulled_at: time::text(tag.at),
        }
    }
}
