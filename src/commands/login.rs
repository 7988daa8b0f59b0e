use anyhow::Context as _;
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::session::{now, rfc3339};
use super::token::NewToken;
use crate::cli::LoginArguments;
use crate::client::{Client, Login, LoginFile, RequestError, Server};
use crate::output::print;
use crate::terminal;

const TOKEN_DAYS: i64 = 90;
/// The most of a host's name that goes into the name of a token.
const HOST_CHARACTERS: usize = 40;

#[derive(Deserialize)]
struct Me {
    name: String,
    kind: String,
    token: Option<String>,
}

/// Checks a credential and keeps it; for a password it keeps a token made with it instead.
pub(super) async fn login(arguments: LoginArguments) -> anyhow::Result<()> {
    let file = LoginFile::find()?;
    // A file that can not be read is about to be replaced.
    let before = file.read().unwrap_or_default();
    let given = ask(arguments, before.as_ref())?;
    let client = Client::new(&given)?;
    let me: Me = match client.get(&["me"]).await {
        Err(RequestError::Unauthorized { server }) => {
            anyhow::bail!("{server} knows no {} with this password", given.user)
        }
        answer => client.read(&answer?)?,
    };
    let made = me.kind == "user" && me.token.is_none() && !given.secret.generated();
    let login = if made {
        with_token(&client, &me.name, given).await?
    } else {
        given
    };
    if let Err(error) = file.write(&login) {
        forget(&login).await;
        return Err(error);
    }
    // Unless the secret that was kept is the one that was given.
    if let Some(before) = before.filter(|before| before.secret != login.secret) {
        forget(&before).await;
    }
    print(&format!("logged in to {} as {}\n", login.server, me.name))
}

pub(super) async fn logout() -> anyhow::Result<()> {
    let file = LoginFile::find()?;
    match file.read() {
        Ok(None) => return print("nobody is logged in\n"),
        Ok(Some(login)) => forget(&login).await,
        Err(error) => eprintln!("berth: {error:#}"),
    }
    file.remove()?;
    print("logged out\n")
}

/// Asks for what the arguments and the login before leave open.
fn ask(arguments: LoginArguments, before: Option<&Login>) -> anyhow::Result<Login> {
    let server = arguments
        .server
        .or_else(|| before.map(|login| login.server.clone()))
        .unwrap_or_default();
    // Before anything is typed in vain.
    server.require_private(arguments.insecure)?;
    let before = before.filter(|login| login.server == server);
    let ca_file = arguments
        .ca_file
        .map(std::path::absolute)
        .transpose()
        .context("could not tell the folder of the CA file")?
        .or_else(|| before.and_then(|login| login.ca_file.clone()));
    let instead = "give -u USER and --password-stdin";
    let user = match arguments.user {
        Some(user) => user.as_str().to_owned(),
        None => ask_user(&server, before.map(|login| login.user.as_str()), instead)?,
    };
    let secret = if arguments.password_stdin {
        let [secret] = terminal::secrets_from_stdin()?;
        secret
    } else {
        terminal::ask_secret(&format!("Password of {user} at {server}"), instead)?
    };
    Ok(Login {
        server,
        user,
        secret,
        made_token: None,
        ca_file,
        insecure: arguments.insecure,
    })
}

fn ask_user(server: &Server, usual: Option<&str>, instead: &str) -> anyhow::Result<String> {
    let question = match usual {
        Some(usual) => format!("User at {server} [{usual}]"),
        None => format!("User at {server}"),
    };
    let user = terminal::ask(&question, instead)?;
    let user = match usual {
        Some(usual) if user.is_empty() => usual.to_owned(),
        _ => user,
    };
    anyhow::ensure!(!user.is_empty(), "the user is empty");
    Ok(user)
}

/// The login with a token of this machine in place of the password.
async fn with_token(client: &Client, user: &str, given: Login) -> anyhow::Result<Login> {
    let name = token_name(&host_name(), Uuid::new_v4());
    let expires = now()? + TimeDelta::days(TOKEN_DAYS);
    let body = json!({
        "name": name,
        "scopes": [{"repositories": "**", "actions": ["*"]}],
        "expires_at": rfc3339(expires),
    });
    let made = client.post(&["users", user, "tokens"], &body).await?;
    let token: NewToken = client.read(&made)?;
    Ok(Login {
        user: user.to_owned(),
        secret: token.secret,
        made_token: Some(name),
        ..given
    })
}

/// Deletes the token that a login made. It ends by itself, so a server that is gone is no reason to
/// fail.
async fn forget(login: &Login) {
    let Some(token) = &login.made_token else {
        return;
    };
    let deleted = async {
        let path = ["users", login.user.as_str(), "tokens", token];
        anyhow::Ok(Client::new(login)?.delete(&path).await?)
    };
    if let Err(error) = deleted.await {
        eprintln!("berth: could not delete the token {token} on the server: {error:#}");
    }
}

fn host_name() -> String {
    let names = rustix::system::uname();
    names.nodename().to_string_lossy().into_owned()
}

fn token_name(host: &str, random: Uuid) -> String {
    let host: String = host
        .chars()
        .take(HOST_CHARACTERS)
        .map(|character| match character.to_ascii_lowercase() {
            letter @ ('a'..='z' | '0'..='9') => letter,
            _ => '-',
        })
        .collect();
    let host = match host.trim_matches('-') {
        "" => "host",
        host => host,
    };
    let random = random.simple().to_string();
    format!("cli-{host}-{}", &random[..6])
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::token_name;

    #[test]
    fn a_token_is_named_after_its_machine() {
        let random = Uuid::from_u128(0x0a1b_2c3d_0000_0000_0000_0000_0000_0000);
        let cases = [
            ("desk", "cli-desk-0a1b2c"),
            ("Desk.example.com", "cli-desk-example-com-0a1b2c"),
            ("_ü_", "cli-host-0a1b2c"),
            ("", "cli-host-0a1b2c"),
        ];
        for (host, expected) in cases {
            assert_eq!(token_name(host, random), expected);
        }
        assert_eq!(token_name(&"a".repeat(64), random).len(), 4 + 40 + 7);
    }
}
