use std::io::stderr;

use crate::config::{Log, LogFormat};

/// Sends what the server says to stderr.
pub(crate) fn start(log: &Log) -> anyhow::Result<()> {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(log.level.filter())
        .with_writer(stderr);
    let started = match log.format {
        LogFormat::Text => subscriber.with_ansi(false).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("could not start the log: {error}"))
}
