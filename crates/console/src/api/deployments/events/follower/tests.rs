use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use berth_registry::Timestamp;
use futures_util::FutureExt as _;

use super::*;

/// A log that is written by the test.
#[derive(Clone, Default)]
struct Log {
    lines: Arc<Mutex<Vec<Line>>>,
    reads: Arc<AtomicUsize>,
    news: watch::Sender<u64>,
    stopping: CancellationToken,
}

impl Lines for Log {
    async fn behind(&self, number: i64) -> Option<Vec<Line>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let lines = self.lines.lock().expect("nobody panics");
        let behind = lines.iter().filter(|line| line.number > number);
        // In parts, as the deployer gives them.
        Some(behind.take(2).cloned().collect())
    }
}

impl Log {
    fn write(&self, number: i64, kind: LineKind) {
        self.lines.lock().expect("nobody panics").push(Line {
            number,
            at: Timestamp(0),
            kind,
            service: None,
            text: String::new(),
        });
        self.tell();
    }

    /// As for a line of another deployment.
    fn tell(&self) {
        self.news.send_modify(|number| *number += 1);
    }

    fn follow(&self, after: i64, all_written: bool) -> impl Stream<Item = i64> + Send + Unpin {
        let (news, stopping) = (self.news.subscribe(), self.stopping.clone());
        let follower = Follower::new(self.clone(), after, all_written, news, stopping);
        follower.lines().map(|line| line.number).boxed()
    }
}

#[tokio::test]
async fn every_line_comes_once_and_the_last_one_ends_it() {
    let log = Log::default();
    for number in [3, 5, 6] {
        log.write(number, LineKind::Step);
    }
    let mut lines = log.follow(3, false);
    assert_eq!(lines.next().await, Some(5));
    assert_eq!(lines.next().await, Some(6));
    assert_eq!(lines.next().now_or_never(), None, "nothing was written");
    log.write(8, LineKind::State);
    assert_eq!(lines.next().await, Some(8));
    log.write(9, LineKind::End);
    log.write(10, LineKind::Note);
    assert_eq!(lines.collect::<Vec<_>>().await, [9, 10]);
}

#[tokio::test]
async fn one_who_waits_reads_nothing_until_something_was_written() {
    let log = Log::default();
    let mut lines = log.follow(0, false);
    for _ in 0..100 {
        assert_eq!(lines.next().now_or_never(), None);
    }
    assert_eq!(log.reads.load(Ordering::Relaxed), 1);
    for _ in 0..100 {
        log.tell();
    }
    log.write(1, LineKind::End);
    assert_eq!(lines.next().await, Some(1));
    assert_eq!(log.reads.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_deployment_that_has_ended_and_a_server_that_stops_are_not_waited_for() {
    let log = Log::default();
    for number in 1..=3 {
        log.write(number, LineKind::Step);
    }
    let ended = log.follow(0, true).collect::<Vec<_>>();
    assert_eq!(ended.await, [1, 2, 3]);
    let mut lines = log.follow(3, false);
    assert_eq!(lines.next().now_or_never(), None);
    log.stopping.cancel();
    assert_eq!(lines.next().await, None);
}
