use berth_oci::{ProjectName, RepositoryName};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::project::list_projects;
use super::session::Session;
use crate::cli::LsArguments;
use crate::output::{Output, size};
use crate::table::Table;

#[derive(Deserialize)]
struct Repository {
    name: String,
    tags: u64,
    images: u64,
    size_bytes: u64,
    pushed_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
pub(super) struct TagEntry {
    name: String,
    digest: String,
    size_bytes: u64,
    pushed_at: DateTime<Utc>,
    pushed_by: Option<String>,
    pulls: u64,
    last_pulled_at: Option<DateTime<Utc>>,
}

/// Lists what a name holds: a repository has a `/` in its name, or is said to be one.
pub(super) async fn run(session: &Session, arguments: &LsArguments) -> anyhow::Result<()> {
    match &arguments.name {
        None => list_projects(session, None).await,
        Some(name) if arguments.tags || name.as_str().contains('/') => {
            list_tags(session, name).await
        }
        Some(name) => list_repositories(session, &name.project()).await,
    }
}

async fn list_repositories(session: &Session, project: &ProjectName) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let query = [("project", project.to_string())];
    let repositories = client.list(&["repositories"], &query, None).await?;
    output.list(client, &repositories, |repositories: &[Repository]| {
        let mut table = Table::with_header(["NAME", "TAGS", "IMAGES", "SIZE", "PUSHED"]);
        for repository in repositories {
            table.row([
                repository.name.clone(),
                repository.tags.to_string(),
                repository.images.to_string(),
                size(repository.size_bytes),
                output.age(repository.pushed_at),
            ]);
        }
        table.to_string()
    })
}

async fn list_tags(session: &Session, repository: &RepositoryName) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let path = ["repositories", repository.as_str(), "tags"];
    let tags = client.list(&path, &[], None).await?;
    output.list(client, &tags, |tags| tag_table(output, tags))
}

pub(super) fn tag_table(output: &Output, tags: &[TagEntry]) -> String {
    let header = ["TAG", "DIGEST", "SIZE", "PUSHED", "BY", "PULLS", "PULLED"];
    let mut table = Table::with_header(header);
    for tag in tags {
        table.row([
            tag.name.clone(),
            output.digest(&tag.digest).to_owned(),
            size(tag.size_bytes),
            output.age(Some(tag.pushed_at)),
            tag.pushed_by.clone().unwrap_or_default(),
            tag.pulls.to_string(),
            output.age(tag.last_pulled_at),
        ]);
    }
    table.to_string()
}
