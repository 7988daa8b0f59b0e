//! A front before a real engine, at a socket of its own: it counts what changes something, and kills
//! whoever asks, refuses or waits at the moment that a test names. It has a thread of its own, so
//! that it works while a test waits for a program.
//!
//! A connection carries one request: what comes after its head is copied and not looked at, so that
//! streams and hijacked connections pass.

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::Engine;

mod connection;

pub struct EngineFront {
    shared: Arc<Shared>,
    folder: TempDir,
    /// `None` once it has ended, which is when it is dropped.
    runtime: Option<Runtime>,
}

/// A request that the engine was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// Without the version of the API that it begins with.
    pub path: String,
    /// Of the answer, once it has begun.
    pub status: Option<u16>,
    /// `X-Registry-Auth`, as the engine reads it.
    pub credentials: Option<Value>,
}

/// On which side of a request a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The engine never hears of it.
    Before,
    /// The engine has answered, and whoever asked never hears of that.
    After,
}

type Matches = Box<dyn Fn(&Asked) -> bool + Send>;

#[derive(Default)]
struct State {
    requests: Vec<Asked>,
    kill: Option<Kill>,
    /// Once a process was killed nothing of it passes any more.
    killed: Option<Asked>,
    refusals: Vec<(Matches, String)>,
    holds: Vec<(Matches, watch::Receiver<bool>)>,
    away: bool,
}

struct Kill {
    pid: u32,
    side: Side,
    /// How many requests that change something come before it.
    left: usize,
}

struct Shared {
    engine: String,
    state: Mutex<State>,
    away: watch::Sender<bool>,
}

/// What is to be done with a request.
enum Verdict {
    Pass,
    /// After an answer that its sender does not get.
    Kill(u32),
    Refuse(String),
    /// The connection ends without an answer.
    Drop,
}

impl EngineFront {
    pub fn start(engine: &Engine) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let shared = Arc::new(Shared {
            engine: engine.socket().to_owned(),
            state: Mutex::default(),
            away: watch::Sender::new(false),
        });
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let path = folder.path().join("engine.sock");
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(path).expect("a socket")
        };
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Self {
            shared,
            folder,
            runtime: Some(runtime),
        }
    }

    pub fn url(&self) -> String {
        format!("unix://{}/engine.sock", self.folder.path().display())
    }

    /// What has changed something, or should have.
    pub fn changes(&self) -> Vec<Asked> {
        let mut requests = self.requests();
        requests.retain(Asked::changes_something);
        requests
    }

    pub fn requests(&self) -> Vec<Asked> {
        self.state().requests.clone()
    }

    pub fn forget(&self) {
        self.state().requests.clear();
    }

    /// Kills a process with -9 at the request number `number`, from one, of those that come from now
    /// on and change something.
    pub fn kill_at(&self, pid: u32, number: usize, side: Side) {
        let left = number - 1;
        let mut state = self.state();
        state.killed = None;
        state.kill = Some(Kill { pid, side, left });
    }

    /// At which request a process was killed. From now on everything passes again.
    pub fn disarm(&self) -> Option<Asked> {
        let mut state = self.state();
        state.kill = None;
        state.killed.take()
    }

    pub fn has_killed(&self) -> bool {
        self.state().killed.is_some()
    }

    /// Requests of this kind are answered 500 with this message, and go no further.
    pub fn refuse(&self, matches: impl Fn(&Asked) -> bool + Send + 'static, message: &str) {
        let refusal = (Box::new(matches) as Matches, message.to_owned());
        self.state().refusals.push(refusal);
    }

    pub fn refuse_nothing(&self) {
        self.state().refusals.clear();
    }

    /// Requests of this kind wait until what is returned says `true`, or is dropped.
    pub fn hold(&self, matches: impl Fn(&Asked) -> bool + Send + 'static) -> watch::Sender<bool> {
        let (open, opened) = watch::channel(false);
        self.state().holds.push((Box::new(matches), opened));
        open
    }

    /// Ends all connections, and every other that is made, until it is back.
    pub fn go_away(&self) {
        self.state().away = true;
        self.shared.away.send_replace(true);
    }

    pub fn come_back(&self) {
        self.state().away = false;
        self.shared.away.send_replace(false);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Drop for EngineFront {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Asked {
    /// A `wait` changes nothing, whatever its method says.
    pub fn changes_something(&self) -> bool {
        let reads = matches!(self.method.as_str(), "GET" | "HEAD");
        !reads && !self.path.contains("/wait") && !self.path.starts_with("/auth")
    }

    pub fn is(&self, method: &str, end: &str) -> bool {
        let path = self.path.split('?').next().unwrap_or_default();
        self.method == method && path.ends_with(end)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state of a front")
    }

    /// Notes a request, and says what is to be done with it. The number is for its status.
    fn judge(&self, asked: &Asked) -> (usize, Verdict) {
        let mut state = self.state();
        let number = state.requests.len();
        if state.killed.is_some() || state.away {
            return (number, Verdict::Drop);
        }
        state.requests.push(asked.clone());
        let mut refusals = state.refusals.iter();
        if let Some((_, message)) = refusals.find(|(matches, _)| matches(asked)) {
            return (number, Verdict::Refuse(message.clone()));
        }
        let Some(kill) = state.kill.as_mut().filter(|_| asked.changes_something()) else {
            return (number, Verdict::Pass);
        };
        if kill.left > 0 {
            kill.left -= 1;
            return (number, Verdict::Pass);
        }
        let (pid, side) = (kill.pid, kill.side);
        state.kill = None;
        if side == Side::After {
            return (number, Verdict::Kill(pid));
        }
        drop(state);
        self.kill(pid, asked);
        (number, Verdict::Drop)
    }

    fn kill(&self, pid: u32, asked: &Asked) {
        self.state().killed = Some(asked.clone());
        let status = std::process::Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status();
        assert!(status.is_ok_and(|status| status.success()), "kill {pid}");
    }

    fn answered(&self, number: usize, status: u16) {
        if let Some(asked) = self.state().requests.get_mut(number) {
            asked.status = Some(status);
        }
    }

    fn held(&self, asked: &Asked) -> Option<watch::Receiver<bool>> {
        let state = self.state();
        let mut holds = state.holds.iter();
        let held = holds.find(|(matches, open)| !*open.borrow() && matches(asked));
        held.map(|(_, open)| open.clone())
    }
}

async fn accept(listener: UnixListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, mut away) = (Arc::clone(&shared), shared.away.subscribe());
        tokio::spawn(async move {
            tokio::select! {
                // How a connection ends is for the one at its other end to see.
                _ = connection::serve(stream, &shared) => {}
                _ = away.wait_for(|away| *away) => {}
            }
        });
    }
}
