use sqlx::SqliteConnection;

use super::*;
use crate::fixture::Fixture;

/// In order of their bytes: `-` and `.` come before `/`, and that before digits and letters.
const NAMES: [&str; 8] = ["0", "a", "a-b", "a.b/c", "a/b", "a/c", "a0", "b/c/d"];

fn everything(_: &RepositoryName) -> bool {
    true
}

fn filter<'f>(visible: &'f Visible<'f>) -> RepositoryFilter<'f> {
    RepositoryFilter {
        project: None,
        search: None,
        after: None,
        projects: None,
        visible,
    }
}

fn projects(names: &[&str]) -> Vec<ProjectName> {
    let project = |name: &&str| name.parse::<RepositoryName>().unwrap().project();
    names.iter().map(project).collect()
}

async fn with_repositories(names: &[&str]) -> Fixture {
    let mut fixture = Fixture::open().await;
    for name in names.iter().rev() {
        fixture.repository = name.parse().unwrap();
        fixture.push_image(Some("latest"), b"{}", &[]).await;
    }
    fixture
}

/// Every page to the last, each with at most `limit` names.
async fn pages(
    fixture: &Fixture,
    mut filter: RepositoryFilter<'_>,
    limit: usize,
) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    loop {
        let page = fixture.registry.browse_repositories(&filter, limit).await;
        let page = page.unwrap();
        pages.push(
            page.items
                .iter()
                .map(|item| item.name.to_string())
                .collect(),
        );
        filter.after = page.next;
        if filter.after.is_none() {
            return pages;
        }
    }
}

#[tokio::test]
async fn the_pages_hold_each_repository_once() {
    let fixture = with_repositories(&NAMES).await;
    for limit in 1..=NAMES.len() {
        let expected: Vec<_> = NAMES.chunks(limit).collect();
        let found = pages(&fixture, filter(&everything), limit).await;
        assert_eq!(found, expected, "limit {limit}");
    }
    assert_eq!(
        pages(&fixture, filter(&everything), 0).await,
        vec![Vec::<String>::new()]
    );
}

#[tokio::test]
async fn what_is_invisible_is_left_out_and_does_not_shorten_a_page() {
    let fixture = with_repositories(&NAMES).await;
    let visible = |name: &RepositoryName| !matches!(name.as_str(), "a" | "a-b" | "b/c/d");
    let expected = vec![vec!["0", "a.b/c"], vec!["a/b", "a/c"], vec!["a0"]];
    assert_eq!(pages(&fixture, filter(&visible), 2).await, expected);
}

#[tokio::test]
async fn projects_narrow_the_list_and_keep_its_order() {
    let fixture = with_repositories(&NAMES).await;
    type Names = &'static [&'static str];
    let cases: [(Option<&str>, Option<Names>, Names); 7] = [
        (Some("a"), None, &["a", "a/b", "a/c"]),
        (
            None,
            Some(&["b", "a-b", "a", "a"]),
            &["a", "a-b", "a/b", "a/c", "b/c/d"],
        ),
        (Some("a"), Some(&["a", "b"]), &["a", "a/b", "a/c"]),
        (Some("a"), Some(&["b"]), &[]),
        (Some("c"), None, &[]),
        (None, Some(&[]), &[]),
        (None, Some(&["a.b", "a0"]), &["a.b/c", "a0"]),
    ];
    for (project, among, expected) in cases {
        for limit in [1, 2, 100] {
            let narrowed = RepositoryFilter {
                project: project.map(|name| projects(&[name]).remove(0)),
                projects: among.map(projects),
                ..filter(&everything)
            };
            let found = pages(&fixture, narrowed, limit).await.concat();
            assert_eq!(found, expected, "{project:?} {among:?} limit {limit}");
        }
    }
}

#[tokio::test]
async fn a_search_finds_a_part_of_a_name_in_any_case() {
    let fixture = with_repositories(&["shop/web", "shop/web_api", "shop/webxapi", "tool"]).await;
    let cases: [(&str, &[&str]); 4] = [
        ("WEB", &["shop/web", "shop/web_api", "shop/webxapi"]),
        ("b_a", &["shop/web_api"]),
        ("p/w", &["shop/web", "shop/web_api", "shop/webxapi"]),
        ("%", &[]),
    ];
    for (search, expected) in cases {
        let searched = RepositoryFilter {
            search: Some(search.to_owned()),
            ..filter(&everything)
        };
        let found = pages(&fixture, searched, 2).await.concat();
        assert_eq!(found, expected, "{search}");
    }
}

async fn insert_many(database: &mut SqliteConnection, count: i64) {
    sqlx::query("INSERT INTO projects (name, created_at) VALUES ('many', 0)")
        .execute(&mut *database)
        .await
        .unwrap();
    sqlx::query(
        "WITH RECURSIVE numbers (number) AS (
             SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < $1
         )
         INSERT INTO repositories (project_id, name, created_at)
         SELECT p.id, 'many/' || (100000 + n.number), 0 FROM numbers n, projects p
         WHERE p.name = 'many'",
    )
    .bind(count)
    .execute(database)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_call_looks_at_a_bounded_number_of_names_and_says_where_to_go_on() {
    let fixture = Fixture::open().await;
    insert_many(&mut fixture.database().await, 25_000).await;
    let visible = |name: &RepositoryName| matches!(name.as_str(), "many/100001" | "many/125000");
    let mut narrowed = filter(&visible);
    let mut found = Vec::new();
    let mut calls = 0;
    loop {
        let page = fixture.registry.browse_repositories(&narrowed, 100).await;
        let page = page.unwrap();
        calls += 1;
        found.extend(page.items.into_iter().map(|item| item.name.to_string()));
        let Some(next) = page.next else { break };
        assert!(!next.contains("many"), "{next} names what is not visible");
        narrowed.after = Some(next);
    }
    assert_eq!(found, ["many/100001", "many/125000"]);
    assert_eq!(calls, 3);
}

#[tokio::test]
async fn a_page_that_ends_where_a_call_does_loses_nothing() {
    let fixture = Fixture::open().await;
    insert_many(&mut fixture.database().await, 10_001).await;
    let visible = |name: &RepositoryName| matches!(name.as_str(), "many/110000" | "many/110001");
    let expected = vec![vec!["many/110000"], vec!["many/110001"]];
    assert_eq!(pages(&fixture, filter(&visible), 100).await, expected);
}

#[tokio::test]
async fn a_place_that_is_none_begins_again() {
    let fixture = with_repositories(&["a"]).await;
    for after in ["#", "#x", "#999"] {
        let begun = RepositoryFilter {
            after: Some(after.to_owned()),
            ..filter(&everything)
        };
        assert_eq!(pages(&fixture, begun, 1).await, vec![vec!["a"]], "{after}");
    }
}

#[tokio::test]
async fn the_size_of_a_repository_counts_a_shared_blob_once() {
    let fixture = Fixture::open().await;
    fixture
        .push_image(Some("one"), b"{}", &[b"shared", b"1"])
        .await;
    fixture.clock.advance(std::time::Duration::from_secs(1));
    fixture
        .push_image(Some("two"), b"{}", &[b"shared", b"22"])
        .await;
    fixture.push_image(None, b"{}", &[b"shared"]).await;
    let pushed_at = fixture.registry.clock.now();
    let summary = fixture
        .registry
        .browse_repository(&fixture.repository)
        .await;
    let expected = RepositorySummary {
        name: fixture.repository.clone(),
        created_at: Timestamp(pushed_at.0 - 1000),
        tags: 2,
        manifests: 3,
        size_bytes: 2 + 6 + 1 + 2,
        pushed_at: Some(pushed_at),
    };
    assert_eq!(summary.unwrap(), Some(expected));
    let absent = "absent".parse().unwrap();
    let absent = fixture.registry.browse_repository(&absent).await;
    assert_eq!(absent.unwrap(), None);
}

#[tokio::test]
async fn the_catalog_holds_what_has_a_manifest_and_is_visible() {
    let mut fixture = with_repositories(&["a", "b", "c/d"]).await;
    fixture.repository = "blobs/only".parse().unwrap();
    fixture.push_blob(b"blob").await;
    let visible = |name: &RepositoryName| name.as_str() != "b";
    let catalog = |after, limit| fixture.registry.repositories(after, limit, None, &visible);
    let first = catalog(None, 1).await.unwrap();
    assert_eq!(first.items, ["a".parse().unwrap()]);
    assert_eq!(first.next.as_deref(), Some("a"));
    let second = catalog(Some("a"), 1).await.unwrap();
    assert_eq!(second.items, ["c/d".parse().unwrap()]);
    assert_eq!(second.next, None);
}
