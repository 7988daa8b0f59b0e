use super::{Entry, Progress, Stage, Story, between};

impl Story<'_> {
    /// For what it waited, and who let it go on.
    pub(super) fn waits(&self) -> Vec<Entry> {
        let deployment = self.deployment;
        let approved = deployment.approved_by.as_ref();
        let word = approved.map(|by| format!("approved by {by}"));
        let mut entries = Vec::new();
        for line in self.lines {
            let mut entry = match line.kind {
                "state" if line.text.starts_with("waiting") => {
                    let mut wait = Entry::new(Stage::Wait, Progress::Done);
                    wait.detail = line.text.strip_prefix("waiting: ").map(str::to_owned);
                    wait
                }
                "note" if word.as_ref() == Some(&line.text) => {
                    let mut approval = Entry::new(Stage::Approval, Progress::Done);
                    approval.by = approved.cloned();
                    approval
                }
                _ => continue,
            };
            entry.at = Some(line.at.clone());
            entries.push(entry);
        }
        let begun = deployment.started_at.clone();
        let ends: Vec<_> = entries
            .iter()
            .skip(1)
            .map(|entry| entry.at.clone())
            .collect();
        let ends = ends.into_iter().chain([begun]);
        for (entry, end) in entries.iter_mut().zip(ends) {
            if entry.stage == Stage::Wait
                && let Some(at) = &entry.at
            {
                entry.took_ms = between(at, Some(self.at_most(end.as_deref())));
            }
        }
        if deployment.state == "waiting" {
            self.mark_wait(&mut entries);
        }
        entries
    }

    fn mark_wait(&self, entries: &mut Vec<Entry>) {
        let last = entries.iter_mut().rfind(|entry| entry.stage == Stage::Wait);
        match last {
            Some(wait) => {
                wait.progress = Progress::Current;
                let at = wait.at.as_ref();
                wait.took_ms = at.and_then(|at| between(at, Some(self.now)));
            }
            None => {
                let mut wait = Entry::new(Stage::Wait, Progress::Current);
                wait.detail = self.deployment.reason.clone();
                entries.push(wait);
            }
        }
    }
}
