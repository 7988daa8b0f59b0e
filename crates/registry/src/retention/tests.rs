//! The preview and the run agree, whatever there is and whatever the policy.

use std::collections::BTreeSet;
use std::time::Duration;

use berth_oci::{Digest, RepositoryName};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Place, PolicyText, Preview, RunState};
use crate::audit::Actor;
use crate::auth::Caller;
use crate::fixture::{Fixture, index};

const SEEDS: u64 = 40;

/// Numbers that follow from a seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        let index = self.below(texts.len() as u64);
        texts[usize::try_from(index).unwrap()]
    }
}

const REPOSITORIES: [&str; 3] = ["api", "web", "web/old"];
const TAGS: [&str; 12] = [
    "1.0.0",
    "1.1.0",
    "v1.2.0",
    "2.0.0-rc.1",
    "2.0.0",
    "latest",
    "main",
    "pr-1",
    "pr-2",
    "pr-3",
    "rel-7",
    "rel-8",
];
const PATTERNS: [&str; 9] = [
    "*",
    "*",
    "pr-*",
    "rel-?",
    "latest",
    "regex:(main|latest)",
    "semver:>=1, <2",
    "semver:*",
    "nothing",
];

/// Pushes something at random: an index of nothing, of others, or one that refers to another.
async fn push(fixture: &Fixture, random: &mut Random, pushed: &mut Vec<(Digest, usize)>) {
    let mut children = Vec::new();
    let mut document = index(&[]);
    if !pushed.is_empty() && random.one_in(3) {
        for _ in 0..=random.below(2) {
            let (digest, size) =
                &pushed[usize::try_from(random.below(pushed.len() as u64)).unwrap()];
            let media_type = "application/vnd.oci.image.index.v1+json";
            let child = json!({"mediaType": media_type, "digest": digest.as_str(), "size": size});
            children.push(child);
        }
        document = index(&children);
    }
    if !pushed.is_empty() && random.one_in(4) {
        let (digest, size) = &pushed[usize::try_from(random.below(pushed.len() as u64)).unwrap()];
        let media_type = "application/vnd.oci.image.index.v1+json";
        document["subject"] =
            json!({"mediaType": media_type, "digest": digest.as_str(), "size": size});
    }
    document["annotations"] = json!({"number": random.below(20).to_string()});
    let tag = (!random.one_in(4)).then(|| random.of(&TAGS));
    let digest = fixture.push_manifest(tag, &document).await;
    pushed.push((digest, document.to_string().len()));
}

fn policy(random: &mut Random, project: &str) -> PolicyText {
    let mut rules = Vec::new();
    for _ in 0..random.below(4) {
        let some = |random: &mut Random, most: u64| match random.one_in(2) {
            true => json!(random.below(most)),
            false => Value::Null,
        };
        let mut keep = json!({
            "always": random.one_in(8),
            "newest_pushed": some(random, 4),
            "newest_pulled": some(random, 4),
            "pushed_within_days": some(random, 12),
            "pulled_within_days": some(random, 12),
        });
        if keep
            .as_object()
            .unwrap()
            .values()
            .all(|value| *value == json!(false) || value.is_null())
        {
            keep["newest_pushed"] = json!(1);
        }
        let repositories = match random.below(3) {
            0 => Value::Null,
            1 => json!(format!("{project}/web")),
            _ => json!(format!("{project}/web/**")),
        };
        rules.push(
            json!({"repositories": repositories, "tags": random.of(&PATTERNS), "keep": keep}),
        );
    }
    let untagged = random.one_in(2).then(|| 1 + random.below(8));
    let policy = json!({"rules": rules, "untagged_after_days": untagged, "every_hours": null});
    serde_json::from_value(policy).unwrap()
}

/// Pulls, holds and rules, on a project that has tags.
async fn disturb(fixture: &Fixture, random: &mut Random, project: &str) {
    let mut statements = Vec::new();
    for tag in TAGS {
        if random.one_in(3) {
            let ago = random.below(14 * 24) * 60 * 60 * 1000;
            statements.push(format!(
                "UPDATE tags SET last_pulled_at = pushed_at + {ago} WHERE name = '{tag}'
                 AND repository_id IN (SELECT id FROM repositories WHERE name = '{project}/web')"
            ));
        }
    }
    if random.one_in(3) {
        statements.push(format!(
            "INSERT INTO immutable_tags (project_id, repositories, tags, created_by, created_at)
             SELECT id, '{project}/**', '{}', '', 0 FROM projects WHERE name = '{project}'",
            random.of(&PATTERNS)
        ));
    }
    if random.one_in(3) {
        statements.push(format!(
            "INSERT INTO held_manifests (holder, repository, digest, reason)
             SELECT 'test', r.name, m.digest, '' FROM manifests m JOIN repositories r ON r.id = m.repository_id
             WHERE r.name = '{project}/web' ORDER BY m.digest LIMIT 2"
        ));
    }
    let mut database = fixture.database().await;
    for statement in statements {
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut database)
            .await
            .unwrap();
    }
}

type Things = BTreeSet<(String, Option<String>, String)>;

fn thing(
    repository: &RepositoryName,
    tag: Option<&berth_oci::Tag>,
    digest: &Digest,
) -> (String, Option<String>, String) {
    (
        repository.to_string(),
        tag.map(ToString::to_string),
        digest.to_string(),
    )
}

/// All pages of the preview of the stored policy.
async fn preview(fixture: &Fixture, limit: usize, most_looked_at: usize) -> Vec<Preview> {
    let project = fixture.repository.project();
    let mut all: Vec<Preview> = Vec::new();
    let mut after: Option<Place> = None;
    loop {
        let page = fixture
            .registry
            .preview_part(&project, None, after.as_ref(), limit, most_looked_at)
            .await
            .unwrap();
        assert!(page.items.len() <= limit);
        all.extend(page.items);
        match page.next {
            Some(next) => after = Some(next.to_string().parse().unwrap()),
            None => return all,
        }
    }
}

fn things<'p>(all: impl IntoIterator<Item = &'p Preview>) -> Things {
    let all = all.into_iter();
    all.map(|one| thing(&one.repository, one.tag.as_ref(), &one.digest))
        .collect()
}

async fn tags(fixture: &Fixture) -> Things {
    let mut database = fixture.database().await;
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT r.name, t.name, m.digest FROM repositories r
         JOIN tags t ON t.repository_id = r.id JOIN manifests m ON m.id = t.manifest_id
         WHERE r.name LIKE $1 || '/%'",
    )
    .bind(fixture.repository.project().as_str())
    .fetch_all(&mut database)
    .await
    .unwrap();
    let rows = rows.into_iter();
    rows.map(|(repository, tag, digest)| (repository, Some(tag), digest))
        .collect()
}

#[tokio::test]
async fn a_run_removes_what_the_preview_says_and_nothing_else() {
    let mut fixture = Fixture::open().await;
    let (mut removed_tags, mut removed_manifests) = (0, 0);
    for seed in 1..=SEEDS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let project = format!("p{seed}");
        for name in REPOSITORIES {
            fixture.repository = format!("{project}/{name}").parse().unwrap();
            let mut pushed = Vec::new();
            for _ in 0..2 + random.below(25) {
                push(&fixture, &mut random, &mut pushed).await;
                let hours = random.below(60);
                fixture.clock.advance(Duration::from_secs(hours * 60 * 60));
            }
        }
        disturb(&fixture, &mut random, &project).await;
        let policy = policy(&mut random, &project);
        let (registry, name) = (&fixture.registry, &fixture.repository.project());
        let by = Caller::anonymous(None);
        let set = registry.set_retention(&by, name, policy.clone()).await;
        set.unwrap_or_else(|error| panic!("{error}: {policy:?}"));

        let before = tags(&fixture).await;
        let expected = preview(
            &fixture,
            1 + usize::try_from(random.below(30)).unwrap(),
            1 + usize::try_from(random.below(30)).unwrap(),
        )
        .await;
        let case = format!("seed {seed}, {policy:?}, {expected:#?}");
        let shown = things(expected.iter().filter(|one| one.tag.is_some()));
        assert_eq!(shown, before, "each tag is shown once; {case}");
        assert!(expected.iter().all(|one| !one.reason.is_empty()), "{case}");

        let started = registry
            .begin_retention(&Actor::system(), name)
            .await
            .unwrap();
        registry
            .run_to_its_end(&started, &CancellationToken::new())
            .await;
        let run = registry
            .retention_run(name, started.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(run.state, RunState::Done, "{:?}; {case}", run.error);
        let removals = registry.retention_removals(name, run.id, 0, 10_000).await;
        let removals = removals.unwrap().unwrap();
        let removed: Things = removals
            .iter()
            .map(|removal| thing(&removal.repository, removal.tag.as_ref(), &removal.digest))
            .collect();
        assert_eq!(
            removed,
            things(expected.iter().filter(|one| !one.keep)),
            "{case}"
        );
        let kept = things(expected.iter().filter(|one| one.keep));
        assert_eq!(tags(&fixture).await, kept, "{case}");
        assert_eq!(run.totals.kept_tags, kept.len() as u64, "{case}");
        removed_tags += run.totals.removed_tags;
        removed_manifests += run.totals.removed_manifests;

        let again = preview(&fixture, 1000, 1000).await;
        assert!(
            again.iter().all(|one| one.keep),
            "once is enough; {case} {again:#?}"
        );
    }
    // Not for want of something to remove.
    assert!(
        removed_tags > 50 && removed_manifests > 50,
        "{removed_tags} {removed_manifests}"
    );
}

#[tokio::test]
async fn a_page_of_a_preview_looks_at_a_part_of_the_project_and_says_where_it_goes_on() {
    let mut fixture = Fixture::open().await;
    for number in 0..5 {
        // Nothing to show, but in the last.
        fixture.repository = format!("a/r{number}").parse().unwrap();
        let tag = (number == 4).then_some("v1");
        fixture.push_manifest(tag, &index(&[])).await;
    }
    let project = fixture.repository.project();
    let policy = PolicyText::default();
    let mut after: Option<Place> = None;
    let mut pages = Vec::new();
    loop {
        let page = fixture
            .registry
            .preview_part(&project, Some(&policy), after.as_ref(), 10, 2)
            .await
            .unwrap();
        pages.push(page.items.len());
        match page.next {
            Some(next) => after = Some(next.to_string().parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(pages, [0, 0, 1, 0]);
}
