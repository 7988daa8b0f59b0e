use std::time::Duration;

use serde_json::{Value, json};

use super::world::{Item, OCI_INDEX, World, index, layer, oci};
use crate::command_line::Account;
use crate::support::{
    Blob, DockerRegistry, Fault, Front, FrontBuilder, REGISTRY_PASSWORD, REGISTRY_USER, Request,
    TestServer, ask,
};

#[tokio::test]
async fn a_running_registry_is_copied_whole() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let world = World::new();
    world.push(&registry).await;
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let report = account.json(&["import", "registry", registry.host(), "--into", "old"]);
    assert_eq!(report["failures"], 0, "{report:#}");
    world.assert_at(&server, "old/").await;
    // The referrers API of Berth has what was behind a tag.
    let subject = &world.items[0].manifest.digest;
    let path = format!("/v2/old/shop/web/referrers/{subject}");
    let referrers = ask(server.get(&path)).await.expect(200).json();
    assert_eq!(referrers["manifests"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_registry_with_users_is_copied_with_a_password_that_nobody_sees() {
    let Some(registry) = DockerRegistry::with_users() else {
        return;
    };
    let world = World::new();
    world.push(&registry).await;
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let import = ["import", "registry", registry.host(), "--into", "old"];
    let said = account.fail(&import);
    assert!(said.contains("credentials"), "{said}");

    let user = ["--username", REGISTRY_USER, "--password-stdin"];
    let output = account.berth(&[&import[..], &user].concat(), "wrong-password");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains("wrong-password"), "{said}");

    let user = ["--username", REGISTRY_USER, "--password-env", "SOURCE"];
    let mut command = account.command(&[&import[..], &user].concat());
    let output = command.env("SOURCE", REGISTRY_PASSWORD).output();
    let output = output.expect("berth ends");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    assert!(!said.contains(REGISTRY_PASSWORD), "{said}");
    world.assert_at(&server, "old/").await;
}

#[tokio::test]
async fn a_berth_with_tokens_is_copied_with_what_refers_to_its_images() {
    let source = TestServer::start().await;
    let image = oci("shop/web", &["v1"], &[layer(1)], json!({}));
    let all = index("shop/web", &["all"], OCI_INDEX, &[&image]);
    let subject = json!({"subject": image.manifest.descriptor(image.media_type)});
    let referrer = oci("shop/web", &[], &[layer(2)], subject);
    let subject = json!({"subject": referrer.manifest.descriptor(referrer.media_type)});
    let seal = oci("shop/web", &[], &[layer(3)], subject);
    for item in [&image, &all, &referrer, &seal] {
        item.push_to(&source).await;
    }
    // Tokens of a second, of which the client takes no more than a part.
    let front = FrontBuilder::default().tokens(Duration::from_secs(1));
    let front = front.credentials("ann", "hunter2").start(&source);
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let url = front.url();
    let import = [
        "import",
        "registry",
        &url,
        "--username",
        "ann",
        "--password-stdin",
    ];
    let output = account.berth(&import, "hunter2");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    for item in [&image, &all, &referrer, &seal] {
        item.assert_at(&server, "").await;
    }
}

#[tokio::test]
async fn a_build_cache_comes_whole_and_a_foreign_layer_stays_where_it_is() {
    let source = TestServer::start().await;
    let foreign = layer(1);
    let kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let more = json!({"layers": [foreign.descriptor(kind)]});
    let windows = oci("shop/windows", &["v1"], &[], more);
    windows.push_to(&source).await;
    // BuildKit's cache: an index whose entries are blobs.
    let (cached, gone) = (layer(2), layer(3));
    let kind = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    let document = json!({
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [cached.descriptor(kind), gone.descriptor(kind)],
    });
    let cache = Item {
        repository: "shop/cache",
        tags: vec!["main".to_owned()],
        media_type: OCI_INDEX,
        manifest: Blob::new(document.to_string()),
        blobs: vec![cached],
    };
    cache.push_to(&source).await;
    // It was never pushed, and need not be.
    let front = Front::of(&source);
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let report = account.json(&["import", "registry", &front.url()]);
    for item in [&windows, &cache] {
        item.assert_at(&server, "").await;
    }
    front.assert_count(0, |request| request.is_of(&foreign.digest));
    let left_out = &report["repositories"][0]["left_out"];
    assert_eq!(left_out.as_array().map(Vec::len), Some(1), "{report:#}");
}

#[tokio::test]
async fn a_registry_without_a_catalog_is_asked_for_what_is_named() {
    let source = TestServer::start().await;
    let image = oci("shop/web", &["v1"], &[layer(1)], json!({}));
    image.push_to(&source).await;
    let front = Front::of(&source);
    let catalog = |request: &Request| format!("{request:?}").contains("_catalog");
    front.always(catalog, Fault::status(401));
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let url = front.url();
    let said = account.fail(&["import", "registry", &url]);
    assert!(said.contains("--repository"), "{said}");
    account.run(&["import", "registry", &url, "--repository", "shop/web"]);
    image.assert_at(&server, "").await;
}

#[tokio::test]
async fn referrers_that_one_repository_does_not_give_keep_back_no_others() {
    let source = TestServer::start().await;
    let mut signed = Vec::new();
    for repository in ["a/denied", "b/without", "c/whole"] {
        let image = oci(repository, &["v1"], &[layer(1)], json!({}));
        let subject = json!({"subject": image.manifest.descriptor(image.media_type)});
        let seal = oci(repository, &[], &[layer(2)], subject);
        image.push_to(&source).await;
        seal.push_to(&source).await;
        signed.push((image, seal));
    }
    let front = Front::of(&source);
    for (repository, status) in [("a/denied", 403), ("b/without", 404)] {
        let of = move |request: &Request| {
            request.is_referrers() && format!("{request:?}").contains(repository)
        };
        front.always(of, Fault::status(status));
    }
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let url = front.url();
    // One repository after the other.
    let import = ["import", "registry", &url, "--jobs", "1", "--json"];
    let output = account.berth(&import, "");
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(report["failures"], 1, "{report:#}");
    let failure = &report["repositories"][0]["failures"][0];
    let what = failure["what"].as_str().expect("what failed");
    assert!(what.starts_with("the referrers of a/denied@"), "{what}");
    for (image, _) in &signed {
        image.assert_at(&server, "").await;
    }
    let (_, seal) = &signed[2];
    seal.assert_at(&server, "").await;
}

#[tokio::test]
async fn tags_are_chosen_by_the_patterns_that_rules_have() {
    let source = TestServer::start().await;
    let [old, new] = [("1.2.0", 1), ("2.0.0", 2)]
        .map(|(tag, seed)| oci("shop/web", &[tag], &[layer(seed)], json!({})));
    for item in [&old, &new] {
        item.push_to(&source).await;
    }
    let front = Front::of(&source);
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    account.run(&["import", "registry", &front.url(), "--tag", "semver:<2"]);
    old.assert_at(&server, "").await;
    new.assert_not_at(&server, "").await;
}
