use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::super::session::Session;
use crate::cli::Name;
use crate::output::{Output, yes_no};
use crate::table::Table;

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: String,
    reachable: bool,
    trouble: Option<String>,
    triggers: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Stack {
    stack: String,
    held: Option<Held>,
    services: Vec<Service>,
}

#[derive(Deserialize)]
struct Held {
    by: String,
    at: DateTime<Utc>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Service {
    service: String,
    image: String,
    digest: Option<String>,
    deploys: bool,
    why_not: Option<String>,
    replicas: u64,
    running: u64,
    pinned: Option<String>,
}

pub(super) async fn list(session: &Session) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let targets = client.list(&["targets"], &[], None).await?;
    output.list(client, &targets, |targets: &[Target]| {
        let header = ["NAME", "KIND", "REACHABLE", "TRIGGERS", "TROUBLE"];
        let mut table = Table::with_header(header);
        for target in targets {
            let triggers = target.triggers.as_ref();
            table.row([
                target.name.clone(),
                target.kind.clone(),
                yes_no(target.reachable),
                triggers.map_or_else(|| "everybody".to_owned(), |triggers| triggers.join(",")),
                target.trouble.clone().unwrap_or_default(),
            ]);
        }
        table.to_string()
    })
}

pub(super) async fn stacks(session: &Session, target: &Name) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let path = ["targets", target.as_str(), "stacks"];
    let stacks = client.list(&path, &[], None).await?;
    output.list(client, &stacks, |stacks| stack_table(output, stacks))
}

fn stack_table(output: &Output, stacks: &[Stack]) -> String {
    let header = [
        "STACK", "SERVICE", "IMAGE", "DIGEST", "RUNNING", "DEPLOYS", "WHY NOT",
    ];
    let mut table = Table::with_header(header);
    for stack in stacks {
        for service in &stack.services {
            let digest = service.digest.as_deref();
            table.row([
                stack.stack.clone(),
                service.service.clone(),
                service.image.clone(),
                digest
                    .map(|digest| output.digest(digest).to_owned())
                    .unwrap_or_default(),
                format!("{}/{}", service.running, service.replicas),
                yes_no(service.deploys),
                why_not(output, stack, service),
            ]);
        }
    }
    table.to_string()
}

/// What keeps pushes from a service, as far as it is known.
fn why_not(output: &Output, stack: &Stack, service: &Service) -> String {
    if let Some(held) = &stack.held {
        let reason = held.reason.as_ref();
        let reason = reason.map(|reason| format!(": {reason}"));
        let at = output.age(Some(held.at));
        return format!("held by {} {at}{}", held.by, reason.unwrap_or_default());
    }
    match (&service.why_not, &service.pinned) {
        (Some(why), _) => why.clone(),
        (None, Some(digest)) => format!("pinned to {}", output.digest(digest)),
        (None, None) => String::new(),
    }
}
