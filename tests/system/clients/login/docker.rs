//! `docker login`, `docker logout`, and what is between them.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::{PASSWORD, Shop};
use crate::clients::docker::{build, engine, pulled_digest, pushed_digest};
use crate::support::{BuildContext, Login, Program, Stored, change_password, create_robot};

/// Docker of somebody who has not signed in anywhere.
fn docker() -> Option<(TempDir, Program)> {
    let config = tempfile::tempdir().expect("a temporary folder");
    let docker = engine(config.path())?;
    Some((config, docker))
}

fn sign_in(docker: &Program, shop: &Shop, login: &Login) {
    let words = ["login", "--username", &login.name, "--password"];
    docker.run(&[&words[..], &[&login.secret, shop.server.host()]].concat());
}

/// What docker has kept of its logins.
fn kept(config: &Path) -> Value {
    let text = fs::read_to_string(config.join("config.json")).unwrap_or_else(|_| "{}".to_owned());
    let document: Value = serde_json::from_str(&text).expect("JSON");
    document["auths"].clone()
}

#[tokio::test]
async fn docker_pushes_and_pulls_with_a_password_a_token_and_a_robot() {
    let Some((config, docker)) = docker() else {
        return;
    };
    let shop = Shop::open().await;
    let logins = shop.logins().await;
    for (login, tag) in logins.iter().zip(["password", "token", "robot"]) {
        sign_in(&docker, &shop, login);
        let image = shop.image(&format!("shop/app:{tag}"));
        let _remove = build(&docker, &BuildContext::new(2), &image);
        let pushed = pushed_digest(&docker, &image);
        let stored = Stored::whole(&shop.server, "shop/app", tag).await;
        assert_eq!(stored.digest, pushed, "{tag}");
        assert_eq!(shop.pushed_by(tag).await, login.name, "{tag}");
        docker.run(&["image", "rm", &image]);
        assert_eq!(pulled_digest(&docker, &image), pushed, "{tag}");

        docker.run(&["logout", shop.server.host()]);
        assert_eq!(kept(config.path())[shop.server.host()], Value::Null);
        docker.run(&["image", "rm", &image]);
        let said = docker.fail(&["pull", &image]);
        assert!(
            said.contains("denied") || said.contains("unauthorized"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn docker_login_with_a_wrong_password_is_refused_and_keeps_nothing() {
    let Some((config, docker)) = docker() else {
        return;
    };
    let shop = Shop::open().await;
    for (name, secret) in [("ada", "wrong horse battery"), ("nobody", PASSWORD)] {
        let words = ["login", "--username", name, "--password", secret];
        let said = docker.fail(&[&words[..], &[shop.server.host()]].concat());
        assert!(said.contains("unauthorized"), "{said}");
        assert_eq!(kept(config.path())[shop.server.host()], Value::Null);
    }
}

/// Docker asks for a token that it can keep in place of the password, and drops that.
#[tokio::test]
async fn docker_login_keeps_an_identity_token_and_no_password() {
    let Some((config, docker)) = docker() else {
        return;
    };
    let shop = Shop::open().await;
    sign_in(&docker, &shop, &shop.ada);
    let login = &kept(config.path())[shop.server.host()];
    assert!(login["identitytoken"].is_string(), "{login}");
    // Of `ada:` and nothing.
    assert_eq!(login["auth"], "YWRhOg==", "{login}");
    assert!(!login.to_string().contains(PASSWORD), "{login}");

    let image = shop.image("shop/app:1");
    let _remove = build(&docker, &BuildContext::new(1), &image);
    pushed_digest(&docker, &image);
    assert!(shop.tokens("POST", 200) > 0, "it goes on with the token");

    let ada = shop.server.user("ada", PASSWORD);
    change_password(&ada, PASSWORD, "another horse battery").await;
    let said = docker.fail(&["push", &image]);
    assert!(
        said.contains("denied") || said.contains("unauthorized"),
        "{said}"
    );
}

#[tokio::test]
async fn docker_pulls_what_is_public_without_a_login_and_nothing_else() {
    let (Some((_config, ada)), Some((_other, nobody))) = (docker(), docker()) else {
        return;
    };
    let shop = Shop::open().await;
    sign_in(&ada, &shop, &shop.ada);
    let [open, private] = ["open/app:1", "shop/app:1"].map(|name| shop.image(name));
    let _remove = build(&ada, &BuildContext::new(1), &open);
    let _remove_private = ada.finally(&["image", "rm", "--force", &private]);
    ada.run(&["tag", &open, &private]);
    let digest = pushed_digest(&ada, &open);
    assert_eq!(pushed_digest(&ada, &private), digest);
    ada.run(&["image", "rm", &open, &private]);

    assert_eq!(pulled_digest(&nobody, &open), digest);
    for refused in [
        ["pull", &private],
        ["pull", &shop.image("shop/none:1")],
        ["push", &open],
    ] {
        let said = nobody.fail(&refused);
        assert!(
            said.contains("denied") || said.contains("unauthorized"),
            "{said}"
        );
    }
    // The same host, now with a login: what is public and what is not.
    assert_eq!(pulled_digest(&ada, &open), digest);
    assert_eq!(pulled_digest(&ada, &private), digest);
}

#[tokio::test]
async fn docker_may_not_push_with_a_robot_that_may_only_pull() {
    let Some((_config, docker)) = docker() else {
        return;
    };
    let shop = Shop::open().await;
    let image = shop.image("shop/app:1");
    sign_in(&docker, &shop, &shop.ada);
    let _remove = build(&docker, &BuildContext::new(1), &image);
    let digest = pushed_digest(&docker, &image);
    let reader = create_robot(&shop.server, "shop", "reader", &["pull"]).await;
    sign_in(&docker, &shop, &reader);
    docker.run(&["image", "rm", &image]);
    assert_eq!(pulled_digest(&docker, &image), digest);
    let next = shop.image("shop/app:2");
    let _remove_next = docker.finally(&["image", "rm", "--force", &next]);
    docker.run(&["tag", &image, &next]);
    let said = docker.fail(&["push", &next]);
    assert!(
        said.contains("denied") || said.contains("unauthorized"),
        "{said}"
    );
}
