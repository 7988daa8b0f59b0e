//! The command line, as somebody uses it who has a server somewhere.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::TestServer;

const PASSWORD: &str = "admin-password";
/// An index of nothing: the one manifest that needs nothing to be pushed before it.
const INDEX: &str =
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// A person's account on a machine.
pub(crate) struct Account(TempDir);

impl Account {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// That of one who is logged in as the first admin.
    pub(crate) fn admin(server: &TestServer) -> Self {
        let account = Self::new();
        let said = account.login(server, "admin", PASSWORD);
        assert!(said.status.success(), "{}", text(&said.stderr));
        account
    }

    /// That of one who is logged in so at another address of a server.
    pub(crate) fn admin_at(url: &str) -> Self {
        let account = Self::new();
        let said = account.login_at(url, "admin", PASSWORD);
        assert!(said.status.success(), "{}", text(&said.stderr));
        account
    }

    fn login(&self, server: &TestServer, user: &str, password: &str) -> Output {
        self.login_at(&server.url(""), user, password)
    }

    fn login_at(&self, url: &str, user: &str, password: &str) -> Output {
        self.berth(&["login", url, "-u", user, "--password-stdin"], password)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("berth/login.json")
    }

    /// For a test that has to do with a command while it runs.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
        command
            .args(arguments)
            .env_clear()
            .env("XDG_CONFIG_HOME", self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn berth(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.command(arguments).spawn().expect("berth starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A command that reads nothing may have ended.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("berth ends")
    }

    /// What a command prints; the test fails when it fails.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.berth(arguments, "");
        let said = text(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        text(&output.stdout)
    }

    /// The JSON that a command prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let printed = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    /// What a command says that must fail.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        let output = self.berth(arguments, "");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        said
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// The names of a list.
fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().expect("a list").iter();
    items
        .map(|item| item["name"].as_str().expect("a name"))
        .collect()
}

/// Pushes one manifest under tags, and gives its digest.
async fn push(server: &TestServer, repository: &str, tags: &[&str]) -> String {
    let mut digest = None;
    for tag in tags {
        let answer = server
            .put(&format!("/v2/{repository}/manifests/{tag}"))
            .header("Content-Type", INDEX_TYPE)
            .body(INDEX)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 201, "{tag}");
        let header = &answer.headers()["Docker-Content-Digest"];
        digest = Some(header.to_str().expect("a digest").to_owned());
    }
    digest.expect("a tag")
}

#[tokio::test]
async fn a_login_keeps_a_token_of_its_own_and_takes_it_along_when_it_ends() {
    let server = TestServer::start().await;
    let account = Account::new();
    let refused = account.login(&server, "admin", "hunter2");
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    assert!(!account.file().exists());

    let account = Account::admin(&server);
    let kept = fs::read_to_string(account.file()).expect("a login");
    assert!(!kept.contains(PASSWORD), "{kept}");
    let mode = fs::metadata(account.file())
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let tokens = account.json(&["token", "ls"]);
    assert_eq!(tokens.as_array().map(Vec::len), Some(1), "{tokens}");
    assert!(names(&tokens)[0].starts_with("cli-"), "{tokens}");

    let other = Account::admin(&server);
    assert_eq!(names(&other.json(&["token", "ls"])).len(), 2);
    account.run(&["logout"]);
    assert!(!account.file().exists());
    assert_eq!(names(&other.json(&["token", "ls"])).len(), 1);
}

#[tokio::test]
async fn a_login_again_leaves_one_token_and_a_given_one_is_kept_as_it_is() {
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let again = account.login(&server, "admin", PASSWORD);
    assert!(again.status.success(), "{}", text(&again.stderr));
    assert_eq!(names(&account.json(&["token", "ls"])).len(), 1);

    let secret = account.run(&["token", "create", "ci", "--scope", "**=*"]);
    let other = Account::new();
    let logged_in = other.login(&server, "admin", &secret);
    assert!(logged_in.status.success(), "{}", text(&logged_in.stderr));
    other.run(&["logout"]);
    assert!(names(&account.json(&["token", "ls"])).contains(&"ci"));
}

#[tokio::test]
async fn a_secret_that_is_shown_once_is_alone_on_standard_output() {
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    account.run(&["project", "create", "shop"]);
    for arguments in [
        &["token", "create", "ci", "--expires", "30d"][..],
        &["robot", "create", "shop", "ci", "--scope", "shop/**=pull"],
        &["robot", "create", "--system", "ci", "--scope", "**=pull"],
        &["robot", "renew", "shop+ci"],
        &["user", "add", "ann"],
        &["user", "password", "ann"],
    ] {
        let printed = account.run(arguments);
        assert_eq!(printed.trim().lines().count(), 1, "{arguments:?}");
        assert!(!printed.contains(' '), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_user_who_is_disabled_is_told_to_log_in_again() {
    let server = TestServer::start().await;
    let admin = Account::admin(&server);
    let password = admin.run(&["user", "add", "ann"]);
    let ann = Account::new();
    let logged_in = ann.login(&server, "ann", &password);
    assert!(logged_in.status.success(), "{}", text(&logged_in.stderr));
    let said = ann.fail(&["user", "show", "admin"]);
    assert!(!said.contains("berth login"), "{said}");

    admin.run(&["user", "set", "ann", "--disabled", "yes"]);
    let said = ann.fail(&["ls"]);
    assert!(said.contains("berth login"), "{said}");
    ann.run(&["logout"]);
    admin.run(&["user", "rm", "ann"]);
    let users = admin.json(&["user", "ls"]);
    assert!(!names(&users).contains(&"ann"), "{users}");
}

#[tokio::test]
async fn a_password_is_changed_by_its_owner() {
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let lines = format!("{PASSWORD}\nanother-long-password\n");
    let changed = account.berth(&["user", "password", "--password-stdin"], &lines);
    assert!(changed.status.success(), "{}", text(&changed.stderr));
    let refused = Account::new().login(&server, "admin", PASSWORD);
    assert_eq!(refused.status.code(), Some(1));
    let taken = Account::new().login(&server, "admin", "another-long-password");
    assert!(taken.status.success(), "{}", text(&taken.stderr));
}

#[tokio::test]
async fn members_roles_and_robots_of_a_project_are_managed() {
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    account.run(&["project", "create", "shop"]);
    account.run(&["project", "set", "shop", "--public", "yes"]);
    let project = account.json(&["project", "show", "shop"]);
    assert_eq!(project["public"], true);

    account.run(&["user", "add", "ann"]);
    account.run(&[
        "project",
        "role",
        "set",
        "shop",
        "tester",
        "--scope",
        "shop/test/**=pull,push",
    ]);
    account.run(&[
        "project", "member", "set", "shop", "ann", "reader", "tester",
    ]);
    let members = account.run(&["project", "member", "ls", "shop"]);
    assert!(members.contains("reader,tester"), "{members}");
    account.fail(&["project", "role", "rm", "shop", "tester"]);
    account.run(&["project", "member", "rm", "shop", "ann"]);
    account.run(&["project", "role", "rm", "shop", "tester"]);

    account.run(&["robot", "create", "shop", "ci", "--scope", "shop/**=pull"]);
    account.run(&[
        "robot",
        "set",
        "shop+ci",
        "--disabled",
        "yes",
        "--expires",
        "12h",
    ]);
    let robot = account.json(&["robot", "show", "shop+ci"]);
    assert_eq!(robot["disabled"], true);
    assert!(robot["expires_at"].is_string(), "{robot}");
    account.run(&["robot", "set", "shop+ci", "--expires", "never"]);
    assert!(account.json(&["robot", "show", "shop+ci"])["expires_at"].is_null());
    account.run(&["robot", "rm", "shop+ci"]);
    assert_eq!(
        account.json(&["robot", "ls", "shop"]),
        Value::Array(Vec::new())
    );

    let entries = account.json(&["audit", "-n", "3", "--project", "shop", "--since", "1h"]);
    assert_eq!(entries.as_array().map(Vec::len), Some(3), "{entries}");
    account.run(&["project", "rm", "shop"]);
    account.fail(&["project", "show", "shop"]);
}

#[tokio::test]
async fn images_are_listed_tagged_and_deleted() {
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    account.run(&["project", "create", "shop"]);
    let digest = push(&server, "shop/web", &["v1", "latest"]).await;
    assert!(account.run(&["ls"]).contains("shop"));
    assert!(account.run(&["ls", "shop"]).contains("shop/web"));
    let tags = account.run(&["ls", "shop/web"]);
    assert!(tags.contains(&digest), "a digest was cut short: {tags}");

    account.run(&["tag", &format!("shop/web@{digest}"), "v2"]);
    account.run(&["rm", "shop/web:v1"]);
    let tags = account.json(&["ls", "shop/web"]);
    assert_eq!(names(&tags), ["latest", "v2"]);
    let image = account.json(&["inspect", "shop/web:v2"]);
    assert_eq!(image["digest"], digest.as_str());

    let by_digest = format!("shop/web@{digest}");
    let said = account.fail(&["rm", &by_digest]);
    assert!(said.contains("--yes"), "{said}");
    let said = account.run(&["rm", "--yes", &by_digest]);
    for word in ["latest", "v2", &digest] {
        assert!(said.contains(word), "no {word} in {said}");
    }
    account.fail(&["inspect", &by_digest]);
}

#[tokio::test]
async fn upstreams_are_made_changed_and_removed() {
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let arguments = [
        "upstream",
        "create",
        "hub",
        "--registry",
        "docker.io",
        "--offline",
        "yes",
        "--username",
        "ann",
        "--password-stdin",
        "--proxy-stdin",
        "--deny",
        "library/old-*",
        "--deny",
        "shop/**",
    ];
    let secrets = "hunter2\nhttp://ann:hunter3@proxy.example:3128\n";
    let created = account.berth(&arguments, secrets);
    let said = text(&created.stderr) + &text(&created.stdout);
    assert!(created.status.success(), "{said}");
    assert!(
        said.contains("docker-hub") && said.contains("of ann"),
        "{said}"
    );
    assert!(!said.contains("hunter"), "{said}");
    let said = account.fail(&["upstream", "create", "hub", "--registry", "quay.io"]);
    assert!(said.contains("already"), "{said}");

    let listed = account.run(&["upstream", "list"]);
    assert!(listed.contains("https://registry-1.docker.io"), "{listed}");
    let said = account.fail(&["upstream", "change", "hub"]);
    assert!(said.contains("nothing is to change"), "{said}");
    let change = [
        "upstream",
        "change",
        "hub",
        "--fresh-seconds",
        "60",
        "--reset",
        "deny,proxy",
    ];
    let changed = account.json(&change);
    assert_eq!(changed["fresh_seconds"], 60);
    assert_eq!(changed["deny"], Value::Array(Vec::new()));
    assert_eq!(
        (&changed["has_password"], &changed["has_proxy"]),
        (&true.into(), &false.into())
    );

    let said = account.fail(&["warm", "hub/library/alpine:3", "--platform", "linux/amd64"]);
    assert!(
        said.contains("hub/library/alpine:3: there is no image"),
        "{said}"
    );
    account.run(&["group", "create", "all", "shop", "hub", "--push", "shop"]);
    let groups = account.run(&["group", "list"]);
    assert!(groups.contains("shop,hub"), "{groups}");
    let said = account.fail(&["upstream", "delete", "hub"]);
    assert!(said.contains("member of the group all"), "{said}");
    account.run(&["group", "delete", "all"]);
    account.run(&["upstream", "delete", "hub"]);
    assert_eq!(
        account.json(&["upstream", "list"]),
        Value::Array(Vec::new())
    );
    let project = account.json(&["project", "show", "hub"]);
    assert_eq!(project["kind"], "proxy");
}

#[tokio::test]
async fn the_status_of_the_caches_has_a_row_for_each_registry() {
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let empty = account.json(&["proxy", "status"]);
    assert_eq!(empty["items"], Value::Array(Vec::new()));
    account.run(&["upstream", "create", "ghcr", "--registry", "ghcr.io"]);
    let status = account.run(&["proxy", "status"]);
    assert!(
        status.contains("HIT RATIO") && status.contains("ghcr.io"),
        "{status}"
    );
    assert!(status.ends_with("blobs of all caches: 0 B\n"), "{status}");
}

#[tokio::test]
async fn without_a_target_nothing_is_deployed_and_the_lists_are_empty() {
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    for list in [
        &["deploy", "list"][..],
        &["deploy", "list", "--target", "local", "--state", "failed"],
        &["deploy", "targets"],
        &["deploy", "rule", "list"],
    ] {
        assert_eq!(account.json(list), Value::Array(Vec::new()), "{list:?}");
        let table = account.run(list);
        assert_eq!(table.lines().count(), 1, "{table}");
    }
    let said = account.fail(&["deploy", "list", "--state", "done"]);
    assert!(said.contains("rolled_back"), "{said}");

    for (arguments, absent) in [
        (&["deploy", "show", "7"][..], "there is no deployment 7"),
        (&["deploy", "logs", "7"], "there is no deployment 7"),
        (&["deploy", "logs", "-f", "7"], "there is no deployment 7"),
        (&["deploy", "approve", "7"], "there is no deployment 7"),
        (&["deploy", "cancel", "7"], "there is no deployment 7"),
        (&["deploy", "rollback", "7"], "there is no deployment 7"),
        (&["deploy", "stacks", "local"], "there is no target local"),
        (&["deploy", "plan", "local", "shop"], "there is no "),
        (
            &["deploy", "run", "local", "shop", "--wait"],
            "there is no ",
        ),
        (&["deploy", "hold", "local", "shop"], "there is no "),
        (&["deploy", "release", "local", "shop"], "there is no "),
        (&["deploy", "unpin", "local", "shop", "web"], "there is no "),
        (&["deploy", "why", "local", "shop", "web"], "there is no "),
        (
            &["deploy", "rule", "create", "local", "shop"],
            "there is no target local",
        ),
        (&["deploy", "rule", "delete", "7"], "there is no rule 7"),
    ] {
        let said = account.fail(arguments);
        assert!(said.contains(absent), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_target_that_is_away_is_listed_with_its_trouble() {
    let server = TestServer::builder()
        .env(
            "BERTH_DEPLOY__ENGINE__PROD__URL",
            "unix:///nowhere/docker.sock",
        )
        .env("BERTH_DEPLOY__ENGINE__PROD__TRIGGERS", "ann,shop+ci")
        .start()
        .await;
    let account = Account::admin(&server);
    let targets = account.json(&["deploy", "targets"]);
    assert_eq!(names(&targets), ["prod"]);
    assert_eq!(targets[0]["reachable"], false);
    assert!(targets[0]["trouble"].is_string(), "{targets}");
    let table = account.run(&["deploy", "targets"]);
    assert!(table.contains("ann,shop+ci"), "{table}");
    let said = account.fail(&["deploy", "stacks", "prod"]);
    assert!(said.contains("prod can not be asked"), "{said}");

    let order = "berth.deploy.order=start-first";
    let rule = [
        "deploy", "rule", "create", "prod", "shop", "web", "--label", order,
    ];
    let made = account.json(&rule);
    assert_eq!(made["labels"]["berth.deploy.order"], "start-first");
    let listed = account.run(&["deploy", "rule", "list"]);
    assert!(listed.contains(order), "{listed}");
    let id = made["id"].to_string();
    account.run(&["deploy", "rule", "delete", &id]);
    account.fail(&["deploy", "rule", "delete", &id]);
}

#[tokio::test]
async fn json_is_what_the_api_said() {
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    for number in 0..3 {
        account.run(&["project", "create", &format!("project-{number}")]);
    }
    let answer = server
        .get("/api/v1/projects/project-1")
        .send()
        .await
        .expect("an answer");
    let answered = answer.text().await.expect("a body");
    let printed = account.run(&["project", "show", "project-1", "--json"]);
    assert_eq!(printed.trim_end(), answered.trim_end());
    let projects = account.json(&["project", "ls", "-q", "project-"]);
    assert_eq!(names(&projects), ["project-0", "project-1", "project-2"]);
}

#[tokio::test]
async fn a_login_is_used_for_no_other_server() {
    let (server, other) = (TestServer::start().await, TestServer::start().await);
    let account = Account::admin(&server);
    account.run(&["ls", "--server", server.host()]);
    let said = account.fail(&["ls", "--server", other.host()]);
    assert!(said.contains(&server.url("")), "{said}");
    assert!(
        said.contains(&format!("berth login {}", other.url(""))),
        "{said}"
    );
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_its_file_is_given_and_then_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let certificate = folder.path().join("certificate.pem");
    let key = folder.path().join("key.pem");
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    fs::write(&certificate, made.cert.pem()).expect("a file");
    fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    let server = TestServer::builder().tls(&certificate, &key).start().await;

    let account = Account::new();
    let refused = account.login(&server, "admin", PASSWORD);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.to_lowercase().contains("certificate"), "{said}");
    let url = server.url("");
    let file = certificate.to_str().expect("a path");
    let arguments = [
        "login",
        &url,
        "-u",
        "admin",
        "--password-stdin",
        "--ca-file",
        file,
    ];
    let taken = account.berth(&arguments, PASSWORD);
    assert!(taken.status.success(), "{}", text(&taken.stderr));
    account.run(&["ls"]);
}
