use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::session::Session;
use super::{member, role, space};
use crate::cli::ProjectCommand;
use crate::output::{Output, yes_no};
use crate::table::Table;
use crate::terminal;

#[derive(Deserialize)]
struct Project {
    name: String,
    public: bool,
    kind: String,
    created_at: DateTime<Utc>,
}

pub(super) async fn run(session: &Session, command: &ProjectCommand) -> anyhow::Result<()> {
    let Session { client, output } = session;
    match command {
        ProjectCommand::Ls { query } => list_projects(session, query.as_deref()).await,
        ProjectCommand::Create { project, public } => {
            let body = json!({"name": project.as_str(), "public": public});
            let created = client.post(&["projects"], &body).await?;
            output.document(client, &created, |project| details(output, project))
        }
        ProjectCommand::Show { project } => {
            let project = client.get(&["projects", project.as_str()]).await?;
            output.document(client, &project, |project| details(output, project))
        }
        ProjectCommand::Set { project, public } => {
            let path = ["projects", project.as_str()];
            let changed = client.patch(&path, &json!({"public": public})).await?;
            output.document(client, &changed, |project| details(output, project))
        }
        ProjectCommand::Rm {
            project,
            with_images,
            yes,
        } => {
            let what = format!("Delete project {project} with all of its images?");
            let confirmed = !with_images || *yes || terminal::confirm(&what, "give --yes")?;
            anyhow::ensure!(confirmed, "nothing was deleted");
            let query = [("with_images", with_images.to_string())];
            client
                .delete_with(&["projects", project.as_str()], &query)
                .await?;
            output.done(&format!("deleted project {project}"))
        }
        ProjectCommand::Quota { project, limit } => space::quota(session, project, *limit).await,
        ProjectCommand::Member(command) => member::run(session, command).await,
        ProjectCommand::Role(command) => role::run(session, command).await,
    }
}

/// Lists the projects, or those whose name holds a text.
pub(super) async fn list_projects(session: &Session, text: Option<&str>) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let query: Vec<_> = text
        .map(|text| ("q", text.to_owned()))
        .into_iter()
        .collect();
    let projects = client.list(&["projects"], &query, None).await?;
    output.list(client, &projects, |projects: &[Project]| {
        let mut table = Table::with_header(["NAME", "KIND", "PUBLIC", "CREATED"]);
        for project in projects {
            table.row([
                project.name.clone(),
                project.kind.clone(),
                yes_no(project.public),
                output.age(Some(project.created_at)),
            ]);
        }
        table.to_string()
    })
}

fn details(output: &Output, project: Project) -> String {
    let mut table = Table::new();
    for (name, value) in [
        ("name", project.name),
        ("kind", project.kind),
        ("public", yes_no(project.public)),
        ("created", output.time(Some(project.created_at))),
    ] {
        table.row([name.to_owned(), value]);
    }
    table.to_string()
}
