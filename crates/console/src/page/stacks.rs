//! What people do with a stack: deploy it by hand, and keep it and its services as they are.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use berth_registry::sentence;
use serde::Deserialize;

use super::done::Done;
use super::filters;
use super::form::Form;
use super::frame::{self, Frame};
use super::link;
use super::moves::Move;
use super::visitor::Visitor;
use crate::api::deployments::{self, New, Plan};
use crate::api::document::{CreatedAt, Document};
use crate::api::names::{Named, ServicePath, StackPath};
use crate::api::problem::Problem;
use crate::api::targets::{self, NewHold, NewPin};
use crate::console::Console;

#[derive(Template)]
#[template(path = "plan.html")]
struct PlanPage {
    page: Frame,
    plan: Plan,
}

impl PlanPage {
    fn place(&self) -> String {
        link::stack(&self.plan.target, &self.plan.stack)
    }

    fn moves(&self) -> Vec<Move> {
        Move::all(&self.plan.services)
    }

    /// What is shown, for the form that has it done: `web=sha256:...,api=sha256:...`.
    fn services(&self) -> String {
        let services = self.plan.services.iter();
        let services = services.map(|it| format!("{}={}", it.service, it.to_digest));
        services.collect::<Vec<_>>().join(",")
    }
}

/// What the plan said that was looked at.
#[derive(Deserialize)]
pub(super) struct Planned {
    services: String,
}

#[derive(Deserialize)]
pub(super) struct HoldForm {
    reason: String,
}

#[derive(Deserialize)]
pub(super) struct PinForm {
    digest: String,
}

/// What would be done now, and that it can be done.
pub(super) async fn plan(
    console: State<Console>,
    visitor: Visitor,
    Named(StackPath { target, stack }): Named<StackPath>,
) -> Result<Response, Problem> {
    let new = Document(New {
        target,
        stack,
        services: None,
    });
    let Document(plan) = deployments::plan(console, visitor.signed.clone(), new).await?;
    let page = visitor.frame();
    Ok(frame::html(&PlanPage { page, plan }))
}

/// What was planned is done, and not what a tag has come to name since.
pub(super) async fn deploy(
    console: State<Console>,
    visitor: Visitor,
    Named(StackPath { target, stack }): Named<StackPath>,
    Form(planned): Form<Planned>,
) -> Result<Done, Problem> {
    let new = Document(New {
        target,
        stack,
        services: Some(digests(&planned.services)?),
    });
    let made = deployments::create(console, visitor.signed.clone(), new).await?;
    let CreatedAt(_, deployment) = made;
    let language = visitor.look().language;
    Ok(Done {
        place: format!("/deployments/{}", deployment.id),
        said: language.fill("Deployment {} is queued.", deployment.id),
    })
}

fn digests(services: &str) -> Result<BTreeMap<String, String>, Problem> {
    let pairs = services.split(',').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let named = pair.split_once('=');
        let named = named.map(|(service, digest)| (service.to_owned(), digest.to_owned()));
        named.ok_or_else(|| {
            Problem::bad_request(sentence!(
                "`services` are SERVICE=DIGEST with commas between, and `{pair}` is not one"
            ))
        })
    });
    pairs.collect()
}

/// To the page that has the form.
fn done(target: &str, said: String) -> Done {
    Done {
        place: link::target(target),
        said,
    }
}

pub(super) async fn hold(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<StackPath>,
    Form(HoldForm { reason }): Form<HoldForm>,
) -> Result<Done, Problem> {
    let said = visitor
        .look()
        .language
        .fill("{} is held: pushes deploy nothing to it.", &path.stack);
    let target = path.target.clone();
    let hold = Document(NewHold {
        reason: Some(reason),
    });
    targets::hold(console, visitor.signed.clone(), Named(path), hold).await?;
    Ok(done(&target, said))
}

pub(super) async fn release(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<StackPath>,
) -> Result<Done, Problem> {
    let said = visitor
        .look()
        .language
        .fill("{} is released: pushes deploy to it again.", &path.stack);
    let target = path.target.clone();
    targets::release(console, visitor.signed.clone(), Named(path)).await?;
    Ok(done(&target, said))
}

pub(super) async fn pin(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ServicePath>,
    Form(PinForm { digest }): Form<PinForm>,
) -> Result<Done, Problem> {
    let language = visitor.look().language;
    let said = language.fill("{} is pinned: pushes do not change it.", &path.service);
    let target = path.target.clone();
    let pin = Document(NewPin {
        digest: digest.trim().to_owned(),
    });
    targets::pin(console, visitor.signed.clone(), Named(path), pin).await?;
    Ok(done(&target, said))
}

pub(super) async fn unpin(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ServicePath>,
) -> Result<Done, Problem> {
    let said = visitor
        .look()
        .language
        .fill("{} is unpinned: pushes deploy to it again.", &path.service);
    let target = path.target.clone();
    targets::unpin(console, visitor.signed.clone(), Named(path)).await?;
    Ok(done(&target, said))
}
