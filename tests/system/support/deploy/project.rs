use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use super::{Container, Engine};
use crate::support::{Loopback, Program, text};

/// A Compose project in a folder of its own. Gone with all that it has when it is dropped.
pub struct Project {
    pub name: String,
    pub engine: Engine,
    /// Where it may publish what ports it likes.
    pub address: Loopback,
    folder: TempDir,
}

impl Project {
    /// With a name that no other has.
    pub fn new(engine: &Engine, hint: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self {
            name: format!("{hint}-{}-{number}", std::process::id()),
            engine: engine.clone(),
            address: Loopback::new(),
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    /// Writes its file, and brings it up.
    pub fn up(&self, file: &Value) {
        self.write(file);
        self.compose(&["up", "--detach", "--quiet-pull"]);
    }

    /// Writes its file: JSON is YAML too.
    pub fn write(&self, file: &Value) {
        fs::write(self.file(), format!("{file:#}")).expect("a Compose file");
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("compose.yaml")
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// What `docker compose` prints.
    pub fn compose(&self, arguments: &[&str]) -> String {
        self.program().run(arguments)
    }

    /// Docker Compose with this project.
    pub fn program(&self) -> Program {
        let file = self.file();
        let options = ["--project-name", &self.name, "--file", text(&file)];
        self.engine.compose.clone().words(&options)
    }

    /// Everything that belongs to it, whatever it is called and whether it runs.
    pub fn containers(&self) -> Vec<Container> {
        let filter = format!("label=com.docker.compose.project={}", self.name);
        self.engine.containers(&filter)
    }

    /// The containers of a service, by their names.
    pub fn service(&self, service: &str) -> Vec<Container> {
        let mut containers = self.containers();
        containers.retain(|it| it.label("com.docker.compose.service") == Some(service));
        containers
    }

    /// The only container of a service.
    #[track_caller]
    pub fn one(&self, service: &str) -> Container {
        let mut containers = self.service(service);
        assert_eq!(
            containers.len(),
            1,
            "containers of {service}: {containers:#?}"
        );
        containers.remove(0)
    }

    /// Fails unless these services have so many containers each, all of them run under the names that
    /// Compose gives, and there is no other.
    #[track_caller]
    pub fn assert_tidy(&self, services: &[(&str, usize)]) {
        let names = services
            .iter()
            .flat_map(|&(service, replicas)| (1..=replicas).map(move |number| (service, number)));
        let mut expected: Vec<_> = names
            .map(|(service, number)| (format!("{}-{service}-{number}", self.name), true))
            .collect();
        expected.sort();
        let containers = self.containers();
        let found: Vec<_> = containers
            .iter()
            .map(|container| (container.name().to_owned(), container.runs()))
            .collect();
        assert_eq!(found, expected, "names, and whether they run");
    }

    /// Fails if another `up` would change anything.
    #[track_caller]
    pub fn assert_up_changes_nothing(&self) {
        let describe = || {
            let containers = self.containers();
            let states = containers
                .iter()
                .map(|it| (it.id().to_owned(), it.started_at()));
            states.collect::<Vec<_>>()
        };
        let before = describe();
        self.compose(&["up", "--detach", "--quiet-pull"]);
        assert_eq!(
            describe(),
            before,
            "`docker compose up` has changed something"
        );
    }

    /// The name of a network or volume of the file.
    pub fn full(&self, name: &str) -> String {
        format!("{}_{name}", self.name)
    }

    /// What somebody who asks for a port of it is told.
    pub fn url(&self, port: u16) -> String {
        format!("http://{}:{port}", self.address.ip)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // A volume without a name of its own has one once it was handed on, and stays.
        let containers = self.containers();
        let volumes: Vec<_> = containers.iter().flat_map(Container::volumes).collect();
        let options = ["--volumes", "--remove-orphans", "--timeout", "0"];
        let down = [&["down"], &options[..]].concat();
        let _ = self.program().try_run(&down);
        // Compose finds what has its labels; what a fault has left may have none.
        let filter = format!("name={}", self.name);
        for container in self.engine.containers(&filter) {
            let remove = ["rm", "--force", "--volumes", container.id()];
            let _ = self.engine.docker.try_run(&remove);
        }
        let _ = self.program().try_run(&down);
        for volume in &volumes {
            let _ = self.engine.docker.try_run(&["volume", "rm", volume]);
        }
    }
}
