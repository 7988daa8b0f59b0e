use std::fmt;
use std::process::{Child, Stdio};

use serde_json::Value;

use super::Project;
use crate::support::{Finally, until};

/// A client in a container of its own on a project's network.
pub struct Counter {
    child: Child,
    _remove: Finally,
}

/// What it saw.
#[derive(Debug)]
pub struct Report {
    pub requests: u64,
    pub failures: u64,
    document: Value,
}

impl Counter {
    /// Asks a name for its first page, again and again, until it is told to finish.
    pub async fn start(project: &Project, network: &str, name: &str) -> Self {
        static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let container = format!("{}-counter-{number}", project.name);
        let docker = &project.engine.docker;
        // Of the version that runs now: the application is the same in all of them.
        let images = project.containers();
        let image = images.first().expect("a container").image();
        let network = project.full(network);
        let words = ["run", "--interactive", "--rm", "--network", &network];
        let command = [
            &words[..],
            &["--name", &container, image, "app", "count", name],
        ]
        .concat();
        let child = docker
            .command(&command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let counter = Self {
            child: child.expect("docker starts"),
            _remove: docker.finally(&["rm", "--force", &container]),
        };
        until("the counter", async || {
            let found = project.engine.container(&container);
            found.is_some_and(|container| container.runs())
        })
        .await;
        counter
    }

    pub fn finish(mut self) -> Report {
        drop(self.child.stdin.take());
        let output = self.child.wait_with_output().expect("docker ends");
        let printed = String::from_utf8_lossy(&output.stdout);
        let document: Value = serde_json::from_str(&printed)
            .unwrap_or_else(|error| panic!("the counter printed {printed:?}: {error}"));
        Report {
            requests: document["requests"].as_u64().expect("a number"),
            failures: document["failures"].as_u64().expect("a number"),
            document,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.document)
    }
}
