//! A deployment that somebody waits for: a line for each step once it has ended, with its time and
//! its outcome. On a terminal the step that is being taken stands below them.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _};

use chrono::{DateTime, Utc};

use super::super::session::Session;
use super::deployment::{Deployment, Step, words};
use super::watch::{Line, Watch};
use crate::cli::Number;
use crate::client::Document;
use crate::output::{Output, duration, print};
use crate::table::printable;

/// Goes to the beginning of the line and clears it (ECMA-48).
const CLEAR: &str = "\r\u{1b}[K";

/// Says that a deployment was made, or with `wait` how it goes and ends.
pub(super) async fn made(session: &Session, made: &Document, wait: bool) -> anyhow::Result<()> {
    let Session { client, output } = session;
    if !wait {
        return output.document(client, made, |deployment: Deployment| {
            let id = deployment.id;
            let hint = format!("`berth deploy logs -f {id}` tells how it goes");
            format!("{}\n{hint}\n", deployment.sentence())
        });
    }
    let deployment: Deployment = client.read(made)?;
    let number: Number = u32::try_from(deployment.id)?.try_into()?;
    let mut watch = Watch::new(session, number);
    let mut progress = Progress::new(session, deployment.id);
    progress.say(&format!("{}\n", deployment.sentence()))?;
    while let Some((_, line)) = watch.next().await? {
        progress.tell(&line).await?;
    }
    progress.clear()?;
    let document = watch.fetch().await?;
    let ended: Deployment = client.read(&document)?;
    if output.json {
        print(&format!("{}\n", document.text()))?;
    }
    if !ended.succeeded() {
        let id = ended.id;
        anyhow::bail!(
            "{}\n`berth deploy logs {id}` has what the new version wrote",
            ended.sentence()
        );
    }
    progress.say(&(end(&ended) + "\n"))
}

fn end(ended: &Deployment) -> String {
    let mut text = ended.sentence();
    if let Some(took) = ended.took() {
        text.push_str(&format!(", in {}", duration(took)));
    }
    let downtimes = ended.downtimes();
    if !downtimes.is_empty() {
        text.push_str(&format!("; away for: {}", downtimes.join(", ")));
    }
    text
}

struct Progress<'s> {
    session: &'s Session,
    id: String,
    terminal: bool,
    /// In which state each step was shown last.
    shown: HashMap<u64, String>,
}

impl<'s> Progress<'s> {
    fn new(session: &'s Session, id: u64) -> Self {
        Self {
            session,
            id: id.to_string(),
            terminal: io::stdout().is_terminal(),
            shown: HashMap::new(),
        }
    }

    async fn tell(&mut self, line: &Line) -> anyhow::Result<()> {
        if self.session.output.json {
            return Ok(());
        }
        match line.kind.as_str() {
            "state" | "step" | "end" => self.show_steps().await?,
            _ => {}
        }
        match line.kind.as_str() {
            "state" | "note" => {
                self.clear()?;
                let output = &self.session.output;
                let (at, text) = (output.clock(line.at), printable(&words(&line.text)));
                self.say(&format!("{at}  {text}\n"))
            }
            _ => Ok(()),
        }
    }

    /// Says which steps have ended since, and below them what is being done.
    async fn show_steps(&mut self) -> anyhow::Result<()> {
        let Session { client, output } = self.session;
        let path = ["deployments", self.id.as_str(), "steps"];
        let steps = client.list(&path, &[], None).await?;
        let mut under_way = None;
        for step in &steps {
            let step: Step = client.read(step)?;
            match stage(&step) {
                Stage::Planned => {}
                Stage::UnderWay => under_way = Some(step),
                Stage::Ended(at) => {
                    let before = self.shown.insert(step.number, step.state.clone());
                    if before.as_ref() != Some(&step.state) {
                        self.clear()?;
                        self.say(&ended_line(output, &step, at))?;
                    }
                }
            }
        }
        if let Some(step) = under_way.filter(|_| self.terminal) {
            self.clear()?;
            self.say(&under_way_line(&step))?;
        }
        Ok(())
    }

    /// Takes away the step that is being taken.
    fn clear(&self) -> anyhow::Result<()> {
        if self.terminal {
            self.say(CLEAR)?;
        }
        Ok(())
    }

    fn say(&self, text: &str) -> anyhow::Result<()> {
        if self.session.output.json {
            return Ok(());
        }
        print(text)
    }
}

enum Stage {
    Planned,
    UnderWay,
    Ended(DateTime<Utc>),
}

fn stage(step: &Step) -> Stage {
    match (step.state.as_str(), step.finished_at) {
        ("started" | "undoing", _) => Stage::UnderWay,
        ("planned", _) | (_, None) => Stage::Planned,
        (_, Some(at)) => Stage::Ended(at),
    }
}

fn ended_line(output: &Output, step: &Step, at: DateTime<Utc>) -> String {
    let at = output.clock(at);
    let took = step.took().map(duration).unwrap_or_default();
    let outcome = printable(&words(&step.state));
    let text = printable(&named(step));
    format!("{at}  {outcome:<11}  {took:>9}  {text}\n")
}

fn under_way_line(step: &Step) -> String {
    let back = match step.state.as_str() {
        "undoing" => "taking back: ",
        _ => "",
    };
    // Longer than a line it could not be taken away again.
    let text: String = named(step).chars().take(60).collect();
    format!("          ...  {back}{}", printable(&text))
}

fn named(step: &Step) -> String {
    match &step.service {
        Some(service) => format!("{}. {service}: {}", step.number, step.text()),
        None => format!("{}. {}", step.number, step.text()),
    }
}

#[cfg(test)]
mod tests;
