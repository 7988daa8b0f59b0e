use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::super::session::Session;
use super::deployment::words;
use super::steering::service_path;
use crate::cli::ServiceName;
use crate::output::Output;
use crate::table::Table;

#[derive(Deserialize)]
struct Decision {
    repository: String,
    tag: String,
    digest: String,
    at: DateTime<Utc>,
    outcome: String,
    text: String,
    deployment: Option<u64>,
}

pub(super) async fn run(
    session: &Session,
    service: &ServiceName,
    count: usize,
) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let path = service_path(service, "decisions");
    let decisions = client.list(&path, &[], Some(count)).await?;
    output.list(client, &decisions, |decisions| table(output, decisions))
}

fn table(output: &Output, decisions: &[Decision]) -> String {
    let header = ["PUSHED", "IMAGE", "DIGEST", "OUTCOME", "DEPLOYMENT", "WHY"];
    let mut table = Table::with_header(header);
    for decision in decisions {
        let deployment = decision.deployment.map(|id| id.to_string());
        table.row([
            output.age(Some(decision.at)),
            format!("{}:{}", decision.repository, decision.tag),
            output.digest(&decision.digest).to_owned(),
            words(&decision.outcome),
            deployment.unwrap_or_default(),
            decision.text.clone(),
        ]);
    }
    table.to_string()
}
