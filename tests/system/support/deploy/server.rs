use std::ops::Deref;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Deployment, Engine, EngineFront, Project, PulledImages, Version};
use crate::support::{Loopback, TestServer, TestServerBuilder, ask, within};

/// Longer than any deployment of a test takes.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A server that deploys on an engine, as the target `local`, through a front.
pub struct DeployServer {
    pub server: TestServer,
    pub engine: Engine,
    pub front: EngineFront,
    images: PulledImages,
    address: Loopback,
}

pub struct DeployServerBuilder {
    server: TestServerBuilder,
    engine: Engine,
    triggers: Option<String>,
}

impl DeployServer {
    /// On the engine that all tests share.
    pub async fn start() -> Option<Self> {
        let engine = Engine::shared()?;
        Some(Self::on(&engine).start().await)
    }

    /// What is pushed is deployed at once, and what has no health check runs well after a second.
    pub fn on(engine: &Engine) -> DeployServerBuilder {
        DeployServerBuilder {
            server: TestServer::builder()
                .env("BERTH_DEPLOY__QUIET_SECONDS", 0)
                .env("BERTH_DEPLOY__MONITOR_SECONDS", 1),
            engine: engine.clone(),
            triggers: None,
        }
    }

    /// The reference of an image that is here: `shop/web:live`.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.server.host())
    }

    /// A project on its engine.
    pub fn project(&self, hint: &str) -> Project {
        let engine = self.engine.signed_in(self.server.docker_config());
        Project::new(&engine, hint)
    }

    /// Pushes a version as `NAME:TAG`; the answer is its digest.
    pub async fn push(&self, name: &str, version: &Version) -> String {
        let (repository, tag) = name.rsplit_once(':').expect("a tag");
        version.push(self, repository, tag).await
    }

    /// Those of a stack, the newest first.
    pub async fn deployments(&self, stack: &str) -> Vec<Deployment> {
        let path = format!("/api/v1/deployments?target=local&stack={stack}&n=100");
        let list = ask(self.get(&path)).await.expect(200).json();
        let items = list["items"].as_array().expect("a list");
        items.iter().cloned().map(Deployment).collect()
    }

    pub async fn deployment(&self, id: u64) -> Deployment {
        let path = format!("/api/v1/deployments/{id}");
        Deployment(ask(self.get(&path)).await.expect(200).json())
    }

    /// The newest of a stack, once there are so many and all of them have ended.
    pub async fn ended(&self, stack: &str, count: usize) -> Deployment {
        let mut found = Vec::new();
        let came = within(PATIENCE, LOOK_EVERY, async || {
            found = self.deployments(stack).await;
            found.len() >= count && found.iter().all(Deployment::has_ended)
        });
        if !came.await {
            let story = self.story(stack).await;
            panic!("{stack} has not ended {count} deployments: {story}");
        }
        assert_eq!(found.len(), count, "{found:?}");
        found.remove(0)
    }

    /// The newest of a stack, once it is in a state.
    pub async fn in_state(&self, stack: &str, state: &str) -> Deployment {
        let mut newest = None;
        let came = within(PATIENCE, LOOK_EVERY, async || {
            newest = self.deployments(stack).await.into_iter().next();
            newest
                .as_ref()
                .is_some_and(|newest| newest.state() == state)
        });
        if !came.await {
            let story = self.story(stack).await;
            panic!("no deployment of {stack} is {state}: {story}");
        }
        newest.expect("a deployment")
    }

    /// All that the API and the log tell of a stack's deployments, for somebody who has to find out.
    pub async fn story(&self, stack: &str) -> String {
        let mut story = String::new();
        for deployment in self.deployments(stack).await {
            story.push_str(&format!("\n{deployment:?}"));
            for line in self.log_of(deployment.id()).await {
                story.push_str(&format!(
                    "\n  {} {}: {}",
                    line["at"], line["kind"], line["text"]
                ));
            }
        }
        for service in ["web", "db"] {
            for decision in self.decisions(stack, service).await {
                story.push_str(&format!("\n{service}: {decision}"));
            }
        }
        let log = self.server.log();
        let lines = log.iter().filter(|line| line["target"] != "access");
        for line in lines {
            story.push_str(&format!("\n{line}"));
        }
        story
    }

    /// The lines of a deployment's log.
    pub async fn log_of(&self, id: u64) -> Vec<Value> {
        let mut lines = Vec::new();
        let mut path = Some(format!("/api/v1/deployments/{id}/log"));
        while let Some(page) = path {
            let list = ask(self.get(&page)).await.expect(200).json();
            lines.extend(list["items"].as_array().expect("a list").iter().cloned());
            path = list["next"]
                .as_str()
                .map(|cursor| format!("/api/v1/deployments/{id}/log?cursor={cursor}"));
        }
        lines
    }

    pub async fn steps_of(&self, id: u64) -> Vec<Value> {
        let path = format!("/api/v1/deployments/{id}/steps?n=1000");
        let list = ask(self.get(&path)).await.expect(200).json();
        list["items"].as_array().expect("a list").clone()
    }

    /// Deploys by hand; the answer is the deployment.
    pub async fn run(&self, stack: &str, services: Option<Value>) -> Deployment {
        let mut body = json!({"target": "local", "stack": stack});
        if let Some(services) = services {
            body["services"] = services;
        }
        let post = self.post("/api/v1/deployments").json(&body);
        Deployment(ask(post).await.expect(201).json())
    }

    /// A new server on the data of this one, which is killed if it still runs.
    pub async fn restart(self) -> Self {
        let Self {
            server,
            engine,
            front,
            images,
            address,
        } = self;
        let server = server.restart().await;
        Self {
            server,
            engine,
            front,
            images,
            address,
        }
    }

    /// Why what was pushed to a service's tag was deployed or not, the newest first.
    pub async fn decisions(&self, stack: &str, service: &str) -> Vec<Value> {
        let path = format!("/api/v1/targets/local/stacks/{stack}/services/{service}/decisions");
        let answer = ask(self.get(&path)).await;
        if answer.status == 404 {
            // Nothing was pushed that it has to do with.
            return Vec::new();
        }
        let list = answer.expect(200).json();
        list["items"].as_array().expect("a list").clone()
    }

    /// The newest decision of a service, once it is for this reason; its text.
    pub async fn decided(&self, stack: &str, service: &str, reason: &str) -> String {
        let mut decisions = Vec::new();
        let came = within(PATIENCE, LOOK_EVERY, async || {
            decisions = self.decisions(stack, service).await;
            decisions
                .first()
                .is_some_and(|newest| newest["reason"] == reason)
        });
        assert!(came.await, "no {reason} of {service}: {decisions:#?}");
        let text = decisions[0]["text"].as_str().expect("a text");
        text.to_owned()
    }
}

impl Deref for DeployServer {
    type Target = TestServer;

    fn deref(&self) -> &TestServer {
        &self.server
    }
}

impl DeployServerBuilder {
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.server = self.server.env(name, value);
        self
    }

    /// Only what these push is deployed by itself.
    pub fn triggers(mut self, accounts: &str) -> Self {
        self.triggers = Some(accounts.to_owned());
        self
    }

    pub async fn start(self) -> DeployServer {
        let address = Loopback::new();
        let front = EngineFront::start(&self.engine);
        // References name a host, which has to be known before the server listens.
        let host = format!("{}:5000", address.ip);
        let server = self
            .server
            .env("BERTH_LISTEN", &host)
            .env("BERTH_PUBLIC_URL", format!("http://{host}"));
        let server = match self.triggers {
            None => server.env("BERTH_DEPLOY__DOCKER", front.url()),
            Some(accounts) => server
                .env("BERTH_DEPLOY__ENGINE__LOCAL__URL", front.url())
                .env("BERTH_DEPLOY__ENGINE__LOCAL__TRIGGERS", accounts),
        };
        DeployServer {
            server: server.start().await,
            images: self.engine.images_of(&host),
            engine: self.engine,
            front,
            address,
        }
    }
}
