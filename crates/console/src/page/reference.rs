//! The reference of the API, made of its OpenAPI document.

use std::sync::OnceLock;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::frame::{self, Frame};
use super::look::Look;
use super::visitor::Visitor;
use crate::api;
use crate::api::problem::Problem;
use crate::console::Console;

mod operation;
mod prose;
mod schema;

use operation::Group;
use prose::Prose;
use schema::Schema;

#[derive(Template)]
#[template(path = "reference.html")]
struct ReferencePage {
    page: Frame,
    reference: &'static Reference,
}

/// What the document says. It is read when somebody asks, and once.
struct Reference {
    description: Prose,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

static REFERENCE: OnceLock<Reference> = OnceLock::new();

/// As for the document itself, nobody has to sign in.
pub(super) async fn show(
    State(console): State<Console>,
    visitor: Result<Visitor, Problem>,
    look: Look,
) -> Result<Response, Problem> {
    let reference = match REFERENCE.get() {
        Some(reference) => reference,
        None => {
            let text = api::document_text(&console);
            let document = serde_json::from_slice(&text).map_err(Problem::internal)?;
            REFERENCE.get_or_init(|| Reference::of(&document))
        }
    };
    Ok(frame::html(&ReferencePage {
        page: visitor.map_or_else(|_| Frame::new(look), |visitor| visitor.frame()),
        reference,
    }))
}

impl Reference {
    fn of(document: &Value) -> Self {
        Self {
            description: prose_of(&document["info"], "description"),
            groups: Group::all(document),
            schemas: Schema::all(document),
        }
    }
}

fn prose_of(value: &Value, name: &str) -> Prose {
    Prose::of(value[name].as_str().unwrap_or_default())
}

fn text_of(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
