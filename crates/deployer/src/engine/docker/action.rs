//! What the steps of a deployment do, as they are stored.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::Condition;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(super) enum Action {
    Pull(Pull),
    Hook(Hook),
    Tag(Tag),
    Await(Await),
    Create(Create),
    Stop(Stop),
    /// Renames the old containers, which makes room.
    Keep(Swaps),
    /// Gives the new containers the names of the old.
    Name(Swaps),
    Start(Swaps),
    Verify(Verify),
    Alias(Verify),
    Restart(Restart),
    /// Does nothing; taken back, it restarts what depends on a service whose old version came back.
    RestartBack(Restart),
    /// Removes the old containers.
    Remove(Swaps),
    /// Removes old containers that earlier deployments could not remove.
    Clear(Clear),
    Forget(Forget),
}

/// The image that a service is brought to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NewImage {
    /// With the host: `127.0.0.1:5000/shop/web`.
    pub(super) repository: String,
    pub(super) tag: String,
    pub(super) digest: String,
    /// Where it is not the engine's own.
    pub(super) platform: Option<String>,
}

impl NewImage {
    pub(super) fn by_digest(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }

    pub(super) fn by_tag(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pull {
    pub(super) image: NewImage,
    /// Whether it was on the engine before, and so stays when the step is taken back.
    pub(super) present: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tag {
    pub(super) image: NewImage,
    /// The id of the image that had the tag.
    pub(super) previous: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Hook {
    pub(super) when: When,
    pub(super) image: NewImage,
    /// The id of the old container that it is made after.
    pub(super) after: String,
    /// What it is called.
    pub(super) name: String,
    pub(super) command: Vec<String>,
    pub(super) carried: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum When {
    Before,
    After,
}

impl When {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// Waits for a service that another depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Await {
    pub(super) stack: String,
    pub(super) service: String,
    pub(super) condition: Condition,
    pub(super) timeout: Duration,
}

/// A replica, and what takes its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Swap {
    /// The id of the old container.
    pub(super) old: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) stack: String,
    #[serde(default)]
    pub(super) service: String,
    pub(super) was: Was,
    /// The old container's restart policy, as the engine writes it.
    pub(super) policy: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Was {
    Running,
    /// It kept ending and being started again.
    Restarting,
    Ended,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Swaps {
    pub(super) swaps: Vec<Swap>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Create {
    pub(super) swaps: Vec<Swap>,
    pub(super) image: NewImage,
    pub(super) names: Names,
    /// By the id of the old container: the paths of files that Compose wrote into it.
    pub(super) carried: BTreeMap<String, Vec<String>>,
}

/// Under which names a new container is found on its networks from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Names {
    /// Those of the service.
    OfService,
    /// Only its own, until it has proved itself.
    Own,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stop {
    pub(super) swaps: Vec<Swap>,
    /// Whether the new one serves until the old one is back, when this is taken back.
    pub(super) new_serves: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Verify {
    pub(super) swaps: Vec<Swap>,
    pub(super) image: NewImage,
    pub(super) monitor: Duration,
    pub(super) timeout: Duration,
    pub(super) one_shot: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Restart {
    pub(super) containers: Vec<Dependent>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Dependent {
    pub(super) id: String,
    pub(super) name: String,
    /// When it was started, as it was planned: a later time says that it was restarted.
    pub(super) started_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Clear {
    pub(super) left: Vec<Left>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Left {
    pub(super) id: String,
    /// What it is called.
    pub(super) name: String,
    /// What the container is called that has its place.
    pub(super) place: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Forget {
    /// By digest.
    pub(super) images: Vec<String>,
}
