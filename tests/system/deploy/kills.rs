//! kill -9 before and after every request of a deployment that changes something: afterwards exactly
//! one version serves, nothing is left over, and the history is true.

use serde_json::{Value, json};

use super::{published, service, told};
use crate::kills::seed;
use crate::support::deploy::{DeployServer, Deployment, Project, Side, Version};
use crate::support::{Random, full, until};

/// How many kills of a kind there are in a run of every day.
const SAMPLE: usize = 3;

/// A stack whose deployments are interrupted, and what ran before the last one.
struct Killed {
    server: DeployServer,
    project: Project,
    services: Vec<(&'static str, usize)>,
    version: usize,
    /// The ids of the images of each service, by what the history says.
    serving: String,
}

impl Killed {
    /// One replica with a port and a volume: the old one stops first.
    async fn stop_first() -> Option<Self> {
        let server = DeployServer::start().await?;
        let first = Version::new("0");
        server.push("shop/web:live", &first).await;
        let project = server.project("killed");
        project.up(&published(
            &server,
            &project,
            &json!({"volumes": ["/scratch"]}),
        ));
        Some(Self {
            server,
            project,
            services: vec![("web", 1)],
            version: 0,
            serving: first.id(),
        })
    }

    /// Two replicas on two networks: the new ones start first.
    async fn start_first() -> Option<Self> {
        let server = DeployServer::start().await?;
        let first = Version::new("0");
        server.push("shop/web:live", &first).await;
        let project = server.project("killed");
        let more = json!({
            "networks": {"front": {"aliases": ["shop"]}, "back": {}},
            "deploy": {"replicas": 2},
            "stop_grace_period": "5s",
        });
        let web = service(&server.image("shop/web:live"), &more);
        project.up(&json!({
            "services": {"web": web},
            "networks": {"front": {}, "back": {}},
        }));
        Some(Self {
            server,
            project,
            services: vec![("web", 2)],
            version: 0,
            serving: first.id(),
        })
    }

    /// Deploys the next version, with a kill at a request. Whether it came to that.
    async fn deploy(
        mut self,
        make: fn(&str) -> Version,
        at: Option<(usize, Side)>,
    ) -> (Self, bool) {
        self.version += 1;
        let version = make(&self.version.to_string());
        let front = &self.server.front;
        front.forget();
        if let Some((number, side)) = at {
            front.kill_at(self.server.pid(), number, side);
        }
        self.server.push("shop/web:live", &version).await;
        let stack = self.project.name.clone();
        let count = self.version;
        let mut newest = None;
        until("an end or a kill", async || {
            if self.server.front.has_killed() {
                return true;
            }
            newest = ended(&self.server, &stack, count).await;
            newest.is_some()
        })
        .await;
        let killed = self.server.front.disarm();
        if let Some(asked) = &killed {
            self.server.server.wait();
            println!("killed {at:?}, at {} {}", asked.method, asked.path);
            self.server = self.server.restart().await;
            newest = Some(self.server.ended(&stack, count).await);
        }
        let newest = newest.expect("an end");
        self.check(&newest, &version).await;
        (self, killed.is_some())
    }

    async fn check(&mut self, newest: &Deployment, version: &Version) {
        let history = self.server.story(&self.project.name).await;
        match newest.state() {
            "succeeded" => self.serving = version.id(),
            "rolled_back" | "failed" => {}
            state => panic!("it is {state}: {history}"),
        }
        for container in self.project.service("web") {
            assert_eq!(container.image(), self.serving, "{history}");
        }
        self.project.assert_tidy(&self.services);
        self.project.assert_up_changes_nothing();
        let unfinished = ["planned", "started", "undoing"];
        if newest.state() == "succeeded" {
            let steps = self.server.steps_of(newest.id()).await;
            let open = |step: &&Value| unfinished.contains(&step["state"].as_str().unwrap_or(""));
            let open: Vec<_> = steps.iter().filter(open).collect();
            assert!(open.is_empty(), "{open:#?}");
        }
    }

    /// Kills before and after the requests of deployments like this one: each in turn, until one
    /// passes without a kill, or a sample of those that there are.
    async fn walk(mut self, make: fn(&str) -> Version) {
        (self, _) = self.deploy(make, None).await;
        let changes = self.server.front.changes();
        println!("{} requests change something", changes.len());
        for (number, side) in moments(changes.len()) {
            let fired;
            (self, fired) = self.deploy(make, Some((number, side))).await;
            assert!(fired || number >= changes.len(), "no request {number}");
        }
    }
}

/// The newest deployment, once there are so many and all have ended. `None` as well when the server
/// is killed while it is asked.
async fn ended(server: &DeployServer, stack: &str, count: usize) -> Option<Deployment> {
    let path = format!("/api/v1/deployments?stack={stack}&n=100");
    let answer = server.get(&path).send().await.ok()?;
    let list: Value = answer.json().await.ok()?;
    let found = list["items"].as_array()?.iter().cloned().map(Deployment);
    let found: Vec<_> = found.collect();
    let all = found.len() == count && found.iter().all(Deployment::has_ended);
    if all { found.into_iter().next() } else { None }
}

/// Every moment with a request more than there should be, or a few of them.
fn moments(requests: usize) -> Vec<(usize, Side)> {
    let all: Vec<_> = (1..=requests + 1)
        .flat_map(|number| [(number, Side::Before), (number, Side::After)])
        .collect();
    if full() {
        return all;
    }
    let seed = seed();
    println!("the seed is {seed}; BERTH_TEST_SEED={seed} gives the same kills");
    let mut random = Random::new(seed);
    let some = (0..SAMPLE).map(|_| all[random.below(2 * requests)]);
    some.collect()
}

#[tokio::test]
async fn a_kill_at_any_request_of_a_stop_first_deployment_leaves_one_version() {
    let Some(killed) = Killed::stop_first().await else {
        return;
    };
    killed.walk(Version::new).await;
}

#[tokio::test]
async fn a_kill_at_any_request_of_a_start_first_deployment_leaves_one_version() {
    let Some(killed) = Killed::start_first().await else {
        return;
    };
    killed.walk(Version::draining).await;
}

#[tokio::test]
async fn a_kill_at_any_request_of_a_deployment_that_rolls_back_leaves_the_old_version() {
    let Some(killed) = Killed::stop_first().await else {
        return;
    };
    killed.walk(Version::never_healthy).await;
}

#[tokio::test]
async fn a_kill_at_any_request_of_a_start_first_deployment_that_rolls_back_leaves_the_old_version()
{
    let Some(killed) = Killed::start_first().await else {
        return;
    };
    killed.walk(Version::never_healthy).await;
}

/// A second kill while it recovers from the first.
#[tokio::test]
async fn a_kill_of_what_cleans_up_after_a_kill_leaves_one_version() {
    let Some(mut killed) = Killed::stop_first().await else {
        return;
    };
    let seed = seed();
    println!("the seed is {seed}; BERTH_TEST_SEED={seed} gives the same kills");
    let mut random = Random::new(seed);
    let rounds = if full() { 20 } else { 2 };
    for round in 1..=rounds {
        let first = 2 + random.below(6);
        let front = &killed.server.front;
        front.kill_at(killed.server.pid(), first, Side::After);
        killed.version += 1;
        let version = Version::new(&format!("round {round}"));
        killed.server.push("shop/web:live", &version).await;
        let stack = killed.project.name.clone();
        let count = killed.version;
        for number in [1 + random.below(3), 0] {
            until("an end or a kill", async || {
                let front = &killed.server.front;
                front.has_killed() || ended(&killed.server, &stack, count).await.is_some()
            })
            .await;
            if killed.server.front.disarm().is_none() {
                break;
            }
            killed.server.server.wait();
            killed.server = killed.server.restart().await;
            if number > 0 {
                let front = &killed.server.front;
                front.kill_at(killed.server.pid(), number, Side::Before);
            }
        }
        if killed.server.front.disarm().is_some() {
            killed.server.server.wait();
            killed.server = killed.server.restart().await;
        }
        let newest = killed.server.ended(&stack, count).await;
        killed.check(&newest, &version).await;
        assert!(told(&killed.server, &killed.project, 80).await.is_some());
    }
}
