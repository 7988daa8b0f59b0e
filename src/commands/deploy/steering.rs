use berth_oci::Digest;
use serde_json::json;

use super::super::session::Session;
use crate::cli::{ServiceName, StackName};

pub(super) async fn hold(
    session: &Session,
    stack: &StackName,
    reason: Option<&str>,
) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let body = json!({"reason": reason});
    client.put_silently(&hold_path(stack), &body).await?;
    output.done(&format!("held {} on {}", stack.stack, stack.target))
}

pub(super) async fn release(session: &Session, stack: &StackName) -> anyhow::Result<()> {
    let Session { client, output } = session;
    client.delete(&hold_path(stack)).await?;
    output.done(&format!("released {} on {}", stack.stack, stack.target))
}

pub(super) async fn pin(
    session: &Session,
    service: &ServiceName,
    digest: &Digest,
) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let body = json!({"digest": digest.to_string()});
    client.put_silently(&pin_path(service), &body).await?;
    output.done(&format!("pinned {} to {digest}", of(service)))
}

pub(super) async fn unpin(session: &Session, service: &ServiceName) -> anyhow::Result<()> {
    let Session { client, output } = session;
    client.delete(&pin_path(service)).await?;
    output.done(&format!("unpinned {}", of(service)))
}

fn of(service: &ServiceName) -> String {
    let StackName { target, stack } = &service.stack;
    format!("{} of {stack} on {target}", service.service)
}

fn hold_path(stack: &StackName) -> [&str; 5] {
    let StackName { target, stack } = stack;
    ["targets", target.as_str(), "stacks", stack.as_str(), "hold"]
}

/// Of the service, with `last` below it.
pub(super) fn service_path<'a>(service: &'a ServiceName, last: &'a str) -> [&'a str; 7] {
    let StackName { target, stack } = &service.stack;
    [
        "targets",
        target.as_str(),
        "stacks",
        stack.as_str(),
        "services",
        service.service.as_str(),
        last,
    ]
}

fn pin_path(service: &ServiceName) -> [&str; 7] {
    service_path(service, "pin")
}
