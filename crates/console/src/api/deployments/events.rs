//! The log of a deployment while it grows, as server-sent events.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use axum::response::sse::Event;
use berth_deployer::Line;
use futures_util::StreamExt as _;
use utoipa::ToSchema;

use super::super::document::text_of;
use super::super::names::{DeploymentPath, Named};
use super::super::problem::{Problem, Refusals};
use super::super::signed::{Shown, Signed};
use super::super::texts;
use super::log as shown;
use crate::console::Console;
use crate::event_stream;

mod follower;

use follower::{Follower, Lines};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The most lines that are read at once, so that a long log is never held whole.
const LINES: usize = 200;

/// A line of the log, as an event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is described, and made by axum")]
struct DeploymentEvent {
    /// Number of the line
    #[schema(value_type = texts::Number)]
    id: String,
    /// Its kind
    #[schema(value_type = texts::DeploymentLineKind)]
    event: String,
    /// The line as JSON
    data: String,
}

/// What happens during a deployment, while it does, from its beginning
///
/// Each event is a line of the log: its `id` is the number of the line, its `event` the kind, its
/// `data` the line as JSON. The stream ends behind the event `end`. One that was cut is resumed with
/// Last-Event-ID.
#[utoipa::path(get, path = "/api/v1/deployments/{deployment}/events", tag = "deployments",
    params(DeploymentPath),
    responses((status = 200, body = DeploymentEvent, content_type = "text/event-stream",
        description = "Server-sent events"), Refusals))]
pub(crate) async fn events(
    Shared(console): Shared<Console>,
    signed: Signed,
    shown: Shown,
    Named(path): Named<DeploymentPath>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = path.deployment()?.0;
    let after = last_event(&headers)?;
    let Signed(caller) = signed;
    // Before it is looked at, so that nothing is missed in between.
    let news = console.deployer.news();
    let deployment = console.deployer.deployment(&caller, id).await?;
    let stopping = console.stopping.clone();
    let asked = Asked {
        console: console.clone(),
        shown,
        deployment: id,
    };
    let all_written = deployment.state.ended();
    let lines = Follower::new(asked, after, all_written, news, stopping).lines();
    event_stream::answer(&console, &caller, lines.map(event))
}

fn last_event(headers: &HeaderMap) -> Result<i64, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else {
        return Ok(0);
    };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    number
        .filter(|number| *number >= 0)
        .ok_or_else(|| Problem::bad_request("Last-Event-ID is the number of a line, such as 12"))
}

/// The lines of a deployment, for one who has asked for them.
struct Asked {
    console: Console,
    shown: Shown,
    deployment: i64,
}

impl Lines for Asked {
    async fn behind(&self, number: i64) -> Option<Vec<Line>> {
        let Signed(caller) = self.shown.sign(&self.console.registry).await.ok()?;
        let deployer = Arc::clone(&self.console.deployer);
        let part = deployer.lines(&caller, self.deployment, number, LINES);
        // A fault is logged where it becomes a problem, and the client asks again.
        let part = part.await.map_err(Problem::from).ok()?;
        Some(part.items)
    }
}

fn event(line: Line) -> Event {
    let line = shown::Line::from(line);
    Event::default()
        .id(line.number().to_string())
        .event(line.kind())
        .data(text_of(&line))
}
