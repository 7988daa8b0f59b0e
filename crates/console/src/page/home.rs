//! Where one begins: what needs somebody, and what happened lately.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::filters;
use super::frame::{self, Frame};
use super::link;
use super::visitor::Visitor;
use crate::api::activity::{self, Activity, Newest};
use crate::api::attention::{self, Matter};
use crate::api::deployments::{self, Deployment, Wanted};
use crate::api::document::Document;
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::problem::Problem;
use crate::console::Console;

/// Of each kind of thing that happened.
const SHOWN: usize = 10;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    page: Frame,
    matters: List<Matter>,
    activity: Activity,
    deployments: List<Deployment>,
}

impl HomePage {
    /// What kind of thing it is that needs somebody, in words.
    fn kind(&self, matter: &Matter) -> &'static str {
        let say = |text| self.page.say(text);
        match matter.kind {
            "approval" => say("waiting for approval"),
            "failed" => say("failed"),
            "rolled_back" => say("rolled back"),
            "rollback_failed" => say("could not be rolled back"),
            "upstream" => say("upstream in trouble"),
            "target" => say("target out of reach"),
            "quota" => say("quota nearly used up"),
            _ => say("unknown"),
        }
    }

    fn name(&self, matter: &Matter) -> String {
        match matter.kind {
            "upstream" | "target" | "quota" => matter.subject.clone(),
            _ => self.page.fill("Deployment {}", &matter.subject),
        }
    }

    fn place(&self, matter: &Matter) -> String {
        let subject = link::segment(&matter.subject);
        match matter.kind {
            "upstream" => format!("/upstreams/{subject}"),
            "target" => format!("/targets/{subject}"),
            "quota" => format!("/projects/{subject}/settings"),
            _ => format!("/deployments/{subject}"),
        }
    }
}

pub(super) async fn show(console: State<Console>, visitor: Visitor) -> Result<Response, Problem> {
    let signed = || visitor.signed.clone();
    let Document(matters) = attention::list(console.clone(), signed()).await?;
    let newest = Parameters(Newest { limit: Some(SHOWN) });
    let Document(activity) = activity::get(console.clone(), signed(), newest).await?;
    let any = Parameters(Wanted {
        target: None,
        stack: None,
        state: None,
    });
    let first = Parameters(PageQuery {
        limit: Some(SHOWN),
        cursor: None,
    });
    let Document(deployments) = deployments::list(console, signed(), any, first).await?;
    Ok(frame::html(&HomePage {
        page: visitor.frame(),
        matters,
        activity,
        deployments,
    }))
}
