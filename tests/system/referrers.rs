//! end-12: the manifests that name a subject.

use serde_json::{Value, json};

use crate::manifests::{OCI_INDEX, bare_image, index_of, path, put};
use crate::support::{Answer, Blob, Image, OCI_MANIFEST, TestServer, ask, digest_of, sha512_of};

async fn list(server: &TestServer, repository: &str, subject: &str, query: &str) -> Answer {
    let path = format!("/v2/{repository}/referrers/{subject}{query}");
    let answer = ask(server.get(&path)).await.expect(200);
    assert_eq!(answer.header("content-type"), OCI_INDEX);
    let document = answer.json();
    assert_eq!(document["schemaVersion"], 2, "{answer:?}");
    assert_eq!(document["mediaType"], OCI_INDEX, "{answer:?}");
    answer
}

async fn entries(server: &TestServer, repository: &str, subject: &str) -> Value {
    let answer = list(server, repository, subject, "").await;
    assert_eq!(answer.maybe("link"), None, "{answer:?}");
    assert_eq!(answer.maybe("oci-filters-applied"), None, "{answer:?}");
    answer.json()["manifests"].clone()
}

/// A subject that nobody has pushed, as a descriptor: it may come later, or never.
fn subject() -> Blob {
    Blob::new("a manifest that may come later")
}

/// Pushes by digest, and gives the answer's header and what a list should say.
async fn push(server: &TestServer, repository: &str, document: &Value) -> (Answer, Value) {
    let media_type = document["mediaType"].as_str().expect("a media type");
    let blob = Blob::new(document.to_string());
    let path = path(repository, &blob.digest);
    let answer = put(server, &path, media_type, blob.bytes.clone())
        .await
        .expect(201);
    (answer, blob.descriptor(media_type))
}

#[tokio::test]
async fn nothing_refers_to_what_nobody_knows() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    image.push(&server, "app", "latest").await;
    for (repository, digest) in [
        ("nobody", subject().digest),
        ("app", subject().digest),
        ("app", sha512_of(b"content")),
        ("app", image.manifest.digest.clone()),
    ] {
        assert_eq!(entries(&server, repository, &digest).await, json!([]));
    }
}

#[tokio::test]
async fn a_subject_that_is_none_is_refused() {
    let server = TestServer::start().await;
    for subject in [
        "sha256:bad",
        "latest",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
    ] {
        ask(server.get(&format!("/v2/app/referrers/{subject}")))
            .await
            .expect_error(400, "DIGEST_INVALID");
    }
    for query in ["last=nobody", "last=-1", "n=x"] {
        let path = format!("/v2/app/referrers/{}?{query}", subject().digest);
        ask(server.get(&path))
            .await
            .expect_error(400, "PAGINATION_NUMBER_INVALID");
    }
    for query in ["artifactType=a&artifactType=b", "artifactType=a%0D%0Ab"] {
        let path = format!("/v2/app/referrers/{}?{query}", subject().digest);
        let answer = ask(server.get(&path)).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn a_push_with_a_subject_says_so_whether_the_subject_is_there_or_not() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    image.push(&server, "app", "latest").await;
    let long = sha512_of(b"content");
    for subject in [&image.manifest.digest, &subject().digest, &long] {
        let mut referrer = bare_image(&server, "app").await;
        referrer["subject"] = json!({"mediaType": OCI_MANIFEST, "digest": subject, "size": 1});
        let mut index = index_of(&[]);
        index["subject"] = referrer["subject"].clone();
        for document in [referrer, index] {
            let (answer, _) = push(&server, "app", &document).await;
            assert_eq!(answer.header("oci-subject"), subject, "{answer:?}");
            let media_type = document["mediaType"].as_str().expect("a media type");
            let tag = path("app", "tag");
            let by_tag = put(&server, &tag, media_type, document.to_string());
            assert_eq!(by_tag.await.expect(201).header("oci-subject"), subject);
        }
        let listed = entries(&server, "app", subject).await;
        assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
        // One repository's referrers are not another's.
        assert_eq!(entries(&server, "other", subject).await, json!([]));
    }
}

#[tokio::test]
async fn a_referrer_is_listed_with_its_type_and_annotations() {
    let server = TestServer::start().await;
    let subject = subject();
    let bare = {
        let mut bare = bare_image(&server, "app").await;
        bare["subject"] = subject.descriptor(OCI_MANIFEST);
        bare
    };
    let annotations = json!({"org.example": "é \" \\ \n", "empty": ""});
    let with = |document: &Value, members: Value| {
        let mut document = document.clone();
        let members = members.as_object().expect("an object").clone();
        document.as_object_mut().expect("an object").extend(members);
        document
    };
    let mut index = index_of(&[]);
    index["subject"] = subject.descriptor(OCI_MANIFEST);
    let config_type = json!("application/vnd.oci.empty.v1+json");
    let (image_type, index_type) = (json!("a/b"), json!("c/d"));
    let mut expected = Vec::new();
    for (document, artifact_type, annotations) in [
        (bare.clone(), Some(&config_type), None),
        (
            with(&bare, json!({"artifactType": ""})),
            Some(&config_type),
            None,
        ),
        (
            with(&bare, json!({"artifactType": "a/b"})),
            Some(&image_type),
            None,
        ),
        (
            with(&bare, json!({"annotations": annotations})),
            Some(&config_type),
            Some(&annotations),
        ),
        (index.clone(), None, None),
        (
            with(
                &index,
                json!({"artifactType": "c/d", "annotations": annotations}),
            ),
            Some(&index_type),
            Some(&annotations),
        ),
    ] {
        let (_, mut descriptor) = push(&server, "app", &document).await;
        if let Some(artifact_type) = artifact_type {
            descriptor["artifactType"] = artifact_type.clone();
        }
        if let Some(annotations) = annotations {
            descriptor["annotations"] = annotations.clone();
        }
        expected.push(descriptor);
    }
    let listed = entries(&server, "app", &subject.digest).await;
    assert_eq!(listed, json!(expected));
}

/// `count` referrers of the types `even+x/type` and `odd+x/type` in turn.
async fn push_referrers(server: &TestServer, subject: &Blob, count: usize) -> Vec<Value> {
    let mut pushed = Vec::new();
    for number in 0..count {
        let kind = ["even+x/type", "odd+x/type"][number % 2];
        let mut referrer = bare_image(server, "app").await;
        referrer["subject"] = subject.descriptor(OCI_MANIFEST);
        referrer["artifactType"] = kind.into();
        referrer["annotations"] = json!({"number": number.to_string()});
        let (_, descriptor) = push(server, "app", &referrer).await;
        pushed.push(descriptor["digest"].clone());
    }
    pushed
}

#[tokio::test]
async fn the_pages_of_referrers_hold_each_one_once_filtered_or_not() {
    let server = TestServer::start().await;
    let subject = subject();
    let pushed = push_referrers(&server, &subject, 9).await;
    let even: Vec<_> = pushed.iter().step_by(2).cloned().collect();
    for n in 1..=9 {
        for (filter, expected) in [
            ("", &pushed),
            ("&artifactType=even%2Bx%2Ftype", &even),
            ("&artifactType=nobody", &Vec::new()),
        ] {
            let mut listed = Vec::new();
            let mut query = Some(format!("?n={n}{filter}"));
            let mut rounds = 0;
            while let Some(current) = query {
                let answer = list(&server, "app", &subject.digest, &current).await;
                let applied = (!filter.is_empty()).then_some("artifactType");
                assert_eq!(answer.maybe("oci-filters-applied"), applied, "{answer:?}");
                let page = answer.json()["manifests"].clone();
                let page = page.as_array().expect("a list");
                assert!(page.len() <= n, "n={n}: {answer:?}");
                listed.extend(page.iter().map(|entry| entry["digest"].clone()));
                query = answer.maybe("link").map(|link| {
                    let end = link.find(">; rel=\"next\"").expect("a link");
                    let start = link.find('?').expect("a query");
                    link[start..end].to_owned()
                });
                rounds += 1;
                assert!(rounds < 100, "a list without an end: {answer:?}");
            }
            assert_eq!(&listed, expected, "n={n}{filter}");
            assert_eq!(rounds, expected.len().div_ceil(n).max(1), "n={n}{filter}");
        }
    }
    let nothing = list(&server, "app", &subject.digest, "?n=0").await;
    assert_eq!(nothing.json()["manifests"], json!([]));
    assert_eq!(nothing.maybe("link"), None, "{nothing:?}");
}

#[tokio::test]
async fn a_deleted_referrer_is_listed_no_more_and_a_deleted_subject_keeps_its_own() {
    let server = TestServer::start().await;
    let image = bare_image(&server, "app").await;
    let (_, descriptor) = push(&server, "app", &image).await;
    let subject = Blob::new(image.to_string());
    assert_eq!(descriptor["digest"], subject.digest);
    let pushed = push_referrers(&server, &subject, 2).await;
    let digest = pushed[0].as_str().expect("a digest");
    ask(server.delete(&path("app", digest))).await.expect(202);
    ask(server.delete(&path("app", &subject.digest)))
        .await
        .expect(202);
    let listed = entries(&server, "app", &subject.digest).await;
    assert_eq!(listed[0]["digest"], pushed[1]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
}

#[tokio::test]
async fn the_tag_that_older_clients_keep_for_referrers_is_taken_up() {
    let server = TestServer::start().await;
    for subject in [digest_of(b"subject"), sha512_of(b"subject")] {
        // Signatures of a time when manifests had no subject.
        let mut signature = bare_image(&server, "app").await;
        signature["annotations"] = json!({"of": subject});
        signature["artifactType"] = "signature/x".into();
        let (_, mut old) = push(&server, "app", &signature).await;
        // One that a current client pushed, and that stands in the index as well.
        let mut both = bare_image(&server, "app").await;
        both["subject"] = json!({"mediaType": OCI_MANIFEST, "digest": subject, "size": 1});
        let (_, both) = push(&server, "app", &both).await;
        let missing = Blob::new("missing").descriptor(OCI_MANIFEST);
        let index = index_of(&[old.clone(), both.clone(), missing]);
        // `sha256-<hex>`; of a longer digest the first 64 characters.
        let (algorithm, hex) = subject.split_once(':').expect("a digest");
        let tag = format!("{algorithm}-{}", &hex[..64]);
        put(&server, &path("app", &tag), OCI_INDEX, index.to_string())
            .await
            .expect(201);

        old["artifactType"] = signature["artifactType"].clone();
        old["annotations"] = signature["annotations"].clone();
        let listed = entries(&server, "app", &subject).await;
        assert_eq!(listed[0], old, "{listed}");
        assert_eq!(listed[1]["digest"], both["digest"], "{listed}");
        assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
        let query = "?artifactType=signature%2Fx";
        let filtered = list(&server, "app", &subject, query).await;
        assert_eq!(filtered.json()["manifests"], json!([old]));

        // Without the tag only what names the subject itself is left.
        ask(server.delete(&path("app", &tag))).await.expect(202);
        let listed = entries(&server, "app", &subject).await;
        assert_eq!(listed[0]["digest"], both["digest"], "{listed}");
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    }
}

/// Clients read an index of 4 MiB at most, and the server should not hold more.
#[tokio::test]
async fn a_page_ends_before_its_annotations_grow_too_long() {
    let server = TestServer::start().await;
    let subject = subject().digest;
    let mut pushed = Vec::new();
    for number in 0..4 {
        let mut referrer = bare_image(&server, "app").await;
        referrer["subject"] = json!({"mediaType": OCI_MANIFEST, "digest": subject, "size": 1});
        referrer["annotations"] =
            json!({"number": number.to_string(), "long": "x".repeat(1_500_000)});
        push(&server, "app", &referrer).await;
        pushed.push(number.to_string());
    }
    let mut listed = Vec::new();
    let mut next = Some(format!("/v2/app/referrers/{subject}"));
    while let Some(path) = next {
        let answer = ask(server.get(&path)).await.expect(200);
        assert!(answer.body.len() < 4_000_000, "{} bytes", answer.body.len());
        for entry in answer.json()["manifests"].as_array().expect("a list") {
            listed.push(
                entry["annotations"]["number"]
                    .as_str()
                    .expect("a number")
                    .to_owned(),
            );
        }
        next = answer.maybe("link").map(|link| {
            let (path, _) = link[1..].split_once('>').expect("a target");
            path.to_owned()
        });
    }
    assert_eq!(listed, pushed);
}
