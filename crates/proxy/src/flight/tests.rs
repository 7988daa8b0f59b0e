use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::*;

#[tokio::test]
async fn many_wait_for_what_is_done_once_even_if_the_first_leaves() {
    let flights = Flights::new(TaskTracker::new(), CancellationToken::new());
    let (done, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let join = || {
        flights.join("key", || {
            let (done, go) = (Arc::clone(&done), Arc::clone(&go));
            async move {
                go.notified().await;
                done.fetch_add(1, Ordering::SeqCst)
            }
        })
    };
    let first = join();
    let others: Vec<_> = (0..10).map(|_| join()).collect();
    drop(first);
    go.notify_one();
    for other in others {
        assert_eq!(other.await, 0);
    }
    assert!(flights.lock().is_empty());
    go.notify_one();
    assert_eq!(join().await, 1, "what has landed is done anew");
}

#[tokio::test]
async fn work_goes_on_when_nobody_waits() {
    let tasks = TaskTracker::new();
    let flights = Flights::new(tasks.clone(), CancellationToken::new());
    let done = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&done);
    drop(flights.join((), || async move {
        counted.fetch_add(1, Ordering::SeqCst);
    }));
    tasks.close();
    tasks.wait().await;
    assert_eq!(done.load(Ordering::SeqCst), 1);
    assert!(flights.lock().is_empty());
}
