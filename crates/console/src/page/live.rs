//! Tells a page that is open that something has changed. What has, it asks again as any page is asked:
//! nothing is said here that has to be kept from somebody.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use futures_util::{Stream, stream};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::sleep;

use super::visitor::Session;
use crate::api::list::Parameters;
use crate::api::problem::Problem;
use crate::console::Console;
use crate::event_stream;

mod seen;

pub(super) use seen::Seen;

/// What changes within this time is told of at once.
const GATHERING: Duration = Duration::from_millis(300);

const REGISTRY: &str = "registry";
const DEPLOYMENTS: &str = "deployments";

/// How far the page had come that wants to be told.
#[derive(Deserialize)]
pub(super) struct Since {
    seen: Option<String>,
}

/// What somebody who has the page open is told of.
struct News {
    console: Console,
    session: Session,
    registry: watch::Receiver<i64>,
    deployments: watch::Receiver<u64>,
    /// What had changed before there was anybody to tell.
    missed: Vec<&'static str>,
}

impl News {
    fn new(console: &Console, session: Session, seen: Option<Seen>) -> Self {
        let mut registry = console.registry.changes();
        let mut deployments = console.deployer.news();
        let now = Seen {
            registry: *registry.borrow_and_update(),
            deployments: *deployments.borrow_and_update(),
        };
        let mut missed = Vec::new();
        if let Some(seen) = seen {
            missed.extend((seen.registry != now.registry).then_some(REGISTRY));
            missed.extend((seen.deployments != now.deployments).then_some(DEPLOYMENTS));
        }
        Self {
            console: console.clone(),
            session,
            registry,
            deployments,
            missed,
        }
    }

    /// The next thing that has changed; `None` when the server stops, or the session has ended.
    async fn next(&mut self) -> Option<&'static str> {
        if let Some(topic) = self.missed.pop() {
            return Some(topic);
        }
        let topic = tokio::select! {
            changed = self.registry.changed() => changed.ok().map(|()| REGISTRY),
            changed = self.deployments.changed() => changed.ok().map(|()| DEPLOYMENTS),
            () = self.console.stopping.cancelled() => None,
        }?;
        sleep(GATHERING).await;
        match topic {
            REGISTRY => self.registry.mark_unchanged(),
            _ => self.deployments.mark_unchanged(),
        }
        self.session.caller(&self.console).await.ok()?;
        Some(topic)
    }

    fn events(self) -> impl Stream<Item = Event> + Send {
        stream::unfold(self, async |mut news| {
            let topic = news.next().await?;
            Some((Event::default().event(topic).data(topic), news))
        })
    }
}

/// Server-sent events, named as what has changed: `registry`, `deployments`.
pub(super) async fn feed(
    State(console): State<Console>,
    session: Session,
    Parameters(since): Parameters<Since>,
) -> Result<Response, Problem> {
    let caller = session.caller(&console).await?;
    let seen = since.seen.and_then(|seen| seen.parse().ok());
    let news = News::new(&console, session, seen);
    event_stream::answer(&console, &caller, news.events())
}
