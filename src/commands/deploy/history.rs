use super::super::session::Session;
use super::deployment::{DeployedService, Deployment, Step, words};
use crate::cli::{ListDeployments, Number};
use crate::output::{Output, duration, print};
use crate::table::Table;

pub(super) async fn list(session: &Session, arguments: &ListDeployments) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let filters = [
        ("target", arguments.target.as_ref().map(ToString::to_string)),
        ("stack", arguments.stack.as_ref().map(ToString::to_string)),
        ("state", arguments.state.clone()),
    ];
    let query: Vec<_> = filters
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let deployments = client
        .list(&["deployments"], &query, Some(arguments.count))
        .await?;
    output.list(client, &deployments, |deployments| {
        table(output, deployments)
    })
}

fn table(output: &Output, deployments: &[Deployment]) -> String {
    let header = [
        "ID", "STATE", "TARGET", "STACK", "SERVICES", "CAUSE", "BY", "CREATED", "TOOK",
    ];
    let mut table = Table::with_header(header);
    for deployment in deployments {
        table.row([
            deployment.id.to_string(),
            words(&deployment.state),
            deployment.target.clone(),
            deployment.stack.clone(),
            deployment.service_names(),
            deployment.cause.clone(),
            deployment.by(),
            output.age(Some(deployment.created_at)),
            deployment.took().map(duration).unwrap_or_default(),
        ]);
    }
    table.to_string()
}

/// With `--json` the deployment alone, as it came.
pub(super) async fn show(session: &Session, deployment: Number) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let id = deployment.to_string();
    let document = client.get(&["deployments", &id]).await?;
    output.document(client, &document, |deployment| details(output, &deployment))?;
    if output.json {
        return Ok(());
    }
    let steps = client
        .list(&["deployments", &id, "steps"], &[], None)
        .await?;
    if steps.is_empty() {
        return Ok(());
    }
    print("\n")?;
    output.list(client, &steps, steps_table)
}

fn details(output: &Output, deployment: &Deployment) -> String {
    let id = |id: Option<u64>| id.map(|id| id.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut table = Table::new();
    for (name, value) in [
        ("id", deployment.id.to_string()),
        ("target", deployment.target.clone()),
        ("stack", deployment.stack.clone()),
        ("state", words(&deployment.state)),
        ("reason", text(&deployment.reason)),
        ("cause", deployment.cause.clone()),
        ("requested by", text(&deployment.requested_by)),
        ("approved by", text(&deployment.approved_by)),
        ("rolls back", id(deployment.rolls_back)),
        ("created", output.time(Some(deployment.created_at))),
        ("due", output.time(Some(deployment.due_at))),
        ("started", output.time(deployment.started_at)),
        ("finished", output.time(deployment.finished_at)),
        ("took", deployment.took().map(duration).unwrap_or_default()),
    ] {
        table.row([name.to_owned(), value]);
    }
    let mut text = format!("{table}\n{}", services(output, &deployment.services));
    if deployment.wants_approval {
        text.push_str(&format!(
            "\n`berth deploy approve {}` lets it go on\n",
            deployment.id
        ));
    }
    text
}

pub(super) fn services(output: &Output, services: &[DeployedService]) -> String {
    let header = ["SERVICE", "IMAGE", "FROM", "TO", "PUSHED BY", "AWAY FOR"];
    let mut table = Table::with_header(header);
    for service in services {
        let from = service.from_digest.as_deref();
        table.row([
            service.service.clone(),
            service.image.clone(),
            from.map(|from| output.digest(from).to_owned())
                .unwrap_or_default(),
            output.digest(&service.to_digest).to_owned(),
            service.pushed_by.clone().unwrap_or_default(),
            service.downtime().map(duration).unwrap_or_default(),
        ]);
    }
    table.to_string()
}

fn steps_table(steps: &[Step]) -> String {
    let mut table = Table::with_header(["STEP", "PHASE", "SERVICE", "STATE", "TOOK", "WHAT"]);
    for step in steps {
        table.row([
            step.number.to_string(),
            step.phase.clone(),
            step.service.clone().unwrap_or_default(),
            words(&step.state),
            step.took().map(duration).unwrap_or_default(),
            step.text(),
        ]);
    }
    table.to_string()
}
