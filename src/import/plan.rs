use berth_oci::{Digest, Tag};
use serde::Serialize;

use super::failure::Failure;
use super::names::Place;
use crate::table::{Table, printable};

/// What an import would do.
#[derive(Default)]
pub(crate) struct Plan(Vec<Planned>);

#[derive(Default, Serialize)]
struct Planned {
    source: String,
    repository: String,
    tag: String,
    digest: Option<String>,
    /// Whether the destination has the tag, with this digest.
    there: bool,
    /// Why it could not come.
    failure: Option<String>,
}

impl Plan {
    pub(super) fn tag(&mut self, place: &Place, tag: &Tag, digest: &Digest, there: bool) {
        self.0.push(Planned {
            digest: Some(digest.to_string()),
            there,
            ..Planned::new(place, tag.as_str())
        });
    }

    pub(super) fn fail(&mut self, place: &Place, tag: Option<&Tag>, failure: &Failure) {
        self.0.push(Planned {
            failure: Some(failure.reason().to_owned()),
            ..Planned::new(place, tag.map(Tag::as_str).unwrap_or_default())
        });
    }

    /// A repository of the source that can not be one here.
    pub(crate) fn unusable(&mut self, name: &str, reason: &str) {
        self.0.push(Planned {
            source: printable(name),
            failure: Some(reason.to_owned()),
            ..Planned::default()
        });
    }

    pub(crate) fn failures(&self) -> usize {
        let failed = self.0.iter().filter(|planned| planned.failure.is_some());
        failed.count()
    }

    pub(crate) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&self.0)
    }

    pub(crate) fn text(&self) -> String {
        let mut table = Table::with_header(["SOURCE", "REPOSITORY", "TAG", "DIGEST", "STATE"]);
        for planned in &self.0 {
            let state = match &planned.failure {
                Some(failure) => format!("fails: {failure}"),
                None if planned.there => "there".to_owned(),
                None => "comes".to_owned(),
            };
            table.row([
                planned.source.clone(),
                planned.repository.clone(),
                planned.tag.clone(),
                planned.digest.clone().unwrap_or_default(),
                state,
            ]);
        }
        table.to_string()
    }
}

impl Planned {
    fn new(place: &Place, tag: &str) -> Self {
        Self {
            source: place.source.to_string(),
            repository: place.destination.to_string(),
            tag: tag.to_owned(),
            ..Self::default()
        }
    }
}
