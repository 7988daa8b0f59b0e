use berth_registry::auth::{GrantText, Rights};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::Object;
use super::problem::Problem;
use super::texts;

/// Actions on the repositories that a pattern matches.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"repositories": "shop/**", "actions": ["pull", "push"]}))]
pub(crate) struct Grant {
    /// `*` stands for any part of a path component, `**` for any number of components
    #[schema(value_type = texts::RepositoryGlob)]
    pub(crate) repositories: String,
    /// Names of actions, or `*` for all
    #[schema(value_type = Vec<texts::ActionName>, min_items = 1)]
    pub(crate) actions: Vec<String>,
}

pub(crate) fn read(grants: Vec<Object<Grant>>) -> Result<Rights, Problem> {
    let texts: Vec<_> = grants
        .into_iter()
        .map(|Object(grant)| GrantText {
            repositories: grant.repositories,
            actions: grant.actions,
        })
        .collect();
    GrantText::check(&texts).map_err(Problem::bad_request)
}

pub(crate) fn show(rights: &Rights) -> Vec<Grant> {
    rights
        .grants()
        .iter()
        .map(GrantText::from)
        .map(|text| Grant {
            repositories: text.repositories,
            actions: text.actions,
        })
        .collect()
}

impl Grant {
    /// Everywhere that the user may.
    pub(crate) fn pull_and_push() -> Self {
        Self {
            repositories: "**".to_owned(),
            actions: vec!["pull".to_owned(), "push".to_owned()],
        }
    }
}
