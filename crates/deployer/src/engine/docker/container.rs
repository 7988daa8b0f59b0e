//! A container as the engine shows it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::image::Image;
use super::labels;
use crate::engine::ReplicaState;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) created: DateTime<Utc>,
    /// The id of its image.
    pub(super) image: String,
    name: String,
    #[serde(default)]
    pub(super) restart_count: i64,
    pub(super) state: State,
    /// Kept whole, as is the next: a new container is made from them.
    #[serde(default)]
    pub(super) config: Map<String, Value>,
    #[serde(default)]
    pub(super) host_config: Map<String, Value>,
    #[serde(default, deserialize_with = "or_none")]
    pub(super) mounts: Vec<MountPoint>,
    #[serde(default)]
    pub(super) network_settings: NetworkSettings,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct State {
    pub(super) status: String,
    #[serde(default)]
    pub(super) exit_code: i64,
    #[serde(default, rename = "OOMKilled")]
    pub(super) oom_killed: bool,
    #[serde(default)]
    pub(super) error: String,
    pub(super) started_at: DateTime<Utc>,
    pub(super) finished_at: DateTime<Utc>,
    pub(super) health: Option<Health>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Health {
    pub(super) status: String,
    #[serde(default, deserialize_with = "or_none")]
    pub(super) log: Vec<Probe>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Probe {
    pub(super) start: DateTime<Utc>,
    pub(super) exit_code: i64,
    #[serde(default)]
    pub(super) output: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MountPoint {
    #[serde(default, rename = "Type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) name: String,
    pub(super) destination: String,
    #[serde(default)]
    pub(super) mode: String,
    #[serde(default, rename = "RW")]
    pub(super) writable: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NetworkSettings {
    #[serde(default, deserialize_with = "or_none")]
    pub(super) networks: BTreeMap<String, Map<String, Value>>,
}

/// Go writes an empty list or map as `null`.
fn or_none<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

impl Container {
    pub(super) fn name(&self) -> &str {
        self.name.trim_start_matches('/')
    }

    /// What the engine takes for a host name, and for an alias on each network, if none is given.
    pub(super) fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }

    /// What it was made from, as it was named then.
    pub(super) fn reference(&self) -> &str {
        text(&self.config, "Image")
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.config.get("Labels")?.get(name)?.as_str()
    }

    pub(super) fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.config.get("Labels").and_then(Value::as_object);
        labels
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }

    /// Whether Compose made it. It puts the labels of a project on the images that it builds, too,
    /// but gives this one to containers alone.
    pub(super) fn made_by_compose(&self, image: &Map<String, Value>) -> bool {
        let labels = self.config.get("Labels");
        let hash = labels.and_then(|all| all.get(labels::CONFIG_HASH));
        hash.is_some()
            && hash
                != image
                    .get("Labels")
                    .and_then(|all| all.get(labels::CONFIG_HASH))
    }

    /// Drops the labels that came with its image: whoever may push an image must not say by them
    /// where its containers belong, or how they are deployed. A container whose image is gone keeps
    /// all, and is replaced by nobody.
    pub(super) fn drop_labels_of(&mut self, image: &Image) {
        let none = Map::new();
        let image = image.config.as_ref().unwrap_or(&none);
        let Some(Value::Object(of_image)) = image.get("Labels") else {
            return;
        };
        let by_compose = self.made_by_compose(image);
        if let Some(Value::Object(labels)) = self.config.get_mut("Labels") {
            labels.retain(|name, value| {
                of_image.get(name) != Some(value)
                    || (by_compose && name.starts_with(labels::COMPOSE))
            });
        }
    }

    /// Those of Compose's, or its own name twice for a container that Compose does not know.
    pub(super) fn stack_and_service(&self) -> (&str, &str) {
        match (self.label(labels::PROJECT), self.label(labels::SERVICE)) {
            (Some(project), Some(service)) => (project, service),
            _ => (self.name(), self.name()),
        }
    }

    pub(super) fn number(&self) -> u64 {
        let number = self.label(labels::NUMBER);
        number.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub(super) fn network_mode(&self) -> &str {
        text(&self.host_config, "NetworkMode")
    }

    /// Whether the engine looks after its health.
    pub(super) fn has_health_check(&self) -> bool {
        let test = self.config.get("Healthcheck").and_then(|it| it.get("Test"));
        let first = test.and_then(|words| words.get(0)).and_then(Value::as_str);
        first.is_some_and(|word| word != "NONE")
    }

    pub(super) fn running(&self) -> bool {
        self.state.status == "running"
    }

    /// Whether nothing of it runs, or is about to.
    pub(super) fn stopped(&self) -> bool {
        matches!(self.state.status.as_str(), "created" | "exited" | "dead")
    }

    pub(super) fn never_ended(&self) -> bool {
        self.state.finished_at.timestamp() <= 0
    }

    /// How long it has to end after its stop signal; `None` if as long as it likes.
    pub(super) fn grace(&self) -> Option<Duration> {
        let seconds = self.config.get("StopTimeout").and_then(Value::as_i64);
        u64::try_from(seconds.unwrap_or(10))
            .ok()
            .map(Duration::from_secs)
    }

    /// An exit code above 128 says which signal ended it: what `docker stop` and Ctrl-C send is no
    /// failure.
    pub(super) fn replica_state(&self, one_shot: bool) -> ReplicaState {
        match self.state.status.as_str() {
            "running" => ReplicaState::Running,
            "restarting" => ReplicaState::Failing,
            "exited" | "dead" => match self.state.exit_code {
                0 if one_shot => ReplicaState::Completed,
                0 | 130 | 137 | 143 => ReplicaState::Stopped,
                _ => ReplicaState::Failing,
            },
            _ => ReplicaState::Stopped,
        }
    }
}

pub(super) fn text<'m>(map: &'m Map<String, Value>, key: &str) -> &'m str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The texts of a list; none where there is no list.
pub(super) fn texts<'m>(map: &'m Map<String, Value>, key: &str) -> Vec<&'m str> {
    let list = map.get(key).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stripped(labels: &Value, of_image: &Value) -> Container {
        let all = json!({
            "Id": "a".repeat(64), "Created": "2026-01-01T00:00:00Z", "Image": "sha256:i",
            "Name": "/web", "Config": {"Labels": labels},
            "State": {
                "Status": "running",
                "StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z",
            },
        });
        let mut container: Container = serde_json::from_value(all).unwrap();
        let image = json!({"Id": "sha256:i", "Config": {"Labels": of_image}});
        container.drop_labels_of(&serde_json::from_value(image).unwrap());
        container
    }

    #[test]
    fn an_image_does_not_say_how_its_containers_are_deployed() {
        let of_image = json!({
            "berth.enable": "true", "berth.deploy.order": "start-first",
            "berth.carried": "[]", "berth.hook": "before",
        });
        let mut labels = of_image.clone();
        labels["berth.deploy.order"] = json!("stop-first");
        let left = stripped(&labels, &of_image);
        let left: Vec<(&str, &str)> = left.labels().collect();
        assert_eq!(left, [("berth.deploy.order", "stop-first")]);
    }

    #[test]
    fn an_image_does_not_put_its_containers_into_another_stack() {
        let of_image = json!({
            "com.docker.compose.project": "shop", "com.docker.compose.service": "web",
            "com.docker.compose.config-hash": "abc",
        });
        let left = stripped(&of_image, &of_image);
        assert_eq!(left.stack_and_service(), ("web", "web"));
    }

    #[test]
    fn what_compose_has_built_and_started_is_of_its_project() {
        let of_image = json!({
            "com.docker.compose.project": "shop", "com.docker.compose.service": "api",
            "berth.enable": "true",
        });
        let mut labels = of_image.clone();
        labels["com.docker.compose.config-hash"] = json!("abc");
        let left = stripped(&labels, &of_image);
        assert_eq!(left.stack_and_service(), ("shop", "api"));
        assert_eq!(left.label("berth.enable"), None);
        // Started by hand from the same image it is not.
        let left = stripped(&of_image, &of_image);
        assert_eq!(left.stack_and_service(), ("web", "web"));
    }
}
