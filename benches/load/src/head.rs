use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};

use super::Head;
use super::connection::{Connection, Content};

const THREADS: usize = 2;

/// Requests a second, on all connections at one time.
pub(super) fn rate(wanted: &Head) -> anyhow::Result<f64> {
    let duration = Duration::from_secs(wanted.seconds);
    let begun = Instant::now();
    let answered = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(move || answered(wanted, duration)))
            .collect();
        let counts = threads.into_iter().map(|thread| {
            let done = thread.join();
            done.unwrap_or_else(|_| Err(anyhow!("a client panicked")))
        });
        counts.sum::<anyhow::Result<u32>>()
    })?;
    Ok(f64::from(answered) / begun.elapsed().as_secs_f64())
}

/// How many answers a share of the connections had: each asks when all of them have theirs.
fn answered(wanted: &Head, duration: Duration) -> anyhow::Result<u32> {
    let authorization = wanted.authorization.as_deref();
    let open = |_| Connection::open(wanted.address, String::new(), authorization);
    let mut connections = (0..wanted.connections / THREADS)
        .map(open)
        .collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    let mut answered = 0;
    while begun.elapsed() < duration {
        for connection in &mut connections {
            let content = Content {
                accept: Some(&wanted.accept),
                ..Content::default()
            };
            connection.send("HEAD", &wanted.path, content)?;
        }
        for connection in &mut connections {
            let (status, _) = connection.receive("HEAD")?;
            ensure!(status == 200, "HEAD {}: {status}", wanted.path);
            answered += 1;
        }
    }
    Ok(answered)
}
