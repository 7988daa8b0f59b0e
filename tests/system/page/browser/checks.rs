use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::Browser;
use crate::support::provided;

/// axe-core, once it was read.
pub(super) fn axe() -> Option<&'static str> {
    static AXE: OnceLock<String> = OnceLock::new();
    let file = provided("BERTH_TEST_AXE")?;
    let read = || std::fs::read_to_string(&file).expect("axe-core");
    Some(AXE.get_or_init(read))
}

/// Words that only sentences of the server have, which are to be shown in Chinese.
fn phrases() -> &'static [String] {
    static PHRASES: OnceLock<Vec<String>> = OnceLock::new();
    PHRASES.get_or_init(|| {
        let texts = include_str!("../../../../crates/console/texts/zh_sentences.json");
        let texts: BTreeMap<String, String> = serde_json::from_str(texts).expect("texts");
        let words = texts.keys().flat_map(|text| text.split(['{', '}']));
        let long = words.filter(|words| words.matches(' ').count() > 2);
        long.map(str::to_owned).collect()
    })
}

impl Browser {
    /// What keeps people from reading the page that is open, or from using it, a line each.
    pub async fn barriers(&self) -> Vec<String> {
        let Some(axe) = axe() else {
            return Vec::new();
        };
        // WebDriver's scripts are not the document's: its policy does not hold for them.
        self.run(axe).await;
        let script = include_str!("accessibility.js");
        lines(&self.driver.script_that_waits(script, json!([])).await)
    }

    /// Fails if something on the page that is open is a serious or critical barrier.
    pub async fn check_accessibility(&self) {
        let barriers = self.barriers().await;
        let place = self.place().await;
        assert!(barriers.is_empty(), "{place}:\n{}", barriers.join("\n"));
    }

    /// What makes the page that is open wider than the window, a line each.
    pub async fn overflow(&self) -> Vec<String> {
        let (width, _) = self.view.size();
        let script = include_str!("width.js");
        lines(&self.driver.script(script, json!([width])).await)
    }

    /// What is still English on the page that is open, which is in another language, a line each.
    pub async fn english(&self) -> Vec<String> {
        let script = include_str!("english.js");
        lines(&self.driver.script(script, json!([phrases()])).await)
    }

    /// What has gone wrong since this was asked last, a line each: errors and warnings in the console,
    /// of which the violations of a policy are some, and requests to any other server.
    pub async fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        // That a page is a refusal stands on it as well.
        let refusal = format!("{}{} - ", self.server, self.place().await);
        for line in self.driver.log("browser").await {
            let level = line["level"].as_str().unwrap_or_default();
            let message = line["message"].as_str().unwrap_or_default();
            if matches!(level, "SEVERE" | "WARNING") && !message.starts_with(&refusal) {
                complaints.push(format!("{level}: {message}"));
            }
        }
        for line in self.driver.log("performance").await {
            let event = line["message"].as_str().expect("a text");
            let event: Value = serde_json::from_str(event).expect("JSON");
            let event = &event["message"];
            if event["method"] == "Network.requestWillBeSent" {
                let url = event["params"]["request"]["url"].as_str();
                let url = url.expect("a URL");
                if self.leads_away(url) {
                    complaints.push(format!("a request for {url}"));
                }
            }
        }
        complaints
    }

    /// Fails if something has gone wrong since this was asked last.
    pub async fn check_quiet(&self) {
        let complaints = self.complaints().await;
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }

    fn leads_away(&self, url: &str) -> bool {
        let within = ["data:", "chrome:"];
        let own = url.strip_prefix(&self.server);
        let own = own.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        !own && !within.iter().any(|scheme| url.starts_with(scheme))
    }
}

fn lines(value: &Value) -> Vec<String> {
    let lines = value.as_array().into_iter().flatten();
    lines
        .map(|line| line.as_str().unwrap_or_default().to_owned())
        .collect()
}
