use berth_registry::auth::RepositoryGlob;
use schemars::JsonSchema;
use serde::Deserialize;

use super::text;

#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cache {
    /// Most bytes that the content of all upstreams takes; above it, what was not pulled for the
    /// longest time goes. Set it to keep the disk from filling up.
    #[schemars(range(min = 1_048_576, max = 1_000_000_000_000_000_i64))]
    pub(crate) bytes: Option<u64>,
    /// After how many days content that nobody pulled goes. Set it to keep only what is in use.
    #[schemars(range(min = 1, max = 36_500))]
    pub(crate) unused_days: Option<u64>,
    /// Repositories that nothing goes from, by the names that they have here, such as
    /// hub/library/**. Set it for images that have to be there when their upstream is not.
    #[serde(deserialize_with = "text::list")]
    #[schemars(with = "Vec<String>")]
    pub(crate) pins: Vec<RepositoryGlob>,
}
