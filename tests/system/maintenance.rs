//! The commands that work on a server's own database and store, beside it or in its place.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::support::TestServer;

mod backup;
mod damage;

/// `berth` with a data folder, as on the machine of its server.
fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
    command
        .args(arguments)
        .env("BERTH_DATA_DIR", data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn spawn(data: &Path, arguments: &[&str]) -> Child {
    command(data, arguments).spawn().expect("berth starts")
}

/// How a command ended, and all that it said.
async fn run(data: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = command(data, arguments);
    let output = tokio::task::spawn_blocking(move || command.output().expect("berth ends"));
    said(output.await.expect("berth ends"))
}

fn said(output: Output) -> (Option<i32>, String) {
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("text");
    (output.status.code(), text)
}

/// A check that must find nothing.
async fn assert_clean(data: &Path) {
    let (code, said) = run(data, &["fsck"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(": clean"), "{said}");
}

async fn backup(server: &TestServer, to: &Path) -> String {
    let (code, said) = run(server.data_dir(), &["backup", path(to)]).await;
    assert_eq!(code, Some(0), "{said}");
    said
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path")
}
