//! The page, as a browser without scripts sees it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    ADMIN, ADMIN_PASSWORD, Answer, Blob, Image, TestServer, ask, change_password, create_project,
    create_token, create_user, set_member,
};

mod browser;
mod deployments;
mod kept;
mod looking;
mod people;
mod story;
mod tour;
mod upstreams;
mod visitor;

use visitor::Visitor;

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).expect("a page is UTF-8")
}

#[tokio::test]
async fn somebody_signs_in_looks_around_and_signs_out() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    let image = Image::small(1);
    image.push(&server, "shop/web", "1.4").await;
    let mut visitor = Visitor::new(&server);

    let sent_away = visitor
        .get("/repositories/shop%2Fweb?q=1")
        .await
        .expect(303);
    let form = sent_away.header("location").to_owned();
    assert_eq!(form, "/sign-in?next=%2Frepositories%2Fshop%252Fweb%3Fq%3D1");
    let shown = text(&visitor.get(&form).await.expect(200));
    assert!(
        shown.contains("value=\"/repositories/shop%2Fweb?q=1\""),
        "{shown}"
    );

    let wrong = [("name", ADMIN), ("password", "wrong"), ("next", "/")];
    let refused = visitor.post("/sign-in", &wrong).await.expect(422);
    assert!(text(&refused).contains("The name or the password is not right."));

    let right = [
        ("name", ADMIN),
        ("password", ADMIN_PASSWORD),
        ("next", "/repositories/shop%2Fweb?q=1"),
    ];
    let signed_in = visitor.post("/sign-in", &right).await.expect(303);
    assert_eq!(signed_in.header("location"), "/repositories/shop%2Fweb?q=1");
    let cookie = signed_in.header("set-cookie");
    for part in [
        "berth_session=berth_session_",
        "HttpOnly",
        "SameSite=Lax",
        "Path=/",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }

    for (path, holds) in [
        ("/", "/repositories/shop%2Fweb/images/1.4"),
        ("/projects", "/projects/shop"),
        ("/projects/shop", "/repositories/shop%2Fweb"),
        ("/repositories?q=we", "/repositories/shop%2Fweb"),
        (
            "/repositories/shop%2Fweb",
            "/repositories/shop%2Fweb/images/1.4",
        ),
        (
            "/repositories/shop%2Fweb/images/1.4",
            image.manifest.digest.as_str(),
        ),
    ] {
        let page = visitor.get(path).await.expect(200);
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert_eq!(page.header("cache-control"), "no-store");
        let line = server.access_line(page.header("x-request-id")).await;
        assert_eq!(line["complete"], true, "{line}");
        let shown = text(&page);
        assert!(shown.contains(holds), "{path} without {holds}: {shown}");
        for asset in shown.split('"').filter(|part| part.starts_with("/assets/")) {
            let asset = visitor.get(asset).await.expect(200);
            assert!(asset.header("cache-control").contains("immutable"));
        }
    }

    let left = visitor.request(Method::GET, "/");
    visitor.post("/sign-out", &[]).await.expect(303);
    // Also for whoever has kept the cookie.
    ask(left).await.expect(303);
    visitor.get("/").await.expect(303);
}

#[tokio::test]
async fn a_stranger_is_told_what_the_api_tells() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    Image::small(1).push(&server, "shop/web", "1.4").await;
    let stranger = create_user(&server, "stranger", "correct horse battery").await;
    let mut visitor = Visitor::signed_in(&server, &stranger.name, &stranger.secret).await;
    for path in [
        "/projects/shop",
        "/projects/other",
        "/repositories/shop%2Fweb",
        "/repositories/shop%2Fweb/images/1.4",
    ] {
        let refused = visitor.get(path).await.expect(404);
        let api = server.user(&stranger.name, &stranger.secret);
        let api = ask(api.get(&format!("/api/v1{path}")))
            .await
            .expect(404)
            .json();
        let detail = api["detail"].as_str().expect("a text");
        assert!(text(&refused).contains(detail), "{}", text(&refused));
    }
    assert!(!text(&visitor.get("/").await.expect(200)).contains("shop"));
    let refused = visitor.post("/projects", &[("name", "mine")]).await;
    assert_eq!(refused.status, 404, "{refused:?}");
}

#[tokio::test]
async fn a_session_ends_with_the_password_and_no_token_begins_one() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    let alice = create_user(&server, "alice", "correct horse battery").await;
    set_member(&server, "shop", "alice", &["reader"]).await;
    let mut visitor = Visitor::signed_in(&server, &alice.name, &alice.secret).await;
    visitor.get("/projects/shop").await.expect(200);

    let token = create_token(&server, &alice, "laptop").await;
    let fields = [("name", "alice"), ("password", token.secret.as_str())];
    Visitor::new(&server)
        .post("/sign-in", &fields)
        .await
        .expect(422);

    let caller = server.user(&alice.name, &alice.secret);
    change_password(&caller, &alice.secret, "staple battery horse").await;
    visitor.get("/projects/shop").await.expect(303);
}

#[tokio::test]
async fn a_session_is_good_for_the_page_alone() {
    let server = TestServer::start().await;
    let mut visitor = Visitor::new(&server);
    let fields = [("name", ADMIN), ("password", ADMIN_PASSWORD)];
    let signed_in = visitor.post("/sign-in", &fields).await.expect(303);
    let cookie = signed_in.header("set-cookie");
    let secret = cookie.split(['=', ';']).nth(1).expect("a secret");
    ask(server.bearer(secret).get("/api/v1/me"))
        .await
        .expect(401);
    ask(server.user(ADMIN, secret).get("/api/v1/me"))
        .await
        .expect(401);
    let with_cookie = visitor.request(Method::GET, "/api/v1/me");
    ask(with_cookie).await.expect(401);
}

#[tokio::test]
async fn what_another_site_sends_does_nothing() {
    let server = TestServer::start().await;
    let visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let fields = [("name", "evil")];
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let post = visitor.request(Method::POST, "/projects").form(&fields);
        ask(post.header(name, value)).await.expect(403);
    }
    ask(server.get("/api/v1/projects/evil")).await.expect(404);
}

#[tokio::test]
async fn names_are_shown_as_text() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    let mut image = Image::small(1);
    let mut manifest: Value = serde_json::from_slice(&image.manifest.bytes).expect("JSON");
    manifest["annotations"] = json!({"note": "<script>alert(1)</script>"});
    image.manifest = Blob::new(manifest.to_string());
    image.push(&server, "shop/web", "1.4").await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let shown = visitor.get("/repositories/shop%2Fweb/images/1.4").await;
    let shown = text(&shown.expect(200));
    assert!(!shown.contains("<script>alert"), "{shown}");
    assert!(shown.contains("&#60;script&#62;alert(1)"), "{shown}");
    let shown = visitor.get("/repositories?q=%22%3E%3Cscript%3E").await;
    let shown = text(&shown.expect(200));
    assert!(!shown.contains("\"><script>"), "{shown}");
}

#[tokio::test]
async fn the_page_speaks_the_language_that_was_chosen() {
    let server = TestServer::start().await;
    let mut visitor = Visitor::new(&server);
    let asked = visitor.request(Method::GET, "/sign-in");
    let chinese = ask(asked.header("accept-language", "zh-CN,zh;q=0.9")).await;
    let chinese = text(&chinese.expect(200));
    assert!(chinese.contains("lang=\"zh-Hans\""), "{chinese}");
    assert!(chinese.contains("登录"), "{chinese}");
    let choice = [("language", "zh"), ("theme", "dark"), ("place", "/sign-in")];
    let set = visitor.post("/preferences", &choice).await.expect(303);
    assert_eq!(set.header("location"), "/sign-in");
    let shown = text(&visitor.get("/sign-in").await.expect(200));
    assert!(shown.contains("登录"), "{shown}");
    assert!(shown.contains("data-theme=\"dark\""), "{shown}");
}

#[tokio::test]
async fn a_project_is_made_with_a_form_and_says_how_to_push() {
    let server = TestServer::start().await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let made = visitor.post("/projects", &[("name", "shop")]).await;
    let made = made.expect(303);
    assert_eq!(made.header("location"), "/projects/shop");
    let shown = text(&visitor.get("/projects/shop").await.expect(200));
    assert!(shown.contains("Project shop is made."), "{shown}");
    let push = format!("docker push {}/shop/NAME:TAG", server.host());
    assert!(shown.contains(&push), "{shown}");
    let again = text(&visitor.get("/projects/shop").await.expect(200));
    assert!(!again.contains("is made."), "{again}");
    visitor
        .post("/projects", &[("name", "shop")])
        .await
        .expect(409);
    visitor
        .post("/projects", &[("name", "No Name")])
        .await
        .expect(400);
}

#[tokio::test]
async fn tags_and_images_are_changed_with_forms() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    let (old, new) = (Image::small(1), Image::small(2));
    old.push(&server, "shop/web", "1.4").await;
    new.push(&server, "shop/web", "1.5").await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let digest_of = async |tag: &str| {
        let path = format!("/api/v1/repositories/shop%2Fweb/tags/{tag}");
        let tag = ask(server.get(&path)).await;
        (tag.status == 200).then(|| tag.json()["digest"].as_str().map(str::to_owned))
    };

    let fields = [
        ("tag", "latest"),
        ("reference", new.manifest.digest.as_str()),
    ];
    let set = visitor.post("/repositories/shop%2Fweb/tags", &fields).await;
    assert_eq!(
        set.expect(303).header("location"),
        "/repositories/shop%2Fweb/images/latest"
    );
    assert_eq!(
        digest_of("latest").await,
        Some(Some(new.manifest.digest.clone()))
    );

    let tag = "/repositories/shop%2Fweb/tags/latest/delete";
    visitor.post(tag, &[]).await.expect(303);
    assert_eq!(digest_of("latest").await, None);
    assert_eq!(
        digest_of("1.5").await,
        Some(Some(new.manifest.digest.clone()))
    );

    let image = format!(
        "/repositories/shop%2Fweb/images/{}/delete",
        new.manifest.digest
    );
    visitor.post(&image, &[]).await.expect(303);
    assert_eq!(digest_of("1.5").await, None);
    assert!(digest_of("1.4").await.is_some());

    visitor
        .post("/repositories/shop%2Fweb/delete", &[])
        .await
        .expect(303);
    assert_eq!(digest_of("1.4").await, None);
    visitor.post("/projects/shop/delete", &[]).await.expect(303);
    visitor.get("/projects/shop").await.expect(404);
}

#[tokio::test]
async fn who_may_not_change_something_is_not_offered_to_and_refused() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    Image::small(1).push(&server, "shop/web", "1.4").await;
    let reader = create_user(&server, "reader", "correct horse battery").await;
    set_member(&server, "shop", "reader", &["reader"]).await;
    let mut visitor = Visitor::signed_in(&server, &reader.name, &reader.secret).await;
    for path in [
        "/projects/shop",
        "/repositories/shop%2Fweb",
        "/repositories/shop%2Fweb/images/1.4",
    ] {
        let shown = text(&visitor.get(path).await.expect(200));
        assert!(!shown.contains("/delete\""), "{path}: {shown}");
    }
    for path in [
        "/projects/shop/delete",
        "/repositories/shop%2Fweb/delete",
        "/repositories/shop%2Fweb/tags/1.4/delete",
    ] {
        visitor.post(path, &[]).await.expect(404);
    }
    visitor
        .get("/repositories/shop%2Fweb/images/1.4")
        .await
        .expect(200);
}

#[tokio::test]
async fn a_token_is_shown_once_and_ends() {
    let server = TestServer::start().await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let fields = [("name", "ci"), ("ends", "2099-01-31")];
    let made = text(&visitor.post("/account/tokens", &fields).await.expect(200));
    let secret = made.split("<code>").nth(1).expect("a secret");
    let secret = secret.split('<').next().expect("a secret");
    assert!(secret.starts_with("berth_token_"), "{secret}");
    ask(server.user(ADMIN, secret).get("/v2/"))
        .await
        .expect(200);
    let shown = text(&visitor.get("/account").await.expect(200));
    assert!(shown.contains("/account/tokens/ci/delete"), "{shown}");
    assert!(!shown.contains(secret), "{shown}");
    visitor
        .post("/account/tokens/ci/delete", &[])
        .await
        .expect(303);
    ask(server.user(ADMIN, secret).get("/v2/"))
        .await
        .expect(401);
}

#[tokio::test]
async fn one_browser_or_all_are_signed_out() {
    let server = TestServer::start().await;
    let mut here = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let mut there = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let mut third = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let shown = text(&here.get("/account").await.expect(200));
    // The newest first.
    let mut ends = shown.split("action=\"").skip(1).filter_map(|rest| {
        let action = rest.split('"').next()?;
        action
            .starts_with("/account/sessions/")
            .then(|| action.to_owned())
    });
    let newest = ends.next().expect("a session");
    here.post(&newest, &[]).await.expect(303);
    third.get("/").await.expect(303);
    there.get("/").await.expect(200);
    here.post("/account/sessions/end", &[]).await.expect(303);
    there.get("/").await.expect(303);
    here.get("/").await.expect(303);
}

#[tokio::test]
async fn a_password_is_changed_with_a_form() {
    let server = TestServer::start().await;
    let alice = create_user(&server, "alice", "correct horse battery").await;
    let mut visitor = Visitor::signed_in(&server, &alice.name, &alice.secret).await;
    let wrong = [("current", "wrong"), ("new", "staple battery horse")];
    visitor.post("/account/password", &wrong).await.expect(422);
    let right = [
        ("current", alice.secret.as_str()),
        ("new", "staple battery horse"),
    ];
    visitor.post("/account/password", &right).await.expect(303);
    visitor.get("/").await.expect(303);
    Visitor::signed_in(&server, "alice", "staple battery horse").await;
}

#[tokio::test]
async fn what_was_deleted_is_restored_and_the_audit_log_says_both() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    Image::small(1).push(&server, "shop/web", "1.4").await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let delete = "/repositories/shop%2Fweb/tags/1.4/delete";
    visitor.post(delete, &[]).await.expect(303);
    let shown = text(&visitor.get("/deletions").await.expect(200));
    let restore = shown.split("action=\"/deletions/").nth(1).expect("a form");
    let restore = format!("/deletions/{}", restore.split('"').next().expect("a path"));
    visitor.post(&restore, &[]).await.expect(303);
    visitor
        .get("/repositories/shop%2Fweb/images/1.4")
        .await
        .expect(200);
    let shown = text(
        &visitor
            .get("/audit?actor=admin&project=shop")
            .await
            .expect(200),
    );
    for action in ["tag.delete", "deletion.restore"] {
        // Each can be chosen, too.
        let noted = format!("{action}</code>");
        assert!(shown.contains(&noted), "{action}: {shown}");
    }

    let stranger = create_user(&server, "stranger", "correct horse battery").await;
    let mut visitor = Visitor::signed_in(&server, &stranger.name, &stranger.secret).await;
    visitor.get("/audit").await.expect(404);
    let home = text(&visitor.get("/").await.expect(200));
    assert!(!home.contains("href=\"/audit\""), "{home}");
    visitor.post(&restore, &[]).await.expect(404);
}
