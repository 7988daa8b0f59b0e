//! What projects keep: their policies, what those would do, and what they have done.

use std::time::Duration;

use anyhow::Context as _;
use berth_oci::ProjectName;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::session::Session;
use crate::cli::RetentionCommand;
use crate::client::Document;
use crate::output::{Output, duration};
use crate::table::Table;

mod policy;

use policy::Retention;

/// How often it is asked whether a run has ended.
const ASK_EVERY: Duration = Duration::from_millis(500);

#[derive(Deserialize)]
struct Decision {
    repository: String,
    tag: Option<String>,
    digest: String,
    keep: bool,
    rule: Option<u8>,
    reason: String,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
    state: String,
    requested_by: Option<String>,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    kept_tags: u64,
    removed_tags: u64,
    removed_manifests: u64,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Removal {
    repository: String,
    tag: Option<String>,
    digest: String,
    reason: String,
}

pub(super) async fn run(session: &Session, command: &RetentionCommand) -> anyhow::Result<()> {
    use RetentionCommand as C;
    let Session { client, output } = session;
    match command {
        C::Show { project } => {
            let path = ["projects", project.as_str(), "retention"];
            let shown = client.get(&path).await?;
            output.document(client, &shown, |shown: Retention| shown.text(output))
        }
        C::Set { project, policy } => {
            let policy = policy::read(policy)?.context(
                "give a file with a policy, or options for one rule: `berth retention set --help`",
            )?;
            let path = ["projects", project.as_str(), "retention"];
            let set = client.put(&path, &policy).await?;
            output.document(client, &set, |set: Retention| set.text(output))
        }
        C::Rm { project } => {
            let path = ["projects", project.as_str(), "retention"];
            client.delete(&path).await?;
            output.done(&format!("{project} keeps everything"))
        }
        C::Preview {
            project,
            removed,
            policy,
        } => {
            let path = ["projects", project.as_str(), "retention", "preview"];
            let body = json!({"policy": policy::read(policy)?});
            let mut decisions = client.list_by_post(&path, &body).await?;
            if *removed {
                let mut gone = Vec::new();
                for decision in decisions {
                    let shown: Decision = client.read(&decision)?;
                    gone.extend((!shown.keep).then_some(decision));
                }
                decisions = gone;
            }
            output.list(client, &decisions, |decisions: &[Decision]| {
                preview(output, decisions)
            })
        }
        C::Run { project } => run_to_its_end(session, project).await,
        C::Runs { project, run: None } => {
            let path = ["projects", project.as_str(), "retention", "runs"];
            let runs = client.list(&path, &[], None).await?;
            output.list(client, &runs, |runs: &[Run]| list(output, runs))
        }
        C::Runs {
            project,
            run: Some(run),
        } => {
            let (project, id) = (project.as_str(), run.to_string());
            let path = ["projects", project, "retention", "runs", &id, "removals"];
            let removals = client.list(&path, &[], None).await?;
            output.list(client, &removals, |removals: &[Removal]| {
                list_removals(output, removals)
            })
        }
    }
}

async fn run_to_its_end(session: &Session, project: &ProjectName) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let path = ["projects", project.as_str(), "retention", "runs"];
    let begun = client.post(&path, &json!({})).await?;
    let (document, run) = ended(session, project, begun).await?;
    match run.state.as_str() {
        "done" => output.document(client, &document, |run: Run| run.sentence() + "\n"),
        _ => anyhow::bail!("{}", run.sentence()),
    }
}

async fn ended(
    session: &Session,
    project: &ProjectName,
    mut document: Document,
) -> anyhow::Result<(Document, Run)> {
    let client = &session.client;
    loop {
        let run: Run = client.read(&document)?;
        if run.state != "running" {
            return Ok((document, run));
        }
        tokio::time::sleep(ASK_EVERY).await;
        let id = run.id.to_string();
        let path = ["projects", project.as_str(), "retention", "runs", &id];
        document = client.get(&path).await?;
    }
}

impl Run {
    fn sentence(&self) -> String {
        let mut text = format!(
            "run {} is {}: {} tags and {} manifests removed, {} tags kept",
            self.id, self.state, self.removed_tags, self.removed_manifests, self.kept_tags
        );
        if let Some(took) = self.took() {
            text.push_str(&format!(", in {took}"));
        }
        if let Some(error) = &self.error {
            text.push_str(&format!("; {error}"));
        }
        text
    }

    fn took(&self) -> Option<String> {
        Some(duration(self.finished_at? - self.started_at))
    }
}

fn preview(output: &Output, decisions: &[Decision]) -> String {
    let mut table = Table::with_header(["", "REPOSITORY", "TAG", "DIGEST", "RULE", "REASON"]);
    for decision in decisions {
        let what = if decision.keep { "keep" } else { "remove" };
        table.row([
            what.to_owned(),
            decision.repository.clone(),
            decision.tag.clone().unwrap_or_default(),
            output.digest(&decision.digest).to_owned(),
            decision
                .rule
                .map(|rule| rule.to_string())
                .unwrap_or_default(),
            decision.reason.clone(),
        ]);
    }
    table.to_string()
}

fn list(output: &Output, runs: &[Run]) -> String {
    let mut table = Table::with_header([
        "RUN",
        "STATE",
        "STARTED",
        "TOOK",
        "BY",
        "TAGS REMOVED",
        "MANIFESTS REMOVED",
        "TAGS KEPT",
    ]);
    for run in runs {
        table.row([
            run.id.to_string(),
            run.state.clone(),
            output.age(Some(run.started_at)),
            run.took().unwrap_or_default(),
            run.requested_by
                .clone()
                .unwrap_or_else(|| "schedule".to_owned()),
            run.removed_tags.to_string(),
            run.removed_manifests.to_string(),
            run.kept_tags.to_string(),
        ]);
    }
    table.to_string()
}

fn list_removals(output: &Output, removals: &[Removal]) -> String {
    let mut table = Table::with_header(["REPOSITORY", "TAG", "DIGEST", "REASON"]);
    for removal in removals {
        table.row([
            removal.repository.clone(),
            removal.tag.clone().unwrap_or_default(),
            output.digest(&removal.digest).to_owned(),
            removal.reason.clone(),
        ]);
    }
    table.to_string()
}
