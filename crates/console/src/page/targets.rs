//! The places that run services, and what runs there.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use berth_registry::auth::Action;

use super::filters;
use super::frame::{self, Frame};
use super::image_rights::ImageRights;
use super::link;
use super::visitor::Visitor;
use crate::api::document::Document;
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{Named, TargetPath};
use crate::api::problem::Problem;
use crate::api::targets::{self, Service, Stack, Target};
use crate::console::Console;

#[derive(Template)]
#[template(path = "targets.html")]
struct TargetsPage {
    page: Frame,
    targets: List<Target>,
    later: bool,
}

#[derive(Template)]
#[template(path = "target.html")]
struct TargetPage {
    page: Frame,
    target: String,
    /// Why it can not be asked, if it can not.
    trouble: Option<String>,
    stacks: Vec<ShownStack>,
    next: Option<String>,
    later: bool,
}

struct ShownStack {
    stack: Stack,
    rights: ImageRights,
}

impl TargetPage {
    fn may_hold(&self, shown: &ShownStack) -> bool {
        shown.rights.on_all(Action::DeployHold)
    }

    fn may_plan(&self, shown: &ShownStack) -> bool {
        shown.rights.on_all(Action::DeployRun)
    }

    fn stack(&self, shown: &ShownStack) -> String {
        link::stack(&self.target, &shown.stack.stack)
    }

    fn service(&self, shown: &ShownStack, service: &Service) -> String {
        link::service(&self.target, &shown.stack.stack, &service.service)
    }
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let Document(targets) = targets::list(console, visitor.signed.clone(), query).await?;
    Ok(frame::html(&TargetsPage {
        page: visitor.frame(),
        targets,
        later,
    }))
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<TargetPath>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let (signed, target) = (visitor.signed.clone(), path.target.clone());
    let (trouble, found) = match targets::stacks(console.clone(), signed, Named(path), query).await
    {
        Ok(Document(stacks)) => (None, stacks),
        Err(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE => {
            (Some(problem.detail), List::new(Vec::new(), None))
        }
        Err(problem) => return Err(problem),
    };
    let mut stacks = Vec::new();
    for stack in found.items {
        let images = stack.services.iter();
        let images: Vec<_> = images.map(|service| service.image.as_str()).collect();
        let rights = ImageRights::of(&console, &visitor, &images).await?;
        stacks.push(ShownStack { stack, rights });
    }
    Ok(frame::html(&TargetPage {
        page: visitor.frame(),
        target,
        trouble,
        stacks,
        next: found.next,
        later,
    }))
}
