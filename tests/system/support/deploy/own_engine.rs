use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::Engine;
use crate::support::{provided, text, within};

/// Longer than a start or an orderly end takes: the engine gives its containers ten seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// An engine that a test may kill, or whose disk it may fill.
pub struct OwnEngine {
    pub engine: Engine,
    child: Option<Child>,
    folder: Arc<TempDir>,
    sockets: TempDir,
}

impl OwnEngine {
    pub async fn start() -> Option<Self> {
        Self::start_on(Arc::new(tempfile::tempdir().expect("a temporary folder"))).await
    }

    /// With all that it keeps in a folder.
    pub async fn start_on(folder: Arc<TempDir>) -> Option<Self> {
        provided("BERTH_TEST_DOCKERD")?;
        let sockets = tempfile::tempdir().expect("a temporary folder");
        let url = format!("unix://{}/docker.sock", sockets.path().display());
        let mut own = Self {
            engine: Engine::at(&url)?,
            child: None,
            folder,
            sockets,
        };
        own.start_again().await;
        Some(own)
    }

    /// Once it has ended.
    pub async fn start_again(&mut self) {
        let program = std::env::var("BERTH_TEST_DOCKERD").expect("looked at before");
        let log = self.sockets.path().join("log");
        let log = File::options().create(true).append(true).open(log);
        let log = log.expect("a file");
        let child = Command::new(program)
            .arg(self.folder.path())
            .args([self.engine.socket(), "--bridge=none"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn();
        self.child = Some(child.expect("tests/dockerd starts"));
        let docker = self.engine.docker.clone();
        let started = within(PATIENCE, LOOK_EVERY, async || {
            docker.try_run(&["version"]).is_some()
        });
        assert!(started.await, "the engine does not start: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.sockets.path().join("log")).unwrap_or_default()
    }

    /// SIGKILL, which leaves its containers without anybody who looks after them.
    pub fn kill(&mut self) {
        self.end("-KILL");
    }

    /// SIGTERM, with which it stops its containers first, as when a machine's operator restarts it.
    pub fn stop(&mut self) {
        self.end("-TERM");
    }

    fn end(&mut self, signal: &str) {
        if let Some(mut child) = self.child.take() {
            let pid = child.id().to_string();
            let status = Command::new("kill").args([signal, &pid]).status();
            assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
            child.wait().expect("a child that can be waited for");
        }
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        let docker = &self.engine.docker;
        if let Some(ids) = docker.try_run(&["ps", "-aq"]) {
            let ids: Vec<&str> = ids.split_whitespace().collect();
            let _ = docker.try_run(&[&["rm", "--force", "--volumes"], &ids[..]].concat());
        }
        self.stop();
        // It mounts its own folder on itself.
        let data = self.folder.path().join("data");
        unmount(&data);
    }
}

fn unmount(path: &Path) {
    let _ = Command::new("umount")
        .args(["-l", text(path)])
        .stderr(Stdio::null())
        .status();
}
