use super::*;

fn refused(containers: Vec<Value>, policy: &Policy) -> String {
    plan(&facts(containers), &wanted(&["web"], policy))
        .unwrap_err()
        .reason
}

#[test]
fn what_would_lose_something_is_refused_with_what_helps() {
    let plain = policy();
    let web = |change| container("web", 1, change);
    let label = |name: &str, value: Value| json!({"Config": {"Labels": {name: value}}});
    let sharing = |field: &str| {
        let id = "web1".repeat(12);
        let value = match field {
            "VolumesFrom" => json!([format!("{id}:ro")]),
            _ => json!(format!("container:{id}")),
        };
        container("side", 1, json!({"HostConfig": {field: value}}))
    };
    let cases = [
        (vec![], "no container of it"),
        (
            vec![web(label("com.docker.swarm.task", json!("t")))],
            "Swarm",
        ),
        (
            vec![web(label("com.docker.compose.config-hash", Value::Null))],
            "Compose 1",
        ),
        (
            vec![web(json!({"HostConfig": {"AutoRemove": true}}))],
            "--rm",
        ),
        (vec![web(json!({"State": {"Status": "paused"}}))], "unpause"),
        (
            vec![web(json!({"Image": "sha256:gone"}))],
            "is gone from the engine",
        ),
        (
            vec![web(json!({"HostConfig": {"NetworkMode": "elsewhere"}}))],
            "taken off the network",
        ),
        (
            vec![web(
                json!({"Config": {"Image": "registry:5000/shop/else:live"}}),
            )],
            "not from",
        ),
        (
            vec![
                web(json!({})),
                container(
                    "web",
                    2,
                    json!({"Config": {"Image": "registry:5000/shop/web:old"}}),
                ),
            ],
            "different images",
        ),
        (
            vec![web(json!({})), sharing("NetworkMode")],
            "shop-side-1 shares",
        ),
        (
            vec![web(json!({})), sharing("IpcMode")],
            "shop-side-1 shares",
        ),
        (
            vec![web(json!({})), sharing("PidMode")],
            "shop-side-1 shares",
        ),
        (
            vec![web(json!({})), sharing("VolumesFrom")],
            "shop-side-1 shares",
        ),
    ];
    for (containers, part) in cases {
        let reason = refused(containers, &plain);
        assert!(reason.contains(part), "{reason} lacks {part}");
    }
}

#[test]
fn a_container_that_can_not_be_read_stands_only_in_its_own_services_way() {
    let mut facts = facts(vec![
        container("web", 1, json!({})),
        container("api", 1, json!({})),
    ]);
    let broken = json!([
        {"name": "shop-web-2", "project": "shop", "service": "web", "reason": "driver failed"},
        {"name": "blog-api-1", "project": "blog", "service": "api", "reason": "driver failed"},
    ]);
    facts.unreadable = serde_json::from_value(broken).unwrap();
    assert!(plan(&facts, &wanted(&["api"], &policy())).is_ok());
    let refusal = plan(&facts, &wanted(&["api", "web"], &policy())).unwrap_err();
    assert_eq!(refusal.service, "web");
    assert!(refusal.reason.ends_with("driver failed"), "{refusal:?}");
}

#[test]
fn start_first_is_refused_where_it_can_not_work_and_obeyed_where_it_is_only_unsafe() {
    let asked = Policy {
        order: Order::StartFirst,
        ..policy()
    };
    let address =
        |endpoint: Value| json!({"NetworkSettings": {"Networks": {"shop_default": endpoint}}});
    let port = |port: &str| json!({"HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": port}]}}});
    let writes = json!({"Mounts": [{"Type": "bind", "Destination": "/data", "RW": true}]});
    let reads = json!({"Mounts": [{"Type": "bind", "Destination": "/data", "RW": false}]});
    let memory = json!({"Mounts": [{"Type": "tmpfs", "Destination": "/tmp", "RW": true}]});
    // What is there, whether it can be asked for, and whether it is done unasked.
    let cases = [
        (port("8080"), false, false),
        (port(""), true, true),
        (json!({"HostConfig": {"NetworkMode": "host"}}), false, false),
        (
            json!({"Config": {"MacAddress": "02:42:ac:11:00:09"}}),
            false,
            false,
        ),
        (
            address(json!({"IPAMConfig": {"IPv4Address": "10.0.0.9"}})),
            false,
            false,
        ),
        (address(json!({"IPAMConfig": {}})), true, true),
        (writes, true, false),
        (reads, true, true),
        (memory, true, true),
    ];
    for (change, asked_works, by_itself) in cases {
        let facts = facts(vec![container("web", 1, change.clone())]);
        let by_policy = |policy: &Policy| {
            let steps = plan(&facts, &wanted(&["web"], policy)).ok()?;
            Some(
                lines(&steps)
                    .iter()
                    .any(|line| line.starts_with("make the new")),
            )
        };
        assert_eq!(by_policy(&asked), asked_works.then_some(true), "{change}");
        assert_eq!(by_policy(&policy()), Some(by_itself), "{change}");
    }
}
