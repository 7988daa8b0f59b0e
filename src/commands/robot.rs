use berth_oci::ProjectName;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::session::Session;
use super::token::{NewToken, scopes};
use crate::cli::{CreateRobot, RobotCommand, RobotLogin, Scope, SetRobot};
use crate::output::{Output, yes_no};
use crate::table::Table;

#[derive(Deserialize)]
struct Robot {
    login: String,
    scopes: Vec<Scope>,
    disabled: bool,
    created_at: DateTime<Utc>,
    created_by: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

pub(super) async fn run(session: &Session, command: &RobotCommand) -> anyhow::Result<()> {
    let Session { client, output } = session;
    match command {
        RobotCommand::Ls { project } => {
            let robots = client.list(&robots(project.as_ref()), &[], None).await?;
            output.list(client, &robots, |robots| list(output, robots))
        }
        RobotCommand::Create(arguments) => create(session, arguments).await,
        RobotCommand::Show { robot } => {
            let robot = client.get(&path(robot)).await?;
            output.document(client, &robot, |robot| details(output, robot))
        }
        RobotCommand::Set(arguments) => set(session, arguments).await,
        RobotCommand::Rm { robot } => {
            client.delete(&path(robot)).await?;
            output.done(&format!("deleted robot {robot}"))
        }
        RobotCommand::Renew { robot } => {
            let mut path = path(robot);
            path.push("secret");
            let renewed = client.post(&path, &json!({})).await?;
            let made: NewToken = client.read(&renewed)?;
            let text = format!("the new secret of {robot}, which is not shown again:");
            output.secret(&renewed, &made.secret, &text)
        }
    }
}

async fn create(session: &Session, arguments: &CreateRobot) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Created {
        login: String,
    }
    let Session { client, output } = session;
    let mut body = json!({"name": arguments.name.as_str(), "scopes": arguments.scope});
    if let Some(expires) = arguments.expires {
        body["expires_at"] = session.expiry(expires);
    }
    let path = robots(arguments.project.as_ref());
    let created = client.post(&path, &body).await?;
    let made: NewToken = client.read(&created)?;
    let Created { login } = client.read(&created)?;
    let text = format!("created robot {login}; its secret is not shown again:");
    output.secret(&created, &made.secret, &text)
}

async fn set(session: &Session, arguments: &SetRobot) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let changes = &arguments.changes;
    let mut body = Map::new();
    if !changes.scope.is_empty() {
        body.insert("scopes".to_owned(), json!(changes.scope));
    }
    if let Some(disabled) = changes.disabled {
        body.insert("disabled".to_owned(), disabled.into());
    }
    if let Some(expires) = changes.expires {
        body.insert("expires_at".to_owned(), session.expiry(expires));
    }
    let path = path(&arguments.robot);
    let changed = client.patch(&path, &Value::Object(body)).await?;
    output.document(client, &changed, |robot| details(output, robot))
}

fn robots(project: Option<&ProjectName>) -> Vec<&str> {
    match project {
        Some(project) => vec!["projects", project.as_str(), "robots"],
        None => vec!["robots"],
    }
}

fn path(robot: &RobotLogin) -> Vec<&str> {
    let mut path = robots(robot.project.as_ref());
    path.push(robot.name.as_str());
    path
}

fn list(output: &Output, robots: &[Robot]) -> String {
    let header = [
        "LOGIN",
        "SCOPES",
        "DISABLED",
        "CREATED",
        "EXPIRES",
        "LAST USED",
    ];
    let mut table = Table::with_header(header);
    for robot in robots {
        table.row([
            robot.login.clone(),
            scopes(&robot.scopes),
            yes_no(robot.disabled),
            output.age(Some(robot.created_at)),
            output.age(robot.expires_at),
            output.age(robot.last_used_at),
        ]);
    }
    table.to_string()
}

fn details(output: &Output, robot: Robot) -> String {
    let mut table = Table::new();
    for (name, value) in [
        ("login", robot.login),
        ("scopes", scopes(&robot.scopes)),
        ("disabled", yes_no(robot.disabled)),
        ("created", output.time(Some(robot.created_at))),
        ("created by", robot.created_by.unwrap_or_default()),
        ("expires", output.time(robot.expires_at)),
        ("last used", output.time(robot.last_used_at)),
    ] {
        table.row([name.to_owned(), value]);
    }
    table.to_string()
}
