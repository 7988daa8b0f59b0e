use berth_registry::cache::{Fetched, ProjectKind};

use super::*;
use crate::fixture::Fixture;

fn listing(tags: &str, more: bool) -> Listing<String> {
    Listing {
        entries: tags.split_whitespace().map(str::to_owned).collect(),
        more,
    }
}

#[test]
fn lists_are_merged_in_order_and_nothing_is_left_out_between_pages() {
    let cases = [
        (vec![("a c", false), ("b c d", false)], 10, "a b c d", false),
        (vec![("a c", false), ("b c d", false)], 3, "a b c", true),
        // The first list goes on behind c, so d has to wait for the next page.
        (vec![("a c", true), ("b d", false)], 10, "a b c", true),
        (vec![("a c", true), ("b d", true)], 2, "a b", true),
        (vec![("", false), ("a", false)], 10, "a", false),
    ];
    for (pages, limit, expected, more) in cases {
        let lists = pages.iter().map(|(tags, more)| listing(tags, *more));
        let merged = merged(lists.collect(), limit);
        assert_eq!(merged.entries.join(" "), expected, "{pages:?}");
        assert_eq!(merged.more, more, "{pages:?}");
    }
}

#[tokio::test]
async fn a_manifest_is_kept_by_the_member_that_has_it() {
    let fixture = Fixture::open().await;
    let registry = &fixture.registry;
    let mut members = Vec::new();
    for name in ["front", "shop"] {
        let project: ProjectName = name.parse().unwrap();
        let adopted = registry.adopt_project(&project, ProjectKind::Hosted, false);
        adopted.await.unwrap();
        members.push(Member {
            kept: Kept::InProject(project),
            source: Arc::clone(registry.hosted()),
        });
    }
    let settings = GroupSettings {
        name: "all".parse().unwrap(),
        members: Vec::new(),
        push: None,
    };
    let group = Group::new(registry, settings, members);
    let hex = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let digest: Digest = hex("1").parse().unwrap();
    let fetched = Fetched {
        repository: "shop/web".parse().unwrap(),
        digest: digest.clone(),
        content_type: Some("application/vnd.oci.image.index.v1+json".to_owned()),
        bytes: r#"{"schemaVersion":2,"manifests":[]}"#.into(),
        tag: None,
    };
    registry.cache_manifest(fetched).await.unwrap();
    let asked = "all/web".parse().unwrap();
    let source = group.source(false);
    let keeper = source.keeper(&asked, &digest).await.unwrap();
    assert_eq!(keeper, Some("shop/web".parse().unwrap()));
    let unknown = hex("2").parse().unwrap();
    assert_eq!(source.keeper(&asked, &unknown).await.unwrap(), None);
}
