//! curl, as scripts use it: Basic, or the secret of a token as it is.

use super::Shop;
use crate::support::{Image, Program, tool};

#[tokio::test]
async fn curl_reads_a_manifest_with_basic_or_with_a_secret_as_bearer() {
    if !tool("curl") {
        return;
    }
    let shop = Shop::open().await;
    let image = Image::small(1);
    let ada = shop.server.user(&shop.ada.name, &shop.ada.secret);
    image.push(&ada, "shop/app", "1").await;
    image.push(&ada, "open/app", "1").await;
    let curl = Program::new(&["curl", "--silent", "--show-error", "--fail"]);
    let url = shop.server.url("/v2/shop/app/manifests/1");
    let manifest = String::from_utf8(image.manifest.bytes.clone()).expect("text");

    let logins = shop.logins().await;
    for login in &logins {
        let user = format!("{}:{}", login.name, login.secret);
        assert_eq!(
            curl.run(&["--user", &user, &url]),
            manifest,
            "{}",
            login.name
        );
        assert_eq!(curl.run(&["--user", &user, &shop.server.url("/v2/")]), "{}");
    }
    for login in &logins[1..] {
        let header = format!("Authorization: Bearer {}", login.secret);
        assert_eq!(
            curl.run(&["--header", &header, &url]),
            manifest,
            "{}",
            login.name
        );
    }
    for refused in [&["--user", "ada:wrong horse battery"][..], &[]] {
        let said = curl.fail(&[refused, &[&url]].concat());
        assert!(said.contains("401"), "{said}");
    }
    // What is public needs none; at `/v2/` a client learns how it would sign in.
    let open = shop.server.url("/v2/open/app/manifests/1");
    assert_eq!(curl.run(&[&open]), manifest);
    let said = curl.fail(&[&shop.server.url("/v2/")]);
    assert!(said.contains("401"), "{said}");
}
