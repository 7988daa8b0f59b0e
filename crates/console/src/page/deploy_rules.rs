//! Rules: what is deployed although it carries no label.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use berth_registry::sentence;
use serde::Deserialize;

use super::done::Done;
use super::filters;
use super::form::{Form, filled};
use super::frame::{self, Frame};
use super::link;
use super::visitor::Visitor;
use crate::api::deploy_rules::{self, DeployRule, New};
use crate::api::document::{CreatedAt, Document};
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{DeployRulePath, Named};
use crate::api::problem::Problem;
use crate::console::Console;

const PLACE: &str = "/deploy-rules";

#[derive(Template)]
#[template(path = "deploy_rules.html")]
struct RulesPage {
    page: Frame,
    rules: List<DeployRule>,
    later: bool,
    about: About,
}

/// What somebody is about to make a rule for.
#[derive(Deserialize)]
pub(super) struct About {
    #[serde(default)]
    target: String,
    #[serde(default)]
    stack: String,
}

impl About {
    fn is_given(&self) -> bool {
        !self.target.is_empty()
    }
}

#[derive(Deserialize)]
pub(super) struct NewForm {
    target: String,
    stack: String,
    /// All of the stack if it is empty.
    service: String,
    /// One a line.
    labels: String,
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    Parameters(about): Parameters<About>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let Document(rules) = deploy_rules::list(console, visitor.signed.clone(), query).await?;
    Ok(frame::html(&RulesPage {
        page: visitor.frame(),
        rules,
        later,
        about,
    }))
}

pub(super) async fn create(
    console: State<Console>,
    visitor: Visitor,
    Form(form): Form<NewForm>,
) -> Result<Done, Problem> {
    let new = Document(New {
        target: form.target,
        stack: form.stack,
        service: filled(&form.service),
        labels: labels(&form.labels)?,
    });
    let made = deploy_rules::create(console, visitor.signed.clone(), new).await?;
    let CreatedAt(_, rule) = made;
    let language = visitor.look().language;
    Ok(Done {
        place: PLACE.to_owned(),
        said: language.fill(
            "The rule is made: pushes deploy to {} from now on.",
            rule.stack,
        ),
    })
}

/// `NAME=VALUE` on each line.
fn labels(text: &str) -> Result<BTreeMap<String, String>, Problem> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let labels = lines.map(|line| {
        let (name, value) = line.split_once('=').ok_or_else(|| {
            Problem::bad_request(sentence!(
                "`labels` has one a line, such as berth.deploy.order=start-first, and `{line}` is \
                 none"
            ))
        })?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    });
    labels.collect()
}

pub(super) async fn delete(
    console: State<Console>,
    visitor: Visitor,
    path: Named<DeployRulePath>,
) -> Result<Done, Problem> {
    deploy_rules::delete(console, visitor.signed.clone(), path).await?;
    let said = visitor.look().language.say("The rule is gone.");
    Ok(Done {
        place: PLACE.to_owned(),
        said: said.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::labels;

    #[test]
    fn labels_stand_one_a_line_and_values_may_hold_the_sign_too() {
        let read = labels("berth.deploy.order=start-first\r\n\n berth.deploy.before = a=b \n");
        let read = read.unwrap();
        assert_eq!(read["berth.deploy.order"], "start-first");
        assert_eq!(read["berth.deploy.before"], "a=b");
        assert_eq!(read.len(), 2);
        let refused = labels("berth.deploy.order: start-first").unwrap_err();
        assert!(refused.detail.contains("berth.deploy.order: start-first"));
    }
}
