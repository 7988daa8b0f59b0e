use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::session::Session;
use crate::cli::ImmutableCommand;
use crate::output::Output;
use crate::table::Table;

#[derive(Deserialize)]
struct Rule {
    id: i64,
    repositories: String,
    tags: String,
    created_by: String,
    created_at: DateTime<Utc>,
}

pub(super) async fn run(session: &Session, command: &ImmutableCommand) -> anyhow::Result<()> {
    let Session { client, output } = session;
    match command {
        ImmutableCommand::Ls { project } => {
            let path = ["projects", project.as_str(), "immutable-tags"];
            let rules = client.list(&path, &[], None).await?;
            output.list(client, &rules, |rules: &[Rule]| list(output, rules))
        }
        ImmutableCommand::Add {
            project,
            tags,
            repositories,
        } => {
            let path = ["projects", project.as_str(), "immutable-tags"];
            let body = json!({"tags": tags, "repositories": repositories});
            let rule = client.post(&path, &body).await?;
            output.document(client, &rule, |rule: Rule| list(output, &[rule]))
        }
        ImmutableCommand::Rm { project, rule } => {
            let number = rule.to_string();
            let path = ["projects", project.as_str(), "immutable-tags", &number];
            client.delete(&path).await?;
            output.done(&format!("deleted rule {rule} of {project}"))
        }
    }
}

fn list(output: &Output, rules: &[Rule]) -> String {
    let mut table = Table::with_header(["RULE", "TAGS", "REPOSITORIES", "BY", "CREATED"]);
    for rule in rules {
        table.row([
            rule.id.to_string(),
            rule.tags.clone(),
            rule.repositories.clone(),
            rule.created_by.clone(),
            output.age(Some(rule.created_at)),
        ]);
    }
    table.to_string()
}
