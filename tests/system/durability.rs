//! 201 means that the bytes are on disk: what the server asks of the kernel, and in which order.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Blob, Image, Pusher, Record, Shape, TestServer, random_bytes, tool, until};

/// What strace saw, in order. A sync counts from its end, an answer from its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Written(PathBuf),
    Linked {
        from: PathBuf,
        to: PathBuf,
    },
    Synced(PathBuf),
    /// The status of an answer.
    Answered(String),
}

fn parse(trace: &str) -> Vec<Event> {
    let mut unfinished: HashMap<&str, String> = HashMap::new();
    let mut events = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').expect("a thread and its call");
        let call = call.trim_start();
        if let Some((begin, _)) = call.split_once(" <unfinished ...>") {
            events.extend(answer(begin));
            unfinished.insert(thread, begin.to_owned());
        } else if call.starts_with("<... ") {
            let (_, end) = call.split_once("resumed>").expect("the end of a call");
            let begin = unfinished.remove(thread).expect("its beginning");
            events.extend(done(&format!("{begin}{end}")));
        } else {
            events.extend(answer(call));
            events.extend(done(call));
        }
    }
    events
}

fn answer(call: &str) -> Option<Event> {
    let (_, answer) = call.split_once("\"HTTP/1.1 ")?;
    Some(Event::Answered(answer[..3].to_owned()))
}

/// `fsync(12</path>) = 0` and its like, once it has ended well.
fn done(call: &str) -> Option<Event> {
    let (name, rest) = call.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    if result.starts_with('-') {
        return None;
    }
    let file = || {
        let (_, path) = arguments.split_once('<')?;
        Some(PathBuf::from(path.split_once('>')?.0))
    };
    match name {
        "fsync" | "fdatasync" => Some(Event::Synced(file()?)),
        "write" | "pwrite64" => Some(Event::Written(file()?)),
        "linkat" => {
            let mut paths = arguments.split('"').skip(1).step_by(2).map(PathBuf::from);
            Some(Event::Linked {
                from: paths.next()?,
                to: paths.next()?,
            })
        }
        _ => None,
    }
}

/// What happened for each answer of a status: from the answer before it up to it.
fn answered<'e>(events: &'e [Event], expected: &str) -> Vec<&'e [Event]> {
    let mut pushes = Vec::new();
    let mut begin = 0;
    for (at, event) in events.iter().enumerate() {
        if let Event::Answered(status) = event {
            if status == expected {
                pushes.push(&events[begin..at]);
            }
            begin = at + 1;
        }
    }
    pushes
}

fn last(events: &[Event], event: &Event) -> Option<usize> {
    events.iter().rposition(|other| other == event)
}

/// The log of the database is synced behind all that was written to it, and not before `earliest`.
fn assert_committed(push: &[Event], database: &Path, earliest: usize) {
    let written = last(push, &Event::Written(database.to_owned()));
    let synced = last(push, &Event::Synced(database.to_owned()));
    assert!(
        written > Some(earliest) && synced > written,
        "{} is written at {written:?} and synced at {synced:?}, not after {earliest}: {push:#?}",
        database.display()
    );
}

/// The staged file that a chunk was written to.
fn staged(chunk: &[Event]) -> Option<PathBuf> {
    chunk.iter().find_map(|event| match event {
        Event::Written(path) if path.parent()?.ends_with("store/uploads") => Some(path.clone()),
        _ => None,
    })
}

/// A row that says how far a session is, and with which hash, is written after the bytes are on
/// disk: a power cut that kept the row alone would let other bytes pass for proved ones.
fn assert_chunk_durable(chunk: &[Event], staged: &Path, database: &Path) {
    let written = last(chunk, &Event::Written(staged.to_owned()));
    let synced = last(chunk, &Event::Synced(staged.to_owned()));
    let saved = last(chunk, &Event::Written(database.to_owned()));
    assert!(
        synced > written && saved > synced,
        "{} is written at {written:?}, synced at {synced:?} and in its row at {saved:?}: {chunk:#?}",
        staged.display()
    );
}

fn assert_blob_durable(push: &[Event], whole: &[Event], database: &Path) {
    let linked = push
        .iter()
        .position(|event| matches!(event, Event::Linked { .. }));
    let linked = linked.unwrap_or_else(|| panic!("nothing is published: {push:#?}"));
    let Event::Linked { from, to } = &push[linked] else {
        unreachable!("it was looked for")
    };
    let folder = to.parent().expect("a folder");
    let bytes = last(push, &Event::Synced(to.clone()));
    let name = last(push, &Event::Synced(folder.to_owned()));
    assert!(bytes > Some(linked), "the bytes are not synced: {push:#?}");
    assert!(name > Some(linked), "the name is not synced: {push:#?}");
    // The log comes after both, so that no row names what a power cut may take.
    assert_committed(push, database, bytes.max(name).expect("both"));
    // Nothing is written behind the sync.
    for path in [from, to] {
        let written = last(push, &Event::Written(path.clone()));
        assert!(
            written < bytes,
            "{} is written to after its sync",
            path.display()
        );
    }
    let staged = Event::Written(from.clone());
    assert!(
        whole.contains(&staged),
        "{} is never written: {whole:#?}",
        from.display()
    );
}

#[tokio::test]
async fn a_push_is_acknowledged_after_its_bytes_its_name_and_its_row_are_synced() {
    if !tool("strace") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trace = folder.path().join("trace");
    let calls = "trace=fsync,fdatasync,linkat,write,writev,sendto,pwrite64";
    // With -D the server is our child, and strace its.
    let output = trace.to_str().expect("a path");
    let mut server = TestServer::builder()
        .under(&[
            "strace", "-D", "-f", "-y", "-s", "16", "-e", calls, "-o", output,
        ])
        .start()
        .await;
    let record = Record::default();
    let pusher = Pusher {
        server: &server,
        record: &record,
        repository: "durable/pushes".to_owned(),
    };
    for (seed, shape) in (1..).zip(Shape::ALL) {
        let blob = Blob::new(random_bytes(seed, 3_000_000));
        pusher.blob(&blob, shape).await.expect("a server that runs");
    }
    let image = Image::small(9);
    let pushed = pusher.image(&image, Some("latest"), Shape::Put).await;
    pushed.expect("a server that runs");
    let database = server.data_dir().join("berth.db-wal");
    assert!(server.stop().success());
    let mut text = String::new();
    until("the end of the trace", async || {
        text = fs::read_to_string(&trace).expect("the trace");
        text.ends_with("+++ exited with 0 +++\n")
    })
    .await;

    let events = parse(&text);
    let pushes = answered(&events, "201");
    // Each shape, and the image's layer, configuration and manifest.
    assert_eq!(pushes.len(), Shape::ALL.len() + 3);
    let (manifest, blobs) = pushes.split_last().expect("some");
    for push in blobs {
        assert_blob_durable(push, &events, &database);
    }
    assert_committed(manifest, &database, 0);
    let chunks = answered(&events, "202")
        .into_iter()
        .filter_map(|chunk| Some((staged(chunk)?, chunk)));
    let mut count = 0;
    for (written, chunk) in chunks {
        assert_chunk_durable(chunk, &written, &database);
        count += 1;
    }
    assert!(count > 0, "no shape sends chunks: {events:#?}");
}
