use berth_oci::{ProjectName, RepositoryName};
use serde::{Deserialize, Serialize};

use super::action::{Action, ActionSet, UnknownAction};
use super::glob::{InvalidGlob, RepositoryGlob};

/// Actions on the repositories that a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub repositories: RepositoryGlob,
    pub actions: ActionSet,
}

/// What somebody may do: the sum of grants. Nothing is ever taken away by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights(Vec<Grant>);

/// What a right is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Target<'t> {
    Repository(&'t RepositoryName),
    /// The project itself, and with it all of its repositories.
    Project(&'t ProjectName),
    /// The whole installation.
    Everything,
}

impl Rights {
    pub fn everything() -> Self {
        Self(vec![Grant {
            repositories: RepositoryGlob::everything(),
            actions: ActionSet::ALL,
        }])
    }

    pub(crate) fn add(&mut self, grants: impl IntoIterator<Item = Grant>) {
        self.0.extend(grants);
    }

    pub fn grants(&self) -> &[Grant] {
        &self.0
    }

    pub fn actions_on(&self, target: Target<'_>) -> ActionSet {
        self.0
            .iter()
            .filter(|grant| match target {
                Target::Repository(repository) => grant.repositories.matches(repository),
                Target::Project(project) => grant.repositories.covers(project),
                Target::Everything => grant.repositories.covers_everything(),
            })
            .fold(ActionSet::NONE, |set, grant| set | grant.actions)
    }

    /// All that is granted on anything.
    pub fn all_actions(&self) -> ActionSet {
        self.0
            .iter()
            .fold(ActionSet::NONE, |set, grant| set | grant.actions)
    }

    /// Whether the action is granted on anything that the project may have.
    pub(crate) fn reach(&self, action: Action, project: &ProjectName) -> bool {
        self.0
            .iter()
            .any(|grant| grant.actions.contains(action) && grant.repositories.reaches(project))
    }

    /// For a log that cuts: all actions, then what they are granted on.
    pub(crate) fn summary(&self) -> String {
        format!(
            "{} {}",
            self.all_actions().names().join(","),
            self.to_json()
        )
    }

    /// Whether `action` is granted on the one target.
    pub fn allow(&self, action: Action, target: Target<'_>) -> bool {
        self.actions_on(target).contains(action)
    }
}

impl FromIterator<Grant> for Rights {
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        Self(grants.into_iter().collect())
    }
}

/// A grant as it is stored and as the API has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantText {
    pub repositories: String,
    pub actions: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGrant {
    #[error(transparent)]
    Glob(#[from] InvalidGlob),
    #[error(transparent)]
    Action(#[from] UnknownAction),
    #[error("a grant on `{0}` has no actions: name one at least")]
    NoActions(String),
    #[error("{0} grants are more than can be given at once: {MOST_GRANTS} is the most")]
    TooMany(usize),
}

/// Each check of a right goes through all grants.
const MOST_GRANTS: usize = 100;

impl GrantText {
    pub fn check(grants: &[Self]) -> Result<Rights, InvalidGrant> {
        if grants.len() > MOST_GRANTS {
            return Err(InvalidGrant::TooMany(grants.len()));
        }
        grants
            .iter()
            .map(|grant| {
                let actions = ActionSet::parse(grant.actions.iter().map(String::as_str))?;
                if actions.is_empty() {
                    return Err(InvalidGrant::NoActions(grant.repositories.clone()));
                }
                Ok(Grant {
                    repositories: grant.repositories.parse()?,
                    actions,
                })
            })
            .collect()
    }
}

impl From<&Grant> for GrantText {
    fn from(grant: &Grant) -> Self {
        Self {
            repositories: grant.repositories.to_string(),
            actions: grant.actions.names(),
        }
    }
}

impl Rights {
    /// As they are stored.
    pub(crate) fn to_json(&self) -> String {
        let grants: Vec<GrantText> = self.0.iter().map(GrantText::from).collect();
        serde_json::to_string(&grants).expect("grants are texts")
    }

    /// Reads what was stored. What this version can not read grants nothing.
    pub(crate) fn of_stored(json: &str) -> Self {
        let grants: Vec<GrantText> = serde_json::from_str(json).unwrap_or_default();
        grants
            .into_iter()
            .filter_map(|grant| {
                Some(Grant {
                    repositories: grant.repositories.parse().ok()?,
                    actions: ActionSet::of_stored(grant.actions.iter().map(String::as_str)),
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
