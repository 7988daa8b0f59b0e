use std::convert::Infallible;

use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, StreamExt as _};

use crate::api::caches::SIGN_OF_LIFE;
use crate::console::Console;

/// nginx gathers an answer before it passes it on, unless it is told not to.
const UNBUFFERED: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-accel-buffering"),
    HeaderValue::from_static("no"),
);

/// Server-sent events, as they come.
pub(crate) fn answer(
    console: &Console,
    events: impl Stream<Item = Event> + Send + 'static,
) -> Response {
    let silence = console.registry.limits().idle / 3;
    let alive = KeepAlive::new().interval(silence.min(SIGN_OF_LIFE));
    let events = Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(alive);
    ([UNBUFFERED], events).into_response()
}
