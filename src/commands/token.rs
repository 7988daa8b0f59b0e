use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::session::Session;
use crate::cli::{CreateToken, Name, Scope, TokenCommand, TokenOwner};
use crate::client::Secret;
use crate::output::Output;
use crate::table::Table;

#[derive(Deserialize)]
struct Token {
    name: String,
    scopes: Vec<Scope>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

/// What is told of a token, or of a robot, only when it is made.
#[derive(Deserialize)]
pub(super) struct NewToken {
    pub(super) secret: Secret,
}

pub(super) async fn run(session: &Session, command: &TokenCommand) -> anyhow::Result<()> {
    let Session { client, output } = session;
    match command {
        TokenCommand::Ls { owner } => {
            let path = ["users", owner_name(session, owner), "tokens"];
            let tokens = client.list(&path, &[], None).await?;
            output.list(client, &tokens, |tokens| list(output, tokens))
        }
        TokenCommand::Create(arguments) => create(session, arguments).await,
        TokenCommand::Rm { token, owner } => {
            let owner = owner_name(session, owner);
            client
                .delete(&["users", owner, "tokens", token.as_str()])
                .await?;
            output.done(&format!("deleted token {token} of {owner}"))
        }
    }
}

async fn create(session: &Session, arguments: &CreateToken) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let token = &arguments.token;
    let mut body = json!({"name": token.as_str()});
    if !arguments.scope.is_empty() {
        body["scopes"] = json!(arguments.scope);
    }
    if let Some(expires) = arguments.expires {
        body["expires_at"] = session.expiry(expires);
    }
    let owner = session.client.user();
    let created = client.post(&["users", owner, "tokens"], &body).await?;
    let made: NewToken = client.read(&created)?;
    let text = format!("created token {token} of {owner}; its secret is not shown again:");
    output.secret(&created, &made.secret, &text)
}

fn owner_name<'a>(session: &'a Session, owner: &'a TokenOwner) -> &'a str {
    owner
        .user
        .as_ref()
        .map_or(session.client.user(), Name::as_str)
}

fn list(output: &Output, tokens: &[Token]) -> String {
    let mut table = Table::with_header(["NAME", "SCOPES", "CREATED", "EXPIRES", "LAST USED"]);
    for token in tokens {
        table.row([
            token.name.clone(),
            scopes(&token.scopes),
            output.age(Some(token.created_at)),
            output.age(token.expires_at),
            output.age(token.last_used_at),
        ]);
    }
    table.to_string()
}

pub(super) fn scopes(scopes: &[Scope]) -> String {
    let scopes: Vec<_> = scopes.iter().map(Scope::to_string).collect();
    scopes.join(" ")
}
