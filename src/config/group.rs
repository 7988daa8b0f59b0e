use berth_oci::ProjectName;
use berth_proxy::GroupSettings;
use schemars::JsonSchema;
use serde::Deserialize;

use super::text;

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// Name of the group, under which its members are read as one project.
    #[serde(deserialize_with = "text::one")]
    #[schemars(with = "String")]
    pub(super) name: ProjectName,
    /// Upstreams and other projects, but no groups. The first that has something answers for it, so
    /// put those that you push to before the upstreams.
    #[serde(default, deserialize_with = "text::list")]
    #[schemars(with = "Vec<String>")]
    pub(super) members: Vec<ProjectName>,
    /// Member that takes what is pushed to the group. Without it, nothing can be pushed there.
    #[serde(default, deserialize_with = "text::optional")]
    #[schemars(with = "Option<String>")]
    pub(super) push: Option<ProjectName>,
}

impl Group {
    pub(super) fn settings(&self) -> GroupSettings {
        GroupSettings {
            name: self.name.clone(),
            members: self.members.clone(),
            push: self.push.clone(),
        }
    }
}
