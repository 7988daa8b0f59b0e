//! Tags: how they move, how they are given with a push, and how they go (end-7b, end-9).

use crate::manifests::{OCI_INDEX, bare_image, index_of, path, put};
use crate::support::{Answer, Blob, Image, OCI_MANIFEST, TestServer, ask, digest_of, sha512_of};

/// The digest that a tag answers with, or nothing when it is not there.
async fn digest_at(server: &TestServer, reference: &str) -> Option<String> {
    let answer = ask(server.get(&path("app", reference))).await;
    if answer.status == 404 {
        answer.expect_error(404, "MANIFEST_UNKNOWN");
        ask(server.head(&path("app", reference))).await.expect(404);
        return None;
    }
    let answer = answer.expect(200);
    Some(answer.header("docker-content-digest").to_owned())
}

async fn delete(server: &TestServer, reference: &str) -> Answer {
    ask(server.delete(&path("app", reference))).await
}

#[tokio::test]
async fn a_tag_moves_and_the_manifest_before_it_stays() {
    let server = TestServer::start().await;
    let (one, two) = (Image::small(1), Image::small(2));
    for image in [&one, &two, &one] {
        image.push(&server, "app", "latest").await;
        let digest = &image.manifest.digest;
        assert_eq!(digest_at(&server, "latest").await.as_ref(), Some(digest));
    }
    let digest = &two.manifest.digest;
    assert_eq!(digest_at(&server, digest).await.as_ref(), Some(digest));
}

#[tokio::test]
async fn a_deleted_tag_leaves_the_manifest_and_its_other_tags() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    image.push(&server, "app", "one").await;
    image.push(&server, "app", "two").await;
    delete(&server, "one").await.expect(202);
    assert_eq!(digest_at(&server, "one").await, None);
    delete(&server, "one")
        .await
        .expect_error(404, "MANIFEST_UNKNOWN");
    let digest = Some(image.manifest.digest.clone());
    assert_eq!(digest_at(&server, "two").await, digest);
    delete(&server, "two").await.expect(202);
    assert_eq!(digest_at(&server, &image.manifest.digest).await, digest);
}

#[tokio::test]
async fn a_deleted_manifest_takes_its_tags_and_no_others() {
    let server = TestServer::start().await;
    let (one, two) = (Image::small(1), Image::small(2));
    for tag in ["one", "uno"] {
        one.push(&server, "app", tag).await;
    }
    two.push(&server, "app", "two").await;
    one.push(&server, "other", "one").await;
    delete(&server, &one.manifest.digest).await.expect(202);
    for reference in ["one", "uno", &one.manifest.digest] {
        assert_eq!(digest_at(&server, reference).await, None, "{reference}");
        delete(&server, reference)
            .await
            .expect_error(404, "MANIFEST_UNKNOWN");
    }
    let tags = ask(server.get("/v2/app/tags/list")).await.expect(200);
    assert_eq!(tags.json()["tags"], serde_json::json!(["two"]));
    assert!(digest_at(&server, "two").await.is_some());
    ask(server.get(&path("other", "one"))).await.expect(200);
    // It can come back: its blobs are still there.
    let answer = one.put_manifest(&server, "app", "one").await;
    assert_eq!(answer.status(), 201);
    assert_eq!(digest_at(&server, "one").await, Some(one.manifest.digest));
}

#[tokio::test]
async fn a_child_may_be_deleted_before_its_index() {
    let server = TestServer::start().await;
    let child = Blob::new(bare_image(&server, "app").await.to_string());
    put(
        &server,
        &path("app", &child.digest),
        OCI_MANIFEST,
        child.bytes.clone(),
    )
    .await
    .expect(201);
    let index = index_of(&[child.descriptor(OCI_MANIFEST)]).to_string();
    put(&server, &path("app", "index"), OCI_INDEX, index)
        .await
        .expect(201);
    delete(&server, &child.digest).await.expect(202);
    assert_eq!(digest_at(&server, &child.digest).await, None);
    assert!(digest_at(&server, "index").await.is_some());
}

#[tokio::test]
async fn a_push_by_digest_moves_every_tag_that_it_names() {
    let server = TestServer::start().await;
    let before = Image::small(1);
    before.push(&server, "app", "b").await;
    let image = bare_image(&server, "app").await.to_string();
    for digest_of in [digest_of as fn(&[u8]) -> String, sha512_of] {
        let digest = digest_of(image.as_bytes());
        let path = format!("{}?tag=b&tag=A_1.x-y&tag=c", path("app", &digest));
        let answer = put(&server, &path, OCI_MANIFEST, image.clone())
            .await
            .expect(201);
        assert_eq!(answer.header("oci-tag"), "b, A_1.x-y, c", "{answer:?}");
        assert_eq!(answer.header("docker-content-digest"), digest);
        // The digest that it was pushed with, also where that is not SHA-256.
        for tag in ["b", "A_1.x-y", "c"] {
            assert_eq!(digest_at(&server, tag).await.as_ref(), Some(&digest));
        }
    }
}

#[tokio::test]
async fn a_hundred_tags_are_the_most() {
    let server = TestServer::start().await;
    let image = bare_image(&server, "app").await.to_string();
    let tags = |count: usize| -> String {
        let tags: Vec<_> = (0..count).map(|tag| format!("tag=t{tag}")).collect();
        tags.join("&")
    };
    let path = path("app", &digest_of(image.as_bytes()));
    let many = format!("{path}?{}", tags(101));
    put(&server, &many, OCI_MANIFEST, image.clone())
        .await
        .expect_error(414, "TAG_INVALID");
    assert_eq!(digest_at(&server, "t0").await, None);

    let most = format!("{path}?{}", tags(100));
    let answer = put(&server, &most, OCI_MANIFEST, image).await.expect(201);
    // In one line: Rust's HTTP clients read at most a hundred.
    assert_eq!(answer.headers.get_all("oci-tag").iter().count(), 1);
    assert_eq!(answer.header("oci-tag").split(", ").count(), 100);
    assert!(digest_at(&server, "t99").await.is_some());
}

#[tokio::test]
async fn a_push_with_a_tag_that_is_none_moves_nothing() {
    let server = TestServer::start().await;
    let image = bare_image(&server, "app").await.to_string();
    let digest = digest_of(image.as_bytes());
    for query in [
        "tag=good&tag=.bad",
        "tag=good&tag=",
        "tag=good&tag=a%2Fb",
        "tag=good&tag=%C3%A9",
    ] {
        let path = format!("{}?{query}", path("app", &digest));
        put(&server, &path, OCI_MANIFEST, image.clone())
            .await
            .expect_error(400, "TAG_INVALID");
    }
    let both = format!("{}?tag=good", path("app", "other"));
    put(&server, &both, OCI_MANIFEST, image.clone())
        .await
        .expect_error(400, "TAG_INVALID");
    for reference in ["good", "other", &digest] {
        assert_eq!(digest_at(&server, reference).await, None, "{reference}");
    }
}

#[tokio::test]
async fn what_is_in_one_repository_is_unknown_in_the_other() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    image.push(&server, "team/app", "latest").await;
    for repository in ["app", "team", "team/app/more", "nobody"] {
        for reference in ["latest", &image.manifest.digest] {
            let path = path(repository, reference);
            ask(server.get(&path))
                .await
                .expect_error(404, "MANIFEST_UNKNOWN");
            ask(server.head(&path)).await.expect(404);
            ask(server.delete(&path))
                .await
                .expect_error(404, "MANIFEST_UNKNOWN");
        }
    }
    ask(server.get(&path("team/app", "latest")))
        .await
        .expect(200);
}
