use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than any start takes, or any end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A chromedriver on a port of its own, which keeps all that it has in a folder of its own. Killed
/// with -9 when it is dropped, along with the browser that it has started.
pub(super) struct Driver {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Driver {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            // The browser joins the group.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let (ready, port) = channel();
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        // To its end, so that what it prints later does not end it.
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(port) = port_of(&line) {
                    let _ = ready.send(port);
                }
            }
        });
        Self {
            child,
            folder,
            port: port.recv_timeout(PATIENCE).expect("chromedriver listens"),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A folder for the profile of the browser.
    pub(super) fn profile(&self) -> PathBuf {
        self.folder.path().join("profile")
    }
}

/// `ChromeDriver was started successfully on port 40817.`
fn port_of(line: &str) -> Option<u16> {
    let (_, port) = line.split_once("successfully on port ")?;
    port.trim_end_matches('.').parse().ok()
}

impl Drop for Driver {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
        remove(self.folder.path());
    }
}

/// Those that are killed write on until they notice.
fn remove(folder: &Path) {
    let deadline = Instant::now() + PATIENCE;
    while fs::remove_dir_all(folder).is_err() && folder.exists() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
}
