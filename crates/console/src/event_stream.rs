use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use berth_registry::auth::Caller;
use futures_util::{Stream, StreamExt as _};

use crate::api::caches::SIGN_OF_LIFE;
use crate::api::problem::Problem;
use crate::console::Console;

/// nginx gathers an answer before it passes it on, unless it is told not to.
const UNBUFFERED: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-accel-buffering"),
    HeaderValue::from_static("no"),
);

/// So many has one account at a time: a page that is open has one.
const MOST: usize = 100;
/// In seconds.
const RETRY_AFTER: u64 = 30;

/// How many each account has open.
#[derive(Clone, Default)]
pub(crate) struct EventStreams(Arc<Mutex<HashMap<String, usize>>>);

/// One that is open, until this is dropped.
struct Open {
    streams: EventStreams,
    account: String,
}

impl EventStreams {
    /// `None` if the account has as many as it may.
    fn open(&self, account: &str) -> Option<Open> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(account.to_owned()).or_default();
        if *count == MOST {
            return None;
        }
        *count += 1;
        Some(Open {
            streams: self.clone(),
            account: account.to_owned(),
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let counts = self.streams.0.lock();
        let mut counts = counts.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.account);
            }
        }
    }
}

/// Server-sent events, as they come.
pub(crate) fn answer(
    console: &Console,
    caller: &Caller,
    events: impl Stream<Item = Event> + Send + 'static,
) -> Result<Response, Problem> {
    let open = console.event_streams.open(caller.name()).ok_or_else(|| {
        let detail = format!("{} has {MOST} streams of events open", caller.name());
        Problem::retry_after(detail, StatusCode::TOO_MANY_REQUESTS, RETRY_AFTER)
    })?;
    let events = events.map(move |event| {
        let _open = &open;
        Ok::<_, Infallible>(event)
    });
    let silence = console.registry.limits().idle / 3;
    let alive = KeepAlive::new().interval(silence.min(SIGN_OF_LIFE));
    let events = Sse::new(events).keep_alive(alive);
    Ok(([UNBUFFERED], events).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_so_many_and_others_have_theirs() {
        let streams = EventStreams::default();
        let mut open: Vec<_> = (0..MOST).map(|_| streams.open("alice").unwrap()).collect();
        assert!(streams.open("alice").is_none());
        assert!(streams.open("bob").is_some());
        open.pop();
        assert!(streams.open("alice").is_some());
        open.clear();
        assert!(streams.0.lock().unwrap().is_empty());
    }
}
