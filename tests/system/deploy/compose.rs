//! What a deployment leaves is what Compose would have made.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{service, told};
use crate::support::deploy::{DeployServer, Engine, Project, Version};
use crate::support::until;

/// From the answer to the push to two replicas that run what was pushed.
const PROMISED: Duration = Duration::from_secs(30);

/// A project with everything that is easily lost: `web` twice, which opts in, and `db`.
async fn shop(server: &DeployServer) -> Project {
    let first = Version::new("1").volume("/cache");
    server.push("shop/web:live", &first).await;
    server.push("shop/db:live", &Version::new("db")).await;
    let project = server.project("shop");
    let files = project.folder().join("files");
    std::fs::create_dir(&files).expect("a folder");
    std::fs::write(files.join("bound"), "bound").expect("a file");
    let web = json!({
        "labels": {"team": "shop"},
        "deploy": {"replicas": 2, "resources": {"limits": {"memory": "64M"}}},
        "ports": [format!("{}:8080-8081:80", project.address.ip)],
        "networks": {"front": {"aliases": ["shop", "www"]}, "back": {}},
        "volumes": ["data:/data", "/scratch", "./files:/files:ro"],
        "tmpfs": ["/run"],
        "environment": {"COLOUR": "blue"},
        "depends_on": ["db"],
        "ulimits": {"nofile": 512},
        "extra_hosts": ["somewhere=127.0.0.1"],
        "restart": "unless-stopped",
    });
    project.up(&json!({
        "services": {
            "web": service(&server.image("shop/web:live"), &web),
            "db": {
                "image": server.image("shop/db:live"),
                "networks": ["back"],
                "stop_grace_period": "1s",
            },
        },
        "networks": {"front": {}, "back": {}},
        "volumes": {"data": {}},
    }));
    project
}

/// What must be the same in the container that takes the place of another.
fn kept(project: &Project, number: usize) -> serde_json::Value {
    let name = format!("{}-web-{number}", project.name);
    let container = project.engine.container(&name).expect("a replica");
    let document = &container.document;
    let mut labels = document["Config"]["Labels"].clone();
    let labels = labels.as_object_mut().expect("labels");
    labels.retain(|name, _| match name.strip_prefix("com.docker.compose.") {
        Some(of_compose) => !["image", "replace"].contains(&of_compose),
        None => !name.starts_with("berth.") || name == "berth.deploy",
    });
    let host = [
        "Memory",
        "RestartPolicy",
        "Ulimits",
        "ExtraHosts",
        "Tmpfs",
        "NetworkMode",
        "PortBindings",
        "LogConfig",
        "CgroupParent",
    ]
    .map(|name| document["HostConfig"][name].clone());
    json!({
        "labels": labels,
        "mounts": container.mounts(),
        "front": container.aliases(&project.full("front")),
        "back": container.aliases(&project.full("back")),
        "host": host,
        "healthcheck": document["Config"]["Healthcheck"],
        "stop_timeout": document["Config"]["StopTimeout"],
    })
}

#[tokio::test]
async fn both_replicas_run_what_was_pushed_within_thirty_seconds_and_nothing_else_changes() {
    let Some(engine) = Engine::shared() else {
        return;
    };
    // As it is unless somebody configures it.
    let server = DeployServer::on(&engine)
        .env("BERTH_DEPLOY__QUIET_SECONDS", 5)
        .env("BERTH_DEPLOY__MONITOR_SECONDS", 10)
        .start()
        .await;
    let project = shop(&server).await;
    let docker = &project.engine.docker;
    let db = project.one("db");
    let before = [kept(&project, 1), kept(&project, 2)];
    let web = format!("{}-web-1", project.name);
    for path in ["/data/kept", "/scratch/kept", "/cache/kept"] {
        docker.run(&["exec", &web, "sh", "-c", &format!("echo kept > {path}")]);
    }

    let second = Version::new("2").volume("/cache");
    let digest = server.push("shop/web:live", &second).await;
    let pushed = Instant::now();
    let deployment = server.ended(&project.name, 1).await;
    let took = pushed.elapsed();
    println!("deployed {took:.1?} after the push");
    deployment.expect("succeeded");
    assert!(took <= PROMISED, "{took:?}");
    assert_eq!(deployment.to_digest("web"), digest);
    assert_eq!(deployment.0["cause"], "push");
    assert_eq!(deployment.service("web")["pushed_by"], "admin");
    assert!(deployment.downtime_ms("web").is_some(), "{deployment:?}");

    for replica in project.service("web") {
        assert_eq!(replica.image(), second.id(), "{}", replica.name());
        let label = replica.label("com.docker.compose.image");
        assert_eq!(label, Some(second.id().as_str()));
        assert_eq!(replica.label("berth.digest"), Some(digest.as_str()));
        let id = deployment.id().to_string();
        assert_eq!(replica.label("berth.deployment"), Some(id.as_str()));
    }
    assert_eq!([kept(&project, 1), kept(&project, 2)], before);
    assert_eq!(project.one("db").id(), db.id());
    assert_eq!(project.one("db").started_at(), db.started_at());
    for path in ["/data/kept", "/scratch/kept", "/cache/kept"] {
        assert_eq!(docker.run(&["exec", &web, "cat", path]), "kept", "{path}");
    }
    assert_eq!(docker.run(&["exec", &web, "cat", "/files/bound"]), "bound");
    // The image of before said 1, and so did the container that was made of it.
    let environment = docker.run(&["exec", &web, "sh", "-c", "echo $VERSION $COLOUR"]);
    assert_eq!(environment, "2 blue");
    for port in [8080, 8081] {
        let said = told(&server, &project, port).await;
        assert_eq!(said.as_deref(), Some("2"), "port {port}");
    }
    let found = docker.run(&["exec", &web, "nslookup", "shop", "127.0.0.11"]);
    assert_eq!(found.matches("Name:").count(), 2, "{found}");
    assert_eq!(docker.run(&["exec", &web, "app", "ask", "www", "/"]), "2");
    assert_eq!(docker.run(&["exec", &web, "app", "ask", "db", "/"]), "db");

    project.assert_tidy(&[("db", 1), ("web", 2)]);
    project.assert_up_changes_nothing();
    let listed = project.compose(&["ps", "--services", "--status", "running"]);
    let mut listed: Vec<_> = listed.lines().collect();
    listed.sort_unstable();
    listed.dedup();
    assert_eq!(listed, ["db", "web"]);
    let said = project.compose(&["logs", "--no-color", "web"]);
    assert_eq!(said.matches("version 2 starts").count(), 2, "{said}");
    project.compose(&["down", "--volumes"]);
    assert!(project.containers().is_empty());
    for kind in ["network", "volume"] {
        let filter = format!("label=com.docker.compose.project={}", project.name);
        let left = docker.run(&[kind, "ls", "--quiet", "--filter", &filter]);
        assert_eq!(left, "", "{kind}s that are left");
    }
}

#[tokio::test]
async fn each_version_takes_the_place_of_the_one_before() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let project = shop(&server).await;
    let before = kept(&project, 1);
    for number in 2..=4 {
        let version = Version::new(&number.to_string()).volume("/cache");
        server.push("shop/web:live", &version).await;
        let deployment = server.ended(&project.name, number - 1).await;
        deployment.expect("succeeded");
        project.assert_tidy(&[("db", 1), ("web", 2)]);
        let said = told(&server, &project, 8080).await;
        assert_eq!(said, Some(number.to_string()));
    }
    assert_eq!(kept(&project, 1), before);
    project.assert_up_changes_nothing();
}

#[tokio::test]
async fn a_plain_labelled_container_is_a_stack_of_one() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    server.push("shop/web:live", &Version::new("1")).await;
    let engine = server.engine.signed_in(server.docker_config());
    let name = format!("plain-{}", std::process::id());
    let image = server.image("shop/web:live");
    let words = ["--label", "berth.deploy=true", "--network", "none"];
    let _remove = engine.run(
        &name,
        &[&words[..], &["--stop-timeout", "1", &image]].concat(),
    );
    let before = engine.container(&name).expect("a container");

    let second = Version::new("2");
    server.push("shop/web:live", &second).await;
    server.ended(&name, 1).await.expect("succeeded");
    let after = engine.container(&name).expect("a container");
    assert_eq!(after.image(), second.id());
    assert_ne!(after.id(), before.id());
    assert!(after.runs());
    assert_eq!(engine.containers(&format!("name={name}")).len(), 1);
}

#[tokio::test]
async fn images_that_were_replaced_go_after_so_many_versions() {
    let Some(engine) = Engine::shared() else {
        return;
    };
    let server = DeployServer::on(&engine)
        .env("BERTH_DEPLOY__KEEP_IMAGES", 1)
        .start()
        .await;
    let versions = [1, 2, 3, 4].map(|number| Version::new(&format!("kept {number}")));
    server.push("shop/web:live", &versions[0]).await;
    let project = server.project("kept");
    project.up(&super::alone(&server, &json!({})));
    for (count, version) in (1..).zip(&versions[1..]) {
        server.push("shop/web:live", version).await;
        server.ended(&project.name, count).await.expect("succeeded");
    }
    until("the oldest image to go", async || {
        !server.engine.has_image(&versions[1].id())
    })
    .await;
    assert!(server.engine.has_image(&versions[2].id()));
    assert!(server.engine.has_image(&versions[3].id()));
}
