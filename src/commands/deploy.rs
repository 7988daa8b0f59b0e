//! Deployments: what was, is and will be moved to which digest.

use serde_json::json;

use super::session::Session;
use crate::cli::{DeployCommand, Number};

mod deployment;
mod history;
mod lines;
mod plan;
mod progress;
mod rules;
mod steering;
mod targets;
mod watch;
mod why;

use deployment::Deployment;

pub(super) async fn run(session: &Session, command: &DeployCommand) -> anyhow::Result<()> {
    use DeployCommand as C;
    match command {
        C::List(arguments) => history::list(session, arguments).await,
        C::Show { deployment } => history::show(session, *deployment).await,
        C::Logs {
            deployment,
            follow: false,
        } => lines::print_all(session, *deployment).await,
        C::Logs {
            deployment,
            follow: true,
        } => lines::follow(session, *deployment).await,
        C::Plan(what) => plan::run(session, what).await,
        C::Run { what, wait } => {
            let body = plan::body(what);
            let made = session.client.post(&["deployments"], &body).await?;
            progress::made(session, &made, *wait).await
        }
        C::Approve { deployment } => change(session, *deployment, "approve").await,
        C::Cancel { deployment } => change(session, *deployment, "cancel").await,
        C::Rollback { deployment, wait } => {
            let id = deployment.to_string();
            let path = ["deployments", &id, "rollback"];
            let made = session.client.post(&path, &json!({})).await?;
            progress::made(session, &made, *wait).await
        }
        C::Hold { stack, reason } => steering::hold(session, stack, reason.as_deref()).await,
        C::Release { stack } => steering::release(session, stack).await,
        C::Pin { service, digest } => steering::pin(session, service, digest).await,
        C::Unpin { service } => steering::unpin(session, service).await,
        C::Why { service, count } => why::run(session, service, *count).await,
        C::Targets => targets::list(session).await,
        C::Stacks { target } => targets::stacks(session, target).await,
        C::Rule(command) => rules::run(session, command).await,
    }
}

/// Approves or cancels.
async fn change(session: &Session, deployment: Number, verb: &str) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let path = ["deployments", &deployment.to_string(), verb];
    let changed = client.post(&path, &json!({})).await?;
    output.document(client, &changed, |deployment: Deployment| {
        deployment.sentence() + "\n"
    })
}
