//! A browser in which somebody looks at the page: Chromium, driven as WebDriver has it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ADMIN, ADMIN_PASSWORD, TestServer, tool, within};

mod checks;
mod driver;
mod tests;
mod view;
mod webdriver;

pub use view::{Language, View};

use webdriver::{Element, Refusal, WebDriver};

/// Longer than anything takes that somebody waits for.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A browser of its own, which knows one server and has no way to another.
pub struct Browser {
    driver: WebDriver,
    server: String,
    view: View,
}

impl Browser {
    /// `None` where Chromium is not installed.
    pub async fn open(server: &TestServer) -> Option<Self> {
        let installed = tool("chromium") && tool("chromedriver");
        if !installed {
            return None;
        }
        let (host, _) = server.host().rsplit_once(':').expect("a port");
        let mut browser = Self {
            driver: WebDriver::start(host).await,
            server: server.url(""),
            view: View::USUAL,
        };
        browser.look_as(View::USUAL).await;
        Some(browser)
    }

    /// One in which the first user has signed in.
    pub async fn signed_in(server: &TestServer) -> Option<Self> {
        let mut browser = Self::open(server).await?;
        browser.sign_in().await;
        Some(browser)
    }

    pub async fn sign_in(&mut self) {
        self.look_as(View::USUAL).await;
        self.go("/sign-in").await;
        self.fill("User name", ADMIN).await;
        self.fill("Password", ADMIN_PASSWORD).await;
        self.click("Sign in").await;
        self.arrive("/").await;
    }

    /// Opens a page, and waits until it has all that belongs to it.
    pub async fn go(&self, path: &str) {
        let url = json!({"url": format!("{}{path}", self.server)});
        self.driver.post("/url", &url).await;
    }

    /// The path of the page that is open, with its query.
    pub async fn place(&self) -> String {
        let url = self.driver.get("/url").await;
        let url = url.as_str().expect("a URL");
        url.strip_prefix(&self.server).unwrap_or(url).to_owned()
    }

    /// Waits until a form or a link has led to a page.
    pub async fn arrive(&self, path: &str) {
        let arrived = within(PATIENCE, LOOK_EVERY, async || self.place().await == path);
        if !arrived.await {
            panic!("not at {path} but on {}", self.told().await);
        }
    }

    /// Clicks the link, button or summary of this name.
    pub async fn click(&self, name: &str) {
        self.act("control", name, async |element| {
            self.driver.click(element).await
        })
        .await;
    }

    /// Writes into the field with this label.
    pub async fn fill(&self, label: &str, text: &str) {
        self.act("field", label, async |element| {
            self.driver.write(element, text).await
        })
        .await;
    }

    /// Ticks the box with this label, or takes the tick away.
    pub async fn tick(&self, label: &str) {
        self.act("box", label, async |element| {
            self.driver.click(element).await
        })
        .await;
    }

    /// Chooses one of the options behind this label.
    pub async fn choose(&self, label: &str, option: &str) {
        self.act("choice", label, async |choice| {
            let arguments = json!([choice.argument(), option]);
            let found = self
                .driver
                .element(include_str!("browser/option.js"), arguments)
                .await;
            let option = found.unwrap_or_else(|| panic!("no {option:?} behind {label:?}"));
            self.driver.click(&option).await
        })
        .await;
    }

    /// Does something with the control of a name, once there is one and it can be done.
    async fn act(
        &self,
        kind: &str,
        name: &str,
        mut act: impl AsyncFnMut(&Element) -> Result<(), Refusal>,
    ) {
        let find = include_str!("browser/find.js");
        let done = within(PATIENCE, LOOK_EVERY, async || {
            let Some(element) = self.driver.element(find, json!([kind, name])).await else {
                return false;
            };
            match act(&element).await {
                Ok(()) => true,
                Err(refusal) if refusal.passes() => false,
                Err(refusal) => panic!("{name:?}: {refusal}"),
            }
        });
        if !done.await {
            panic!("no {kind} {name:?} on {}", self.told().await);
        }
    }

    /// Waits until the page shows a text.
    pub async fn see(&self, text: &str) {
        let seen = within(PATIENCE, LOOK_EVERY, async || {
            self.text().await.contains(text)
        });
        if !seen.await {
            panic!("no {text:?} on {}", self.told().await);
        }
    }

    /// As [`Browser::see`], in the part of the page that a selector names.
    pub async fn see_in(&self, selector: &str, text: &str) {
        let script = format!("return document.querySelector({selector:?})?.innerText ?? ''");
        let seen = within(PATIENCE, LOOK_EVERY, async || {
            let part = self.run(&script).await;
            part.as_str().is_some_and(|part| part.contains(text))
        });
        if !seen.await {
            panic!("no {text:?} in {selector} of {}", self.told().await);
        }
    }

    /// What of the page can be read without opening anything.
    pub async fn text(&self) -> String {
        let text = self.run("return document.body.innerText").await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// What a script returns, which is run whether the page's own are or not.
    pub async fn run(&self, script: &str) -> Value {
        self.driver.script(script, json!([])).await
    }

    /// Whether the page's own scripts run.
    pub async fn run_scripts(&self, run: bool) {
        let switch = json!({"value": !run});
        let command = "Emulation.setScriptExecutionDisabled";
        self.driver.devtools(command, switch).await;
    }

    /// The whole page, as far as one could scroll, as a PNG in base64.
    pub async fn picture(&self) -> String {
        let (width, _) = self.view.size();
        let height = self
            .run("return document.scrollingElement.scrollHeight")
            .await;
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        let wanted = json!({"clip": clip, "captureBeyondViewport": true});
        let picture = self.driver.devtools("Page.captureScreenshot", wanted).await;
        picture["data"].as_str().expect("a picture").to_owned()
    }

    async fn told(&self) -> String {
        format!("{}:\n{}", self.place().await, self.text().await)
    }
}
