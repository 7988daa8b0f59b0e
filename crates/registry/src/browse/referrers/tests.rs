use berth_oci::MediaType;
use serde_json::json;

use crate::fixture::{Fixture, descriptor, image};

#[tokio::test]
async fn the_pages_hold_each_referrer_once_with_its_annotations() {
    let fixture = Fixture::open().await;
    let subject = fixture.push_image(Some("v1"), b"{}", &[]).await;
    let named = image(b"{}", &[]).to_string();
    let mut pushed = Vec::new();
    for number in ["1", "2", "3"] {
        let mut signature = image(b"{}", &[]);
        signature["subject"] = descriptor(MediaType::OCI_MANIFEST, named.as_bytes());
        signature["artifactType"] = json!("application/vnd.example.signature");
        signature["annotations"] = json!({"number": number});
        pushed.push(fixture.push_manifest(None, &signature).await);
    }
    for limit in 1..=pushed.len() {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = fixture
                .registry
                .browse_referrers(&fixture.repository, &subject, None, after, limit)
                .await
                .unwrap();
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let digests: Vec<_> = found.iter().map(|item| item.digest.clone()).collect();
        assert_eq!(digests, pushed, "limit {limit}");
        assert_eq!(found[2].annotations["number"], "3");
    }
    let other = Some("application/vnd.example.other");
    let other = fixture
        .registry
        .browse_referrers(&fixture.repository, &subject, other, None, 10)
        .await;
    assert_eq!(other.unwrap().items, []);
}
