//! What containers write.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::query_parameters::LogsOptions;
use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt};

use super::connection::{Connection, SOON};

/// Lines of a container that are told, and bytes of a line.
const MOST_LINES: usize = 300;
const MOST_BYTES: usize = 2048;
/// How long the last lines of a container that has ended may take.
const REST: Duration = Duration::from_millis(200);

/// Does some work, and tells meanwhile what a container writes.
pub(super) async fn while_following<T>(
    engine: &Connection,
    id: &str,
    tell: impl Fn(&str) + Send + Sync,
    work: impl Future<Output = T> + Send,
) -> T {
    let follow = pin!(follow(engine, id, &tell));
    match select(pin!(work), follow).await {
        Either::Left((done, follow)) => {
            // A container that still runs has no end.
            let _ = tokio::time::timeout(REST, follow).await;
            done
        }
        Either::Right(((), work)) => work.await,
    }
}

async fn follow(engine: &Connection, id: &str, tell: &(impl Fn(&str) + Sync)) {
    let Ok(client) = engine.client(SOON).await else {
        return;
    };
    let options = LogsOptions {
        follow: true,
        stdout: true,
        stderr: true,
        tail: "all".to_owned(),
        ..Default::default()
    };
    lines(client.logs(id, Some(options)), tell).await;
}

/// Tells the last lines.
pub(super) async fn last(
    engine: &Connection,
    id: &str,
    most: usize,
    tell: impl Fn(&str) + Send + Sync,
) {
    let Ok(client) = engine.client(SOON).await else {
        return;
    };
    let options = LogsOptions {
        stdout: true,
        stderr: true,
        tail: most.to_string(),
        ..Default::default()
    };
    let lines = lines(client.logs(id, Some(options)), &tell);
    let _ = tokio::time::timeout(SOON, lines).await;
}

/// Lines are for people: where they can not be read, nothing else is wrong.
async fn lines(
    output: impl Stream<Item = Result<LogOutput, Error>> + Send,
    tell: &(impl Fn(&str) + Sync),
) {
    let mut output = pin!(output.take(MOST_LINES));
    while let Some(Ok(line)) = output.next().await {
        let bytes = line.into_bytes();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_BYTES)]);
        tell(text.trim_end_matches(['\r', '\n']));
    }
}
