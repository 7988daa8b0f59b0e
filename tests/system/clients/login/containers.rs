//! podman, buildah and skopeo: one code behind three command lines.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::{PASSWORD, Shop};
use crate::clients::{containers, podman};
use crate::support::{BuildContext, Layout, Login, Program, Stored, text};

/// A program without a login, and the file that it would keep one in.
fn without_login(name: &str) -> Option<(TempDir, Program)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let logins = folder.path().join("auth.json");
    // buildah wants the file to be there.
    fs::write(&logins, "{}").expect("a file");
    let program = containers(name)?.env("REGISTRY_AUTH_FILE", text(&logins));
    Some((folder, program))
}

fn sign_in(program: &Program, shop: &Shop, login: &Login) {
    let words = ["login", "--tls-verify=false", "--username", &login.name];
    let secret = ["--password", &login.secret, shop.server.host()];
    program.run(&[&words[..], &secret].concat());
}

fn kept(folder: &TempDir) -> Value {
    let text = fs::read_to_string(folder.path().join("auth.json")).expect("a file");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    document["auths"].clone()
}

#[tokio::test]
async fn podman_pushes_and_pulls_with_a_password_a_token_and_a_robot() {
    let Some((folder, podman)) = without_login("podman") else {
        return;
    };
    let shop = Shop::open().await;
    let logins = shop.logins().await;
    for (login, tag) in logins.iter().zip(["password", "token", "robot"]) {
        sign_in(&podman, &shop, login);
        let image = shop.image(&format!("shop/app:{tag}"));
        let _remove = podman::build(&podman, &BuildContext::new(2), &image);
        let pushed = podman::pushed_digest(&podman, &[], &image);
        let stored = Stored::whole(&shop.server, "shop/app", tag).await;
        assert_eq!(stored.digest, pushed, "{tag}");
        assert_eq!(shop.pushed_by(tag).await, login.name, "{tag}");
        podman.run(&["rmi", &image]);
        let pull = ["pull", "--quiet", "--tls-verify=false", &image];
        podman.run(&pull);

        podman.run(&["logout", shop.server.host()]);
        assert_eq!(kept(&folder)[shop.server.host()], Value::Null);
        podman.run(&["rmi", &image]);
        let said = podman.fail(&pull);
        assert!(said.contains("unauthorized"), "{said}");
    }
}

#[tokio::test]
async fn podman_login_with_a_wrong_password_is_refused_and_keeps_nothing() {
    let Some((folder, podman)) = without_login("podman") else {
        return;
    };
    let shop = Shop::open().await;
    let words = ["login", "--tls-verify=false", "--username", "ada"];
    let secret = ["--password", "wrong horse battery", shop.server.host()];
    let said = podman.fail(&[&words[..], &secret].concat());
    assert!(said.contains("invalid username/password"), "{said}");
    assert_eq!(kept(&folder)[shop.server.host()], Value::Null);
}

#[tokio::test]
async fn buildah_pushes_with_its_login() {
    let Some((_folder, buildah)) = without_login("buildah") else {
        return;
    };
    let shop = Shop::open().await;
    let context = BuildContext::new(2);
    let image = shop.image("shop/app:1");
    let _remove = buildah.finally(&["rmi", "--force", &image]);
    buildah.run(&[
        "bud",
        "--quiet",
        "--layers",
        "--tag",
        &image,
        context.path(),
    ]);
    let push = ["push", "--quiet", "--tls-verify=false", &image];
    let said = buildah.fail(&push);
    assert!(
        said.contains("requested access to the resource is denied"),
        "{said}"
    );
    sign_in(&buildah, &shop, &shop.ada);
    buildah.run(&push);
    Stored::whole(&shop.server, "shop/app", "1").await;
    buildah.run(&["rmi", &image]);
    buildah.run(&["pull", "--quiet", "--tls-verify=false", &image]);
    buildah.run(&["logout", shop.server.host()]);
}

fn copy<'w>(options: &[&'w str], from: &'w str, to: &'w str) -> Vec<&'w str> {
    let words = ["copy", "--quiet", "--all"];
    let plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    [&words[..], &plain, options, &[from, to]].concat()
}

#[tokio::test]
async fn skopeo_copies_with_the_credentials_of_its_command_line() {
    let Some((_folder, skopeo)) = without_login("skopeo") else {
        return;
    };
    let shop = Shop::open().await;
    let layout = Layout::new();
    let source = format!("oci:{}:1", layout.path());
    let [first, second, open] = ["shop/app:1", "shop/copy:1", "open/app:1"]
        .map(|name| format!("docker://{}", shop.image(name)));
    let logins = shop.logins().await;
    for login in &logins {
        let credentials = format!("{}:{}", login.name, login.secret);
        skopeo.run(&copy(&["--dest-creds", &credentials], &source, &first));
        // From one repository to another of the same server, which mounts.
        let both = ["--src-creds", &credentials, "--dest-creds", &credentials];
        skopeo.run(&copy(&both, &first, &second));
        let stored = Stored::whole(&shop.server, "shop/copy", "1").await;
        assert_eq!(stored.digest, layout.index.digest, "{}", login.name);
        let inspect = ["inspect", "--raw", "--tls-verify=false", "--creds"];
        let raw = skopeo.run(&[&inspect[..], &[&credentials, &second]].concat());
        assert_eq!(raw.as_bytes(), layout.index.bytes);
    }
    let wrong = format!("ada:{PASSWORD}!");
    let said = skopeo.fail(&copy(&["--dest-creds", &wrong], &source, &first));
    assert!(said.contains("invalid username/password"), "{said}");

    // ada may write to both projects, and everybody may read the one.
    let ada = format!("ada:{PASSWORD}");
    let both = ["--src-creds", &ada, "--dest-creds", &ada];
    skopeo.run(&copy(&both, &first, &open));
    let inspect = ["inspect", "--raw", "--tls-verify=false", "--no-creds"];
    let raw = skopeo.run(&[&inspect[..], &[&open]].concat());
    assert_eq!(raw.as_bytes(), layout.index.bytes);
    let said = skopeo.fail(&[&inspect[..], &[&first]].concat());
    assert!(
        said.contains("unauthorized") || said.contains("authentication required"),
        "{said}"
    );
}
