use chrono::{DateTime, FixedOffset};
use serde_json::Value;

use super::Container;
use crate::support::{Finally, Program, provided, text};

/// A Docker engine, and the Docker Compose that drives it.
#[derive(Clone)]
pub struct Engine {
    /// `unix://` and a path.
    pub url: String,
    pub docker: Program,
    pub compose: Program,
}

impl Engine {
    /// The one that all tests share; each has projects of its own there.
    pub fn shared() -> Option<Self> {
        let url = provided("BERTH_TEST_DEPLOY_DOCKER_HOST")?;
        Self::at(&url)
    }

    pub(super) fn at(url: &str) -> Option<Self> {
        let compose = provided("BERTH_TEST_COMPOSE")?;
        Some(Self {
            url: url.to_owned(),
            docker: Program::new(&["docker", "--host", url]),
            compose: Program::new(&[&compose]).env("DOCKER_HOST", url),
        })
    }

    /// The same with the logins of a folder.
    pub fn signed_in(&self, config: &std::path::Path) -> Self {
        let config = text(config);
        Self {
            url: self.url.clone(),
            docker: self.docker.clone().env("DOCKER_CONFIG", config),
            compose: self.compose.clone().env("DOCKER_CONFIG", config),
        }
    }

    pub fn socket(&self) -> &str {
        self.url.strip_prefix("unix://").expect("a unix socket")
    }

    /// Containers that a filter of `docker ps` finds, those that do not run as well, by their names.
    pub fn containers(&self, filter: &str) -> Vec<Container> {
        let ids = self
            .docker
            .run(&["ps", "-aq", "--no-trunc", "--filter", filter]);
        let ids: Vec<&str> = ids.split_whitespace().collect();
        let mut containers: Vec<_> = ids.iter().filter_map(|id| self.container(id)).collect();
        containers.sort_by_key(|container| container.name().to_owned());
        containers
    }

    /// `None` when it has gone in the meantime.
    pub fn container(&self, name: &str) -> Option<Container> {
        let output = self
            .docker
            .try_run(&["inspect", "--type", "container", name])?;
        let document: Value = serde_json::from_str(&output).expect("JSON");
        Some(Container::new(document[0].clone()))
    }

    /// Runs a container that is removed when the test ends.
    pub fn run(&self, name: &str, words: &[&str]) -> Finally {
        let finally = self.docker.finally(&["rm", "--force", "--volumes", name]);
        self.docker
            .run(&[&["run", "--detach", "--name", name], words].concat());
        finally
    }

    /// When a container has printed a line that holds the text, for the first time.
    #[track_caller]
    pub fn said_at(&self, container: &str, text: &str) -> DateTime<FixedOffset> {
        let log = self.docker.run(&["logs", "--timestamps", container]);
        let line = log.lines().find(|line| line.contains(text));
        let line = line.unwrap_or_else(|| panic!("no {text:?} in {log}"));
        let time = line.split(' ').next().expect("a word");
        DateTime::parse_from_rfc3339(time).expect("a time")
    }

    /// Takes away what was pulled from a registry, when that is gone.
    pub fn images_of(&self, registry: &str) -> PulledImages {
        PulledImages {
            docker: self.docker.clone(),
            registry: registry.to_owned(),
        }
    }

    /// Whether the engine has an image: a reference, or an id.
    pub fn has_image(&self, image: &str) -> bool {
        let inspected = self.docker.try_run(&["image", "inspect", image]);
        inspected.is_some()
    }
}

/// Images of a registry whose address another may have later.
pub struct PulledImages {
    docker: Program,
    registry: String,
}

impl Drop for PulledImages {
    fn drop(&mut self) {
        let listed = ["images", "--format", "{{.Repository}}:{{.Tag}}@{{.Digest}}"];
        let images = self.docker.try_run(&[&listed[..], &["--digests"]].concat());
        let images = images.unwrap_or_default();
        let ours = images.lines().filter(|it| it.starts_with(&self.registry));
        for image in ours {
            let (tagged, digest) = image.split_once('@').unwrap_or((image, ""));
            let (repository, _) = tagged.rsplit_once(':').unwrap_or((tagged, ""));
            let by_digest = format!("{repository}@{digest}");
            // What has no tag, or no digest, is not there under that name.
            let _ = self.docker.try_run(&["image", "rm", "--force", tagged]);
            let _ = self.docker.try_run(&["image", "rm", "--force", &by_digest]);
        }
    }
}
