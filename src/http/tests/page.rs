//! A page is refused to whom the API refuses what it shows, and a form does what the API would.

use std::collections::BTreeSet;

use http::Method;
use http::header::SET_COOKIE;

use super::asking::{Asked, Walk};
use super::credential::Credential;
use super::examples::things;
use super::names::Names;
use super::people::People;
use super::table::{API, Row, rows};
use super::world::{Call, PASSWORD, World};

/// A page or form, `=`, the operation of the API that it stands for, and the fields that are sent. Each is
/// answered as the row of that operation says in table.rs; a form that has done it is answered 303, or
/// 200 where it has to show a secret.
const PAGES: &str = "
GET      /projects = GET /api/v1/projects
POST     /projects = POST /api/v1/projects name={project}
GET      /projects/{project} = GET /api/v1/projects/{project}
POST     /projects/{project} = PATCH /api/v1/projects/{project}
GET      /projects/{project}/settings = GET /api/v1/projects/{project}
POST     /projects/{project}/quota = PUT /api/v1/projects/{project}/quota quota=1+GB
GET      /projects/{project}/members = GET /api/v1/projects/{project}/members
POST     /projects/{project}/members = PUT /api/v1/projects/{project}/members/{user} user={user}&role=reader
POST     /projects/{project}/members/{user} = PUT /api/v1/projects/{project}/members/{user} role=reader
POST     /projects/{project}/members/{user}/delete = DELETE /api/v1/projects/{project}/members/{user}
GET      /projects/{project}/roles = GET /api/v1/projects/{project}/roles
POST     /projects/{project}/roles = PUT /api/v1/projects/{project}/roles/{role} name={role}&repositories={project}/**&action_pull=on
POST     /projects/{project}/roles/{role} = PUT /api/v1/projects/{project}/roles/{role} grants={project}/**+pull
POST     /projects/{project}/roles/{role}/delete = DELETE /api/v1/projects/{project}/roles/{role}
GET      /projects/{project}/robots = GET /api/v1/projects/{project}/robots
POST/200 /projects/{project}/robots = POST /api/v1/projects/{project}/robots name={robot}&repositories={project}/**&ends=&action_pull=on
GET      /projects/{project}/robots/{robot} = GET /api/v1/projects/{project}/robots/{robot}
POST     /projects/{project}/robots/{robot}/scopes = PATCH /api/v1/projects/{project}/robots/{robot} scopes={project}/**+pull
POST     /projects/{project}/robots/{robot}/ends = PATCH /api/v1/projects/{project}/robots/{robot} ends=
POST     /projects/{project}/robots/{robot}/disable = PATCH /api/v1/projects/{project}/robots/{robot}
POST     /projects/{project}/robots/{robot}/enable = PATCH /api/v1/projects/{project}/robots/{robot}
POST/200 /projects/{project}/robots/{robot}/secret = POST /api/v1/projects/{project}/robots/{robot}/secret
POST     /projects/{project}/robots/{robot}/delete = DELETE /api/v1/projects/{project}/robots/{robot}
GET      /robots = GET /api/v1/robots
POST/200 /robots = POST /api/v1/robots name={robot}&repositories=**&ends=&action_pull=on
GET      /robots/{robot} = GET /api/v1/robots/{robot}
POST     /robots/{robot}/scopes = PATCH /api/v1/robots/{robot} scopes=**+pull
POST     /robots/{robot}/ends = PATCH /api/v1/robots/{robot} ends=
POST     /robots/{robot}/disable = PATCH /api/v1/robots/{robot}
POST     /robots/{robot}/enable = PATCH /api/v1/robots/{robot}
POST/200 /robots/{robot}/secret = POST /api/v1/robots/{robot}/secret
POST     /robots/{robot}/delete = DELETE /api/v1/robots/{robot}
GET      /users = GET /api/v1/users
POST     /users = POST /api/v1/users name={user}&password=correct+horse
GET      /users/{user} = GET /api/v1/users/{user}
POST     /users/{user}/rights = PATCH /api/v1/users/{user}
POST     /users/{user}/enable = PATCH /api/v1/users/{user}
POST     /users/{user}/password = PUT /api/v1/users/{user}/password password=correct+horse
POST     /users/{user}/delete = DELETE /api/v1/users/{user}
POST     /users/{user}/tokens/{token}/delete = DELETE /api/v1/users/{user}/tokens/{token}
POST     /users/{user}/sessions/end = DELETE /api/v1/users/{user}/sessions
POST     /users/{user}/sessions/{session}/end = DELETE /api/v1/users/{user}/sessions/{session}
GET      /projects/{project}/retention = GET /api/v1/projects/{project}/retention
POST     /projects/{project}/retention = PUT /api/v1/projects/{project}/retention
GET      /projects/{project}/retention/preview = GET /api/v1/projects/{project}/retention
POST/200 /projects/{project}/retention/preview = POST /api/v1/projects/{project}/retention/preview
POST     /projects/{project}/retention/delete = DELETE /api/v1/projects/{project}/retention
GET      /projects/{project}/retention/runs = GET /api/v1/projects/{project}/retention/runs
POST     /projects/{project}/retention/runs = POST /api/v1/projects/{project}/retention/runs
GET      /projects/{project}/retention/runs/{run} = GET /api/v1/projects/{project}/retention/runs/{run}
GET      /projects/{project}/immutable-tags = GET /api/v1/projects/{project}/immutable-tags
POST     /projects/{project}/immutable-tags = POST /api/v1/projects/{project}/immutable-tags repositories=&tags=nothing-*
POST     /projects/{project}/immutable-tags/{rule}/delete = DELETE /api/v1/projects/{project}/immutable-tags/{rule}
GET      /repositories = GET /api/v1/repositories
GET      /repositories/{repository} = GET /api/v1/repositories/{repository}
GET      /repositories/{repository}/diff?from={tag}&to={tag} = GET /api/v1/repositories/{repository}/tags/{tag}
GET      /repositories/{repository}/images/{tag} = GET /api/v1/repositories/{repository}/images/{reference}
POST     /repositories/{repository}/delete = DELETE /api/v1/repositories/{repository}
POST     /repositories/{repository}/tags = PUT /api/v1/repositories/{repository}/tags/{tag} tag={tag}&reference=base
POST     /repositories/{repository}/tags/{tag}/delete = DELETE /api/v1/repositories/{repository}/tags/{tag}
POST     /repositories/{repository}/images/{digest}/delete = DELETE /api/v1/repositories/{repository}/images/{reference}
GET      /deployments = GET /api/v1/deployments
GET      /deployments/{deployment} = GET /api/v1/deployments/{deployment}
POST     /deployments/{deployment}/approve = POST /api/v1/deployments/{deployment}/approve
POST     /deployments/{deployment}/cancel = POST /api/v1/deployments/{deployment}/cancel
POST     /deployments/{deployment}/rollback = POST /api/v1/deployments/{deployment}/rollback
GET      /targets = GET /api/v1/targets
GET      /targets/{target} = GET /api/v1/targets/{target}/stacks
POST     /targets/{target}/stacks/{stack}/plan = POST /api/v1/deployments/plan
GET      /targets/{target}/stacks/{stack}/plan = POST /api/v1/deployments/plan
POST     /targets/{target}/stacks/{stack}/deploy = POST /api/v1/deployments services={service}={blob}
POST     /targets/{target}/stacks/{stack}/hold = PUT /api/v1/targets/{target}/stacks/{stack}/hold reason=
POST     /targets/{target}/stacks/{stack}/release = DELETE /api/v1/targets/{target}/stacks/{stack}/hold
POST     /targets/{target}/stacks/{stack}/services/{service}/pin = PUT /api/v1/targets/{target}/stacks/{stack}/services/{service}/pin digest={blob}
POST     /targets/{target}/stacks/{stack}/services/{service}/unpin = DELETE /api/v1/targets/{target}/stacks/{stack}/services/{service}/pin
GET      /deploy-rules = GET /api/v1/deploy-rules
POST     /deploy-rules = POST /api/v1/deploy-rules target={target}&stack={stack}&service=&labels=
POST     /deploy-rules/{rule}/delete = DELETE /api/v1/deploy-rules/{rule}
GET      /deletions = GET /api/v1/deletions
POST     /deletions/{deletion}/restore = POST /api/v1/deletions/{deletion}/restore
GET      /collection = GET /api/v1/collection
POST     /collection/runs = POST /api/v1/collection/runs
GET      /audit = GET /api/v1/audit
GET      /audit?project={project} = GET /api/v1/audit?project={project}
GET      /upstreams = GET /api/v1/upstreams
POST     /upstreams = POST /api/v1/upstreams name={upstream}&url=https://{upstream}.example&offline=on
GET      /upstreams/{upstream} = GET /api/v1/upstreams/{upstream}
POST     /upstreams/{upstream} = PATCH /api/v1/upstreams/{upstream} order=7
POST     /upstreams/{upstream}/delete = DELETE /api/v1/upstreams/{upstream}
GET      /groups = GET /api/v1/groups
POST     /groups = POST /api/v1/groups name={group}&members=shop&push=
GET      /groups/{group} = GET /api/v1/groups/{group}
POST     /groups/{group} = PATCH /api/v1/groups/{group} members=shop&push=
POST     /groups/{group}/delete = DELETE /api/v1/groups/{group}
GET      /caches/{upstream} = GET /api/v1/caches/{project}/hours
GET      /caches/{upstream}/mirror = GET /api/v1/caches/{project}/hours
GET      /caches/{upstream}/warm = GET /api/v1/caches/{project}/hours
POST/200 /caches/{upstream}/warm = POST /api/v1/caches/warm images={upstream}/web:1
GET      /account = GET /api/v1/me
POST     /account/password = PUT /api/v1/me/password current=not+the+one&new=correct+horse
";

/// Everybody may see these, as far as they have something to show.
const OF_EVERYBODY: [&str; 5] = ["/", "/sign-in", "/sign-out", "/preferences", "/api/v1/docs"];
/// It goes on for as long as somebody listens; tests/system/page has it.
const ENDLESS: &str = "/live";
/// They do what no other row could be asked after, or what one does only to oneself; tests/system/page
/// has them.
const APART: [&str; 8] = [
    // For who sees all that runs it is an empty list, if nothing was ever decided.
    "/targets/{target}/stacks/{stack}/services/{service}/decisions",
    "/projects/{project}/delete",
    "/users/{user}/disable",
    "/repositories/{repository}/tags/{tag}/protect",
    "/account/tokens",
    "/account/tokens/{token}/delete",
    "/account/sessions/end",
    "/account/sessions/{session}/end",
];

struct Form {
    method: Method,
    path: &'static str,
    fields: &'static str,
    /// The row of the operation of the API.
    row: Row,
}

impl Form {
    fn read(line: &'static str) -> Self {
        let (page, api) = line.split_once(" = ").expect("a page and an operation");
        let (method, path) = page.split_once(' ').expect("a method and a path");
        let (method, done) = method.split_once('/').unwrap_or((method, ""));
        let mut words = api.splitn(3, ' ');
        let operation = [words.next(), words.next()].map(|word| word.expect("an operation"));
        let method: Method = method.parse().unwrap();
        let usual = if method == Method::GET { 200 } else { 303 };
        let row = rows(API).into_iter().find(|row| row.head == operation);
        Self {
            method,
            path: path.trim(),
            fields: words.next().unwrap_or_default(),
            row: row
                .unwrap_or_else(|| panic!("{operation:?} has no row"))
                .answered_with(done.parse().unwrap_or(usual)),
        }
    }

    fn call(&self, names: &Names) -> Call {
        let call = Call::new(self.method.clone(), names.fill_path(self.path));
        let form = "application/x-www-form-urlencoded";
        match self.method {
            Method::GET => call,
            _ => call.with_body(form, names.fill(self.fields)),
        }
    }
}

async fn sign_in(world: &World, name: &str) -> Credential {
    let form = "application/x-www-form-urlencoded";
    let fields = format!("name={name}&password={}", PASSWORD.replace(' ', "+"));
    let call = Call::new(Method::POST, "/sign-in").with_body(form, fields);
    let answer = world.send(&call, &Credential::Nothing).await;
    let cookie = answer.header(SET_COOKIE).split(';').next();
    Credential::Session(cookie.expect("a cookie").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_from_the_page_what_the_table_of_the_api_says() {
    let forms: Vec<_> = PAGES.trim().lines().map(Form::read).collect();
    let path = |form: &Form| form.path.split('?').next().unwrap().to_owned();
    let asked: BTreeSet<_> = forms.iter().map(path).collect();
    let generic = |path: &str| {
        path.replace("/caches/{project}", "/caches/{upstream}")
            .replace("/images/{reference}/delete", "/images/{digest}/delete")
            .replace("/images/{reference}", "/images/{tag}")
    };
    let all: BTreeSet<_> = berth_console::page_paths().map(generic).collect();
    let known = asked
        .iter()
        .map(String::as_str)
        .chain(OF_EVERYBODY)
        .chain(APART)
        .chain([ENDLESS]);
    let known: BTreeSet<_> = known.map(str::to_owned).collect();
    assert_eq!(known, all, "every path has its row");

    let (mut walk, people) = Walk::begin().await;
    for form in &forms {
        let things = things(form.row.head[0], form.row.head[1]);
        let example = |names: &Names| form.call(names);
        let asked = Asked {
            row: &form.row,
            things: &things,
            example: &example,
            challenge: &|_, _| String::new(),
        };
        let what = format!("{} {}", form.method, form.path);
        nobody_is_sent_to_sign_in(&walk, &what, &asked).await;
        ask_users(&mut walk, &what, &asked, &people).await;
    }
    walk.end();
}

async fn nobody_is_sent_to_sign_in(walk: &Walk, what: &str, asked: &Asked<'_>) {
    for credential in [
        Credential::Nothing,
        Credential::Session("__Host-berth_session=berth_session_none".to_owned()),
    ] {
        let call = (asked.example)(&walk.names);
        let answer = walk.world.send(&call, &credential).await;
        assert_eq!(answer.status, 303, "{what}");
        assert!(
            answer.header("location").starts_with("/sign-in?"),
            "{what}: {answer:?}"
        );
    }
}

/// A token begins no session, so that users with passwords are all who come to the page.
async fn ask_users(walk: &mut Walk, what: &str, asked: &Asked<'_>, people: &People) {
    for person in &people.good {
        if matches!(person.column, "limited" | "robot") {
            continue;
        }
        // What a form did may have ended the session.
        let session = sign_in(&walk.world, person.column).await;
        walk.world.get("/account", &session).await;
        let cases = asked.cases(walk, person.column, None);
        let cases = cases
            .into_iter()
            .map(|case| (case, session.clone()))
            .collect();
        let what = format!("{what} by {}", person.column);
        walk.check(&what, cases, asked.row.cell(person.column))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_their_own_home() {
    let (walk, people) = Walk::begin().await;
    for person in &people.good {
        if matches!(person.column, "limited" | "robot") {
            continue;
        }
        let session = sign_in(&walk.world, person.column).await;
        for path in OF_EVERYBODY {
            if matches!(path, "/sign-out" | "/preferences") {
                continue;
            }
            let answer = walk.world.get(path, &session).await;
            assert_eq!(answer.status, 200, "{path} by {}", person.column);
        }
    }
}
