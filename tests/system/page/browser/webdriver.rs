//! The part of the WebDriver protocol (W3C) that the tests speak, and the two commands of chromedriver
//! that go beyond it. It is small, and no crate for it has the latter.

use std::fmt;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::driver::Driver;

/// Longer than any command takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Under which name an element comes as JSON (section 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser that is driven, from its start to its end.
pub(super) struct WebDriver {
    client: Client,
    session: String,
    _driver: Driver,
}

/// Something in the document that is open.
#[derive(Debug)]
pub(super) struct Element(String);

impl Element {
    /// For a script.
    pub(super) fn argument(&self) -> Value {
        json!({ELEMENT: self.0})
    }
}

/// Why a command was not carried out.
pub(super) struct Refusal {
    error: String,
    message: String,
}

impl Refusal {
    /// Whether the document was just changing.
    pub(super) fn passes(&self) -> bool {
        matches!(
            self.error.as_str(),
            "stale element reference" | "element click intercepted" | "element not interactable"
        )
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.message)
    }
}

impl WebDriver {
    /// Chromium without a window, which reaches one host and no other.
    pub(super) async fn start(host: &str) -> Self {
        let driver = Driver::start();
        let client = Client::builder().no_proxy().timeout(PATIENCE).build();
        let client = client.expect("a client");
        let rules = format!("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {host}");
        let profile = format!("--user-data-dir={}", driver.profile().display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            &rules,
            &profile,
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": "/usr/bin/chromium", "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let sessions = format!("{}/session", driver.url());
        let begun = send(&client, Method::POST, &sessions, &wanted).await;
        let begun = begun.unwrap_or_else(|refusal| panic!("no browser: {refusal}"));
        let id = begun["sessionId"].as_str().expect("a session");
        Self {
            session: format!("{sessions}/{id}"),
            client,
            _driver: driver,
        }
    }

    pub(super) async fn get(&self, what: &str) -> Value {
        let url = format!("{}{what}", self.session);
        let answer = send(&self.client, Method::GET, &url, &Value::Null).await;
        answer.unwrap_or_else(|refusal| panic!("GET {what}: {refusal}"))
    }

    pub(super) async fn try_post(&self, what: &str, body: &Value) -> Result<Value, Refusal> {
        let url = format!("{}{what}", self.session);
        send(&self.client, Method::POST, &url, body).await
    }

    pub(super) async fn post(&self, what: &str, body: &Value) -> Value {
        let answer = self.try_post(what, body).await;
        answer.unwrap_or_else(|refusal| panic!("POST {what}: {refusal}"))
    }

    /// What the body of a function returns in the document.
    pub(super) async fn script(&self, script: &str, arguments: Value) -> Value {
        let body = json!({"script": script, "args": arguments});
        self.post("/execute/sync", &body).await
    }

    /// What it hands to the function that is its last argument.
    pub(super) async fn script_that_waits(&self, script: &str, arguments: Value) -> Value {
        let body = json!({"script": script, "args": arguments});
        self.post("/execute/async", &body).await
    }

    /// The element that a script returns, if it finds one.
    pub(super) async fn element(&self, script: &str, arguments: Value) -> Option<Element> {
        let found = self.script(script, arguments).await;
        Some(Element(found[ELEMENT].as_str()?.to_owned()))
    }

    pub(super) async fn click(&self, element: &Element) -> Result<(), Refusal> {
        self.on(element, "click", &json!({})).await
    }

    /// Writes in place of what stands in a field.
    pub(super) async fn write(&self, element: &Element, text: &str) -> Result<(), Refusal> {
        self.on(element, "clear", &json!({})).await?;
        self.on(element, "value", &json!({"text": text})).await
    }

    async fn on(&self, element: &Element, what: &str, body: &Value) -> Result<(), Refusal> {
        let path = format!("/element/{}/{what}", element.0);
        self.try_post(&path, body).await.map(drop)
    }

    /// A command of the DevTools protocol.
    pub(super) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.post("/goog/cdp/execute", &body).await
    }

    /// What has been logged since this was asked last: `browser` is the console.
    pub(super) async fn log(&self, kind: &str) -> Vec<Value> {
        let lines = self.post("/se/log", &json!({"type": kind})).await;
        lines.as_array().expect("a list").clone()
    }
}

async fn send(client: &Client, method: Method, url: &str, body: &Value) -> Result<Value, Refusal> {
    let mut request = client.request(method, url);
    if !body.is_null() {
        request = request.json(body);
    }
    let answer = request.send().await.expect("chromedriver answers");
    let refused = !answer.status().is_success();
    let mut document: Value = answer.json().await.expect("JSON");
    let value = document["value"].take();
    if !refused {
        return Ok(value);
    }
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    Err(Refusal {
        error: text("error"),
        message: text("message"),
    })
}
