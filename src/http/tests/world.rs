use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use berth_deployer::Deployer;
use berth_oci::{Algorithm, Digest};
use berth_proxy::{Proxy, ProxySettings};
use berth_registry::auth::{NewPassword, Place, SecretKeys};
use berth_registry::cache::CacheLimits;
use berth_registry::http::{Client, Scheme};
use berth_registry::retention::RunState;
use berth_registry::source::Sources;
use berth_registry::{Clock, Db, Limits, LocalStore, Registry, Release, Timestamp};
use futures_util::stream;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::super::{Metrics, app};
use super::credential::Credential;
use crate::config::Config;

pub(super) const SERVICE: &str = "registry.example";
pub(super) const HOST: &str = "registry.example";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const PASSWORD: &str = "correct horse";

/// A server in a folder of its own, whose time stands still until a test moves it.
pub(super) struct World {
    folder: TempDir,
    clock: Arc<TestClock>,
    pub(super) registry: Arc<Registry>,
    pub(super) proxy: Arc<Proxy>,
    deployer: Arc<Deployer>,
    app: Router,
}

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// A request, but for who sends it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Call {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            content_type: None,
            body: Vec::new(),
        }
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn with_body(
        mut self,
        content_type: &'static str,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        self.content_type = Some(content_type);
        self.body = body.into();
        self
    }

    pub(super) fn json(method: Method, path: impl Into<String>, document: &Value) -> Self {
        Self::new(method, path).with_body("application/json", document.to_string())
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn header(&self, name: impl http::header::AsHeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn challenge(&self) -> &str {
        self.header(WWW_AUTHENTICATE)
    }
}

impl World {
    /// A world whose tokens are for this service.
    pub(super) async fn open_for(service: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_700_000_000_000)));
        let registry = open(folder.path(), &clock, service).await;
        let password = NewPassword::try_from(PASSWORD.to_owned()).unwrap();
        let admin = "admin".parse().unwrap();
        registry.create_first_user(admin, password).await.unwrap();
        Self::around(folder, clock, registry, ProxySettings::default()).await
    }

    /// A world whose configuration has upstreams and groups.
    pub(super) async fn open_with(settings: ProxySettings) -> Self {
        let world = Self::open_for(SERVICE).await;
        let (folder, clock, registry) = world.restarted().await;
        Self::around(folder, clock, registry, settings).await
    }

    /// The same folder after a restart.
    pub(super) async fn reopen(self) -> Self {
        let (folder, clock, registry) = self.restarted().await;
        Self::around(folder, clock, registry, ProxySettings::default()).await
    }

    /// Ends it, and opens its folder again.
    async fn restarted(self) -> (TempDir, Arc<TestClock>, Arc<Registry>) {
        let Self {
            folder,
            clock,
            registry,
            proxy,
            deployer,
            app,
        } = self;
        deployer.close().await;
        proxy.close().await;
        registry.close().await;
        // Nobody may hold the store any more.
        drop((app, deployer, proxy, registry));
        let registry = open(folder.path(), &clock, SERVICE).await;
        (folder, clock, registry)
    }

    async fn around(
        folder: TempDir,
        clock: Arc<TestClock>,
        registry: Arc<Registry>,
        settings: ProxySettings,
    ) -> Self {
        let proxy = Proxy::open(Arc::clone(&registry), settings).await;
        let proxy = proxy.unwrap();
        let sources: Arc<dyn Sources> = Arc::clone(&proxy) as _;
        let config = Config::default();
        let deployer = Deployer::open(
            Arc::clone(&registry),
            Arc::clone(&sources),
            config.deploy_settings(config.listen),
        );
        let deployer = deployer.await.unwrap();
        let metrics = Arc::new(Metrics::new(Arc::clone(&registry), Arc::clone(&proxy)));
        let console = berth_console::router(
            Arc::clone(&registry),
            Arc::clone(&proxy),
            Arc::clone(&deployer),
            None,
            CancellationToken::new(),
        );
        let app = app(&registry, &sources, console, metrics, false);
        Self {
            folder,
            clock,
            registry,
            proxy,
            deployer,
            app,
        }
    }

    pub(super) fn advance(&self, duration: Duration) {
        let by = i64::try_from(duration.as_millis()).unwrap();
        self.clock.0.fetch_add(by, Ordering::Relaxed);
    }

    pub(super) async fn send(&self, call: &Call, credential: &Credential) -> Answer {
        let body = Body::from(call.body.clone());
        self.send_body(call, credential, body).await
    }

    /// As [`World::send`], but something happens when the body is asked for, and before it comes.
    pub(super) async fn send_slowly(
        &self,
        call: &Call,
        credential: &Credential,
        meanwhile: impl Future<Output = ()>,
    ) -> Answer {
        let (asked, wait_for_question) = oneshot::channel();
        let (answer, wait_for_answer) = oneshot::channel();
        let bytes = call.body.clone();
        let body = Body::from_stream(stream::once(async move {
            asked.send(()).expect("somebody waits");
            wait_for_answer.await.expect("somebody answers");
            Ok::<_, std::convert::Infallible>(bytes)
        }));
        let happens = async {
            wait_for_question.await.expect("the body is asked for");
            meanwhile.await;
            answer.send(()).expect("the body waits");
        };
        tokio::join!(self.send_body(call, credential, body), happens).0
    }

    async fn send_body(&self, call: &Call, credential: &Credential, body: Body) -> Answer {
        let mut request = Request::builder().method(&call.method).uri(&call.path);
        if let Some(header) = credential.header() {
            request = request.header(AUTHORIZATION, header);
        }
        if let Some(cookie) = credential.cookie() {
            request = request.header(COOKIE, cookie);
        }
        if let Some(content_type) = call.content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let client = Client {
            address: "192.0.2.1".parse().unwrap(),
            scheme: Scheme::Https,
            host: Some(HOST.to_owned()),
        };
        let request = request.extension(client).body(body).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }

    pub(super) async fn get(&self, path: &str, credential: &Credential) -> Answer {
        self.send(&Call::get(path), credential).await
    }

    /// Asks the management API for something that it has to do.
    pub(super) async fn must(
        &self,
        by: &Credential,
        method: Method,
        path: &str,
        document: Value,
    ) -> Value {
        let answer = self.api(by, method.clone(), path, document).await;
        assert!(
            answer.status.is_success(),
            "{method} {path}: {} {}",
            answer.status,
            answer.text()
        );
        match answer.body.is_empty() {
            true => Value::Null,
            false => answer.json(),
        }
    }

    pub(super) async fn api(
        &self,
        by: &Credential,
        method: Method,
        path: &str,
        document: Value,
    ) -> Answer {
        let call = Call::json(method, format!("/api/v1{path}"), &document);
        self.send(&call, by).await
    }

    /// Makes a user, who signs in with a password.
    pub(super) async fn user(&self, name: &str) -> Credential {
        self.user_with(name, json!([])).await
    }

    pub(super) async fn user_with(&self, name: &str, actions: Value) -> Credential {
        let new = json!({"name": name, "password": PASSWORD, "actions": actions});
        self.must(&admin(), Method::POST, "/users", new).await;
        Credential::basic(name, PASSWORD)
    }

    pub(super) async fn member(&self, project: &str, name: &str, role: &str) -> Credential {
        let credential = self.user(name).await;
        self.join(project, name, role).await;
        credential
    }

    pub(super) async fn join(&self, project: &str, name: &str, role: &str) {
        let path = format!("/projects/{project}/members/{name}");
        let roles = json!({"roles": [role]});
        self.must(&admin(), Method::PUT, &path, roles).await;
    }

    pub(super) async fn project(&self, name: &str) {
        let new = json!({"name": name});
        self.must(&admin(), Method::POST, "/projects", new).await;
    }

    /// Waits for the run of the project's retention that is under way, if there is one.
    pub(super) async fn retention_ends(&self, name: &str) {
        let project = name.parse().unwrap();
        loop {
            let newest = self.registry.retention_runs(&project, None, 1).await;
            let newest = newest.unwrap();
            if newest.iter().all(|run| run.state != RunState::Running) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Makes a personal token of the user; `expires_at` may be null.
    pub(super) async fn personal_token(
        &self,
        user: &Credential,
        name: &str,
        scopes: Value,
        expires_at: Value,
    ) -> Credential {
        let Credential::Basic { name: owner, .. } = user else {
            panic!("only a user has tokens");
        };
        let new = json!({"name": name, "scopes": scopes, "expires_at": expires_at});
        let path = format!("/users/{owner}/tokens");
        let made = self.must(user, Method::POST, &path, new).await;
        Credential::basic(owner, made["secret"].as_str().unwrap())
    }

    /// Makes a robot of the project.
    pub(super) async fn robot(
        &self,
        by: &Credential,
        project: &str,
        name: &str,
        actions: Value,
    ) -> Credential {
        let scope = json!({"repositories": format!("{project}/**"), "actions": actions});
        let new = json!({"name": name, "scopes": [scope]});
        let path = format!("/projects/{project}/robots");
        let made = self.must(by, Method::POST, &path, new).await;
        let text = |field: &str| made[field].as_str().unwrap();
        Credential::basic(text("login"), text("secret"))
    }

    /// What the token server answers to a good credential.
    pub(super) async fn token_answer(&self, by: &Credential, scope: &str) -> Value {
        let scope: String = form_urlencoded_value(scope);
        let answer = self.get(&format!("/token?scope={scope}"), by).await;
        assert_eq!(answer.status, StatusCode::OK, "{by:?}: {}", answer.text());
        answer.json()
    }

    pub(super) async fn bearer(&self, by: &Credential, scope: &str) -> Credential {
        let answer = self.token_answer(by, scope).await;
        Credential::Bearer(answer["token"].as_str().unwrap().to_owned())
    }

    /// The answer of the token server to a form.
    pub(super) async fn token_form(&self, form: &str) -> Answer {
        let content_type = "application/x-www-form-urlencoded";
        let call = Call::new(Method::POST, "/token").with_body(content_type, form);
        self.send(&call, &Credential::Nothing).await
    }

    /// What Docker keeps of a user who has signed in.
    pub(super) async fn refresh_token(&self, user: &str) -> String {
        let password = PASSWORD.replace(' ', "+");
        let form =
            format!("grant_type=password&username={user}&password={password}&access_type=offline");
        let answer = self.token_form(&form).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()["refresh_token"].as_str().unwrap().to_owned()
    }

    /// Pushes a blob in one request.
    pub(super) async fn push_blob(
        &self,
        by: &Credential,
        repository: &str,
        bytes: &[u8],
    ) -> Answer {
        let digest = digest(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let call = Call::new(Method::POST, path).with_body("application/octet-stream", bytes);
        self.send(&call, by).await
    }

    /// Pushes an index of nothing, which needs no blobs.
    pub(super) async fn push(&self, by: &Credential, repository: &str, reference: &str) -> Answer {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let call = Call::new(Method::PUT, path).with_body(INDEX, empty_index());
        self.send(&call, by).await
    }

    /// Opens an upload and gives its path.
    pub(super) async fn open_upload(&self, by: &Credential, repository: &str) -> String {
        let path = format!("/v2/{repository}/blobs/uploads/");
        let answer = self.send(&Call::new(Method::POST, path), by).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        answer.header("location").to_owned()
    }
}

pub(super) fn admin() -> Credential {
    Credential::basic("admin", PASSWORD)
}

pub(super) fn digest(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).to_string()
}

pub(super) fn empty_index() -> Vec<u8> {
    let document = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
    document.to_string().into_bytes()
}

fn form_urlencoded_value(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn open(folder: &Path, clock: &Arc<TestClock>, service: &str) -> Arc<Registry> {
    let db = Db::open(&folder.join("berth.db"), &Release::this())
        .await
        .unwrap();
    let store = LocalStore::open(&folder.join("store")).unwrap();
    let limits = Limits {
        manifest_bytes: 4 * 1024 * 1024,
        page_entries: 100,
        idle: Duration::from_secs(60),
        upload_expiry: Duration::from_secs(24 * 60 * 60),
        grace: Duration::from_secs(60 * 60),
        audit_rows: 100_000,
    };
    let place = Place {
        public_url: None,
        aliases: Vec::new(),
        service: service.to_owned(),
    };
    let secrets = SecretKeys::new("a secret key of the tests, long enough", None);
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    Registry::open(
        db,
        Arc::new(store),
        clock,
        limits,
        CacheLimits::default(),
        secrets,
        place,
    )
    .await
    .unwrap()
}
