//! A refusal of the API, as a page.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{self, Frame};
use crate::api::problem::Problem;

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    page: Frame,
    title: &'static str,
    /// What that means, before the details, which are in English.
    meaning: &'static str,
    status: u16,
    detail: String,
}

pub(super) fn page(frame: Frame, problem: Problem) -> Response {
    let say = |text| frame.say(text);
    let (title, meaning) = match problem.status {
        StatusCode::NOT_FOUND => (
            say("Not found"),
            say("It is not there, or you have no right to see it."),
        ),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => (
            say("This can not be done"),
            say("Something that was sent is not as it has to be. Nothing was changed."),
        ),
        StatusCode::CONFLICT => (
            say("Something is in the way"),
            say("It can be done once that is out of the way. Nothing was changed."),
        ),
        StatusCode::FORBIDDEN => (say("Refused"), say("Nothing was changed.")),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => (
            say("Try again later"),
            say("The server has too much to do, or a part of it is away."),
        ),
        StatusCode::INSUFFICIENT_STORAGE => (
            say("The disk is full"),
            say("Nothing can be written until there is room again."),
        ),
        _ => (
            say("Something went wrong here"),
            say("It is in the log of the server, under the number of this request."),
        ),
    };
    let shown = ProblemPage {
        title,
        meaning,
        status: problem.status.as_u16(),
        detail: problem.detail,
        page: frame,
    };
    let mut response = frame::html(&shown);
    *response.status_mut() = problem.status;
    response.headers_mut().extend(problem.headers);
    response
}
