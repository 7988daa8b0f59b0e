use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::{Blob, Image, Pusher, Record, Shape, TestServer, full, random_bytes, tool};

/// What a push asks of the kernel, in the order of its steps.
const CALLS: [&str; 6] = ["openat", "pwrite64", "linkat", "fsync", "unlink", "writev"];

#[tokio::test]
async fn a_kill_at_any_system_call_of_a_push_leaves_all_or_nothing() {
    if !tool("strace") {
        return;
    }
    let most = if full() { usize::MAX } else { 4 };
    for call in CALLS {
        let mut kills = 0;
        // strace counts the calls of each thread by itself, so that few numbers reach them all.
        for number in 1..=most {
            if !kill_at(call, number).await {
                break;
            }
            kills += 1;
        }
        assert!(kills > 0, "no push makes the call {call}");
        println!("killed at the first {kills} calls of {call}");
    }
}

/// Whether the pushes came to so many calls.
async fn kill_at(call: &str, number: usize) -> bool {
    let record = Record::default();
    let mut server = TestServer::start().await;
    let mut tracer = attach(server.pid(), call, number);
    let survived = push_everything(&server, &record).await.is_some();
    if survived {
        // The server still runs: end the tracer by hand, which lets it go.
        tracer.kill().expect("strace ends");
    } else {
        server.wait();
    }
    tracer.wait().expect("strace ends");
    let server = server.restart().await;
    record.check(&server, true).await;
    !survived
}

/// The first push makes the repository, the others find it.
async fn push_everything(server: &TestServer, record: &Record) -> Option<()> {
    let pusher = Pusher {
        server,
        record,
        repository: "crash/points".to_owned(),
    };
    for (seed, shape) in (1..).zip(Shape::ALL) {
        let blob = Blob::new(random_bytes(seed, 5_000));
        pusher.blob(&blob, shape).await?;
    }
    let blob = Blob::new(random_bytes(1, 5_000));
    pusher.blob(&blob, Shape::Put).await?;
    let image = Image::small(9);
    pusher.image(&image, Some("latest"), Shape::Put).await
}

/// Attached after the start, so that only calls of the pushes are counted.
fn attach(pid: u32, call: &str, number: usize) -> Child {
    let mut tracer = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "-p", &pid.to_string()])
        .args(["-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:signal=KILL:when={number}")])
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace starts");
    let stderr = tracer.stderr.take().expect("a pipe");
    let mut lines = BufReader::new(stderr).lines();
    let attached = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("attached")));
    assert!(attached.is_some(), "strace did not attach to the server");
    // Later lines are about threads that come and go; the pipe has to be read all the same.
    std::thread::spawn(move || lines.for_each(drop));
    tracer
}
