use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::sync::oneshot;

use super::*;

#[test]
fn an_image_is_a_repository_with_a_tag_or_a_digest() {
    let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let (repository, reference) = image("hub/library/alpine:3").expect("an image");
    assert_eq!(repository.as_str(), "hub/library/alpine");
    assert_eq!(reference.to_string(), "3");
    let (_, reference) = image(&format!("hub/alpine@{digest}")).expect("an image");
    assert_eq!(reference.to_string(), digest);
    for text in [
        "hub/alpine",
        "hub/alpine:",
        ":3",
        "Hub/alpine:3",
        "a@3",
        "a:1@3",
        "",
    ] {
        assert!(image(text).is_err(), "{text}");
    }
}

#[tokio::test]
async fn one_who_waits_is_sent_blanks_until_the_document_is_made() {
    let (finish, finished) = oneshot::channel();
    let work = async {
        finished.await.expect("a signal");
        Bytes::from_static(b"{}")
    };
    let mut pieces = patiently(work, Duration::from_millis(1)).into_data_stream();
    let first = pieces.next().await.expect("a piece").expect("no error");
    assert_eq!(&first[..], b" ");
    finish.send(()).expect("somebody waits");
    let rest: Vec<_> = pieces.try_collect().await.expect("no error");
    let text = rest.concat();
    assert_eq!(text.trim_ascii_start(), b"{}");
}
