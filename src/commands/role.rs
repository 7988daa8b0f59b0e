use serde::Deserialize;
use serde_json::json;

use super::session::Session;
use super::token::scopes;
use crate::cli::{RoleCommand, Scope};
use crate::output::yes_no;
use crate::table::Table;

#[derive(Deserialize)]
struct Role {
    name: String,
    builtin: bool,
    grants: Vec<Scope>,
}

pub(super) async fn run(session: &Session, command: &RoleCommand) -> anyhow::Result<()> {
    let Session { client, output } = session;
    match command {
        RoleCommand::Ls { project } => {
            let path = ["projects", project.as_str(), "roles"];
            let roles = client.list(&path, &[], None).await?;
            output.list(client, &roles, |roles: &[Role]| list(roles))
        }
        RoleCommand::Set {
            project,
            role,
            scope,
        } => {
            let path = ["projects", project.as_str(), "roles", role.as_str()];
            let role = client.put(&path, &json!({"grants": scope})).await?;
            output.document(client, &role, |role: Role| list(&[role]))
        }
        RoleCommand::Rm { project, role } => {
            let path = ["projects", project.as_str(), "roles", role.as_str()];
            client.delete(&path).await?;
            output.done(&format!("deleted role {role} of {project}"))
        }
    }
}

fn list(roles: &[Role]) -> String {
    let mut table = Table::with_header(["NAME", "BUILT IN", "GRANTS"]);
    for role in roles {
        table.row([
            role.name.clone(),
            yes_no(role.builtin),
            scopes(&role.grants),
        ]);
    }
    table.to_string()
}
