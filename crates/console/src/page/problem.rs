//! A refusal of the API, as a page.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{self, Frame};
use super::look::Look;
use crate::api::problem::Problem;

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    page: Frame,
    title: &'static str,
    status: u16,
    detail: String,
}

pub(super) fn page(look: &Look, problem: Problem) -> Response {
    let say = |text| look.language.say(text);
    let title = match problem.status {
        StatusCode::NOT_FOUND => say("Not found"),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => say("This can not be done"),
        StatusCode::CONFLICT => say("Something is in the way"),
        StatusCode::FORBIDDEN => say("Refused"),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => say("Try again later"),
        StatusCode::INSUFFICIENT_STORAGE => say("The disk is full"),
        _ => say("Something went wrong here"),
    };
    let shown = ProblemPage {
        page: Frame::new(look.clone()),
        title,
        status: problem.status.as_u16(),
        detail: problem.detail,
    };
    let mut response = frame::html(&shown);
    *response.status_mut() = problem.status;
    response.headers_mut().extend(problem.headers);
    response
}
