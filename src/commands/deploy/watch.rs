//! Waits for a deployment to end, and tells what happens on the way.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use tokio::time::sleep;

use super::super::session::Session;
use super::deployment::Deployment;
use crate::cli::Number;
use crate::client::{Document, Events, RequestError};

/// How long a server may be away: it may be restarted, and goes on with the deployment then.
const TRIES: u32 = 120;
const PAUSE: Duration = Duration::from_secs(1);

/// Something that happened.
#[derive(Deserialize)]
pub(super) struct Line {
    pub(super) at: DateTime<Utc>,
    pub(super) kind: String,
    pub(super) service: Option<String>,
    pub(super) text: String,
}

/// The log of one deployment while it grows.
pub(super) struct Watch<'s> {
    session: &'s Session,
    id: String,
    events: Option<Events>,
    /// The number of the last line that came.
    last: Option<String>,
    over: bool,
}

impl<'s> Watch<'s> {
    pub(super) fn new(session: &'s Session, deployment: Number) -> Self {
        Self {
            session,
            id: deployment.to_string(),
            events: None,
            last: None,
            over: false,
        }
    }

    /// The next line, as it came and as it is read; `None` behind the last one. A stream that breaks
    /// is resumed where it broke.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<(Document, Line)>> {
        let mut tries = 0;
        while !self.over {
            let came = self.try_next().await;
            match came {
                Ok(Some((document, kind))) => {
                    self.over = kind == "end";
                    let line = self.session.client.read(&document)?;
                    return Ok(Some((document, line)));
                }
                // The server ended the stream before its end: it is about to stop, or there is no
                // such line in an old deployment.
                Ok(None) if self.ended().await? => self.over = true,
                Ok(None) => tries += 1,
                Err(error @ RequestError::Unreachable { .. }) => {
                    tries += 1;
                    if tries >= TRIES {
                        return Err(error.into());
                    }
                }
                Err(
                    error @ (RequestError::Unauthorized { .. }
                    | RequestError::Refused { .. }
                    | RequestError::Unexplained { .. }
                    | RequestError::Unreadable { .. }),
                ) => return Err(error.into()),
            }
            self.events = None;
            anyhow::ensure!(
                tries < TRIES,
                "the server says no more of deployment {}",
                self.id
            );
            // A stream that was only cut goes on at once.
            if !self.over && tries > 1 {
                sleep(PAUSE).await;
            }
        }
        Ok(None)
    }

    async fn try_next(&mut self) -> Result<Option<(Document, String)>, RequestError> {
        let events = match &mut self.events {
            Some(events) => events,
            None => {
                let path = ["deployments", self.id.as_str(), "events"];
                let client = &self.session.client;
                let events = client.events(&path, self.last.as_deref()).await?;
                self.events.insert(events)
            }
        };
        let Some(event) = events.next().await? else {
            return Ok(None);
        };
        self.last = Some(event.id);
        Ok(Some((event.data, event.kind)))
    }

    /// Whether the deployment has an end, by its own word. A server that is away has not said so.
    async fn ended(&self) -> anyhow::Result<bool> {
        match self.fetch().await {
            Ok(document) => {
                let deployment: Deployment = self.session.client.read(&document)?;
                Ok(deployment.finished_at.is_some())
            }
            Err(RequestError::Unreachable { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The deployment as it is now.
    pub(super) async fn fetch(&self) -> Result<Document, RequestError> {
        let path = ["deployments", self.id.as_str()];
        self.session.client.get(&path).await
    }
}

#[cfg(test)]
mod tests;
