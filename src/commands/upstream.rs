use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::session::Session;
use crate::cli::{ChangeUpstream, CreateUpstream, UpstreamCommand, UpstreamOptions};
use crate::output::{size, yes_no};
use crate::table::Table;
use crate::terminal;

#[derive(Deserialize)]
struct Upstream {
    name: String,
    project: String,
    origin: String,
    registry: String,
    url: String,
    profile: String,
    username: Option<String>,
    has_token: bool,
    has_proxy: bool,
    order: u32,
    capabilities: Vec<String>,
    allow_hosts: Vec<String>,
    allow: Vec<String>,
    deny: Vec<String>,
    bytes_per_second: Option<u64>,
    fresh_seconds: u64,
    immutable_tags: Vec<String>,
    stale_days: u64,
    offline: bool,
    public: bool,
    warm: Vec<String>,
    warm_platforms: Vec<String>,
    warm_minutes: u64,
}

pub(super) async fn run(session: &Session, command: &UpstreamCommand) -> anyhow::Result<()> {
    let Session { client, output } = session;
    match command {
        UpstreamCommand::List => {
            let upstreams = client.list(&["upstreams"], &[], None).await?;
            output.list(client, &upstreams, |upstreams: &[Upstream]| list(upstreams))
        }
        UpstreamCommand::Create(arguments) => create(session, arguments).await,
        UpstreamCommand::Show { upstream } => {
            let upstream = client.get(&["upstreams", upstream.as_str()]).await?;
            output.document(client, &upstream, details)
        }
        UpstreamCommand::Change(arguments) => change(session, arguments).await,
        UpstreamCommand::Delete { upstream } => {
            client.delete(&["upstreams", upstream.as_str()]).await?;
            output.done(&format!("deleted upstream {upstream}"))
        }
    }
}

async fn create(session: &Session, arguments: &CreateUpstream) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let mut body = settings(&arguments.options);
    body.extend(secrets(&arguments.options)?);
    body.insert("name".to_owned(), arguments.upstream.as_str().into());
    let created = client.post(&["upstreams"], &Value::Object(body)).await?;
    output.document(client, &created, details)
}

async fn change(session: &Session, arguments: &ChangeUpstream) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let mut body = settings(&arguments.options);
    body.extend(secrets(&arguments.options)?);
    let reset = arguments.reset.iter().cloned();
    body.extend(reset.map(|setting| (setting, Value::Null)));
    anyhow::ensure!(
        !body.is_empty(),
        "nothing is to change: `berth upstream change --help` lists what can"
    );
    let path = ["upstreams", arguments.upstream.as_str()];
    let changed = client.patch(&path, &Value::Object(body)).await?;
    output.document(client, &changed, details)
}

/// What is given, by the names that the API has.
fn settings(options: &UpstreamOptions) -> Map<String, Value> {
    let all = [
        ("registry", json!(options.registry)),
        ("url", json!(options.url)),
        ("profile", json!(options.profile)),
        ("username", json!(options.username)),
        ("order", json!(options.order)),
        ("capabilities", json!(options.capabilities)),
        ("allow_hosts", json!(options.allow_hosts)),
        ("allow", json!(options.allow)),
        ("deny", json!(options.deny)),
        ("bytes_per_second", json!(options.bytes_per_second)),
        ("fresh_seconds", json!(options.fresh_seconds)),
        ("immutable_tags", json!(options.immutable_tags)),
        ("stale_days", json!(options.stale_days)),
        ("offline", json!(options.offline)),
        ("public", json!(options.public)),
        ("warm", json!(options.warm)),
        ("warm_platforms", json!(options.warm_platforms)),
        ("warm_minutes", json!(options.warm_minutes)),
    ];
    let given = all.into_iter().filter(|(_, value)| !value.is_null());
    given
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The secrets that standard input has, one a line, or somebody at the terminal.
fn secrets(options: &UpstreamOptions) -> anyhow::Result<Vec<(String, Value)>> {
    let first = match (options.password_stdin, options.token_stdin) {
        (true, _) => Some("password"),
        (false, true) => Some("token"),
        (false, false) => None,
    };
    let mut secrets = Vec::new();
    match (first, options.proxy_stdin) {
        (Some(first), true) => {
            let [secret, proxy] = terminal::secrets_from_stdin()?;
            secrets.extend([(first, secret), ("proxy", proxy)]);
        }
        (Some(first), false) => {
            let [secret] = terminal::secrets_from_stdin()?;
            secrets.push((first, secret));
        }
        (None, true) => {
            let [proxy] = terminal::secrets_from_stdin()?;
            secrets.push(("proxy", proxy));
        }
        (None, false) => {}
    }
    if let Some(user) = options.username.as_ref().filter(|_| first.is_none()) {
        let instead = "give --password-stdin";
        let password = terminal::ask_secret(&format!("Password of {user}"), instead)?;
        secrets.push(("password", password));
    }
    let secrets = secrets.into_iter();
    let secrets = secrets.map(|(name, secret)| (name.to_owned(), secret.expose().into()));
    Ok(secrets.collect())
}

fn list(upstreams: &[Upstream]) -> String {
    let mut table = Table::with_header([
        "NAME", "REGISTRY", "URL", "PROJECT", "ORDER", "USER", "OFFLINE", "MADE BY",
    ]);
    for upstream in upstreams {
        table.row([
            upstream.name.clone(),
            upstream.registry.clone(),
            upstream.url.clone(),
            upstream.project.clone(),
            upstream.order.to_string(),
            upstream.username.clone().unwrap_or_default(),
            yes_no(upstream.offline),
            upstream.origin.clone(),
        ]);
    }
    table.to_string()
}

fn details(upstream: Upstream) -> String {
    let credentials = match (upstream.username, upstream.has_token) {
        (Some(user), _) => format!("of {user}"),
        (None, true) => "a token".to_owned(),
        (None, false) => String::new(),
    };
    let per_second = upstream.bytes_per_second;
    let per_second = per_second.map(|bytes| format!("{} a second", size(bytes)));
    let mut table = Table::new();
    for (name, value) in [
        ("name", upstream.name),
        ("registry", upstream.registry),
        ("url", upstream.url),
        ("profile", upstream.profile),
        ("project", upstream.project),
        ("made by", upstream.origin),
        ("credentials", credentials),
        ("proxy", yes_no(upstream.has_proxy)),
        ("order", upstream.order.to_string()),
        ("capabilities", upstream.capabilities.join(",")),
        ("allowed hosts", upstream.allow_hosts.join(",")),
        ("allow", upstream.allow.join(",")),
        ("deny", upstream.deny.join(",")),
        ("at most", per_second.unwrap_or_default()),
        ("fresh for", format!("{} s", upstream.fresh_seconds)),
        ("immutable tags", upstream.immutable_tags.join(" ")),
        ("stale for", format!("{} d", upstream.stale_days)),
        ("offline", yes_no(upstream.offline)),
        ("public", yes_no(upstream.public)),
        ("kept warm", upstream.warm.join(",")),
        ("warm platforms", upstream.warm_platforms.join(",")),
        ("warmed every", format!("{} min", upstream.warm_minutes)),
    ] {
        table.row([name.to_owned(), value]);
    }
    table.to_string()
}
