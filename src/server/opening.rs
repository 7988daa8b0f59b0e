use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// The time of a connection before its first request.
pub(super) struct Opening<'a> {
    pub(super) peer: SocketAddr,
    pub(super) limit: Duration,
    pub(super) accepting: &'a CancellationToken,
}

impl Opening<'_> {
    /// Waits for a step up to the limit, and no longer than the server accepts connections: a client
    /// that has not got this far has nothing to finish.
    pub(super) async fn step<T>(
        &self,
        name: &str,
        step: impl Future<Output = io::Result<T>>,
    ) -> Option<T> {
        let step = timeout(self.limit, step);
        match self.accepting.run_until_cancelled(step).await? {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(error)) => {
                debug!(peer = %self.peer, error = &error as &dyn Error, "{name} failed");
            }
            Err(_) => debug!(peer = %self.peer, "{name} took too long"),
        }
        None
    }
}
