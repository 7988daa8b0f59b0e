//! Members, roles, robots and users.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Visitor, text};
use crate::support::{
    ADMIN, ADMIN_PASSWORD, TestServer, ask, create_project, create_robot, create_token,
    create_user, set_member,
};

const PASSWORD: &str = "correct horse battery";

async fn shop() -> (TestServer, Visitor) {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    let admin = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    (server, admin)
}

/// A user who has signed in to the page.
async fn user(server: &TestServer, name: &str) -> Visitor {
    create_user(server, name, PASSWORD).await;
    Visitor::signed_in(server, name, PASSWORD).await
}

/// Somebody with this role in the shop.
async fn member(server: &TestServer, role: &str) -> Visitor {
    let visitor = user(server, role).await;
    set_member(server, "shop", role, &[role]).await;
    visitor
}

/// What the API says.
async fn api(server: &TestServer, path: &str) -> Value {
    let answer = ask(server.get(&format!("/api/v1{path}"))).await;
    answer.expect(200).json()
}

/// What a page shows to be copied first.
fn secret(shown: &str) -> String {
    let secret = shown.split("<div class=\"copied\"><code>").nth(1);
    let secret = secret.and_then(|rest| rest.split('<').next());
    secret.expect("a secret").to_owned()
}

async fn signs_in(server: &TestServer, login: &str, secret: &str) -> bool {
    ask(server.user(login, secret).get("/v2/")).await.status == 200
}

#[tokio::test]
async fn members_are_added_changed_and_removed_with_forms() {
    let (server, mut visitor) = shop().await;
    create_user(&server, "ann", PASSWORD).await;
    let roles = json!({"grants": [{"repositories": "shop/web", "actions": ["pull"]}]});
    let tester = server.put("/api/v1/projects/shop/roles/tester");
    ask(tester.json(&roles)).await.expect(200);
    let list = "/projects/shop/members";
    // Who has made the project is its owner.
    let maker = "/projects/shop/members/admin/delete";
    visitor.post(maker, &[]).await.expect(303);
    let shown = text(&visitor.get(list).await.expect(200));
    assert!(shown.contains("Nobody is a member yet"), "{shown}");
    assert!(shown.contains("pulls and pushes images"), "{shown}");
    assert!(shown.contains("name=\"role_tester\""), "{shown}");

    let ann = "/projects/shop/members/ann";
    type Step<'s> = (&'s str, &'s [(&'s str, &'s str)], Value);
    let steps: [Step<'_>; 4] = [
        (
            list,
            &[("user", " ann "), ("role", "writer")],
            json!(["writer"]),
        ),
        (
            ann,
            &[("role", "reader"), ("role_tester", "on")],
            json!(["reader", "tester"]),
        ),
        (
            ann,
            &[("role", ""), ("role_tester", "on")],
            json!(["tester"]),
        ),
        (ann, &[("role", "maintainer")], json!(["maintainer"])),
    ];
    for (path, fields, roles) in steps {
        let done = visitor.post(path, fields).await.expect(303);
        assert_eq!(done.header("location"), list);
        let members = api(&server, "/projects/shop/members").await;
        assert_eq!(members["items"], json!([{"user": "ann", "roles": roles}]));
    }
    let shown = text(&visitor.get(list).await.expect(200));
    assert!(shown.contains("The roles of ann are changed."), "{shown}");
    let chosen = "value=\"maintainer\" required checked>";
    assert!(shown.contains(chosen), "{shown}");

    visitor.post(ann, &[("role", "")]).await.expect(422);
    visitor.post(ann, &[("role", "captain")]).await.expect(422);
    for (name, status) in [("bob", 404), ("Ann", 400)] {
        let fields = [("user", name), ("role", "reader")];
        visitor.post(list, &fields).await.expect(status);
    }

    let remove = format!("{ann}/delete");
    visitor.post(&remove, &[]).await.expect(303);
    let shown = text(&visitor.get(list).await.expect(200));
    assert!(shown.contains("ann is no member any more."), "{shown}");
    assert_eq!(
        api(&server, "/projects/shop/members").await["items"],
        json!([])
    );
}

#[tokio::test]
async fn an_owner_who_leaves_is_warned_and_led_away() {
    let (server, mut admin) = shop().await;
    let mut owner = member(&server, "owner").await;
    let warning = "This is you: what you take from yourself";
    let shown = text(&owner.get("/projects/shop/members").await.expect(200));
    assert!(shown.contains(warning), "{shown}");
    let shown = text(&admin.get("/projects/shop/members").await.expect(200));
    assert!(!shown.contains(warning), "{shown}");
    let path = "/projects/shop/members/owner/delete";
    let left = owner.post(path, &[]).await.expect(303);
    assert_eq!(left.header("location"), "/projects");
    owner.get("/projects/shop/members").await.expect(404);
}

#[tokio::test]
async fn roles_are_made_changed_and_deleted_with_forms() {
    let (server, mut visitor) = shop().await;
    create_user(&server, "ann", PASSWORD).await;
    let list = "/projects/shop/roles";
    let shown = text(&visitor.get(list).await.expect(200));
    assert!(shown.contains("member.manage"), "{shown}");
    assert!(!shown.contains("name=\"action_user.manage\""), "{shown}");

    let fields = [
        ("name", "tester"),
        ("repositories", "shop/web-*"),
        ("action_pull", "on"),
        ("action_deploy.run", "on"),
    ];
    visitor.post(list, &fields).await.expect(303);
    let shown = text(&visitor.get(list).await.expect(200));
    assert!(shown.contains("Role tester is made."), "{shown}");
    assert!(
        shown.contains(">shop/web-* pull deploy.run</textarea>"),
        "{shown}"
    );

    let tester = "/projects/shop/roles/tester";
    let grants = [("grants", "shop/web-* pull\r\nshop/api pull push\r\n")];
    visitor.post(tester, &grants).await.expect(303);
    let roles = api(&server, "/projects/shop/roles").await;
    let own = json!([
        {"repositories": "shop/web-*", "actions": ["pull"]},
        {"repositories": "shop/api", "actions": ["pull", "push"]},
    ]);
    assert_eq!(roles["items"][4]["grants"], own);

    for (grants, status) in [
        ("shop/api fly", 400),
        ("shop/api", 400),
        ("other/** pull", 422),
    ] {
        let answer = visitor.post(tester, &[("grants", grants)]).await;
        assert_eq!(answer.status, status, "{grants}");
    }
    let none = [("name", "none"), ("repositories", "shop/**")];
    visitor.post(list, &none).await.expect(400);
    let reader = [
        ("name", "reader"),
        ("repositories", "shop/**"),
        ("action_push", "on"),
    ];
    visitor.post(list, &reader).await.expect(422);

    set_member(&server, "shop", "ann", &["tester"]).await;
    let delete = format!("{tester}/delete");
    visitor.post(&delete, &[]).await.expect(409);
    set_member(&server, "shop", "ann", &["reader"]).await;
    visitor.post(&delete, &[]).await.expect(303);
    let roles = api(&server, "/projects/shop/roles").await;
    assert_eq!(roles["items"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn a_robot_is_made_with_a_form_and_its_secret_is_shown_once() {
    let (server, mut visitor) = shop().await;
    let list = "/projects/shop/robots";
    let shown = text(&visitor.get(list).await.expect(200));
    assert!(shown.contains("There are no robots yet."), "{shown}");
    assert!(shown.contains("value=\"shop/**\""), "{shown}");
    let fields = [
        ("name", "ci"),
        ("repositories", "shop/**"),
        ("action_pull", "on"),
        ("action_push", "on"),
        ("ends", "2099-01-31"),
    ];
    let made = text(&visitor.post(list, &fields).await.expect(200));
    let first = secret(&made);
    assert!(first.starts_with("berth_robot_"), "{first}");
    let login = format!("docker login -u shop+ci {}", server.host());
    assert!(made.contains(&login), "{made}");
    let place = "name=\"place\" value=\"/projects/shop/robots/ci\"";
    assert!(made.contains(place), "{made}");
    assert!(signs_in(&server, "shop+ci", &first).await);

    let robot = "/projects/shop/robots/ci";
    for path in [list, robot] {
        let shown = text(&visitor.get(path).await.expect(200));
        assert!(shown.contains("shop+ci"), "{shown}");
        assert!(
            shown.contains("<code>pull</code>, <code>push</code>"),
            "{shown}"
        );
        assert!(!shown.contains("berth_robot_"), "{shown}");
    }
    assert_eq!(
        api(&server, robot).await["expires_at"],
        "2099-01-31T23:59:59.000Z"
    );
    visitor.post(list, &fields).await.expect(409);

    let renewed = text(
        &visitor
            .post(&format!("{robot}/secret"), &[])
            .await
            .expect(200),
    );
    let second = secret(&renewed);
    assert!(!signs_in(&server, "shop+ci", &first).await);
    assert!(signs_in(&server, "shop+ci", &second).await);
}

#[tokio::test]
async fn a_robot_is_changed_disabled_and_deleted_with_forms() {
    let (server, mut visitor) = shop().await;
    let login = create_robot(&server, "shop", "ci", &["pull"]).await;
    let robot = "/projects/shop/robots/ci";
    for (verb, fields, said) in [
        (
            "scopes",
            &[("scopes", "shop/web push\nshop/** pull")][..],
            "What shop+ci may do is changed.",
        ),
        (
            "ends",
            &[("ends", "2099-01-31")],
            "The end of shop+ci is changed.",
        ),
        ("disable", &[], "shop+ci is disabled."),
    ] {
        let done = visitor.post(&format!("{robot}/{verb}"), fields).await;
        assert_eq!(done.expect(303).header("location"), robot);
        let shown = text(&visitor.get(robot).await.expect(200));
        assert!(shown.contains(said), "{shown}");
    }
    assert!(!signs_in(&server, &login.name, &login.secret).await);
    let shown = text(&visitor.get(robot).await.expect(200));
    assert!(shown.contains("value=\"2099-01-31\""), "{shown}");
    let changed = api(&server, robot).await;
    assert_eq!(changed["disabled"], true);
    let scopes = json!([
        {"repositories": "shop/web", "actions": ["push"]},
        {"repositories": "shop/**", "actions": ["pull"]},
    ]);
    assert_eq!(changed["scopes"], scopes);

    visitor
        .post(&format!("{robot}/enable"), &[])
        .await
        .expect(303);
    assert!(signs_in(&server, &login.name, &login.secret).await);
    // The time of day that the API gave stays while the day does.
    let evening = json!({"expires_at": "2099-01-31T18:30:00Z"});
    let patch = server.request(Method::PATCH, &format!("/api/v1{robot}"));
    ask(patch.json(&evening)).await.expect(200);
    for (day, end) in [
        ("2099-01-31", "2099-01-31T18:30:00.000Z"),
        ("2099-02-01", "2099-02-01T23:59:59.000Z"),
    ] {
        visitor
            .post(&format!("{robot}/ends"), &[("ends", day)])
            .await
            .expect(303);
        assert_eq!(api(&server, robot).await["expires_at"], end);
    }
    visitor
        .post(&format!("{robot}/ends"), &[("ends", "")])
        .await
        .expect(303);
    assert_eq!(api(&server, robot).await["expires_at"], Value::Null);
    let past = [("ends", "01.02.2026")];
    visitor
        .post(&format!("{robot}/ends"), &past)
        .await
        .expect(400);

    let deleted = visitor.post(&format!("{robot}/delete"), &[]).await;
    assert_eq!(
        deleted.expect(303).header("location"),
        "/projects/shop/robots"
    );
    visitor.get(robot).await.expect(404);
    assert!(!signs_in(&server, &login.name, &login.secret).await);
}

#[tokio::test]
async fn robots_of_the_whole_installation_have_pages_of_their_own() {
    let (server, mut visitor) = shop().await;
    let shown = text(&visitor.get("/robots").await.expect(200));
    assert!(shown.contains("name=\"action_metrics.read\""), "{shown}");
    let fields = [
        ("name", "prometheus"),
        ("repositories", "**"),
        ("action_metrics.read", "on"),
        ("ends", ""),
    ];
    let made = text(&visitor.post("/robots", &fields).await.expect(200));
    assert!(!made.contains("docker login"), "{made}");
    let robot = server.user("robot+prometheus", &secret(&made));
    ask(robot.get("/metrics")).await.expect(200);
    let shown = text(&visitor.get("/robots").await.expect(200));
    assert!(shown.contains("href=\"/robots/prometheus\""), "{shown}");
    let deleted = visitor.post("/robots/prometheus/delete", &[]).await;
    assert_eq!(deleted.expect(303).header("location"), "/robots");
    visitor.get("/robots/prometheus").await.expect(404);
}

#[tokio::test]
async fn a_robot_that_may_do_more_can_only_be_stopped() {
    let (server, _) = shop().await;
    create_robot(&server, "shop", "chief", &["member.manage"]).await;
    let mut maintainer = member(&server, "maintainer").await;
    let robot = "/projects/shop/robots/chief";
    let shown = text(&maintainer.get(robot).await.expect(200));
    assert!(shown.contains("It may do more than you"), "{shown}");
    for verb in ["secret", "scopes", "ends"] {
        assert!(!shown.contains(&format!("{robot}/{verb}\"")), "{shown}");
    }
    maintainer
        .post(&format!("{robot}/secret"), &[])
        .await
        .expect(422);
    maintainer
        .post(&format!("{robot}/disable"), &[])
        .await
        .expect(303);
    let shown = text(&maintainer.get(robot).await.expect(200));
    assert!(!shown.contains(&format!("{robot}/enable\"")), "{shown}");
    maintainer
        .post(&format!("{robot}/delete"), &[])
        .await
        .expect(303);
}

#[tokio::test]
async fn a_user_is_made_with_a_form_and_a_made_password_is_shown_once() {
    let (server, mut visitor) = shop().await;
    let fields = [
        ("name", "bob"),
        ("password", ""),
        ("action_project.create", "on"),
    ];
    let made = text(&visitor.post("/users", &fields).await.expect(200));
    let password = secret(&made);
    let mut bob = Visitor::signed_in(&server, "bob", &password).await;
    bob.post("/projects", &[("name", "garden")])
        .await
        .expect(303);
    for path in ["/users", "/users/bob"] {
        let shown = text(&visitor.get(path).await.expect(200));
        assert!(shown.contains("project.create"), "{shown}");
        assert!(!shown.contains(&password), "{shown}");
    }

    let eve = [("name", "eve"), ("password", PASSWORD), ("admin", "on")];
    let made = visitor.post("/users", &eve).await.expect(303);
    assert_eq!(made.header("location"), "/users/eve");
    let mut eve_herself = Visitor::signed_in(&server, "eve", PASSWORD).await;
    eve_herself.get("/users").await.expect(200);
    visitor.post("/users", &eve).await.expect(409);
    let short = [("name", "mallory"), ("password", "short")];
    visitor.post("/users", &short).await.expect(400);
}

#[tokio::test]
async fn a_user_is_changed_disabled_and_deleted_with_forms() {
    let (server, mut visitor) = shop().await;
    let mut bob = user(&server, "bob").await;
    let place = "/users/bob";
    let path = |verb: &str| format!("{place}/{verb}");

    let rights = [
        ("action_project.create", "on"),
        ("action_metrics.read", "on"),
    ];
    visitor.post(&path("rights"), &rights).await.expect(303);
    let changed = api(&server, place).await;
    assert_eq!(
        changed["actions"],
        json!(["metrics.read", "project.create"])
    );
    assert_eq!(changed["admin"], false);
    visitor
        .post(&path("rights"), &[("admin", "on")])
        .await
        .expect(303);
    let changed = api(&server, place).await;
    assert_eq!(
        (&changed["actions"], &changed["admin"]),
        (&json!([]), &json!(true))
    );
    visitor.post(&path("rights"), &[]).await.expect(303);
    assert_eq!(api(&server, place).await["admin"], false);

    bob.get("/").await.expect(200);
    visitor.post(&path("disable"), &[]).await.expect(303);
    bob.get("/").await.expect(303);
    let shown = text(&visitor.get("/users").await.expect(200));
    assert!(shown.contains("disabled"), "{shown}");
    visitor.post(&path("enable"), &[]).await.expect(303);

    let reset = visitor.post(&path("password"), &[("password", "")]).await;
    let password = secret(&text(&reset.expect(200)));
    assert!(!signs_in(&server, "bob", PASSWORD).await);
    assert!(signs_in(&server, "bob", &password).await);
    let given = [("password", "staple battery horse")];
    visitor.post(&path("password"), &given).await.expect(303);
    assert!(signs_in(&server, "bob", "staple battery horse").await);

    let deleted = visitor.post(&path("delete"), &[]).await.expect(303);
    assert_eq!(deleted.header("location"), "/users");
    visitor.get(place).await.expect(404);
}

#[tokio::test]
async fn tokens_and_browsers_of_a_user_are_seen_and_ended() {
    let (server, mut visitor) = shop().await;
    let bob = create_user(&server, "bob", PASSWORD).await;
    let token = create_token(&server, &bob, "laptop").await;
    let mut first = Visitor::signed_in(&server, "bob", PASSWORD).await;
    let mut second = Visitor::signed_in(&server, "bob", PASSWORD).await;
    let shown = text(&visitor.get("/users/bob").await.expect(200));
    assert!(shown.contains("/users/bob/tokens/laptop/delete"), "{shown}");

    // The newest first.
    let newest = shown.split("action=\"/users/bob/sessions/").nth(1);
    let newest = newest.and_then(|rest| rest.split('"').next());
    let newest = format!("/users/bob/sessions/{}", newest.expect("a session"));
    visitor.post(&newest, &[]).await.expect(303);
    second.get("/").await.expect(303);
    first.get("/").await.expect(200);
    visitor
        .post("/users/bob/sessions/end", &[])
        .await
        .expect(303);
    first.get("/").await.expect(303);

    assert!(signs_in(&server, "bob", &token.secret).await);
    let end = "/users/bob/tokens/laptop/delete";
    visitor.post(end, &[]).await.expect(303);
    assert!(!signs_in(&server, "bob", &token.secret).await);
}

#[tokio::test]
async fn who_manages_users_can_not_rise_above_themselves() {
    let (server, _) = shop().await;
    let mut manager = user(&server, "manager").await;
    let change = json!({"actions": ["user.manage"]});
    ask(server.patch("/api/v1/users/manager").json(&change))
        .await
        .expect(200);
    let shown = text(&manager.get("/users").await.expect(200));
    assert!(shown.contains("name=\"action_user.manage\""), "{shown}");
    for field in ["admin", "action_pull", "action_*"] {
        assert!(!shown.contains(&format!("name=\"{field}\"")), "{shown}");
    }
    let shown = text(&manager.get("/users/admin").await.expect(200));
    assert!(shown.contains("This user may do more than you"), "{shown}");
    assert!(!shown.contains("/users/admin/password"), "{shown}");
    let reset = [("password", PASSWORD)];
    manager
        .post("/users/admin/password", &reset)
        .await
        .expect(422);
    let admin = [("name", "eve"), ("password", PASSWORD), ("admin", "on")];
    manager.post("/users", &admin).await.expect(422);
    let shown = text(&manager.get("/users/manager").await.expect(200));
    assert!(shown.contains("This is you."), "{shown}");
    assert!(!shown.contains("/users/manager/rights"), "{shown}");
}

#[tokio::test]
async fn people_and_robots_are_shown_and_offered_to_who_may_manage_them() {
    let (server, _) = shop().await;
    create_robot(&server, "shop", "ci", &["pull"]).await;
    let mut maintainer = member(&server, "maintainer").await;
    let mut stranger = user(&server, "stranger").await;
    let places = [
        "/projects/shop/members",
        "/projects/shop/roles",
        "/projects/shop/robots",
        "/projects/shop/robots/ci",
        "/robots",
        "/users",
        "/users/admin",
    ];
    for path in places {
        stranger.get(path).await.expect(404);
        let ours = path.starts_with("/projects/shop/robots");
        let status = if ours { 200 } else { 404 };
        maintainer.get(path).await.expect(status);
    }
    let fields = [
        ("user", "stranger"),
        ("role", "owner"),
        ("name", "mine"),
        ("repositories", "shop/**"),
        ("action_pull", "on"),
        ("grants", "shop/** pull"),
        ("scopes", "shop/** pull"),
        ("ends", ""),
        ("password", PASSWORD),
    ];
    for path in [
        "/projects/shop/members",
        "/projects/shop/members/maintainer",
        "/projects/shop/members/maintainer/delete",
        "/projects/shop/roles",
        "/projects/shop/roles/tester",
        "/projects/shop/roles/tester/delete",
        "/projects/shop/robots",
        "/projects/shop/robots/ci/scopes",
        "/projects/shop/robots/ci/ends",
        "/projects/shop/robots/ci/disable",
        "/projects/shop/robots/ci/enable",
        "/projects/shop/robots/ci/secret",
        "/projects/shop/robots/ci/delete",
        "/robots",
        "/users",
        "/users/admin/rights",
        "/users/admin/disable",
        "/users/admin/enable",
        "/users/admin/password",
        "/users/admin/delete",
        "/users/admin/tokens/laptop/delete",
        "/users/admin/sessions/end",
        "/users/admin/sessions/1/end",
    ] {
        let refused = stranger.post(path, &fields).await;
        assert_eq!(refused.status, 404, "{path}");
    }
    let own = text(&stranger.get("/users/stranger").await.expect(200));
    assert!(!own.contains("/users/stranger/rights"), "{own}");
    assert!(!own.contains("href=\"/users\""), "{own}");
}

#[tokio::test]
async fn what_a_browser_says_of_itself_is_shown_as_text() {
    let (server, mut visitor) = shop().await;
    create_user(&server, "bob", PASSWORD).await;
    let fields = [("name", "bob"), ("password", PASSWORD)];
    let browser = Visitor::new(&server).request(Method::POST, "/sign-in");
    let browser = browser.header("user-agent", "\"><script>alert(1)</script>");
    ask(browser.form(&fields)).await.expect(303);
    let shown = text(&visitor.get("/users/bob").await.expect(200));
    assert!(!shown.contains("<script>alert"), "{shown}");
    assert!(shown.contains("&#60;script&#62;alert(1)"), "{shown}");
    let named = [("user", "<script>alert(1)</script>"), ("role", "reader")];
    let refused = visitor.post("/projects/shop/members", &named).await;
    let refused = text(&refused.expect(400));
    assert!(!refused.contains("<script>alert"), "{refused}");
}

#[tokio::test]
async fn a_long_list_of_members_has_a_next_page() {
    let (server, mut visitor) = shop().await;
    create_user(&server, "ann", PASSWORD).await;
    set_member(&server, "shop", "ann", &["reader"]).await;
    let list = "/projects/shop/members?limit=1";
    let first = text(&visitor.get(list).await.expect(200));
    assert!(first.contains("members/admin"), "{first}");
    assert!(!first.contains("members/ann"), "{first}");
    assert!(
        first.contains(&format!("{list}&#38;cursor=admin")),
        "{first}"
    );
    let next = visitor.get(&format!("{list}&cursor=admin")).await;
    let next = text(&next.expect(200));
    assert!(next.contains("members/ann"), "{next}");
}
