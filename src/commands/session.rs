use anyhow::Context as _;
use berth_registry::{Clock as _, SystemClock};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use crate::cli::{ClientOptions, Expiry};
use crate::client::{Client, Login, LoginFile};
use crate::output::Output;

/// What a command works with: the server that was logged in to, and the place to print to.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) output: Output,
}

impl Session {
    pub(super) fn open(options: &ClientOptions) -> anyhow::Result<Self> {
        let login = login(options)?;
        Ok(Self {
            client: Client::new(&login)?,
            output: Output {
                json: options.json,
                now: now()?,
            },
        })
    }

    /// An expiry as the API takes it.
    pub(super) fn expiry(&self, expiry: Expiry) -> Value {
        match expiry {
            Expiry::Never => Value::Null,
            Expiry::At(moment) => rfc3339(moment.after(self.output.now)).into(),
        }
    }
}

/// The login that is kept, if it is for the server that the options name.
pub(super) fn login(options: &ClientOptions) -> anyhow::Result<Login> {
    let login = LoginFile::find()?.read()?;
    let Some(login) = login else {
        match &options.server {
            Some(server) => anyhow::bail!("nobody is logged in: run `berth login {server}`"),
            None => anyhow::bail!("nobody is logged in: run `berth login SERVER`"),
        }
    };
    if let Some(server) = &options.server {
        anyhow::ensure!(
            *server == login.server,
            "the login is for {}: run `berth login {server}`",
            login.server
        );
    }
    Ok(login)
}

pub(super) fn now() -> anyhow::Result<DateTime<Utc>> {
    DateTime::from_timestamp_millis(SystemClock.now().0)
        .context("the clock of this machine is centuries off")
}

pub(super) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
