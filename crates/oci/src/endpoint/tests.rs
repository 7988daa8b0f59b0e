use super::*;

const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const ID: &str = "6f1b1c52-7f5e-4b0e-9c58-3a4b2f6f9a01";

fn digest() -> Digest {
    SHA.parse().expect("a digest")
}

fn name(text: &str) -> RepositoryName {
    text.parse().expect("a name")
}

fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

fn upload() -> UploadId {
    ID.parse().expect("an upload id")
}

fn every_endpoint() -> Vec<Endpoint> {
    let repository = || name("shop/web");
    let by_tag = Reference::Tag(tag("1.0"));
    let by_digest = Reference::Digest(digest());
    let page = Page {
        n: Some(3),
        last: Some("a/b c&d".into()),
    };
    let mount = |from| Mount {
        digest: digest(),
        from,
        algorithm: Algorithm::Sha512,
    };
    vec![
        Endpoint::Version,
        Endpoint::GetBlob {
            repository: repository(),
            digest: digest(),
        },
        Endpoint::HeadBlob {
            repository: repository(),
            digest: digest(),
        },
        Endpoint::GetManifest {
            repository: repository(),
            reference: by_tag.clone(),
        },
        Endpoint::HeadManifest {
            repository: repository(),
            reference: by_digest.clone(),
        },
        Endpoint::StartUpload {
            repository: repository(),
            algorithm: Algorithm::Sha256,
        },
        Endpoint::StartUpload {
            repository: repository(),
            algorithm: Algorithm::Sha512,
        },
        Endpoint::UploadBlob {
            repository: repository(),
            digest: digest(),
        },
        Endpoint::AppendUpload {
            repository: repository(),
            upload: upload(),
        },
        Endpoint::FinishUpload {
            repository: repository(),
            upload: upload(),
            digest: digest(),
        },
        Endpoint::PutManifest {
            repository: repository(),
            reference: by_tag.clone(),
            tags: vec![],
        },
        Endpoint::PutManifest {
            repository: repository(),
            reference: by_digest.clone(),
            tags: vec![tag("a"), tag("b")],
        },
        Endpoint::ListTags {
            repository: repository(),
            page: Page::default(),
        },
        Endpoint::ListTags {
            repository: repository(),
            page: page.clone(),
        },
        Endpoint::DeleteManifest {
            repository: repository(),
            reference: by_tag,
        },
        Endpoint::DeleteManifest {
            repository: repository(),
            reference: by_digest,
        },
        Endpoint::DeleteBlob {
            repository: repository(),
            digest: digest(),
        },
        Endpoint::MountBlob {
            repository: repository(),
            mount: mount(None),
        },
        Endpoint::MountBlob {
            repository: repository(),
            mount: mount(Some(name("a/b"))),
        },
        Endpoint::ListReferrers {
            repository: repository(),
            subject: digest(),
            artifact_type: None,
            page: Page::default(),
        },
        Endpoint::ListReferrers {
            repository: repository(),
            subject: digest(),
            artifact_type: Some("a/b+c".into()),
            page: page.clone(),
        },
        Endpoint::GetUpload {
            repository: repository(),
            upload: upload(),
        },
        Endpoint::CancelUpload {
            repository: repository(),
            upload: upload(),
        },
        Endpoint::ListRepositories { page },
    ]
}

#[test]
fn every_endpoint_is_read_back_from_its_own_path() {
    for endpoint in every_endpoint() {
        let path = endpoint.path();
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        assert_eq!(
            Endpoint::parse(&endpoint.method(), path, query).as_ref(),
            Ok(&endpoint),
            "{path}?{query}"
        );
    }
}

#[test]
fn other_spellings_that_clients_send_are_read() {
    let blob = Endpoint::GetBlob {
        repository: name("a"),
        digest: digest(),
    };
    assert_eq!(
        Endpoint::parse(
            &Method::GET,
            &format!("/v2/a/blobs/{}", SHA.replace(':', "%3A")),
            ""
        ),
        Ok(blob)
    );
    let start = Endpoint::StartUpload {
        repository: name("a"),
        algorithm: Algorithm::Sha256,
    };
    for path in ["/v2/a/blobs/uploads", "/v2/a/blobs/uploads/"] {
        assert_eq!(
            Endpoint::parse(&Method::POST, path, ""),
            Ok(start.clone()),
            "{path}"
        );
    }
    let query = format!("digest={}", SHA.replace(':', "%3A"));
    let upload_blob = Endpoint::UploadBlob {
        repository: name("a"),
        digest: digest(),
    };
    assert_eq!(
        Endpoint::parse(&Method::POST, "/v2/a/blobs/uploads/", &query),
        Ok(upload_blob)
    );
    for path in ["/v2", "/v2/"] {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(
                Endpoint::parse(&method, path, ""),
                Ok(Endpoint::Version),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn names_may_hold_the_words_of_the_api() {
    let cases = [
        (
            "/v2/a/blobs/tags/list",
            Endpoint::ListTags {
                repository: name("a/blobs"),
                page: Page::default(),
            },
        ),
        (
            "/v2/tags/list/tags/list",
            Endpoint::ListTags {
                repository: name("tags/list"),
                page: Page::default(),
            },
        ),
        (
            "/v2/manifests/manifests/v1",
            Endpoint::GetManifest {
                repository: name("manifests"),
                reference: Reference::Tag(tag("v1")),
            },
        ),
        (
            "/v2/a/blobs/uploads/manifests/v1",
            Endpoint::GetManifest {
                repository: name("a/blobs/uploads"),
                reference: Reference::Tag(tag("v1")),
            },
        ),
    ];
    for (path, expected) in cases {
        assert_eq!(
            Endpoint::parse(&Method::GET, path, ""),
            Ok(expected),
            "{path}"
        );
    }
}

#[test]
fn what_can_not_be_read_is_refused_with_its_code() {
    let cases = [
        ("GET", "/", "", ErrorCode::NameInvalid),
        ("GET", "/v1/", "", ErrorCode::NameInvalid),
        ("GET", "/v2x", "", ErrorCode::NameInvalid),
        ("GET", "/v2/a", "", ErrorCode::NameInvalid),
        ("GET", "/v2//tags/list", "", ErrorCode::NameInvalid),
        ("GET", "/v2/A/tags/list", "", ErrorCode::NameInvalid),
        ("GET", "/v2/a%00/tags/list", "", ErrorCode::NameInvalid),
        ("GET", "/v2/%ff/tags/list", "", ErrorCode::NameInvalid),
        ("GET", "/v2/../a/manifests/x", "", ErrorCode::NameInvalid),
        ("POST", "/v2/", "", ErrorCode::Unsupported),
        ("DELETE", "/v2/a/tags/list", "", ErrorCode::Unsupported),
        ("PUT", "/v2/a/blobs/uploads/", "", ErrorCode::Unsupported),
        ("POST", "/v2/_catalog", "", ErrorCode::Unsupported),
        ("GET", "/v2/a/manifests/.x", "", ErrorCode::TagInvalid),
        (
            "GET",
            "/v2/a/manifests/sha256:0a",
            "",
            ErrorCode::DigestInvalid,
        ),
        ("GET", "/v2/a/blobs/latest", "", ErrorCode::DigestInvalid),
        ("GET", "/v2/a/blobs/md5:0a", "", ErrorCode::DigestInvalid),
        (
            "GET",
            "/v2/a/referrers/latest",
            "",
            ErrorCode::DigestInvalid,
        ),
        (
            "GET",
            "/v2/a/blobs/uploads/1",
            "",
            ErrorCode::BlobUploadUnknown,
        ),
        (
            "PUT",
            "/v2/a/blobs/uploads/6f1b1c52-7f5e-4b0e-9c58-3a4b2f6f9a01",
            "",
            ErrorCode::DigestInvalid,
        ),
        (
            "POST",
            "/v2/a/blobs/uploads/",
            "digest=x",
            ErrorCode::DigestInvalid,
        ),
        (
            "POST",
            "/v2/a/blobs/uploads/",
            "mount=x&from=b",
            ErrorCode::DigestInvalid,
        ),
        (
            "POST",
            "/v2/a/blobs/uploads/",
            "digest-algorithm=md5",
            ErrorCode::DigestInvalid,
        ),
        (
            "GET",
            "/v2/a/tags/list",
            "n=-1",
            ErrorCode::PaginationNumberInvalid,
        ),
        (
            "GET",
            "/v2/a/tags/list",
            "last=%00",
            ErrorCode::PaginationNumberInvalid,
        ),
        (
            "GET",
            "/v2/a/tags/list",
            "n=",
            ErrorCode::PaginationNumberInvalid,
        ),
        (
            "GET",
            "/v2/a/tags/list",
            "n=1&n=2",
            ErrorCode::PaginationNumberInvalid,
        ),
        ("PUT", "/v2/a/manifests/v1", "tag=v2", ErrorCode::TagInvalid),
    ];
    for (method, path, query, code) in cases {
        let error =
            Endpoint::parse(&method.parse().expect("a method"), path, query).expect_err(path);
        assert_eq!(error.code(), code, "{method} {path}?{query}: {error}");
    }
}

#[test]
fn an_upload_id_has_one_spelling() {
    for text in [&ID.to_uppercase(), &ID.replace('-', ""), "", "../x"] {
        assert_eq!(text.parse::<UploadId>(), Err(InvalidUploadId), "{text}");
    }
}

#[test]
fn a_namespace_is_read_beside_the_rest() {
    let namespace = |query| Endpoint::namespace(query);
    assert_eq!(namespace("n=2&last=ns"), Ok(None));
    assert_eq!(namespace("ns=docker.io"), Ok(Some("docker.io".to_owned())));
    assert_eq!(namespace("n=2&ns=a%3A5000"), Ok(Some("a:5000".to_owned())));
    assert_eq!(
        namespace("ns=a&ns=b"),
        Err(ParseError::RepeatedParameter("ns"))
    );
}

#[test]
fn a_renamed_end_point_is_the_same_of_another_repository() {
    let name: RepositoryName = "hub/library/alpine".parse().unwrap();
    let asked = Endpoint::parse(&Method::GET, "/v2/alpine/manifests/3", "").unwrap();
    let renamed = asked.renamed(name.clone());
    assert_eq!(renamed.repository(), Some(&name));
    assert_eq!(renamed.path(), "/v2/hub/library/alpine/manifests/3");
    assert_eq!(Endpoint::Version.renamed(name), Endpoint::Version);
}
