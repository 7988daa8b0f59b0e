use berth_oci::Page;

use super::fake::{Fake, answer, ok};
use super::{SOON, app, digest, password, upstream};
use crate::remote_registry::{RemoteRegistry, RemoteSettings};
use crate::upstream::UpstreamError;
use crate::upstream::guard::Refusal;

fn index(digests: &[&str]) -> String {
    let descriptor = |bytes: &&str| {
        let digest = digest(bytes.as_bytes());
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":1}}"#)
    };
    let manifests: Vec<_> = digests.iter().map(descriptor).collect();
    format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        manifests.join(",")
    )
}

#[tokio::test]
async fn a_page_of_tags_says_whether_there_are_more() {
    let registry = Fake::start(|seen| {
        if seen.path.ends_with("last=b") {
            return ok(r#"{"name":"team/app","tags":null}"#);
        }
        let next = [("link", r#"</v2/team/app/tags/list?n=3&last=b>; rel="next""#)];
        answer(
            200,
            &next,
            r#"{"name":"team/app","tags":["a","not a tag","b"]}"#,
        )
    })
    .await;
    let upstream = upstream(&registry.url);
    let mut page = Page {
        n: Some(3),
        last: None,
    };
    let first = upstream.tags(&app(), &page, SOON).await.expect("tags");
    assert_eq!(first.tags, ["a", "b"]);
    assert!(first.more);
    page.last = Some("b".to_owned());
    let rest = upstream.tags(&app(), &page, SOON).await.expect("tags");
    assert_eq!(rest.tags, [""; 0]);
    assert!(!rest.more);
    let path = "GET /v2/team/app/tags/list";
    assert_eq!(
        registry.requests(),
        [format!("{path}?n=3"), format!("{path}?n=3&last=b")]
    );
}

#[tokio::test]
async fn referrers_come_from_all_pages() {
    let registry = Fake::start(|seen| match seen.path.split_once('?') {
        Some(_) => ok(index(&["two"])),
        None => answer(200, &[("link", "<?page=2>; rel=next")], index(&["one"])),
    })
    .await;
    let found = upstream(&registry.url)
        .referrers(&app(), &digest(b"subject"), SOON)
        .await;
    let found: Vec<_> = found
        .expect("referrers")
        .iter()
        .map(|descriptor| descriptor.digest().to_string())
        .collect();
    assert_eq!(
        found,
        [digest(b"one").to_string(), digest(b"two").to_string()]
    );
}

#[tokio::test]
async fn a_page_at_another_host_is_not_asked_for() {
    let next = [("link", "<http://127.0.0.9/v2/>; rel=\"next\"")];
    let registry = Fake::start(move |_| answer(200, &next, index(&["one"]))).await;
    let error = upstream(&registry.url)
        .referrers(&app(), &digest(b"subject"), SOON)
        .await;
    let error = error.expect_err("a refusal");
    let UpstreamError::Refused { refusal, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*refusal, Refusal::Page);
}

#[tokio::test]
async fn without_the_api_referrers_are_behind_a_tag() {
    let subject = digest(b"subject");
    let tag = format!("/v2/team/app/manifests/sha256-{}", subject.hex());
    let tagged = Fake::start(move |seen| match seen.path == tag {
        true => ok(index(&["one"])),
        false => answer(404, &[], ""),
    })
    .await;
    let found = upstream(&tagged.url)
        .referrers(&app(), &subject, SOON)
        .await;
    assert_eq!(found.expect("referrers").len(), 1);

    let bare = Fake::start(|_| answer(404, &[], "")).await;
    let found = upstream(&bare.url).referrers(&app(), &subject, SOON).await;
    assert!(found.expect("no referrers").is_empty());
    assert_eq!(bare.requests().len(), 2);
}

#[tokio::test]
async fn a_list_that_is_not_json_is_refused() {
    let registry = Fake::start(|_| ok("<html>")).await;
    let error = upstream(&registry.url)
        .tags(&app(), &Page::default(), SOON)
        .await;
    let error = error.expect_err("nonsense");
    assert!(matches!(error, UpstreamError::Invalid { .. }), "{error}");
}

#[tokio::test]
async fn the_catalog_and_all_tags_come_from_all_pages() {
    let registry = Fake::start(|seen| match seen.path.as_str() {
        "/v2/_catalog?n=100" => answer(
            200,
            &[("link", r#"</v2/_catalog?next=2>; rel="next""#)],
            r#"{"repositories":["a/b","NOT A NAME"]}"#,
        ),
        "/v2/_catalog?next=2" => ok(r#"{"repositories":["c"]}"#),
        "/v2/team/app/tags/list" => answer(
            200,
            &[("link", r#"<list?token=x>; rel="next""#)],
            r#"{"tags":["v2","not a tag"]}"#,
        ),
        _ => ok(r#"{"tags":["v1"]}"#),
    })
    .await;
    let upstream = upstream(&registry.url);
    let names = upstream.catalog().await.expect("names");
    assert_eq!(names, ["a/b", "NOT A NAME", "c"]);
    let tags = upstream.all_tags(&app()).await.expect("tags");
    let tags: Vec<_> = tags.iter().map(ToString::to_string).collect();
    assert_eq!(tags, ["v2", "v1"]);
}

#[tokio::test]
async fn a_harbor_lists_what_its_user_may_see_by_its_own_api() {
    let registry = Fake::start(|seen| match seen.path.split('?').next() {
        Some("/api/v2.0/projects") => ok(r#"[{"name":"team"},{"name":"other"}]"#),
        Some("/api/v2.0/projects/team/repositories") => ok(r#"[{"name":"team/a/b"}]"#),
        Some("/api/v2.0/projects/other/repositories") => ok("[]"),
        _ => answer(403, &[], "{}"),
    })
    .await;
    let settings = RemoteSettings {
        url: registry.url.clone(),
        credentials: password(),
        ca_file: None,
        allow_hosts: Vec::new(),
    };
    let remote = RemoteRegistry::new(settings).expect("a client");
    let names = remote.repositories().await.expect("names");
    assert_eq!(names, ["team/a/b"]);
}
