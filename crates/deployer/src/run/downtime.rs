use std::collections::BTreeMap;

use berth_registry::Timestamp;

use crate::db::steps::Journalled;
use crate::engine::{Gap, Phase};

/// How long nothing of each service served, in milliseconds, as the journal tells; of services that
/// were replaced alone.
pub(super) fn of(steps: &[Journalled]) -> BTreeMap<String, i64> {
    let mut services: BTreeMap<String, Vec<(Timestamp, bool)>> = BTreeMap::new();
    for journalled in steps {
        let (Some(service), Some(started_at)) = (&journalled.step.service, journalled.started_at)
        else {
            continue;
        };
        if journalled.step.phase == Phase::Replace {
            services.entry(service.clone()).or_default();
        }
        let mut add = |at: Option<Timestamp>, serves| {
            if let Some(at) = at {
                services
                    .entry(service.clone())
                    .or_default()
                    .push((at, serves));
            }
        };
        match journalled.step.gap {
            Some(Gap::Opens) => {
                add(Some(started_at), false);
                add(journalled.undone_at, true);
            }
            Some(Gap::Closes) => {
                // One that failed has not closed it.
                add(
                    journalled
                        .finished_at
                        .filter(|_| journalled.detail.is_none()),
                    true,
                );
                add(journalled.undoing_at, false);
            }
            None => {}
        }
    }
    let downtime = |(service, mut changes): (String, Vec<(Timestamp, bool)>)| {
        changes.sort();
        (service, away(&changes))
    };
    services.into_iter().map(downtime).collect()
}

fn away(changes: &[(Timestamp, bool)]) -> i64 {
    let mut since: Option<Timestamp> = None;
    let mut total = 0;
    for &(at, serves) in changes {
        match (since, serves) {
            (None, false) => since = Some(at),
            (Some(began), true) => {
                total += at.0 - began.0;
                since = None;
            }
            (None, true) | (Some(_), false) => {}
        }
    }
    total
}

#[cfg(test)]
mod tests;
