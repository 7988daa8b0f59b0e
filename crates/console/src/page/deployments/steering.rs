//! What people decide about a deployment.

use axum::extract::State;

use super::super::done::Done;
use super::super::language::Language;
use super::super::visitor::Visitor;
use crate::api::deployments;
use crate::api::document::{CreatedAt, Document};
use crate::api::names::{DeploymentPath, Named};
use crate::api::problem::Problem;
use crate::console::Console;

fn done(id: i64, said: String) -> Done {
    Done {
        place: format!("/deployments/{id}"),
        said,
    }
}

fn language(visitor: &Visitor) -> Language {
    visitor.look().language
}

pub(crate) async fn approve(
    console: State<Console>,
    visitor: Visitor,
    path: Named<DeploymentPath>,
) -> Result<Done, Problem> {
    let approved = deployments::approve(console, visitor.signed.clone(), path).await?;
    let Document(deployment) = approved;
    let said = language(&visitor).fill("Deployment {} may begin.", deployment.id);
    Ok(done(deployment.id, said))
}

pub(crate) async fn cancel(
    console: State<Console>,
    visitor: Visitor,
    path: Named<DeploymentPath>,
) -> Result<Done, Problem> {
    let cancelled = deployments::cancel(console, visitor.signed.clone(), path).await?;
    let Document(deployment) = cancelled;
    let said = language(&visitor).fill("Deployment {} is cancelled.", deployment.id);
    Ok(done(deployment.id, said))
}

pub(crate) async fn roll_back(
    console: State<Console>,
    visitor: Visitor,
    path: Named<DeploymentPath>,
) -> Result<Done, Problem> {
    let made = deployments::roll_back(console, visitor.signed.clone(), path).await?;
    let CreatedAt(_, deployment) = made;
    let said = language(&visitor).fill("Deployment {} brings back what ran before.", deployment.id);
    Ok(done(deployment.id, said))
}
