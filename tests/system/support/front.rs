//! A front before a real registry, on loopback: it counts what it is asked, and does what registries
//! do at bad times. It has a thread of its own, so that it answers while a test waits for a program.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::TestServer;
use access::Access;
use fault::Rule;
use gate::Held;
use serve::Serving;
use signatures::Signatures;

mod access;
mod answer;
mod body;
mod fault;
mod gate;
mod request;
mod serve;
mod signatures;

pub use fault::Fault;
pub use gate::Gate;
use request::Listener;
pub use request::Request;

pub struct Front {
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
    registry: Mutex<Option<Serving>>,
    /// Kept for as long as the front is there.
    _cdn: Option<Serving>,
}

/// How a front is started.
#[derive(Clone, Default)]
pub struct FrontBuilder {
    tokens: Option<Duration>,
    credentials: Option<(String, String)>,
    cdn: bool,
}

struct Shared {
    upstream: String,
    client: reqwest::Client,
    address: SocketAddr,
    cdn: Option<SocketAddr>,
    settings: FrontBuilder,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    rules: Vec<Rule>,
    gates: Vec<Arc<Held>>,
    access: Access,
    signatures: Signatures,
    latency: Duration,
    bytes_per_second: Option<u64>,
    remaining: Option<u32>,
}

impl FrontBuilder {
    /// Clients need a token, which lives so long.
    pub fn tokens(mut self, lifetime: Duration) -> Self {
        self.tokens = Some(lifetime);
        self
    }

    /// For a token, or for everything when there are no tokens.
    pub fn credentials(mut self, user: &str, password: &str) -> Self {
        self.credentials = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Blobs are at another address, where a signature opens them.
    pub fn cdn(mut self) -> Self {
        self.cdn = true;
        self
    }

    pub fn start(self, upstream: &TestServer) -> Front {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let bind = |address: &str| TcpListener::bind(address).expect("a free port");
        let address = |listener: &TcpListener| listener.local_addr().expect("an address");
        let registry = bind("127.0.0.1:0");
        let cdn = self.cdn.then(|| bind("127.0.0.2:0"));
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client");
        let shared = Arc::new(Shared {
            upstream: upstream.url(""),
            client,
            address: address(&registry),
            cdn: cdn.as_ref().map(address),
            settings: self,
            state: Mutex::default(),
        });
        let handle = runtime.handle();
        let serve = |listener, which| Serving::start(handle, listener, which, Arc::clone(&shared));
        let registry = serve(registry, Listener::Registry);
        let cdn = cdn.map(|listener| serve(listener, Listener::Cdn));
        Front {
            registry: Mutex::new(Some(registry)),
            _cdn: cdn,
            runtime: Some(runtime),
            shared,
        }
    }
}

impl Front {
    /// A registry that anybody may pull from.
    pub fn of(upstream: &TestServer) -> Self {
        FrontBuilder::default().start(upstream)
    }

    /// What the proxy is told to ask.
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// All that was asked since the last [`Self::forget`], in order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    pub fn count(&self, wanted: impl Fn(&Request) -> bool) -> usize {
        let requests = self.requests();
        requests.iter().filter(|request| wanted(request)).count()
    }

    /// The bytes of bodies that were sent for the wanted requests.
    pub fn sent(&self, wanted: impl Fn(&Request) -> bool) -> u64 {
        let requests = self.requests();
        let wanted = requests.iter().filter(|request| wanted(request));
        wanted.map(Request::sent).sum()
    }

    pub fn forget(&self) {
        self.shared.state().requests.clear();
    }

    #[track_caller]
    pub fn assert_not_asked(&self) {
        let requests = self.requests();
        assert!(requests.is_empty(), "{requests:#?}");
    }

    #[track_caller]
    pub fn assert_count(&self, expected: usize, wanted: impl Fn(&Request) -> bool) {
        let requests = self.requests();
        let count = requests.iter().filter(|request| wanted(request)).count();
        assert_eq!(count, expected, "{requests:#?}");
    }

    /// From now on all such requests fail so.
    pub fn always(&self, on: impl Fn(&Request) -> bool + Send + 'static, fault: Fault) {
        self.add(Rule::new(on, None, fault));
    }

    /// The next so many of such requests fail so.
    pub fn times(
        &self,
        times: usize,
        on: impl Fn(&Request) -> bool + Send + 'static,
        fault: Fault,
    ) {
        self.add(Rule::new(on, Some(times), fault));
    }

    fn add(&self, rule: Rule) {
        self.shared.state().rules.push(rule);
    }

    /// Nothing fails any more. What hangs goes on hanging.
    pub fn mend(&self) {
        self.shared.state().rules.clear();
    }

    /// Each body of this blob stops before this byte of the blob until the gate is opened.
    pub fn gate(&self, digest: &str, offset: u64) -> Gate {
        let (gate, held) = gate::new(digest, offset);
        self.shared.state().gates.push(held);
        gate
    }

    /// Each answer takes so long to begin.
    pub fn latency(&self, latency: Duration) {
        self.shared.state().latency = latency;
    }

    /// Each body comes this fast.
    pub fn bytes_per_second(&self, rate: u64) {
        self.shared.state().bytes_per_second = Some(rate);
    }

    /// Manifests say of how many of a hundred pulls are left, as Docker Hub does.
    pub fn remaining(&self, pulls: u32) {
        self.shared.state().remaining = Some(pulls);
    }

    /// No token that was given is taken any more.
    pub fn expire_tokens(&self) {
        self.shared.state().access = Access::default();
    }

    /// No signature that was given opens anything any more.
    pub fn expire_signatures(&self) {
        self.shared.state().signatures.expire();
    }

    /// Each signature opens its blob so often.
    pub fn signatures_last(&self, uses: usize) {
        self.shared.state().signatures.last(uses);
    }

    /// Nobody listens any more, and all connections are closed.
    pub async fn down(&self) {
        let serving = self.registry.lock().expect("the listener").take();
        serving.expect("a front that is up").stop().await;
    }

    /// Listens again, where it did before.
    pub fn up(&self) {
        let listener = TcpListener::bind(self.shared.address).expect("the port of before");
        let handle = self.runtime.as_ref().expect("it runs").handle();
        let shared = Arc::clone(&self.shared);
        let serving = Serving::start(handle, listener, Listener::Registry, shared);
        *self.registry.lock().expect("the listener") = Some(serving);
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A test is asynchronous, and may not wait here.
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no request panicked")
    }
}
