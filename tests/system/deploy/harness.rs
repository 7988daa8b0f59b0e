//! That what these tests stand on does what they believe.

use serde_json::json;

use crate::support::deploy::{Counter, Engine, EngineFront, OwnEngine, Project, Side, Version};
use crate::support::{Caller, Disk, Loopback, TestServer, ask, until};

/// A registry at an address that is known before it starts.
async fn registry(address: &Loopback) -> TestServer {
    let host = format!("{}:5000", address.ip);
    TestServer::builder()
        .env("BERTH_LISTEN", &host)
        .env("BERTH_PUBLIC_URL", format!("http://{host}"))
        .start()
        .await
}

async fn told(caller: &Caller, url: &str) -> Option<String> {
    let answer = caller.anonymous().get(url).send().await.ok()?;
    answer.text().await.ok()
}

#[tokio::test]
async fn compose_runs_what_was_pushed_with_networks_and_ports_and_leaves_nothing() {
    let Some(engine) = Engine::shared() else {
        return;
    };
    let address = Loopback::new();
    let server = registry(&address).await;
    let _images = engine.images_of(server.host());
    Version::draining("1")
        .push(&server, "shop/web", "live")
        .await;
    let engine = engine.signed_in(server.docker_config());
    let project = Project::new(&engine, "harness");
    let name = project.name.clone();
    let image = format!("{}/shop/web:live", server.host());
    project.up(&json!({
        "services": {"web": {
            "image": image,
            "ports": [format!("{}:80:80", project.address.ip)],
            "networks": {"front": {"aliases": ["shop"]}, "back": {}},
            "volumes": ["/scratch"],
            "stop_grace_period": "1s",
        }},
        "networks": {"front": {}, "back": {}},
    }));
    until("the server", async || {
        told(&server, &project.url(80)).await.as_deref() == Some("1")
    })
    .await;
    project.assert_tidy(&[("web", 1)]);
    project.assert_up_changes_nothing();
    let counter = Counter::start(&project, "front", "shop").await;
    until("a request", async || {
        told(&server, &project.url(80)).await.is_some()
    })
    .await;
    let report = counter.finish();
    assert!(report.requests > 0 && report.failures == 0, "{report}");

    drop(project);
    assert!(engine.containers(&format!("name={name}")).is_empty());
    for kind in ["network", "volume"] {
        let left = engine
            .docker
            .run(&[kind, "ls", "-q", "--filter", &format!("name={name}")]);
        assert_eq!(left, "", "{kind}s");
    }
}

#[tokio::test]
async fn the_front_counts_refuses_holds_and_kills() {
    let Some(engine) = Engine::shared() else {
        return;
    };
    let address = Loopback::new();
    let mut server = registry(&address).await;
    let front = EngineFront::start(&engine);
    let docker = crate::support::Program::new(&["docker", "--host", &front.url()]);
    let name = format!("front-{}", std::process::id());
    let _remove = engine.docker.finally(&["network", "rm", &name]);

    docker.run(&["network", "create", &name]);
    let created: Vec<_> = front.changes();
    assert_eq!(created.len(), 1, "{created:?}");
    assert!(created[0].is("POST", "/networks/create"), "{created:?}");
    assert_eq!(created[0].status, Some(201));

    front.refuse(|asked| asked.method == "DELETE", "not today");
    let said = docker.fail(&["network", "rm", &name]);
    assert!(said.contains("not today"), "{said}");
    front.refuse_nothing();

    front.kill_at(server.pid(), 1, Side::Before);
    docker.fail(&["network", "rm", &name]);
    server.wait();
    let killed = front.disarm().expect("it was killed");
    assert_eq!(killed.method, "DELETE");
    assert!(
        engine
            .docker
            .try_run(&["network", "inspect", &name])
            .is_some()
    );

    let mut server = server.restart().await;
    front.kill_at(server.pid(), 1, Side::After);
    docker.fail(&["network", "rm", &name]);
    server.wait();
    assert!(front.disarm().is_some());
    assert!(
        engine
            .docker
            .try_run(&["network", "inspect", &name])
            .is_none()
    );

    front.go_away();
    docker.fail(&["version"]);
    front.come_back();
    docker.run(&["version"]);
}

#[tokio::test]
async fn an_engine_that_ends_starts_again_with_what_it_had() {
    let Some(mut own) = OwnEngine::start().await else {
        return;
    };
    let address = Loopback::new();
    let server = registry(&address).await;
    Version::new("1").push(&server, "shop/web", "live").await;
    let engine = own.engine.signed_in(server.docker_config());
    let project = Project::new(&engine, "ends");
    let image = format!("{}/shop/web:live", server.host());
    project.up(&json!({"services": {"web": {"image": image, "restart": "always"}}}));
    for end in [OwnEngine::kill, OwnEngine::stop] {
        end(&mut own);
        assert!(engine.docker.try_run(&["version"]).is_none());
        own.start_again().await;
        until("the container", async || project.one("web").runs()).await;
    }
}

#[tokio::test]
async fn an_engine_on_a_small_disk_can_not_pull_what_is_larger() {
    let Some(disk) = Disk::mount(48) else { return };
    let Some(own) = OwnEngine::start_on(disk.folder()).await else {
        return;
    };
    let address = Loopback::new();
    let server = registry(&address).await;
    Version::new("1").push(&server, "shop/web", "small").await;
    let large = Version::new("2").larger(64 * 1024 * 1024);
    large.push(&server, "shop/web", "large").await;
    ask(server.get("/v2/")).await.expect(200);
    let docker = own.engine.signed_in(server.docker_config()).docker;
    docker.run(&["pull", &format!("{}/shop/web:small", server.host())]);
    let said = docker.fail(&["pull", &format!("{}/shop/web:large", server.host())]);
    assert!(said.contains("no space left on device"), "{said}");
}

/// What the tests of availability measure with, tried on an exchange by hand.
#[tokio::test]
async fn the_counter_counts_no_failure_when_a_server_of_two_drains() {
    let Some(engine) = Engine::shared() else {
        return;
    };
    let address = Loopback::new();
    let server = registry(&address).await;
    let _images = engine.images_of(server.host());
    let engine = engine.signed_in(server.docker_config());
    Version::draining("1")
        .push(&server, "shop/web", "live")
        .await;
    let project = Project::new(&engine, "exchange");
    let image = format!("{}/shop/web:live", server.host());
    let web = json!({"image": image, "stop_grace_period": "5s"});
    project.up(&json!({"services": {"web": web}}));
    let counter = Counter::start(&project, "default", "web").await;
    let network = project.full("default");
    let name = format!("{}-next", project.name);
    for _ in 0..3 {
        let alias = ["--network", &network, "--network-alias", "web", &image];
        let _next = engine.run(&name, &alias);
        until("the next server", async || {
            let asked = ["exec", &name, "app", "ask", "127.0.0.1", "/"];
            engine.docker.try_run(&asked).is_some()
        })
        .await;
        engine.docker.run(&["stop", &name]);
    }
    let report = counter.finish();
    println!("{report}");
    assert!(report.requests > 0 && report.failures == 0, "{report}");
}
