//! The log of a deployment.

use super::super::session::Session;
use super::deployment::Deployment;
use super::watch::{Line, Watch};
use crate::cli::Number;
use crate::output::{Output, print};
use crate::table::printable;

pub(super) async fn print_all(session: &Session, deployment: Number) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let path = ["deployments", &deployment.to_string(), "log"];
    let lines = client.list(&path, &[], None).await?;
    output.list(client, &lines, |lines: &[Line]| {
        lines.iter().map(|line| text(output, line)).collect()
    })
}

/// With `--json`, one object a line.
pub(super) async fn follow(session: &Session, deployment: Number) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let mut watch = Watch::new(session, deployment);
    while let Some((document, line)) = watch.next().await? {
        if output.json {
            print(&format!("{}\n", document.text()))?;
        } else {
            print(&text(output, &line))?;
        }
    }
    let ended: Deployment = client.read(&watch.fetch().await?)?;
    anyhow::ensure!(ended.succeeded(), "{}", ended.sentence());
    Ok(())
}

fn text(output: &Output, line: &Line) -> String {
    let at = output.time(Some(line.at));
    let (kind, service) = (printable(&line.kind), line.service.as_deref());
    let service = service.map(|service| format!("{}: ", printable(service)));
    let (service, text) = (service.unwrap_or_default(), printable(&line.text));
    format!("{at}  {kind:<9}  {service}{text}\n")
}
