use serde_json::{Value, json};

use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn old(config: Value, host: Value, mounts: Value, networks: Value) -> Container {
    let all = json!({
        "Id": ID, "Created": "2026-01-01T00:00:00Z", "Image": "sha256:old", "Name": "/shop-web-1",
        "State": {"Status": "running", "StartedAt": "2026-01-01T00:00:01Z", "FinishedAt": "0001-01-01T00:00:00Z"},
        "Config": config, "HostConfig": host, "Mounts": mounts,
        "NetworkSettings": {"Networks": networks},
    });
    serde_json::from_value(all).unwrap()
}

fn image(id: &str, config: Value) -> Image {
    serde_json::from_value(json!({"Id": id, "Config": config})).unwrap()
}

fn new_image() -> NewImage {
    NewImage {
        repository: "registry:5000/shop/web".to_owned(),
        tag: "live".to_owned(),
        digest: "sha256:22".to_owned(),
        platform: None,
    }
}

fn made(old: &Container, old_image: &Image, names: Names) -> Made {
    let origin = Origin {
        old,
        old_image,
        image: &new_image(),
        new_image: &image("sha256:new", json!({})),
        deployment: 7,
        carried: &[],
        address_of_network: false,
    };
    replica(&origin, names).unwrap()
}

fn subtracted(config: Value, of_image: Value) -> Value {
    let old = old(config, json!({"NetworkMode": "none"}), json!([]), json!({}));
    Value::Object(config::without_values_of_image(
        &old,
        &image("sha256:old", of_image),
    ))
}

#[test]
fn what_came_from_the_old_image_is_left_to_the_new() {
    // What the engine shows of the container, of its image, and what was given.
    let cases = [
        (
            json!({"Env": ["A=1", "B=2", "P=x"]}),
            json!({"Env": ["P=x", "A=0"]}),
            json!({"Env": ["A=1", "B=2"]}),
        ),
        (json!({"User": "app"}), json!({"User": "app"}), json!({})),
        (
            json!({"User": "root"}),
            json!({"User": "app"}),
            json!({"User": "root"}),
        ),
        (
            json!({"WorkingDir": "/app", "StopSignal": "SIGINT"}),
            json!({"WorkingDir": "/app"}),
            json!({"StopSignal": "SIGINT"}),
        ),
        (
            json!({"Labels": {"a": "1", "b": "2"}}),
            json!({"Labels": {"a": "1", "b": "1"}}),
            json!({"Labels": {"b": "2"}}),
        ),
        // Compose builds images with labels of the project, which its containers have in any case.
        (
            json!({"Labels": {"com.docker.compose.project": "shop", "com.docker.compose.config-hash": "h"}}),
            json!({"Labels": {"com.docker.compose.project": "shop"}}),
            json!({"Labels": {"com.docker.compose.project": "shop", "com.docker.compose.config-hash": "h"}}),
        ),
        (
            json!({"Volumes": {"/a": {}, "/b": {}}}),
            json!({"Volumes": {"/a": {}}}),
            json!({"Volumes": {"/b": {}}}),
        ),
        (
            json!({"OnBuild": null, "Tty": true}),
            json!({}),
            json!({"Tty": true}),
        ),
        // The command.
        (
            json!({"Entrypoint": ["e"], "Cmd": ["c"]}),
            json!({"Entrypoint": ["e"], "Cmd": ["c"]}),
            json!({}),
        ),
        (
            json!({"Entrypoint": ["e"], "Cmd": ["x"]}),
            json!({"Entrypoint": ["e"], "Cmd": ["c"]}),
            json!({"Cmd": ["x"]}),
        ),
        (
            json!({"Entrypoint": ["x"], "Cmd": null}),
            json!({"Entrypoint": ["e"], "Cmd": ["c"]}),
            json!({"Entrypoint": ["x"], "Cmd": null}),
        ),
        (
            json!({"Entrypoint": ["x"], "Cmd": ["c"]}),
            json!({"Entrypoint": ["e"], "Cmd": ["c"]}),
            json!({"Entrypoint": ["x"], "Cmd": ["c"]}),
        ),
        // The same entry point was given again, without the image's command.
        (
            json!({"Entrypoint": ["e"], "Cmd": null}),
            json!({"Entrypoint": ["e"], "Cmd": ["c"]}),
            json!({"Entrypoint": ["e"], "Cmd": null}),
        ),
        (
            json!({"Entrypoint": null, "Cmd": ["c"]}),
            json!({"Entrypoint": null, "Cmd": ["c"]}),
            json!({}),
        ),
        // The entry point was taken away.
        (
            json!({"Entrypoint": null, "Cmd": ["x"]}),
            json!({"Entrypoint": ["e"], "Cmd": ["c"]}),
            json!({"Entrypoint": [""], "Cmd": ["x"]}),
        ),
        (
            json!({"Entrypoint": [], "Cmd": ["c"]}),
            json!({"Entrypoint": ["e"], "Cmd": ["c"]}),
            json!({"Entrypoint": []}),
        ),
        // The health check, field by field.
        (
            json!({"Healthcheck": {"Test": ["CMD", "x"], "Interval": 5}}),
            json!({"Healthcheck": {"Test": ["CMD", "x"], "Interval": 3}}),
            json!({"Healthcheck": {"Interval": 5}}),
        ),
        (
            json!({"Healthcheck": {"Test": ["CMD", "x"]}}),
            json!({"Healthcheck": {"Test": ["CMD", "x"]}}),
            json!({}),
        ),
        (
            json!({"Healthcheck": {"Test": ["NONE"]}}),
            json!({"Healthcheck": {"Test": ["CMD", "x"]}}),
            json!({"Healthcheck": {"Test": ["NONE"]}}),
        ),
        (
            json!({"Healthcheck": {"Test": ["CMD", "x"]}}),
            json!({}),
            json!({"Healthcheck": {"Test": ["CMD", "x"]}}),
        ),
    ];
    for (config, of_image, mut given) in cases {
        // An entry of null is as good as none.
        let mut left = subtracted(config.clone(), of_image.clone());
        for value in [&mut left, &mut given] {
            value.as_object_mut().unwrap().retain(|_, it| !it.is_null());
        }
        assert_eq!(left, given, "{config} of {of_image}");
    }
}

#[test]
fn a_published_port_stays_exposed() {
    let host = json!({"NetworkMode": "none", "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}});
    let exposed = json!({"ExposedPorts": {"80/tcp": {}, "81/tcp": {}, "82/tcp": {}}});
    let of_image = json!({"ExposedPorts": {"80/tcp": {}, "81/tcp": {}}});
    let old = old(exposed, host, json!([]), json!({}));
    let config = config::without_values_of_image(&old, &image("sha256:old", of_image));
    assert_eq!(config["ExposedPorts"], json!({"80/tcp": {}, "82/tcp": {}}));
}

#[test]
fn compose_finds_its_labels_and_the_id_of_the_new_image() {
    let labels = json!({
        "com.docker.compose.project": "shop", "com.docker.compose.service": "web",
        "com.docker.compose.container-number": "1", "com.docker.compose.config-hash": "abc",
        "com.docker.compose.image": "sha256:old", "maintainer": "of the image", "berth.deploy": "true",
        "berth.deployment": "6", "berth.carried": "[\"/gone\"]",
    });
    let old = old(
        json!({"Labels": labels, "Image": "registry:5000/shop/web:live", "Hostname": &ID[..12]}),
        json!({"NetworkMode": "none"}),
        json!([]),
        json!({}),
    );
    let made = made(
        &old,
        &image(
            "sha256:old",
            json!({"Labels": {"maintainer": "of the image"}}),
        ),
        Names::OfService,
    );
    assert_eq!(
        made.body["Labels"],
        json!({
            "com.docker.compose.project": "shop", "com.docker.compose.service": "web",
            "com.docker.compose.container-number": "1", "com.docker.compose.config-hash": "abc",
            "com.docker.compose.image": "sha256:new", "com.docker.compose.replace": "web-1",
            "berth.deploy": "true", "berth.deployment": "7", "berth.digest": "sha256:22", "berth.replaces": ID,
        })
    );
    assert_eq!(made.body["Image"], "registry:5000/shop/web:live");
    assert!(!made.body.contains_key("Hostname"));
}

#[test]
fn the_id_of_an_image_is_of_the_kind_that_compose_wrote() {
    let image: Image = serde_json::from_value(json!({
        "Id": "sha256:index",
        "Manifests": [
            {"ID": "sha256:attestation", "Kind": "attestation", "Available": true},
            {"ID": "sha256:arm", "Kind": "image", "Available": false},
            {"ID": "sha256:amd", "Kind": "image", "Available": true},
        ],
    }))
    .unwrap();
    for (content, same) in [
        ("sha256:index", "sha256:index"),
        ("sha256:amd", "sha256:amd"),
        ("sha256:other", "sha256:index"),
    ] {
        assert_eq!(image.content(image.kind_of(content)), same);
    }
}

#[test]
fn every_mount_is_there_once_and_volumes_without_a_name_by_theirs() {
    let host = json!({
        "NetworkMode": "none",
        "Binds": ["/srv/conf:/conf:ro", "named:/named"],
        "Mounts": [
            {"Type": "volume", "Target": "/unnamed/"},
            {"Type": "volume", "Source": "other", "Target": "/other", "VolumeOptions": {"Subpath": "sub"}},
            {"Type": "tmpfs", "Target": "/tmp"},
        ],
    });
    let volume = |name: &str, destination: &str, writable: bool| json!({"Type": "volume", "Name": name, "Destination": destination, "Mode": "", "RW": writable});
    let mounts = json!([
        {"Type": "bind", "Source": "/srv/conf", "Destination": "/conf", "RW": false},
        volume("named", "/named", true),
        volume("aaaa", "/unnamed", true),
        volume("other", "/other", true),
        volume("bbbb", "/of-image", true),
        volume("cccc", "/read", false),
        {"Type": "tmpfs", "Destination": "/tmp", "RW": true},
    ]);
    let old = old(json!({}), host, mounts, json!({}));
    let made = made(&old, &image("sha256:old", json!({})), Names::OfService);
    assert_eq!(
        made.body["HostConfig"]["Binds"],
        json!([
            "/srv/conf:/conf:ro",
            "named:/named",
            "bbbb:/of-image",
            "cccc:/read:ro"
        ])
    );
    assert_eq!(
        made.body["HostConfig"]["Mounts"],
        json!([
            {"Type": "volume", "Source": "aaaa", "Target": "/unnamed/"},
            {"Type": "volume", "Source": "other", "Target": "/other", "VolumeOptions": {"Subpath": "sub"}},
            {"Type": "tmpfs", "Target": "/tmp"},
        ])
    );
}

#[test]
fn networks_keep_what_was_given_and_not_what_the_engine_chose() {
    let networks = json!({
        "shop_default": {"Aliases": ["shop-web-1", "web", &ID[..12], "web"], "IPAMConfig": null, "IPAddress": "172.18.0.3", "MacAddress": "02:42:ac:12:00:03", "NetworkID": "n1"},
        "back": {"Aliases": ["db"], "IPAMConfig": {"IPv4Address": "10.1.0.9"}, "DriverOpts": {"a": "b"}, "GwPriority": 5, "Links": ["x:y"]},
    });
    let host = json!({"NetworkMode": "shop_default"});
    let old = old(
        json!({"MacAddress": "02:42:00:00:00:01"}),
        host,
        json!([]),
        networks,
    );
    let here = made(&old, &image("sha256:old", json!({})), Names::OfService);
    assert_eq!(
        here.body["NetworkingConfig"]["EndpointsConfig"],
        json!({"shop_default": {"Aliases": ["shop-web-1", "web"]}})
    );
    let back = json!({"Aliases": ["db"], "IPAMConfig": {"IPv4Address": "10.1.0.9"}, "DriverOpts": {"a": "b"}, "GwPriority": 5, "Links": ["x:y"]});
    assert_eq!(json!(here.networks.others["back"]), back);
    assert_eq!(here.body["MacAddress"], "02:42:00:00:00:01");
    let unnamed = made(&old, &image("sha256:old", json!({})), Names::Own);
    assert!(
        unnamed
            .networks
            .all()
            .all(|(_, given)| !given.contains_key("Aliases"))
    );
}

#[test]
fn a_hook_publishes_nothing_and_is_found_by_nobody() {
    let networks =
        json!({"shop_default": {"Aliases": ["web"], "IPAMConfig": {"IPv4Address": "10.1.0.9"}}});
    let host = json!({"NetworkMode": "shop_default", "PortBindings": {"80/tcp": []}, "RestartPolicy": {"Name": "always"}, "Memory": 5});
    let config = json!({"Env": ["A=1"], "Labels": {"com.docker.compose.project": "shop"}, "ExposedPorts": {"80/tcp": {}}, "Healthcheck": {"Test": ["CMD"]}});
    let old = old(config, host, json!([]), networks);
    let origin = Origin {
        old: &old,
        old_image: &image("sha256:old", json!({})),
        image: &new_image(),
        new_image: &image("sha256:new", json!({})),
        deployment: 7,
        carried: &[],
        address_of_network: false,
    };
    let hook = hook(&origin, When::Before, &["migrate".to_owned()]).unwrap();
    assert_eq!(
        Value::Object(hook.body),
        json!({
            "Env": ["A=1"], "Image": "registry:5000/shop/web@sha256:22", "Entrypoint": ["migrate"], "Cmd": [],
            "Healthcheck": {"Test": ["NONE"]},
            "Labels": {"berth.deployment": "7", "berth.hook": "before", "berth.replaces": ID},
            "HostConfig": {"NetworkMode": "shop_default", "PortBindings": {}, "PublishAllPorts": false, "RestartPolicy": {"Name": "no"}, "Memory": 5},
            "NetworkingConfig": {"EndpointsConfig": {"shop_default": {}}},
        })
    );
}
