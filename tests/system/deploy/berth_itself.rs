//! A Berth that runs in a container of the engine that it deploys to leaves that container alone.

use std::path::Path;

use crate::support::deploy::{Engine, Version};
use crate::support::{ADMIN_PASSWORD, Caller, Loopback, ask, text, until};

#[tokio::test]
async fn berth_never_replaces_its_own_container() {
    let Some(engine) = Engine::shared() else {
        return;
    };
    let address = Loopback::new();
    let host = format!("{}:5000", address.ip);
    let image = format!("{host}/shop/berth:live");
    let other = format!("{host}/shop/other:live");
    let name = format!("berth-itself-{}", std::process::id());
    // There is no registry yet that it could come from.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archive = folder.path().join("image.tar");
    std::fs::write(&archive, &Version::new("1").image().layers[0].bytes).expect("a file");
    let command = ["--change", r#"CMD ["/bin/sh", "/run.sh"]"#];
    let _images = [&image, &other].map(|image| {
        let import = [&["import"], &command[..], &[text(&archive), image]].concat();
        engine.docker.run(&import);
        engine.docker.finally(&["image", "rm", "--force", image])
    });

    let berth = Path::new(env!("CARGO_BIN_EXE_berth"));
    let program = format!("{}:/berth:ro", berth.display());
    let socket = format!("{}:/engine.sock", engine.socket());
    let data = format!("{}:/data", folder.path().display());
    let mut words: Vec<String> = ["--network", "host", "--label", "berth.deploy=true"]
        .map(str::to_owned)
        .to_vec();
    for mount in [program, socket, data] {
        words.extend(["--volume".to_owned(), mount]);
    }
    // What the binary is linked with.
    for library in ["/lib", "/lib64", "/usr/lib"] {
        if Path::new(library).is_dir() {
            words.extend(["--volume".to_owned(), format!("{library}:{library}:ro")]);
        }
    }
    for (variable, value) in [
        ("LISTEN", host.as_str()),
        ("PUBLIC_URL", &format!("http://{host}")),
        ("DATA_DIR", "/data/berth"),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("DEPLOY__DOCKER", "unix:///engine.sock"),
        ("DEPLOY__QUIET_SECONDS", "0"),
        ("DEPLOY__MONITOR_SECONDS", "1"),
    ] {
        words.extend(["--env".to_owned(), format!("BERTH_{variable}={value}")]);
    }
    words.extend([image.clone(), "/berth".to_owned(), "serve".to_owned()]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let _berth = engine.run(&name, &words);
    let client = reqwest::Client::builder().build().expect("a client");
    let caller = Caller::admin(client, format!("http://{host}"));
    until("Berth in its container", async || {
        let answer = caller.get("/readyz").send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    let before = engine.container(&name).expect("its container");
    let neighbour = format!("{name}-neighbour");
    let labels = ["--label", "berth.deploy=true", "--stop-timeout", "1"];
    let words = [&labels[..], &["--network", "none", &other]].concat();
    let _neighbour = engine.run(&neighbour, &words);

    let version = Version::new("2");
    version.push(&caller, "shop/berth", "live").await;
    version.push(&caller, "shop/other", "live").await;
    let decision = async |stack: &str| {
        let path = format!("/api/v1/targets/local/stacks/{stack}/services/{stack}/decisions");
        let answer = ask(caller.get(&path)).await;
        let document = if answer.status == 200 {
            answer.json()
        } else {
            return None;
        };
        document["items"].get(0).cloned()
    };
    let mut found = None;
    until("a decision", async || {
        found = decision(&name).await;
        found.is_some()
    })
    .await;
    let found = found.expect("a decision");
    assert_eq!(found["reason"], "berth_itself", "{found:#}");
    // Another one, with the same label, was replaced at the same time.
    until("the other", async || {
        let neighbour = engine.container(&neighbour);
        neighbour.is_some_and(|it| it.image() == version.id())
    })
    .await;
    let after = engine.container(&name).expect("its container");
    assert_eq!(after.id(), before.id());
    assert!(after.runs());
}
