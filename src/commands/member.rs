use serde::Deserialize;
use serde_json::json;

use super::session::Session;
use crate::cli::{MemberCommand, Name};
use crate::table::Table;

#[derive(Deserialize)]
struct Member {
    user: String,
    roles: Vec<String>,
}

pub(super) async fn run(session: &Session, command: &MemberCommand) -> anyhow::Result<()> {
    let Session { client, output } = session;
    match command {
        MemberCommand::Ls { project } => {
            let path = ["projects", project.as_str(), "members"];
            let members = client.list(&path, &[], None).await?;
            output.list(client, &members, |members: &[Member]| list(members))
        }
        MemberCommand::Set {
            project,
            user,
            role,
        } => {
            let path = ["projects", project.as_str(), "members", user.as_str()];
            let roles: Vec<_> = role.iter().map(Name::as_str).collect();
            let member = client.put(&path, &json!({"roles": roles})).await?;
            output.document(client, &member, |member: Member| list(&[member]))
        }
        MemberCommand::Rm { project, user } => {
            let path = ["projects", project.as_str(), "members", user.as_str()];
            client.delete(&path).await?;
            output.done(&format!("{user} is no longer a member of {project}"))
        }
    }
}

fn list(members: &[Member]) -> String {
    let mut table = Table::with_header(["USER", "ROLES"]);
    for member in members {
        table.row([member.user.clone(), member.roles.join(",")]);
    }
    table.to_string()
}
