use berth_oci::ProjectName;
use serde::Deserialize;
use serde_json::json;

use super::session::Session;
use crate::cli::GroupCommand;
use crate::table::Table;

#[derive(Deserialize)]
struct Group {
    name: String,
    origin: String,
    members: Vec<String>,
    push: Option<String>,
}

pub(super) async fn run(session: &Session, command: &GroupCommand) -> anyhow::Result<()> {
    let Session { client, output } = session;
    match command {
        GroupCommand::List => {
            let groups = client.list(&["groups"], &[], None).await?;
            output.list(client, &groups, |groups: &[Group]| list(groups))
        }
        GroupCommand::Create {
            group,
            members,
            push,
        } => {
            let members: Vec<_> = members.iter().map(ProjectName::as_str).collect();
            let push = push.as_ref().map(ProjectName::as_str);
            let body = json!({"name": group.as_str(), "members": members, "push": push});
            let created = client.post(&["groups"], &body).await?;
            output.document(client, &created, |group: Group| list(&[group]))
        }
        GroupCommand::Delete { group } => {
            client.delete(&["groups", group.as_str()]).await?;
            output.done(&format!("deleted group {group}"))
        }
    }
}

fn list(groups: &[Group]) -> String {
    let mut table = Table::with_header(["NAME", "MEMBERS", "PUSH", "MADE BY"]);
    for group in groups {
        table.row([
            group.name.clone(),
            group.members.join(","),
            group.push.clone().unwrap_or_default(),
            group.origin.clone(),
        ]);
    }
    table.to_string()
}
