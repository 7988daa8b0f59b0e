use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Collection {
    /// How long bytes that nothing needs any longer are kept, and what was deleted can be restored, in
    /// seconds. Lower it to get disk space back sooner; a push that pauses for longer between two of
    /// its layers, or before its manifest, has to begin anew.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub(crate) grace_seconds: u64,
}

impl Default for Collection {
    fn default() -> Self {
        Self {
            grace_seconds: 3600,
        }
    }
}
