//! What is not in an image is carried over, and what can not be is refused before anything is
//! touched.

use serde_json::json;

use super::{alone, running, service};
use crate::support::deploy::{Asked, DeployServer, Version};

#[tokio::test]
async fn configs_that_compose_has_written_into_a_container_are_carried_over_again_and_again() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    server.push("shop/web:live", &Version::new("1")).await;
    let project = server.project("configs");
    let more = json!({
        "configs": [{"source": "settings", "target": "/etc/app/settings.toml"}],
        "secrets": [{"source": "password", "target": "/etc/app/password"}],
        "environment": {"PASSWORD": "hunter2"},
    });
    let mut file = alone(&server, &more);
    file["configs"] = json!({"settings": {"content": "colour = \"blue\"\n"}});
    file["secrets"] = json!({"password": {"environment": "APP_PASSWORD"}});
    project.write(&file);
    let compose = project.program().env("APP_PASSWORD", "hunter2");
    compose.run(&["up", "--detach", "--quiet-pull"]);
    let read = |path: &str| {
        let web = project.one("web");
        let docker = &project.engine.docker;
        let mode = docker.run(&["exec", web.id(), "ls", "-ln", path]);
        let mode = mode.split(' ').next().unwrap_or_default().to_owned();
        (docker.run(&["exec", web.id(), "cat", path]), mode)
    };
    let before = ["/etc/app/settings.toml", "/etc/app/password"].map(read);
    assert_eq!(before[0].0, "colour = \"blue\"");
    assert_eq!(before[1].0, "hunter2");
    for (count, name) in [(1, "2"), (2, "3")] {
        let version = Version::new(name);
        server.push("shop/web:live", &version).await;
        server.ended(&project.name, count).await.expect("succeeded");
        assert_eq!(project.one("web").image(), version.id());
        let after = ["/etc/app/settings.toml", "/etc/app/password"].map(read);
        assert_eq!(after, before, "after version {name}");
    }
    let before = project.one("web");
    compose.run(&["up", "--detach", "--quiet-pull"]);
    assert_eq!(project.one("web").id(), before.id());
}

#[tokio::test]
async fn a_service_whose_network_another_container_shares_is_refused_before_anything_is_touched() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    for name in ["web", "sidecar"] {
        let image = format!("shop/{name}:live");
        server.push(&image, &Version::new("1")).await;
    }
    let project = server.project("sidecar");
    let mut file = alone(&server, &json!({}));
    file["services"]["sidecar"] = json!({
        "image": server.image("shop/sidecar:live"),
        "command": ["sleep", "1000"],
        "network_mode": "service:web",
        "stop_grace_period": "1s",
    });
    project.up(&file);
    let before = [project.one("web"), project.one("sidecar")];
    server.front.forget();
    server.push("shop/web:live", &Version::new("2")).await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect_because("failed", "sidecar");
    let after = [project.one("web"), project.one("sidecar")];
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.id(), after.id());
        assert_eq!(before.started_at(), after.started_at());
    }
    let touched = |asked: &Asked| asked.changes_something() && asked.path.contains("/containers/");
    let changes = server.front.changes();
    assert!(!changes.iter().any(touched), "{changes:#?}");
}

#[tokio::test]
async fn fixed_addresses_are_kept_and_the_old_one_stops_first() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    server.push("shop/web:live", &Version::new("1")).await;
    let project = server.project("fixed");
    let octet = project.address.ip.octets();
    let subnet = format!("10.{}.{}", octet[2], octet[3]);
    let address = format!("{subnet}.77");
    let more = json!({"networks": {"front": {"ipv4_address": address}}});
    let web = service(&server.image("shop/web:live"), &more);
    let pool = json!({"config": [{"subnet": format!("{subnet}.0/24")}]});
    project.up(&json!({
        "services": {"web": web},
        "networks": {"front": {"ipam": pool}},
    }));
    server.push("shop/web:live", &Version::new("2")).await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect("succeeded");
    assert!(deployment.downtime_ms("web").is_some(), "{deployment:?}");
    let web = project.one("web");
    let network = &web.document["NetworkSettings"]["Networks"][project.full("front")];
    assert_eq!(network["IPAddress"], address, "{network:#}");
    project.assert_up_changes_nothing();
}

#[tokio::test]
async fn what_a_new_image_says_itself_is_not_what_the_old_one_said() {
    let Some((server, project)) = running(&json!({"environment": {"KEPT": "by the file"}})).await
    else {
        return;
    };
    let version = Version::new("2")
        .env("ADDED", "by the image")
        .label("org.example.new", "yes")
        .volume("/added");
    server.push("shop/web:live", &version).await;
    server.ended(&project.name, 1).await.expect("succeeded");
    let web = project.one("web");
    let environment = web.document["Config"]["Env"].to_string();
    for part in ["VERSION=2", "ADDED=by the image", "KEPT=by the file"] {
        assert!(environment.contains(part), "no {part} in {environment}");
    }
    assert_eq!(web.label("org.example.new"), Some("yes"));
    assert!(web.mounts().contains_key("/added"));

    // And what the new one does not say any more is gone.
    server.push("shop/web:live", &Version::new("3")).await;
    server.ended(&project.name, 2).await.expect("succeeded");
    let web = project.one("web");
    let environment = web.document["Config"]["Env"].to_string();
    assert!(!environment.contains("ADDED"), "{environment}");
    assert_eq!(web.label("org.example.new"), None);
}

#[tokio::test]
async fn a_tag_that_is_moved_by_the_api_is_deployed_too() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    let second = Version::new("2");
    let digest = server.push("shop/web:next", &second).await;
    let account = crate::command_line::Account::admin(&server);
    account.run(&["tag", "shop/web:next", "live"]);
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect("succeeded");
    assert_eq!(deployment.0["cause"], "retag", "{deployment:?}");
    assert_eq!(deployment.to_digest("web"), digest);
    assert_eq!(project.one("web").image(), second.id());
}
