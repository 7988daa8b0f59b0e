use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::session::Session;
use crate::cli::{AddUser, ChangePassword, Name, SetUser, UserCommand};
use crate::client::Secret;
use crate::output::{Output, yes_no};
use crate::table::Table;
use crate::terminal;

#[derive(Deserialize)]
struct User {
    name: String,
    admin: bool,
    actions: Vec<String>,
    disabled: bool,
    created_at: DateTime<Utc>,
    password_changed_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

/// The password that the server made, if it made one.
#[derive(Deserialize)]
struct MadePassword {
    password: Option<Secret>,
}

pub(super) async fn run(session: &Session, command: &UserCommand) -> anyhow::Result<()> {
    let Session { client, output } = session;
    match command {
        UserCommand::Ls => {
            let users = client.list(&["users"], &[], None).await?;
            output.list(client, &users, |users| list(output, users))
        }
        UserCommand::Add(arguments) => add(session, arguments).await,
        UserCommand::Show { user } => {
            let user = client.get(&["users", user.as_str()]).await?;
            output.document(client, &user, |user| details(output, user))
        }
        UserCommand::Set(arguments) => set(session, arguments).await,
        UserCommand::Rm { user } => {
            client.delete(&["users", user.as_str()]).await?;
            output.done(&format!("deleted user {user}"))
        }
        UserCommand::Password(arguments) => match &arguments.user {
            Some(user) => reset_password(session, user, arguments).await,
            None => change_own_password(session, arguments).await,
        },
    }
}

async fn add(session: &Session, arguments: &AddUser) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let user = &arguments.user;
    let mut body = json!({
        "name": user.as_str(),
        "admin": arguments.admin,
        "actions": arguments.actions,
    });
    if arguments.password_stdin {
        let [password] = terminal::secrets_from_stdin()?;
        body["password"] = password.expose().into();
    }
    let added = client.post(&["users"], &body).await?;
    let made: MadePassword = client.read(&added)?;
    match made.password {
        Some(password) => {
            let text = format!("added user {user}; this password is not shown again:");
            output.secret(&added, &password, &text)
        }
        None => output.document(client, &added, |user| details(output, user)),
    }
}

async fn set(session: &Session, arguments: &SetUser) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let changes = &arguments.changes;
    let mut body = Map::new();
    if let Some(admin) = changes.admin {
        body.insert("admin".to_owned(), admin.into());
    }
    if changes.no_actions || !changes.actions.is_empty() {
        body.insert("actions".to_owned(), changes.actions.clone().into());
    }
    if let Some(disabled) = changes.disabled {
        body.insert("disabled".to_owned(), disabled.into());
    }
    let path = ["users", arguments.user.as_str()];
    let changed = client.patch(&path, &Value::Object(body)).await?;
    output.document(client, &changed, |user| details(output, user))
}

async fn reset_password(
    session: &Session,
    user: &Name,
    arguments: &ChangePassword,
) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let body = if arguments.password_stdin {
        let [password] = terminal::secrets_from_stdin()?;
        json!({"password": password.expose()})
    } else {
        json!({})
    };
    let path = ["users", user.as_str(), "password"];
    let changed = client.put(&path, &body).await?;
    let made: MadePassword = client.read(&changed)?;
    match made.password {
        Some(password) => {
            let text = format!("the new password of {user}, which is not shown again:");
            output.secret(&changed, &password, &text)
        }
        None => output.done(&format!("changed the password of {user}")),
    }
}

async fn change_own_password(session: &Session, arguments: &ChangePassword) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let [current, new] = if arguments.password_stdin {
        terminal::secrets_from_stdin()?
    } else {
        let instead = "give --password-stdin, with the current and the new password as lines";
        let current = terminal::ask_secret("Current password", instead)?;
        [current, terminal::ask_new_password(instead)?]
    };
    let body = json!({
        "current_password": current.expose(),
        "new_password": new.expose(),
    });
    client.put_silently(&["me", "password"], &body).await?;
    output.done(&format!("changed the password of {}", client.user()))
}

fn list(output: &Output, users: &[User]) -> String {
    let header = [
        "NAME",
        "ADMIN",
        "ACTIONS",
        "DISABLED",
        "CREATED",
        "LAST USED",
    ];
    let mut table = Table::with_header(header);
    for user in users {
        table.row([
            user.name.clone(),
            yes_no(user.admin),
            user.actions.join(","),
            yes_no(user.disabled),
            output.age(Some(user.created_at)),
            output.age(user.last_used_at),
        ]);
    }
    table.to_string()
}

fn details(output: &Output, user: User) -> String {
    let mut table = Table::new();
    for (name, value) in [
        ("name", user.name),
        ("admin", yes_no(user.admin)),
        ("actions", user.actions.join(",")),
        ("disabled", yes_no(user.disabled)),
        ("created", output.time(Some(user.created_at))),
        ("password changed", output.time(user.password_changed_at)),
        ("last used", output.time(user.last_used_at)),
    ] {
        table.row([name.to_owned(), value]);
    }
    table.to_string()
}
