use std::collections::BTreeMap;

use serde::Deserialize;

/// The boxes of a form that were ticked. A form has no lists, so those of one list have fields whose
/// names begin alike.
#[derive(Deserialize)]
pub(super) struct Ticked(BTreeMap<String, String>);

impl Ticked {
    /// What follows the beginning in the names of the fields.
    pub(super) fn behind(self, beginning: &str) -> Vec<String> {
        let names = self.0.into_keys();
        let names = names.filter_map(|name| name.strip_prefix(beginning).map(str::to_owned));
        names.collect()
    }
}
