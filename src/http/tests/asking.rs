//! Asks for a row of the table, as one of its callers, and compares.

use std::collections::BTreeSet;

use berth_registry::auth::Caller;
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::credential::Credential;
use super::examples::{self, token_form, upstream};
use super::names::{BLOB, Fresh, Names, SOURCE};
use super::people::{People, gather};
use super::table::{Cell, Row};
use super::world::{Answer, Call, PASSWORD, World, admin};

pub(super) const METHODS: [Method; 6] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// A row, and the requests that it stands for.
pub(super) struct Asked<'a> {
    pub(super) row: &'a Row,
    pub(super) things: &'a [&'static str],
    pub(super) example: &'a (dyn Fn(&Names) -> Call + Sync),
    /// What a 401 has to say, for these names and this error.
    pub(super) challenge: &'a (dyn Fn(&Names, Option<&str>) -> String + Sync),
}

/// A request and what is expected of its answer.
pub(super) struct Case {
    pub(super) names: Names,
    call: Call,
    status: u16,
    challenge: String,
}

pub(super) struct Walk {
    pub(super) world: World,
    fresh: Fresh,
    /// Of things that are there.
    pub(super) names: Names,
    admin: Caller,
    dora: Credential,
    failures: Vec<String>,
}

impl Asked<'_> {
    /// For a thing that is there, and for each way in which it can be missing.
    pub(super) fn cases(&self, walk: &mut Walk, column: &str, error: Option<&str>) -> Vec<Case> {
        (0..=self.things.len())
            .map(|absent| {
                let missing = &self.things[self.things.len() - absent..];
                let names = missing.iter().fold(walk.names.clone(), |names, word| {
                    names.without(word, &mut walk.fresh)
                });
                let everybody_is_a_stranger = missing.first() == Some(&"project")
                    && !["nobody", "bad", "admin"].contains(&column);
                let cell = if everybody_is_a_stranger {
                    self.row.cell("stranger")
                } else {
                    self.row.cell(column)
                };
                Case {
                    call: (self.example)(&names),
                    status: cell.status(absent),
                    challenge: (self.challenge)(&names, error),
                    names,
                }
            })
            .collect()
    }
}

impl Walk {
    pub(super) async fn begin() -> (Self, People) {
        let (world, people) = gather().await;
        let mut headers = HeaderMap::new();
        let header = admin().header().unwrap().parse().unwrap();
        headers.insert(AUTHORIZATION, header);
        let caller = world.registry.authenticate(&headers, None).await.unwrap();
        let mut walk = Self {
            world,
            fresh: Fresh::new(),
            names: Names::there(""),
            admin: caller,
            dora: Credential::basic("dora", PASSWORD),
            failures: Vec::new(),
        };
        walk.restore().await;
        (walk, people)
    }

    pub(super) fn end(self) {
        let failures = self.failures.join("\n");
        assert!(failures.is_empty(), "{}:\n{failures}", self.failures.len());
    }

    pub(super) async fn ask_all(&mut self, asked: &Asked<'_>, people: &People) {
        let nothing = Credential::Nothing;
        self.ask(asked, "nobody", "nobody", &nothing, None).await;
        for bad in &people.bad {
            let error = bad.token.then_some("invalid_token");
            self.ask(asked, "bad", bad.name, &bad.credential, error)
                .await;
        }
        for person in &people.good {
            let (column, error) = (person.column, Some("insufficient_scope"));
            self.ask(asked, column, column, &person.credential, error)
                .await;
        }
    }

    async fn ask(
        &mut self,
        asked: &Asked<'_>,
        column: &str,
        who: &str,
        credential: &Credential,
        error: Option<&str>,
    ) {
        let cases = asked.cases(self, column, error);
        let cases = cases
            .into_iter()
            .map(|case| (case, credential.clone()))
            .collect();
        let what = format!("{} by {who}", asked.row.name());
        self.check(&what, cases, asked.row.cell(column)).await;
    }

    /// The token server takes credentials in a form too.
    pub(super) async fn ask_with_forms(&mut self, asked: &Asked<'_>, people: &People) {
        let nobody = ("nobody", "nobody", &Credential::Nothing, None);
        let bad = people
            .bad
            .iter()
            .filter(|bad| !matches!(bad.credential, Credential::Nonsense))
            .map(|bad| {
                let error = bad.token.then_some("invalid_token");
                ("bad", bad.name, &bad.credential, error)
            });
        let good = people.good.iter();
        let good = good.map(|person| (person.column, person.column, &person.credential, None));
        for (column, who, credential, error) in [nobody].into_iter().chain(bad).chain(good) {
            let case = Case {
                names: self.names.clone(),
                call: token_form(credential),
                status: asked.row.cell(column).status(0),
                challenge: (asked.challenge)(&self.names, error),
            };
            let what = format!("{} by {who}", asked.row.name());
            let cases = vec![(case, Credential::Nothing)];
            self.check(&what, cases, asked.row.cell(column)).await;
        }
    }

    pub(super) async fn check(&mut self, what: &str, cases: Vec<(Case, Credential)>, cell: &Cell) {
        let mut first: Option<(String, u64)> = None;
        let mut changed = false;
        for (index, (case, credential)) in cases.into_iter().enumerate() {
            let refusal = cell.refusal();
            if refusal {
                self.forget().await;
            }
            let before = self.world.registry.database_reads();
            let answer = self.world.send(&case.call, &credential).await;
            let reads = self.world.registry.database_reads() - before;
            let what = format!("{what}, {index} missing");
            let done = answer.status.is_success() || answer.status == StatusCode::SEE_OTHER;
            changed |= done && case.call.method != Method::GET;
            if answer.status != case.status {
                let (status, text) = (answer.status, answer.text());
                self.failures
                    .push(format!("{what}: {} and not {status} {text}", case.status));
                continue;
            }
            if answer.status == StatusCode::UNAUTHORIZED && answer.challenge() != case.challenge {
                let (is, not) = (answer.challenge(), &case.challenge);
                self.failures.push(format!("{what}: {is} and not {not}"));
            }
            if answer.status == StatusCode::UNAUTHORIZED || answer.status == StatusCode::FORBIDDEN {
                let expected = match case.call.path.starts_with("/api/") {
                    true => "application/problem+json",
                    false => "application/json",
                };
                assert_eq!(answer.header(CONTENT_TYPE), expected, "{what}");
            }
            if refusal {
                let shown = (shown(&answer, &case.names), reads);
                let first = first.get_or_insert_with(|| shown.clone());
                if *first != shown {
                    self.failures
                        .push(format!("{what}: {shown:?}, and with it there {first:?}"));
                }
            }
        }
        if changed {
            self.restore().await;
        }
    }

    /// A method that has no row does nothing, whoever asks.
    pub(super) async fn refuses_other_methods(
        &mut self,
        path: &str,
        with_row: &BTreeSet<(String, String)>,
    ) {
        for method in METHODS {
            if with_row.contains(&(method.to_string(), path.to_owned())) {
                continue;
            }
            let call = examples::call(method.as_str(), path, &self.names);
            for credential in [Credential::Nothing, admin()] {
                let answer = self.world.send(&call, &credential).await;
                if answer.status != StatusCode::METHOD_NOT_ALLOWED {
                    let (status, text) = (answer.status, answer.text());
                    self.failures.push(format!(
                        "{method} {path}: has no row, and is {status} {text}"
                    ));
                }
            }
        }
    }

    /// Lets no cache know anything, so that what a request reads does not depend on those before.
    async fn forget(&self) {
        let spare = "spare".parse().unwrap();
        let registry = &self.world.registry;
        let changed = registry.change_project(&self.admin, &spare, false).await;
        changed.unwrap();
    }

    /// Puts everything back that a request may have taken away.
    async fn restore(&mut self) {
        let (world, by) = (&self.world, &admin());
        let user = json!({"name": "dora", "password": PASSWORD});
        self.make("/users", "/users/dora", by, user).await;
        let token = json!({"name": "laptop"});
        self.make("/users/dora/tokens", "", &self.dora, token).await;
        let everywhere = json!([{"repositories": "**", "actions": ["pull"]}]);
        let robot = json!({"name": "ci-bot", "scopes": everywhere});
        self.make("/robots", "/robots/ci-bot", by, robot).await;
        let in_shop = json!([{"repositories": "shop/**", "actions": ["pull"]}]);
        let robot = json!({"name": "ci-bot", "scopes": in_shop});
        let robots = "/projects/shop/robots";
        self.make(robots, "/projects/shop/robots/ci-bot", by, robot)
            .await;
        world.join("shop", "dora", "reader").await;
        let role = json!({"grants": in_shop});
        let path = "/projects/shop/roles/auditor";
        world.must(by, Method::PUT, path, role).await;
        let upstream = self.names.fill(&upstream().to_string());
        let upstream = serde_json::from_str(&upstream).unwrap();
        self.make("/upstreams", "/upstreams/faraway", by, upstream)
            .await;
        let group = json!({"name": "bundle", "members": ["shop"]});
        self.make("/groups", "/groups/bundle", by, group).await;
        for repository in [self.names.of("repository"), SOURCE] {
            let pushed = world.push_blob(by, repository, BLOB).await;
            assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.text());
            for tag in ["stable", "base"] {
                let pushed = world.push(by, repository, tag).await;
                assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.text());
            }
        }
        let policy = json!({"rules": []});
        let path = "/projects/shop/retention";
        world.must(by, Method::PUT, path, policy).await;
        world.retention_ends("shop").await;
        let upload = world.open_upload(by, self.names.of("repository")).await;
        let (_, id) = upload.rsplit_once('/').unwrap();
        self.names = Names::there(id);
    }

    /// Makes something that is not there.
    async fn make(&self, collection: &str, thing: &str, by: &Credential, document: Value) {
        let there = if thing.is_empty() {
            let list = self.world.must(by, Method::GET, collection, Value::Null);
            !list.await["items"].as_array().unwrap().is_empty()
        } else {
            let answer = self.world.api(by, Method::GET, thing, Value::Null).await;
            answer.status == StatusCode::OK
        };
        if !there {
            let world = &self.world;
            world.must(by, Method::POST, collection, document).await;
        }
    }
}

/// All that a client can see, but for names and what differs each time.
fn shown(answer: &Answer, names: &Names) -> String {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| **name != DATE && name.as_str() != "x-request-id")
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    let (status, headers, body) = (answer.status, headers.join("\n"), answer.text());
    names.hide(&format!("{status}\n{headers}\n{body}"))
}
