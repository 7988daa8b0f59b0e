use std::time::Duration;

use berth_deployer::{Line, LineKind};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Lines that are written within this time are read at once.
const GATHERING: Duration = Duration::from_millis(100);

/// What lines are read from.
pub(super) trait Lines: Send + Sync {
    /// Some of those behind a number, oldest first; `None` for one who may see no more of them.
    fn behind(&self, number: i64) -> impl Future<Output = Option<Vec<Line>>> + Send;
}

/// One who is told what happens during a deployment.
pub(super) struct Follower<L> {
    source: L,
    /// The number of the last line that was given.
    after: i64,
    /// Whether no line will be written any more.
    all_written: bool,
    /// Whether the last line was given.
    over: bool,
    news: watch::Receiver<u64>,
    stopping: CancellationToken,
}

impl<L: Lines> Follower<L> {
    pub(super) fn new(
        source: L,
        after: i64,
        all_written: bool,
        news: watch::Receiver<u64>,
        stopping: CancellationToken,
    ) -> Self {
        Self {
            source,
            after,
            all_written,
            over: false,
            news,
            stopping,
        }
    }

    /// The lines as they are written, to the last one of the deployment.
    pub(super) fn lines(self) -> impl Stream<Item = Line> + Send {
        let parts = stream::unfold(self, async |mut follower| {
            let lines = follower.next().await?;
            Some((stream::iter(lines), follower))
        });
        parts.flatten()
    }

    async fn next(&mut self) -> Option<Vec<Line>> {
        if self.over {
            return None;
        }
        loop {
            self.news.mark_unchanged();
            let lines = self.source.behind(self.after).await?;
            if let Some(last) = lines.last() {
                self.after = last.number;
                self.over = lines.iter().any(|line| line.kind == LineKind::End);
                return Some(lines);
            }
            if self.all_written {
                return None;
            }
            // Nobody polls: one who waits costs nothing until something was written.
            tokio::select! {
                changed = self.news.changed() => changed.ok()?,
                () = self.stopping.cancelled() => return None,
            }
            sleep(GATHERING).await;
        }
    }
}

#[cfg(test)]
mod tests;
