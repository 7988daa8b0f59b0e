//! `ctr --user`, which POSTs the password to the token server.

use super::Shop;
use crate::clients::containerd::ctr;
use crate::support::{Layout, Stored, text};

#[tokio::test]
async fn containerd_pushes_and_pulls_with_a_password_a_token_and_a_robot() {
    let Some(ctr) = ctr() else { return };
    let shop = Shop::open().await;
    let layout = Layout::new();
    let archive = layout.archive();
    let name = shop.image("shop/app");
    let image = format!("{name}:1");
    let import = ["images", "import", "--all-platforms", "--base-name"];
    let logins = shop.logins().await;
    for login in &logins {
        let _remove = ctr.finally(&["images", "rm", "--sync", &image]);
        ctr.run(&[&import[..], &[&name, text(&archive)]].concat());
        let user = format!("{}:{}", login.name, login.secret);
        ctr.run(&["images", "push", "--plain-http", "--user", &user, &image]);
        let stored = Stored::whole(&shop.server, "shop/app", "1").await;
        assert_eq!(stored.digest, layout.index.digest, "{}", login.name);
        ctr.run(&["images", "rm", "--sync", &image]);
        let pull = ["images", "pull", "--plain-http", "--all-platforms"];
        ctr.run(&[&pull[..], &["--user", &user, &image]].concat());
    }
    assert_eq!(
        shop.pushed_by("1").await,
        "ada",
        "only the first has moved the tag"
    );
    assert!(shop.tokens("POST", 200) > 0, "{:#?}", shop.server.log());
    assert_eq!(shop.tokens("GET", 200), 0, "{:#?}", shop.server.log());
}

#[tokio::test]
async fn containerd_is_refused_with_a_wrong_password_and_without_one() {
    let Some(ctr) = ctr() else { return };
    let shop = Shop::open().await;
    let layout = Layout::new();
    let archive = layout.archive();
    let name = shop.image("shop/app");
    let image = format!("{name}:1");
    let _remove = ctr.finally(&["images", "rm", "--sync", &image]);
    let import = ["images", "import", "--all-platforms", "--base-name"];
    ctr.run(&[&import[..], &[&name, text(&archive)]].concat());
    for user in [&["--user", "ada:wrong horse battery"][..], &[]] {
        let push = [&["images", "push", "--plain-http"], user, &[&image]].concat();
        let said = ctr.fail(&push);
        assert!(
            said.contains("401") || said.contains("authorization failed"),
            "{said}"
        );
    }
    let path = "/v2/shop/app/manifests/1";
    let answer = shop.server.get(path).send().await.expect("an answer");
    assert_eq!(answer.status(), 404, "nothing was pushed");
}
