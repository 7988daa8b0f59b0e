//! Walks the table: every route of the server, asked by everybody, for things that are there and for
//! things that are not.

use std::collections::BTreeSet;
use std::sync::Arc;

use berth_registry::source::Sources;
use http::Method;

use super::super::{Metrics, routes};
use super::asking::{Asked, METHODS, Walk};
use super::examples::{VARIANTS, call, call_of, endpoint, scope, things, variant};
use super::names::Names;
use super::table::{API, OTHERS, REGISTRY, rows};
use super::world::{HOST, SERVICE, World};

const BASIC: &str = "Basic realm=\"berth\", charset=\"UTF-8\"";
#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_from_the_registry_what_the_table_says() {
    let rows = rows(REGISTRY);
    let in_table: BTreeSet<_> = rows.iter().map(|row| row.head[0]).collect();
    let all: BTreeSet<_> = VARIANTS.iter().copied().collect();
    assert_eq!(in_table, all, "every end-point has its row");

    let (mut walk, people) = Walk::begin().await;
    for row in &rows {
        let [name, thing, scope_word] = row.head[..] else {
            panic!("{}: end-point, thing and scope", row.name());
        };
        let things: Vec<_> = match thing {
            "-" => Vec::new(),
            "repository" => vec!["project", "repository"],
            thing => vec!["project", "repository", thing],
        };
        let example = |names: &Names| {
            let endpoint = endpoint(name, names);
            assert_eq!(variant(&endpoint), name);
            call_of(&endpoint)
        };
        let challenge =
            |names: &Names, error: Option<&str>| bearer(scope(scope_word, names).as_deref(), error);
        let asked = Asked {
            row,
            things: &things,
            example: &example,
            challenge: &challenge,
        };
        walk.ask_all(&asked, &people).await;
        for person in &people.good {
            let cases = asked.cases(&mut walk, person.column, Some("insufficient_scope"));
            let mut with_tokens = Vec::new();
            for case in cases {
                let scope = scope(scope_word, &case.names).unwrap_or_default();
                let token = walk.world.bearer(&person.credential, &scope).await;
                with_tokens.push((case, token));
            }
            let who = format!("{} by a token of {}", row.name(), person.column);
            walk.check(&who, with_tokens, row.cell(person.column)).await;
        }
    }
    walk.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_from_the_management_api_what_the_table_says() {
    let rows = rows(API);
    let in_table: BTreeSet<_> = rows
        .iter()
        .map(|row| (row.head[0].to_owned(), without_query(row.head[1])))
        .collect();
    let described = operations();
    let missing: Vec<_> = described.difference(&in_table).collect();
    assert!(missing.is_empty(), "operations without a row: {missing:?}");
    let unknown: Vec<_> = in_table.difference(&described).collect();
    assert!(unknown.is_empty(), "rows without an operation: {unknown:?}");

    let (mut walk, people) = Walk::begin().await;
    for row in &rows {
        let [method, path] = row.head[..] else {
            panic!("{}: method and path", row.name());
        };
        let things = things(method, path);
        let asked = Asked {
            row,
            things: &things,
            example: &|names| call(method, path, names),
            challenge: &|_, _| BASIC.to_owned(),
        };
        walk.ask_all(&asked, &people).await;
    }
    let paths: BTreeSet<_> = described.iter().map(|(_, path)| path.as_str()).collect();
    for path in paths {
        walk.refuses_other_methods(path, &described).await;
    }
    walk.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_from_every_other_path_what_the_table_says() {
    let rows = rows(OTHERS);
    let (mut walk, people) = Walk::begin().await;
    let in_table: BTreeSet<_> = rows.iter().map(|row| row.head[1]).collect();
    let World {
        registry, proxy, ..
    } = &walk.world;
    let metrics = Metrics::new(Arc::clone(registry), Arc::clone(proxy));
    let sources: Arc<dyn Sources> = Arc::clone(proxy) as _;
    let all: BTreeSet<_> = routes(registry, &sources, Arc::new(metrics))
        .into_iter()
        .map(|(path, _)| path)
        .chain(berth_console::undescribed_paths())
        .collect();
    assert_eq!(in_table, all, "every path has its row");

    for row in &rows {
        let [method, path] = row.head[..] else {
            panic!("{}: method and path", row.name());
        };
        let asked = Asked {
            row,
            things: &[],
            example: &|names| call(method, path, names),
            challenge: &|_, error| match path {
                "/metrics" => BASIC.to_owned(),
                _ => bearer(None, error),
            },
        };
        if method == "POST" {
            walk.ask_with_forms(&asked, &people).await;
        } else {
            walk.ask_all(&asked, &people).await;
        }
    }
    let with_row: BTreeSet<_> = rows
        .iter()
        .map(|row| (row.head[0].to_owned(), row.head[1].to_owned()))
        .collect();
    for path in all.iter().filter(|path| !path.contains('*')) {
        walk.refuses_other_methods(path, &with_row).await;
    }
    walk.end();
}

/// Methods and paths of the OpenAPI document.
fn operations() -> BTreeSet<(String, String)> {
    let document = serde_json::to_value(berth_console::document()).unwrap();
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            if method.parse::<Method>().is_ok() && METHODS.iter().any(|known| *known == *method) {
                operations.insert((method, path.clone()));
            }
        }
    }
    operations
}

fn without_query(path: &str) -> String {
    path.split('?').next().unwrap().to_owned()
}

fn bearer(scope: Option<&str>, error: Option<&str>) -> String {
    let mut text = format!("Bearer realm=\"https://{HOST}/token\",service=\"{SERVICE}\"");
    if let Some(scope) = scope {
        text.push_str(&format!(",scope=\"{scope}\""));
    }
    if let Some(error) = error {
        text.push_str(&format!(",error=\"{error}\""));
    }
    text
}
