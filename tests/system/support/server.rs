use std::fs;
use std::io::{BufRead as _, BufReader};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::caller::ADMIN_BASE64;
use super::{ADMIN_PASSWORD, Caller, until};

/// Longer than any start takes, so that a server that hangs fails its test.
const PATIENCE: Duration = Duration::from_secs(60);

/// The real binary, serving a folder of its own. Killed with -9 when it is dropped.
pub struct TestServer {
    child: Child,
    address: String,
    mirror: Option<String>,
    log: Arc<Mutex<Vec<Value>>>,
    admin: Caller,
    data: Arc<TempDir>,
    login: OnceLock<TempDir>,
    builder: TestServerBuilder,
}

/// How a server is started.
#[derive(Clone)]
pub struct TestServerBuilder {
    environment: Vec<(String, String)>,
    wrapper: Vec<String>,
    program: PathBuf,
    scheme: &'static str,
}

impl TestServer {
    /// A server with nothing in it.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    pub fn builder() -> TestServerBuilder {
        TestServerBuilder {
            environment: Vec::new(),
            wrapper: Vec::new(),
            program: env!("CARGO_BIN_EXE_berth").into(),
            scheme: "http",
        }
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> &str {
        &self.address
    }

    /// Somebody who asks the address of the mirror, without credentials.
    pub fn mirror(&self) -> Caller {
        let address = self.mirror.as_ref().expect("a server with a mirror");
        self.admin.anonymous().at(format!("http://{address}"))
    }

    /// A folder for `DOCKER_CONFIG` with the login of the first user, as `docker login` leaves it.
    pub fn docker_config(&self) -> &Path {
        let folder = self.login.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let login = json!({"auths": {self.host(): {"auth": ADMIN_BASE64}}});
            let file = folder.path().join("config.json");
            fs::write(file, login.to_string()).expect("a file");
            folder
        });
        folder.path()
    }

    /// The same for podman, buildah and skopeo, which read it from `REGISTRY_AUTH_FILE`.
    pub fn auth_file(&self) -> PathBuf {
        self.docker_config().join("config.json")
    }

    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// The folder, for another server once this one has ended.
    pub fn data(&self) -> Arc<TempDir> {
        Arc::clone(&self.data)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The lines that the server has logged so far.
    pub fn log(&self) -> Vec<Value> {
        self.log.lock().expect("the log").clone()
    }

    /// Whether the message of a line that the server has logged so far holds the text.
    pub fn logged(&self, text: &str) -> bool {
        self.log().iter().any(|line| {
            line["message"]
                .as_str()
                .is_some_and(|message| message.contains(text))
        })
    }

    /// The access line of a request, by the id that its answer had.
    pub async fn access_line(&self, id: &str) -> Value {
        let mut lines = Vec::new();
        until("the access line", async || {
            lines = self.log();
            lines.retain(|line| line["target"] == "access" && line["id"] == id);
            !lines.is_empty()
        })
        .await;
        assert_eq!(lines.len(), 1, "{lines:#?}");
        lines.remove(0)
    }

    /// SIGKILL, and the wait for its end.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child that can be killed");
        self.child.wait().expect("a child that can be waited for");
    }

    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .arg(signal)
            .arg(self.pid().to_string())
            .status()
            .expect("kill");
        assert!(status.success(), "kill {signal} failed");
    }

    /// SIGTERM, and the exit status that follows.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("-TERM");
        self.wait()
    }

    /// The exit status, once the server has ended.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a child that can be waited for")
    }

    /// Whether the server runs.
    pub fn runs(&mut self) -> bool {
        let ended = self.child.try_wait();
        ended.expect("a child that can be waited for").is_none()
    }

    /// A new server on the folder of this one, which has ended.
    pub async fn restart(mut self) -> Self {
        self.kill();
        let (builder, data) = (self.builder.clone(), Arc::clone(&self.data));
        drop(self);
        builder.start_on(data).await
    }
}

/// What a test asks of a server it asks as the first user.
impl Deref for TestServer {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.admin
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl TestServerBuilder {
    /// A configuration key, as the environment variable of its name.
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// A command that the server runs under, such as strace. It must not fork.
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Another binary than the one that was built with the tests.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    pub fn tls(mut self, certificate: &Path, key: &Path) -> Self {
        self.scheme = "https";
        self.env("BERTH_TLS__CERTIFICATE", certificate.display())
            .env("BERTH_TLS__KEY", key.display())
    }

    pub async fn start(self) -> TestServer {
        self.start_on(Arc::new(tempfile::tempdir().expect("a temporary folder")))
            .await
    }

    pub async fn start_on(self, data: Arc<TempDir>) -> TestServer {
        let mut words = self
            .wrapper
            .iter()
            .map(String::as_str)
            .chain([self.program.to_str().expect("a path"), "serve"]);
        let mut child = Command::new(words.next().expect("a program"))
            .args(words)
            .env("BERTH_LISTEN", "127.0.0.1:0")
            .env("BERTH_DATA_DIR", data.path())
            .env("BERTH_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env("BERTH_LOG__FORMAT", "json")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("berth starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (ready, address) = channel();
        let (mirror_ready, mirror) = channel();
        let stderr = child.stderr.take().expect("a pipe");
        thread::spawn({
            let log = Arc::clone(&log);
            let ready = [("address", ready), ("mirror_address", mirror_ready)];
            move || follow(stderr, &log, &ready)
        });
        let address = wait_for(&address, &log);
        let mirrors = self.environment.iter();
        let mut mirrors = mirrors.filter(|(name, _)| name == "BERTH_MIRROR__LISTEN");
        let mirror = mirrors.next().map(|_| wait_for(&mirror, &log));
        let client = Client::builder()
            .danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(120))
            .build()
            .expect("a client");
        TestServer {
            child,
            admin: Caller::admin(client, format!("{}://{address}", self.scheme)),
            address,
            mirror,
            log,
            data,
            login: OnceLock::new(),
            builder: self,
        }
    }
}

/// Keeps what the server logs, and sends each address once it listens there.
fn follow(stderr: ChildStderr, log: &Mutex<Vec<Value>>, ready: &[(&str, Sender<String>)]) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let entry: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| Value::String(line.clone()));
        for (field, ready) in ready {
            if let Some(address) = entry[*field].as_str() {
                // The test may have given up.
                let _ = ready.send(address.to_owned());
            }
        }
        log.lock().expect("the log").push(entry);
    }
}

fn wait_for(address: &Receiver<String>, log: &Mutex<Vec<Value>>) -> String {
    address.recv_timeout(PATIENCE).unwrap_or_else(|error| {
        let lines: Vec<_> = log
            .lock()
            .expect("the log")
            .iter()
            .map(Value::to_string)
            .collect();
        panic!(
            "berth does not listen ({error}); it said:\n{}",
            lines.join("\n")
        )
    })
}
