use std::time::Duration;

use super::*;
use crate::fixture::Fixture;

#[tokio::test]
async fn the_pages_hold_each_manifest_once_newest_push_first_with_its_tags() {
    let fixture = Fixture::open().await;
    let first = fixture.push_image(Some("old"), b"{}", &[b"1"]).await;
    let untagged = fixture.push_image(None, b"{}", &[b"2"]).await;
    fixture.clock.advance(Duration::from_secs(1));
    let newest = fixture.push_image(Some("new"), b"{}", &[b"3"]).await;
    // Pushed again, it is as new as the newest, whose id decides.
    fixture.push_image(Some("again"), b"{}", &[b"1"]).await;
    let expected = [
        (newest, vec!["new"]),
        (first, vec!["again", "old"]),
        (untagged, vec![]),
    ];
    for limit in 1..=expected.len() {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = fixture
                .registry
                .browse_images(&fixture.repository, after, limit)
                .await;
            let page = page.unwrap().unwrap();
            found.extend(page.items);
            let Some(next) = page.next else { break };
            after = Some(next.to_string().parse().unwrap());
        }
        let found: Vec<_> = found
            .iter()
            .map(|image| {
                let tags: Vec<_> = image.tags.iter().map(Tag::as_str).collect();
                (image.digest.clone(), tags)
            })
            .collect();
        assert_eq!(found, expected, "limit {limit}");
    }
    let absent = "absent".parse().unwrap();
    let absent = fixture.registry.browse_images(&absent, None, 1).await;
    assert_eq!(absent.unwrap(), None);
}

#[test]
fn a_place_is_taken_from_a_page_and_nothing_else() {
    for text in ["", "1", "1.", ".1", "a.b", "1.2.3"] {
        assert_eq!(text.parse::<ImagePlace>(), Err(InvalidImagePlace), "{text}");
    }
}
