//! The pages of deployments, targets and rules.

use serde_json::{Value, json};

use super::text;
use super::visitor::Visitor;
use crate::support::deploy::{DeployServer, Engine, Project, Version};
use crate::support::{
    ADMIN, ADMIN_PASSWORD, Caller, TestServer, ask, create_project, create_user, set_member,
};

const PASSWORD: &str = "correct horse battery";
/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

async fn with_target_out_of_reach() -> TestServer {
    let builder = TestServer::builder();
    builder.env("BERTH_DEPLOY__DOCKER", NOWHERE).start().await
}

async fn admin(server: &TestServer) -> Visitor {
    Visitor::signed_in(server, ADMIN, ADMIN_PASSWORD).await
}

/// What a page shows.
async fn shown(visitor: &mut Visitor, path: &str) -> String {
    text(&visitor.get(path).await.expect(200))
}

#[track_caller]
fn assert_holds(shown: &str, parts: &[&str]) {
    for part in parts {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
}

#[track_caller]
fn assert_lacks(shown: &str, parts: &[&str]) {
    for part in parts {
        assert!(!shown.contains(part), "{part:?} in {shown}");
    }
}

/// What a page has behind a text, up to the next quote.
fn behind<'s>(shown: &'s str, text: &str) -> &'s str {
    let rest = shown.split_once(text);
    let (_, rest) = rest.unwrap_or_else(|| panic!("no {text:?} in {shown}"));
    rest.split('"').next().expect("a part")
}

#[tokio::test]
async fn without_a_target_the_pages_say_how_to_get_one() {
    let server = TestServer::start().await;
    let mut visitor = admin(&server).await;
    let deployments = shown(&mut visitor, "/deployments").await;
    assert_holds(&deployments, &["href=\"/targets\"", "berth.deploy=true"]);
    let targets = shown(&mut visitor, "/targets").await;
    assert_holds(&targets, &["[deploy]", "unix:///var/run/docker.sock"]);
    let rules = shown(&mut visitor, "/deploy-rules").await;
    assert_holds(&rules, &["There is no rule yet.", "name=\"labels\""]);
    visitor.get("/targets/local").await.expect(404);
    visitor.get("/deployments/7").await.expect(404);
}

#[tokio::test]
async fn deployments_are_filtered_and_empty_fields_ask_for_nothing() {
    let server = TestServer::start().await;
    let mut visitor = admin(&server).await;
    let path = "/deployments?target=&stack=shop&state=failed";
    let found = shown(&mut visitor, path).await;
    let parts = [
        "value=\"shop\"",
        "value=\"failed\" selected",
        "There is no such",
    ];
    assert_holds(&found, &parts);
    let all = shown(&mut visitor, "/deployments?target=&stack=&state=").await;
    assert_holds(&all, &["Nothing was deployed yet."]);
    for query in ["state=done", "stack=%3Cscript%3E"] {
        let refused = visitor.get(&format!("/deployments?{query}")).await;
        assert_lacks(&text(&refused.expect(400)), &["<script>"]);
    }
}

#[tokio::test]
async fn a_target_out_of_reach_is_shown_with_the_reason() {
    let server = with_target_out_of_reach().await;
    let mut visitor = admin(&server).await;
    let targets = shown(&mut visitor, "/targets").await;
    let parts = ["href=\"/targets/local\"", "out of reach", "does not answer"];
    assert_holds(&targets, &parts);
    let target = shown(&mut visitor, "/targets/local").await;
    assert_holds(
        &target,
        &["the target local can not be asked", "Pushes wait for it."],
    );
    let stack = "/targets/local/stacks/shop";
    for action in ["plan", "release"] {
        let path = format!("{stack}/{action}");
        let refused = text(&visitor.post(&path, &[]).await.expect(503));
        assert_holds(&refused, &["the target local can not be asked"]);
    }
    let reason = [("reason", "a freeze")];
    visitor
        .post(&format!("{stack}/hold"), &reason)
        .await
        .expect(503);
    let nothing = [("services", "web")];
    let refused = visitor.post(&format!("{stack}/deploy"), &nothing).await;
    assert_holds(&text(&refused.expect(400)), &["`web` is not one"]);
}

#[tokio::test]
async fn rules_are_made_shown_as_text_and_deleted() {
    let server = with_target_out_of_reach().await;
    let mut visitor = admin(&server).await;
    let prepared = shown(&mut visitor, "/deploy-rules?target=local&stack=shop").await;
    assert_holds(&prepared, &["value=\"local\"", "value=\"shop\"", " open>"]);
    let mut make = async |target: &str, service: &str, labels: &str| {
        let fields = [
            ("target", target),
            ("stack", "shop"),
            ("service", service),
            ("labels", labels),
        ];
        visitor.post("/deploy-rules", &fields).await
    };
    let hostile = "berth.deploy.order=stop-first\r\nberth.deploy.before=<script>alert(1)</script>";
    let made = make("local", "", hostile).await.expect(303);
    assert_eq!(made.header("location"), "/deploy-rules");
    make("local", "web", "").await.expect(303);
    make("local", "web", "berth.deploy.order: x")
        .await
        .expect(400);
    make("local", "web", "berth.deploy.order=x")
        .await
        .expect(422);
    let refused = make("elsewhere", "", "").await.expect(422);
    assert_lacks(&text(&refused), &["The rule is made"]);

    let rules = shown(&mut visitor, "/deploy-rules").await;
    let parts = [
        "<code>berth.deploy.order=stop-first</code>",
        "&#60;script&#62;alert(1)",
        "all of the stack",
        ">web<",
    ];
    assert_holds(&rules, &parts);
    assert_lacks(&rules, &["<script>alert"]);

    for _ in 0..2 {
        let rules = shown(&mut visitor, "/deploy-rules").await;
        let delete = behind(&rules, "action=\"/deploy-rules/");
        let path = format!("/deploy-rules/{delete}");
        visitor.post(&path, &[]).await.expect(303);
        visitor.post(&path, &[]).await.expect(404);
    }
    let rules = shown(&mut visitor, "/deploy-rules").await;
    assert_holds(&rules, &["There is no rule yet."]);
}

#[tokio::test]
async fn a_stranger_sees_no_target_and_no_rule_and_steers_nothing() {
    let server = with_target_out_of_reach().await;
    create_project(&server, "shop").await;
    let stranger = create_user(&server, "stranger", PASSWORD).await;
    set_member(&server, "shop", "stranger", &["reader"]).await;
    let mut visitor = Visitor::signed_in(&server, &stranger.name, &stranger.secret).await;
    let deployments = shown(&mut visitor, "/deployments").await;
    assert_lacks(&deployments, &["/targets", "/deploy-rules"]);
    let stack = "/targets/local/stacks/shop";
    let decisions = format!("{stack}/services/web/decisions");
    for path in ["/targets", "/targets/local", "/deploy-rules", &decisions] {
        visitor.get(path).await.expect(404);
    }
    let fields = [
        ("target", "local"),
        ("stack", "shop"),
        ("service", ""),
        ("labels", ""),
        ("reason", ""),
        (
            "services",
            "web=sha256:2e0c9e9b9595dd521f58d73e7a0d251e8d8a95740d923f461fc72f48d59edeab",
        ),
        (
            "digest",
            "sha256:2e0c9e9b9595dd521f58d73e7a0d251e8d8a95740d923f461fc72f48d59edeab",
        ),
    ];
    for action in [
        "plan",
        "deploy",
        "hold",
        "release",
        "services/web/pin",
        "services/web/unpin",
    ] {
        visitor
            .post(&format!("{stack}/{action}"), &fields)
            .await
            .expect(404);
    }
    for path in [
        "/deploy-rules",
        "/deploy-rules/1/delete",
        "/deployments/1/approve",
        "/deployments/1/cancel",
        "/deployments/1/rollback",
    ] {
        visitor.post(path, &fields).await.expect(404);
    }
}

/// A project of one service, `web`, that runs version 1 of `shop/web:live`, with labels more.
async fn bring_up(server: &DeployServer, labels: Value) -> Project {
    server.push("shop/web:live", &Version::new("1")).await;
    let mut web = json!({
        "image": server.image("shop/web:live"),
        "labels": {"berth.deploy": "true"},
        "stop_grace_period": "1s",
    });
    for (name, value) in labels.as_object().expect("an object") {
        web["labels"][name] = value.clone();
    }
    let project = server.project("page");
    project.up(&json!({"services": {"web": web}}));
    project
}

/// Somebody who may pull what is deployed, and no more.
async fn reader(server: &DeployServer) -> Visitor {
    let login = create_user(server, "reader", PASSWORD).await;
    set_member(server, "shop", "reader", &["reader"]).await;
    Visitor::signed_in(server, &login.name, &login.secret).await
}

#[tokio::test]
async fn a_push_is_followed_to_its_end_and_rolled_back() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let hook = json!({"berth.deploy.before": "echo '<script>alert(1)</script>'"});
    let project = bring_up(&server, hook).await;
    let old = Version::new("1").image().manifest.digest;
    let new = server.push("shop/web:live", &Version::new("2")).await;
    let ended = server.ended(&project.name, 1).await;
    ended.expect("succeeded");
    let place = format!("/deployments/{}", ended.id());

    let mut visitor = admin(&server).await;
    let page = shown(&mut visitor, &place).await;
    let parts = [
        "id=\"deployment\"",
        "<b>Push</b> shop/web:live",
        "<b>Match</b> web",
        "<b>Pull</b> web",
        "<b>Command before</b> web",
        "<b>Replacement</b> web",
        "<b>Check</b> web",
        "<b>succeeded</b>",
        "&#60;script&#62;alert(1)",
        &format!("{place}/rollback"),
    ];
    assert_holds(&page, &parts);
    assert_lacks(
        &page,
        &["<script>alert", "aria-current=\"step\"", "data-live"],
    );
    let back = page
        .split(&format!("{place}/rollback"))
        .nth(1)
        .expect("a form");
    let back = back.split("</form>").next().expect("a form");
    let (from, to) = (back.find(&new), back.find(&old));
    assert!(from.is_some() && from < to, "{back}");

    let decisions = format!(
        "/targets/local/stacks/{}/services/web/decisions",
        project.name
    );
    let mut reader = reader(&server).await;
    for path in [&place, &decisions] {
        let page = shown(&mut reader, path).await;
        assert_holds(&page, &[new.as_str()]);
        assert_lacks(&page, &["/rollback\"", "/plan\"", "href=\"/targets\""]);
    }
    reader
        .post(&format!("{place}/rollback"), &[])
        .await
        .expect(404);
    let page = shown(&mut visitor, &decisions).await;
    assert_holds(
        &page,
        &[
            &format!("href=\"{place}\""),
            "deployment made",
            "the tag moved",
        ],
    );

    let done = visitor
        .post(&format!("{place}/rollback"), &[])
        .await
        .expect(303);
    server.ended(&project.name, 2).await.expect("succeeded");
    let page = shown(&mut visitor, done.header("location")).await;
    let taken_back = format!("takes back deployment {}", ended.id());
    assert_holds(&page, &["<b>Request</b>", &taken_back]);
}

#[tokio::test]
async fn the_whole_log_is_on_one_page_and_its_rest_on_another() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let many = "i=0; while [ $$i -lt 250 ]; do echo line $$i; i=$$((i+1)); done";
    let project = bring_up(&server, json!({"berth.deploy.before": many})).await;
    server.push("shop/web:live", &Version::new("2")).await;
    let ended = server.ended(&project.name, 1).await;
    ended.expect("succeeded");
    let log = server.log_of(ended.id()).await;
    let container = log.iter().filter(|line| line["kind"] == "container");
    assert!(container.count() > 200, "{log:#?}");

    let lines = |page: &str| {
        let log = page.split_once("<ol class=\"log\">").expect("a log").1;
        let log = log.split_once("</ol>").expect("its end").0;
        log.matches("<li ").count()
    };
    let mut visitor = admin(&server).await;
    let place = format!("/deployments/{}", ended.id());
    let all = shown(&mut visitor, &place).await;
    assert_eq!(lines(&all), log.len());
    assert_lacks(&all, &["rel=\"next\""]);
    let rest = format!("{place}?cursor={}", log[99]["number"]);
    let rest = shown(&mut visitor, &rest).await;
    assert_eq!(lines(&rest), log.len() - 100);
    assert_holds(&rest, &["First page", "<b>Push</b> shop/web:live"]);
}

#[tokio::test]
async fn a_failure_is_shown_where_it_happened() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let project = bring_up(&server, json!({})).await;
    server
        .push("shop/web:live", &Version::that_exits("2"))
        .await;
    let ended = server.ended(&project.name, 1).await;
    ended.expect("rolled_back");
    let mut visitor = admin(&server).await;
    let page = shown(&mut visitor, &format!("/deployments/{}", ended.id())).await;
    let failed = page.split("<b>Check</b> web").nth(1).expect("an entry");
    let failed = failed.split("</li>").next().expect("an entry");
    assert_holds(&page, &["not taken"]);
    assert_holds(failed, &["class=\"problem\"", ">failed<"]);
    assert_holds(&page, &["<b>Rollback</b>", "<b>rolled back</b>"]);
    assert_lacks(&page, &["/rollback\""]);
    let list = shown(&mut visitor, "/deployments?state=rolled_back").await;
    assert_holds(&list, &[&format!("href=\"/deployments/{}\"", ended.id())]);

    // It needs somebody until something else was deployed to the service, and of those who see it.
    let kinds = [("rolled_back", ended.id())];
    assert_eq!(needing(&server).await, kinds);
    let stranger = create_user(&server, "stranger", PASSWORD).await;
    let stranger = server.user(&stranger.name, &stranger.secret);
    assert_eq!(needing(&stranger).await, []);
    server.push("shop/web:live", &Version::new("3")).await;
    server.ended(&project.name, 2).await.expect("succeeded");
    assert_eq!(needing(&server).await, []);
}

/// What needs somebody, as somebody is told: kind, and number of the deployment.
async fn needing(by: &Caller) -> Vec<(&'static str, u64)> {
    let matters = ask(by.get("/api/v1/attention")).await.expect(200).json();
    let matters = matters["items"].as_array().expect("a list");
    let told = matters.iter().map(|matter| {
        let kind = ["approval", "rolled_back"].into_iter();
        let mut kind = kind.filter(|kind| matter["kind"] == *kind);
        let number = matter["subject"].as_str().expect("a text").parse();
        (kind.next().expect("a kind"), number.expect("a number"))
    });
    told.collect()
}

#[tokio::test]
async fn what_waits_is_approved_with_a_form() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let project = bring_up(&server, json!({"berth.deploy.approval": "true"})).await;
    let new = server.push("shop/web:live", &Version::new("2")).await;
    let waiting = server.in_state(&project.name, "waiting").await;
    let place = format!("/deployments/{}", waiting.id());
    let mut visitor = admin(&server).await;
    let page = shown(&mut visitor, &place).await;
    let current = page
        .split("aria-current=\"step\"")
        .nth(1)
        .expect("an entry");
    assert_holds(
        current.split("</li>").next().expect("an entry"),
        &["<b>Wait</b>"],
    );
    assert_eq!(page.matches("aria-current=\"step\"").count(), 1, "{page}");
    let kinds = [("approval", waiting.id())];
    assert_eq!(needing(&server).await, kinds);
    let parts = [
        "data-live=\"deployments\"",
        "id=\"approve\"",
        "id=\"cancel\"",
        &new,
    ];
    assert_holds(&page, &parts);

    let mut reader = reader(&server).await;
    let page = shown(&mut reader, &place).await;
    assert_lacks(&page, &["id=\"approve\"", "id=\"cancel\""]);
    for action in ["approve", "cancel"] {
        reader
            .post(&format!("{place}/{action}"), &[])
            .await
            .expect(404);
    }

    visitor
        .post(&format!("{place}/approve"), &[])
        .await
        .expect(303);
    server.ended(&project.name, 1).await.expect("succeeded");
    assert_eq!(needing(&server).await, []);
    let page = shown(&mut visitor, &place).await;
    assert_holds(&page, &["<b>Approval</b>"]);
}

#[tokio::test]
async fn what_has_not_begun_is_cancelled_with_a_form() {
    let Some(engine) = Engine::shared() else {
        return;
    };
    let builder = DeployServer::on(&engine).env("BERTH_DEPLOY__QUIET_SECONDS", 60);
    let server = builder.start().await;
    let project = bring_up(&server, json!({})).await;
    server.push("shop/web:live", &Version::new("2")).await;
    let queued = server.in_state(&project.name, "queued").await;
    let place = format!("/deployments/{}", queued.id());
    let mut visitor = admin(&server).await;
    let page = shown(&mut visitor, &place).await;
    assert_holds(&page, &["<b>Quiet time</b>", "until"]);
    assert_lacks(&page, &["id=\"approve\"", "id=\"rollback\""]);
    visitor
        .post(&format!("{place}/cancel"), &[])
        .await
        .expect(303);
    server.ended(&project.name, 1).await.expect("cancelled");
    let page = shown(&mut visitor, &place).await;
    assert_holds(&page, &["<b>cancelled</b>", "cancelled by admin"]);
}

#[tokio::test]
async fn a_stack_is_held_planned_deployed_pinned_and_released() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let project = bring_up(&server, json!({})).await;
    let name = &project.name;
    let stack = format!("/targets/local/stacks/{name}");
    let mut visitor = admin(&server).await;
    let target = shown(&mut visitor, "/targets/local").await;
    for form in ["plan", "hold", "services/web/pin"] {
        assert_holds(&target, &[&format!("action=\"{stack}/{form}\"")]);
    }
    let planned = text(
        &visitor
            .post(&format!("{stack}/plan"), &[])
            .await
            .expect(200),
    );
    assert_holds(&planned, &["There is nothing to do"]);

    let reason = [("reason", "<script>alert(1)</script>")];
    let held = visitor.post(&format!("{stack}/hold"), &reason).await;
    assert_eq!(held.expect(303).header("location"), "/targets/local");
    let target = shown(&mut visitor, "/targets/local").await;
    assert_holds(&target, &["Held by admin", "&#60;script&#62;alert(1)"]);
    assert_lacks(&target, &["<script>alert"]);

    let old = Version::new("1").image().manifest.digest;
    let new = server.push("shop/web:live", &Version::new("2")).await;
    server.decided(name, "web", "held").await;
    let decisions = shown(&mut visitor, &format!("{stack}/services/web/decisions")).await;
    assert_holds(&decisions, &["no deployment", "<b>held</b>"]);

    let planned = text(
        &visitor
            .post(&format!("{stack}/plan"), &[])
            .await
            .expect(200),
    );
    assert_holds(&planned, &[&old, &new, "<b>web</b>", "Replacement"]);
    let services = behind(&planned, "name=\"services\" value=\"");
    assert_eq!(services, format!("web={new}"));
    let deploy = format!("{stack}/deploy");
    let made = visitor
        .post(&deploy, &[("services", services)])
        .await
        .expect(303);
    let ended = server.ended(name, 1).await;
    ended.expect("succeeded");
    assert_eq!(
        made.header("location"),
        format!("/deployments/{}", ended.id())
    );

    visitor
        .post(&format!("{stack}/release"), &[])
        .await
        .expect(303);
    let digest = [("digest", new.as_str())];
    let service = format!("{stack}/services/web");
    visitor
        .post(&format!("{service}/pin"), &digest)
        .await
        .expect(303);
    let target = shown(&mut visitor, "/targets/local").await;
    assert_holds(
        &target,
        &[&format!("action=\"{service}/unpin\""), "it is pinned to"],
    );
    assert_lacks(&target, &["Held by admin"]);
    visitor
        .post(&format!("{service}/unpin"), &[])
        .await
        .expect(303);
    visitor
        .post(&format!("{service}/unpin"), &[])
        .await
        .expect(404);
}

/// Of a service that runs, and of one that nobody knows.
#[tokio::test]
async fn decisions_that_there_are_none_of_are_an_empty_list_to_who_sees_targets() {
    let server = with_target_out_of_reach().await;
    let mut visitor = admin(&server).await;
    let path = "/targets/local/stacks/shop/services/web/decisions";
    let decisions = shown(&mut visitor, path).await;
    assert_holds(&decisions, &["There is none"]);
    let path = "/targets/local/stacks/a%20b/services/web/decisions";
    visitor.get(path).await.expect(400);
}
