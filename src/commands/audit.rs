use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::session::{Session, rfc3339};
use crate::cli::AuditArguments;
use crate::output::Output;
use crate::table::Table;

#[derive(Deserialize)]
struct AuditEntry {
    last_at: DateTime<Utc>,
    count: u64,
    actor: Option<String>,
    address: Option<String>,
    action: String,
    project: Option<String>,
    subject: Option<String>,
    outcome: String,
    detail: Option<String>,
}

pub(super) async fn run(session: &Session, arguments: &AuditArguments) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let now = output.now;
    let filters = [
        ("actor", arguments.actor.as_ref().map(ToString::to_string)),
        ("action", arguments.action.clone()),
        (
            "project",
            arguments.project.as_ref().map(ToString::to_string),
        ),
        ("since", arguments.since.map(|at| rfc3339(at.before(now)))),
        ("until", arguments.until.map(|at| rfc3339(at.before(now)))),
    ];
    let query: Vec<_> = filters
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let entries = client
        .list(&["audit"], &query, Some(arguments.count))
        .await?;
    output.list(client, &entries, |entries| list(output, entries))
}

fn list(output: &Output, entries: &[AuditEntry]) -> String {
    let header = [
        "TIME", "COUNT", "ACTOR", "ADDRESS", "ACTION", "PROJECT", "SUBJECT", "OUTCOME", "DETAIL",
    ];
    let mut table = Table::with_header(header);
    for entry in entries {
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        table.row([
            output.time(Some(entry.last_at)),
            entry.count.to_string(),
            optional(&entry.actor),
            optional(&entry.address),
            entry.action.clone(),
            optional(&entry.project),
            optional(&entry.subject),
            entry.outcome.clone(),
            optional(&entry.detail),
        ]);
    }
    table.to_string()
}
