//! The paths by which clients ask for the same thing.

use crate::support::{Challenge, Hub, Request, ask, random_bytes};

#[tokio::test]
async fn an_image_of_docker_hub_is_pulled_by_every_path_that_clients_have_for_it() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 3000)]).await;
    let server = hub.proxy().start().await;
    let layer = &image.layers[0];
    for (before, after) in [
        ("/v2/hub/library/app", ""),
        ("/v2/hub/app", ""),
        ("/v2/library/app", ""),
        ("/v2/library/app", "?ns=docker.io"),
        ("/hub/v2/library/app", ""),
    ] {
        for reference in ["1", &image.manifest.digest] {
            let path = format!("{before}/manifests/{reference}{after}");
            let answer = ask(server.get(&path)).await.expect(200);
            assert_eq!(answer.body, image.manifest.bytes, "{answer:?}");
            assert_eq!(
                answer.header("docker-content-digest"),
                image.manifest.digest
            );
            let head = ask(server.head(&path)).await.expect(200);
            assert_eq!(head.header("docker-content-digest"), image.manifest.digest);
        }
        let path = format!("{before}/blobs/{}{after}", layer.digest);
        let answer = ask(server.get(&path)).await.expect(200);
        assert_eq!(answer.body, layer.bytes, "{answer:?}");
        ask(server.head(&path)).await.expect(200);
    }
    hub.front.assert_count(1, Request::is_blob);
}

#[tokio::test]
async fn an_answer_to_a_request_with_a_namespace_carries_it() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 3000)]).await;
    let server = hub.proxy().start().await;
    for caller in [&server.mirror(), &*server] {
        for path in [
            "manifests/1".to_owned(),
            format!("manifests/{}", image.manifest.digest),
            format!("blobs/{}", image.layers[0].digest),
        ] {
            let path = format!("/v2/library/app/{path}?ns=docker.io");
            let answer = ask(caller.get(&path)).await.expect(200);
            assert_eq!(answer.header("oci-namespace"), "docker.io");
        }
        let path = "/v2/library/none/manifests/1?ns=docker.io";
        ask(caller.get(path))
            .await
            .expect_error(404, "MANIFEST_UNKNOWN");
    }
}

#[tokio::test]
async fn a_namespace_that_no_upstream_has_is_not_found_and_nobody_is_asked() {
    let hub = Hub::start().await;
    hub.push("1", [random_bytes(1, 3000)]).await;
    let server = hub.proxy().start().await;
    for caller in [&server.mirror(), &*server] {
        for namespace in [
            "ghcr.io",
            "docker.io:5000",
            "registry.example.com",
            "",
            "%20",
        ] {
            let path = format!("/v2/library/app/manifests/1?ns={namespace}");
            let answer = ask(caller.get(&path)).await;
            if namespace.is_empty() || namespace == "%20" {
                // No host: what the request is taken for is up to the server, but it is no fault.
                assert!(answer.status.as_u16() < 500, "{answer:?}");
            } else {
                assert_eq!(answer.status, 404, "{answer:?}");
                hub.front.assert_not_asked();
            }
        }
        hub.front.forget();
    }
}

#[tokio::test]
async fn a_token_for_the_path_without_the_project_pulls_by_it() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 3000)]).await;
    let server = hub.proxy().start().await;
    let challenge = Challenge::of(&server, "/v2/").await;
    for (scope, repository) in [
        ("repository:library/app:pull", "library/app"),
        ("repository:hub/library/app:pull", "hub/library/app"),
    ] {
        let caller = challenge.get(&server, &[scope]).await;
        let path = format!("/v2/{repository}/manifests/1");
        let answer = ask(caller.get(&path)).await.expect(200);
        assert_eq!(answer.body, image.manifest.bytes, "{scope}");
        let path = format!("/v2/{repository}/blobs/{}", image.layers[0].digest);
        let answer = ask(caller.get(&path)).await.expect(200);
        assert_eq!(answer.body, image.layers[0].bytes, "{scope}");
    }
}

#[tokio::test]
async fn the_main_address_asks_for_credentials_before_it_says_its_version() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 3000)]).await;
    let server = hub.proxy().start().await;
    Challenge::of(&server, "/v2/").await;
    // What is public is there for everybody all the same.
    let anonymous = server.anonymous();
    let answer = ask(anonymous.get(&Hub::manifest("1"))).await.expect(200);
    assert_eq!(answer.body, image.manifest.bytes);
    ask(anonymous.get(&Hub::blob(&image.layers[0])))
        .await
        .expect(200);
}
