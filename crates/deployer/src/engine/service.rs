use std::collections::BTreeMap;

use berth_oci::Digest;
use serde::{Deserialize, Serialize};

/// A service as it was observed.
#[derive(Clone, Debug)]
pub struct Service {
    pub stack: String,
    pub name: String,
    /// The image as the service names it: `registry.example.com/shop/web:live`.
    pub image: String,
    /// Its labels that begin with `berth.`.
    pub labels: BTreeMap<String, String>,
    pub replicas: Vec<Replica>,
    pub depends_on: Vec<Dependency>,
    /// Whether another service waits for this one to complete: it runs once and ends.
    pub one_shot: bool,
    /// Whether this is Berth itself.
    pub own: bool,
}

impl Service {
    /// The digest that it runs, if all of its replicas run the same.
    pub fn digest(&self) -> Option<&Digest> {
        let (first, others) = self.replicas.split_first()?;
        let shared = |digest: &&Digest| others.iter().all(|one| one.digests.contains(digest));
        first.digests.iter().find(shared)
    }
}

#[derive(Clone, Debug)]
pub struct Replica {
    pub name: String,
    pub state: ReplicaState,
    /// The digests by which the image that it runs is known, those of `image`'s repository only; what
    /// it was deployed as comes first. An image that was made on the engine and never pushed has none.
    pub digests: Vec<Digest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaState {
    Running,
    /// It keeps ending and being started again, or has ended by itself with an error.
    Failing,
    /// It has ended as it should: a service that runs once.
    Completed,
    /// Somebody has stopped it, or it was never started.
    Stopped,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    pub service: String,
    pub condition: Condition,
    /// Whether the dependent is to be restarted when its dependency was replaced.
    pub restart: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Started,
    Healthy,
    Completed,
}
