use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::session::Session;
use super::deployment::DeployedService;
use super::history::services;
use crate::cli::WhatToDeploy;
use crate::output::Output;
use crate::table::printable;

#[derive(Deserialize)]
struct Plan {
    target: String,
    stack: String,
    services: Vec<DeployedService>,
    steps: Vec<PlannedStep>,
}

#[derive(Deserialize)]
struct PlannedStep {
    phase: String,
    service: Option<String>,
    line: String,
}

pub(super) async fn run(session: &Session, what: &WhatToDeploy) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let plan = client.post(&["deployments", "plan"], &body(what)).await?;
    output.document(client, &plan, |plan: Plan| text(output, &plan))
}

/// What the API takes to deploy by hand.
pub(super) fn body(what: &WhatToDeploy) -> Value {
    let WhatToDeploy { stack, services } = what;
    let (target, stack) = (stack.target.as_str(), stack.stack.as_str());
    let mut body = json!({"target": target, "stack": stack});
    if !services.is_empty() {
        let services = services.iter();
        let services: Map<String, Value> = services
            .map(|one| (one.service.to_string(), one.digest.to_string().into()))
            .collect();
        body["services"] = services.into();
    }
    body
}

fn text(output: &Output, plan: &Plan) -> String {
    let Plan { target, stack, .. } = plan;
    if plan.steps.is_empty() {
        return printable(&format!("nothing is to be done for {stack} on {target}")) + "\n";
    }
    let mut text = services(output, &plan.services);
    let mut phase = "";
    let width = plan.steps.len().to_string().len();
    for (index, step) in plan.steps.iter().enumerate() {
        if step.phase != phase {
            phase = &step.phase;
            let _ = writeln!(text, "\n{}", printable(heading(phase)));
        }
        let line = match &step.service {
            Some(service) => format!("{service}: {}", step.line),
            None => step.line.clone(),
        };
        let _ = writeln!(text, "  {:>width$}. {}", index + 1, printable(&line));
    }
    text
}

/// A phase, for people. One that this version does not know stands for itself.
fn heading(phase: &str) -> &str {
    match phase {
        "pull" => "pull, while the old version serves",
        "before" => "before anything is touched",
        "replace" => "replace",
        "verify" => "verify; what fails until here is taken back",
        "after" => "after; what fails here is taken back too",
        "settle" => "settle",
        phase => phase,
    }
}

#[cfg(test)]
mod tests {
    use berth_registry::{Clock as _, SystemClock};
    use chrono::DateTime;

    use super::*;

    #[test]
    fn steps_are_numbered_through_and_grouped_by_phase() {
        let step = |phase: &str, service: Option<&str>, line: &str| PlannedStep {
            phase: phase.to_owned(),
            service: service.map(str::to_owned),
            line: line.to_owned(),
        };
        let mut plan = Plan {
            target: "local".to_owned(),
            stack: "shop".to_owned(),
            services: Vec::new(),
            steps: vec![
                step("pull", Some("web"), "pull it"),
                step("replace", Some("web"), "stop shop-web-1"),
                step("replace", None, "start \u{1b}[2J"),
            ],
        };
        let output = Output {
            json: false,
            now: DateTime::from_timestamp_millis(SystemClock.now().0).unwrap(),
        };
        let expected = "
pull, while the old version serves
  1. web: pull it

replace
  2. web: stop shop-web-1
  3. start \\u{1b}[2J
";
        let shown = text(&output, &plan);
        assert_eq!(&shown[shown.find('\n').unwrap() + 1..], expected);
        plan.steps.clear();
        assert_eq!(
            text(&output, &plan),
            "nothing is to be done for shop on local\n"
        );
    }
}
