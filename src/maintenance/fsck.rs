use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use berth_registry::SystemClock;
use berth_registry::fsck::{Checked, Finding, Fsck, FsckOptions, Outcome, Watch};

use super::progress::Progress;
use super::{Attached, run_with};
use crate::cli::FsckArguments;
use crate::output::{print, size};
use crate::table::printable;

/// As grep and diff end: 0 for nothing found, 1 for something, 2 for trouble.
const FOUND: u8 = 1;
const TROUBLE: u8 = 2;

pub(crate) fn run(arguments: &FsckArguments) -> ExitCode {
    match run_with(&arguments.config, async |config| {
        let Attached { db, store } = Attached::open(&config).await?;
        let options = FsckOptions {
            hash: !arguments.no_hash,
            repair: arguments.repair,
        };
        let fsck = Fsck::new(db.clone(), store, Arc::new(SystemClock), options);
        let mut report = Report::new(arguments.json);
        let checked = fsck.run(&mut report).await;
        // Said before anything else goes wrong.
        report.progress.clear();
        db.close().await;
        report.end(&checked.context("the check was not finished")?, options)
    }) {
        Ok(found) => found,
        Err(error) => {
            eprintln!("berth: {error:#}");
            ExitCode::from(TROUBLE)
        }
    }
}

/// Prints findings as they come, so that memory does not grow with them.
struct Report {
    json: bool,
    progress: Progress,
    found: u64,
    repaired: u64,
    marked: u64,
    /// Of standard output.
    broken: Option<anyhow::Error>,
}

impl Report {
    fn new(json: bool) -> Self {
        Self {
            json,
            progress: Progress::new(),
            found: 0,
            repaired: 0,
            marked: 0,
            broken: None,
        }
    }

    fn print(&mut self, text: &str) {
        if let Err(error) = print(text) {
            self.broken.get_or_insert(error);
        }
    }

    fn line(&self, finding: &Finding) -> String {
        if self.json {
            let json = serde_json::to_string(finding).expect("a finding is JSON");
            let before = if self.found == 1 {
                "{\"findings\": [\n"
            } else {
                ",\n"
            };
            return format!("{before}{json}");
        }
        let outcome = match finding.outcome {
            Outcome::Found => "found",
            Outcome::Marked => "marked",
            Outcome::Repaired => "repaired",
        };
        let header = if self.found == 1 {
            format!("{:17}  {:8}  WHAT\n", "PROBLEM", "OUTCOME")
        } else {
            String::new()
        };
        let advice = finding.advice.as_ref();
        let advice = advice.map(|advice| format!("; {advice}"));
        let what = format!("{}{}", finding.problem, advice.unwrap_or_default());
        format!(
            "{header}{:17}  {outcome:8}  {}\n",
            finding.problem.name(),
            printable(&what)
        )
    }

    fn end(mut self, checked: &Checked, options: FsckOptions) -> anyhow::Result<ExitCode> {
        let text = if self.json {
            let checked = serde_json::to_string(checked).expect("counts are JSON");
            let before = if self.found == 0 {
                "{\"findings\": ["
            } else {
                "\n"
            };
            format!("{before}], \"checked\": {checked}}}\n")
        } else {
            self.summary(checked, options)
        };
        self.print(&text);
        match self.broken {
            Some(error) => Err(error.context("could not print what was found")),
            None if self.found > 0 => Ok(ExitCode::from(FOUND)),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    fn summary(&self, checked: &Checked, options: FsckOptions) -> String {
        let Checked {
            blobs,
            hashed_bytes,
            objects,
            manifests,
            tags,
        } = checked;
        let hashed = if options.hash {
            format!(" ({} read)", size(*hashed_bytes))
        } else {
            " (not read)".to_owned()
        };
        let looked = format!(
            "checked {blobs} blobs{hashed}, {objects} objects, {manifests} manifests, {tags} tags"
        );
        let Self {
            found,
            repaired,
            marked,
            ..
        } = self;
        let end = if *found == 0 {
            "clean".to_owned()
        } else if options.repair {
            format!(
                "{found} problems: {repaired} repaired, {marked} blobs not served until they are \
                 pushed again, {} left to you",
                found - repaired - marked
            )
        } else {
            format!("{found} problems; --repair repairs what can be repaired")
        };
        format!("{looked}: {end}\n")
    }
}

impl Watch for Report {
    fn found(&mut self, finding: Finding) {
        self.progress.clear();
        self.found += 1;
        match finding.outcome {
            Outcome::Found => {}
            Outcome::Marked => self.marked += 1,
            Outcome::Repaired => self.repaired += 1,
        }
        let line = self.line(&finding);
        self.print(&line);
    }

    fn progress(&mut self, checked: &Checked, blobs: u64, bytes: u64) {
        let Checked {
            blobs: done,
            hashed_bytes,
            objects,
            manifests,
            ..
        } = *checked;
        self.progress.show(|| {
            let read = size(hashed_bytes);
            let all = size(bytes);
            format!(
                "{manifests} manifests, {done} of {blobs} blobs, {read} of {all} read, {objects} objects"
            )
        });
    }
}
