use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::super::session::Session;
use crate::cli::{DeployRuleCommand, Name};
use crate::output::Output;
use crate::table::Table;

#[derive(Deserialize)]
struct Rule {
    id: u64,
    target: String,
    stack: String,
    service: Option<String>,
    labels: BTreeMap<String, String>,
    created_by: String,
    created_at: DateTime<Utc>,
}

pub(super) async fn run(session: &Session, command: &DeployRuleCommand) -> anyhow::Result<()> {
    let Session { client, output } = session;
    match command {
        DeployRuleCommand::List => {
            let rules = client.list(&["deploy-rules"], &[], None).await?;
            output.list(client, &rules, |rules| table(output, rules))
        }
        DeployRuleCommand::Create {
            stack,
            service,
            labels,
        } => {
            let labels = labels.iter();
            let labels: BTreeMap<_, _> = labels.map(|one| (&*one.name, &*one.value)).collect();
            let body = json!({
                "target": stack.target.as_str(),
                "stack": stack.stack.as_str(),
                "service": service.as_ref().map(Name::as_str),
                "labels": labels,
            });
            let made = client.post(&["deploy-rules"], &body).await?;
            output.document(client, &made, |rule| table(output, &[rule]))
        }
        DeployRuleCommand::Delete { rule } => {
            client.delete(&["deploy-rules", &rule.to_string()]).await?;
            output.done(&format!("deleted rule {rule}"))
        }
    }
}

fn table(output: &Output, rules: &[Rule]) -> String {
    let header = [
        "ID", "TARGET", "STACK", "SERVICE", "LABELS", "BY", "CREATED",
    ];
    let mut table = Table::with_header(header);
    for rule in rules {
        let labels = rule.labels.iter();
        let labels: Vec<_> = labels
            .map(|(label, value)| format!("{label}={value}"))
            .collect();
        table.row([
            rule.id.to_string(),
            rule.target.clone(),
            rule.stack.clone(),
            rule.service.clone().unwrap_or_else(|| "all".to_owned()),
            labels.join(" "),
            rule.created_by.clone(),
            output.age(Some(rule.created_at)),
        ]);
    }
    table.to_string()
}
