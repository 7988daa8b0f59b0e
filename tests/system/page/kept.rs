//! What is kept: retention, immutable tags, quotas and collection, as somebody sees them in a browser.

use serde_json::{Value, json};

use super::text;
use super::visitor::Visitor;
use crate::support::{
    ADMIN, ADMIN_PASSWORD, Image, TestServer, ask, create_project, create_user, set_member, until,
};

const RETENTION: &str = "/projects/shop/retention";
const RULES: &str = "/projects/shop/immutable-tags";

/// A project with these tags, each on an image of its own, and its admin in a browser.
async fn shop(tags: &[&str]) -> (TestServer, Visitor) {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    for (number, tag) in (1..).zip(tags) {
        Image::small(number).push(&server, "shop/web", tag).await;
    }
    let visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    (server, visitor)
}

async fn member(server: &TestServer, role: &str) -> Visitor {
    let login = create_user(server, role, "correct horse battery").await;
    set_member(server, "shop", role, &[role]).await;
    Visitor::signed_in(server, &login.name, &login.secret).await
}

async fn shown(visitor: &mut Visitor, path: &str) -> String {
    text(&visitor.get(path).await.expect(200))
}

async fn api(server: &TestServer, path: &str) -> Value {
    ask(server.get(&format!("/api/v1{path}")))
        .await
        .expect(200)
        .json()
}

#[tokio::test]
async fn a_policy_is_previewed_saved_run_and_deleted_with_forms() {
    let (server, mut visitor) = shop(&["pr-1", "pr-2", "pr-3", "v1"]).await;
    let empty = shown(&mut visitor, RETENTION).await;
    assert!(empty.contains("There is no policy"), "{empty}");
    assert_eq!(empty.matches("class=\"rule\"").count(), 1, "{empty}");
    assert!(!empty.contains("/retention/delete"), "{empty}");

    let fields = [
        ("tags_1", ""),
        ("repositories_1", ""),
        ("tags_2", "pr-*"),
        ("repositories_2", "shop/**"),
        ("newest_pushed_2", "1"),
        ("untagged_after_days", ""),
        ("every_hours", "24"),
    ];
    let preview = format!("{RETENTION}/preview");
    let previewed = text(&visitor.post(&preview, &fields).await.expect(200));
    for part in [
        "to remove: 2",
        "to keep: 2",
        "rule 1 keeps the newest 1 pushed",
        "no rule selects it",
        "name=\"tags_1\" value=\"pr-*\"",
        "form=\"policy\">Save<",
    ] {
        assert!(previewed.contains(part), "without {part}: {previewed}");
    }
    let nothing = ask(server.get("/api/v1/projects/shop/retention")).await;
    nothing.expect(404);

    let saved = visitor.post(RETENTION, &fields).await.expect(303);
    assert_eq!(saved.header("location"), RETENTION);
    let policy = shown(&mut visitor, RETENTION).await;
    assert!(policy.contains("The policy is saved."), "{policy}");
    assert!(policy.contains("Next run: <time"), "{policy}");
    let stored = &api(&server, "/projects/shop/retention").await["policy"];
    let keep = json!({"newest_pushed": 1, "newest_pulled": null, "pushed_within_days": null,
        "pulled_within_days": null, "always": false});
    let rules = json!([{"repositories": "shop/**", "tags": "pr-*", "keep": keep}]);
    assert_eq!(stored["rules"], rules);

    let begun = visitor.post(&format!("{RETENTION}/runs"), &[]).await;
    let run = begun.expect(303).header("location").to_owned();
    until("the end of the run", async || {
        api(&server, &run).await["state"] == "done"
    })
    .await;
    let ended = shown(&mut visitor, &run).await;
    for part in ["pr-1", "pr-2", "rule 1 selects it and does not keep it"] {
        assert!(ended.contains(part), "without {part}: {ended}");
    }
    assert!(!ended.contains("data-refresh"), "{ended}");
    let first = shown(&mut visitor, &format!("{run}?limit=1")).await;
    assert!(first.contains("rel=\"next\""), "{first}");
    for path in [RETENTION, "/projects/shop/retention/runs"] {
        let runs = shown(&mut visitor, path).await;
        assert!(runs.contains(&format!("href=\"{run}\"")), "{path}: {runs}");
    }

    let deleted = visitor.post(&format!("{RETENTION}/delete"), &[]).await;
    deleted.expect(303);
    let gone = shown(&mut visitor, RETENTION).await;
    assert!(gone.contains("There is no policy"), "{gone}");
}

#[tokio::test]
async fn a_preview_goes_on_with_the_policy_of_its_form() {
    let (_server, mut visitor) = shop(&["pr-1", "pr-2", "pr-3"]).await;
    let fields = [("tags_1", "pr-*"), ("newest_pushed_1", "0")];
    let preview = format!("{RETENTION}/preview?limit=2");
    let first = text(&visitor.post(&preview, &fields).await.expect(200));
    assert!(first.contains("images/pr-2"), "{first}");
    assert!(!first.contains("images/pr-3"), "{first}");
    let next = first
        .split("formaction=\"")
        .find(|part| part.contains("cursor="))
        .and_then(|part| part.split('"').next())
        .expect("a next page");
    let next = next.replace("&#38;", "&");
    let second = text(&visitor.post(&next, &fields).await.expect(200));
    assert!(second.contains("images/pr-3"), "{second}");
    assert!(second.contains("to remove: 1"), "{second}");
    assert!(
        second.contains("name=\"tags_1\" value=\"pr-*\""),
        "{second}"
    );
    // Whoever only looks there, as after a change of the language, finds the form.
    shown(&mut visitor, &preview).await;
}

#[tokio::test]
async fn a_policy_that_is_wrong_is_shown_again_with_what_is_wrong() {
    let (server, mut visitor) = shop(&[]).await;
    for (fields, said) in [
        (
            [("tags_1", "v*"), ("always_2", "on")],
            "Rule 1: say which tags it keeps",
        ),
        (
            [("tags_1", "v*"), ("newest_pushed_1", "ten")],
            "Rule 1: ten is no whole number.",
        ),
        (
            [("tags_1", "<script>alert(1)"), ("always_1", "on")],
            "rule 1, tags: `&#60;script&#62;alert(1)` is no pattern of tags",
        ),
    ] {
        for path in [RETENTION, "/projects/shop/retention/preview"] {
            let refused = text(&visitor.post(path, &fields).await.expect(422));
            assert!(refused.contains(said), "without {said}: {refused}");
            let sent = fields[0].1.replace('<', "&#60;").replace('>', "&#62;");
            let sent = format!("name=\"tags_1\" value=\"{sent}\"");
            assert!(refused.contains(&sent), "without {sent}: {refused}");
        }
    }
    ask(server.get("/api/v1/projects/shop/retention"))
        .await
        .expect(404);
}

#[tokio::test]
async fn a_policy_of_many_rules_has_a_row_for_each_and_one_more() {
    let (server, mut visitor) = shop(&[]).await;
    let rule = json!({"keep": {"always": true}});
    let policy = json!({"rules": vec![rule; 9]});
    let put = server.put("/api/v1/projects/shop/retention").json(&policy);
    ask(put).await.expect(200);
    let page = shown(&mut visitor, RETENTION).await;
    assert_eq!(page.matches("class=\"rule\"").count(), 10, "{page}");
}

#[tokio::test]
async fn tags_are_made_immutable_and_let_go_with_forms() {
    let (_server, mut visitor) = shop(&["v1"]).await;
    let page = shown(&mut visitor, RULES).await;
    assert!(page.contains("There is no rule yet"), "{page}");

    let fields = [("tags", "regex:<script>x</script>"), ("repositories", "")];
    let made = visitor.post(RULES, &fields).await.expect(303);
    assert_eq!(made.header("location"), RULES);
    let page = shown(&mut visitor, RULES).await;
    assert!(page.contains("regex:&#60;script&#62;x"), "{page}");
    assert!(!page.contains("<script>x"), "{page}");
    let wrong = [("tags", "regex:("), ("repositories", "")];
    let refused = text(&visitor.post(RULES, &wrong).await.expect(422));
    assert!(refused.contains("regular expression"), "{refused}");
    visitor
        .post(&format!("{RULES}/1/delete"), &[])
        .await
        .expect(303);
    let page = shown(&mut visitor, RULES).await;
    assert!(page.contains("There is no rule yet"), "{page}");
}

#[tokio::test]
async fn a_tag_is_protected_on_the_page_of_its_image() {
    let (server, mut visitor) = shop(&["v1", "latest"]).await;
    let (tag, image) = (
        "/repositories/shop%2Fweb/tags/v1",
        "/repositories/shop%2Fweb/images/v1",
    );
    let protect = format!("{tag}/protect");
    let page = shown(&mut visitor, image).await;
    assert!(page.contains(&protect), "{page}");
    assert_eq!(api(&server, tag).await["immutable_by"], Value::Null);

    let done = visitor.post(&protect, &[]).await.expect(303);
    assert_eq!(done.header("location"), image);
    let page = shown(&mut visitor, image).await;
    assert!(page.contains("immutable, by rule 1"), "{page}");
    assert!(!page.contains(&protect), "{page}");
    assert!(!page.contains("/tags/v1/delete"), "{page}");
    assert_eq!(api(&server, tag).await["immutable_by"], 1);
    let rules = api(&server, RULES).await;
    assert_eq!(rules["items"][0]["repositories"], "shop/web");
    assert_eq!(rules["items"][0]["tags"], "v1");
    let other = "/repositories/shop%2Fweb/tags/latest";
    assert_eq!(api(&server, other).await["immutable_by"], Value::Null);
    visitor
        .post(&format!("{tag}/delete"), &[])
        .await
        .expect(409);
    visitor
        .post(&format!("{other}/delete"), &[])
        .await
        .expect(303);
}

#[tokio::test]
async fn settings_show_the_space_and_change_quota_and_visibility() {
    let (server, mut visitor) = shop(&["v1"]).await;
    let settings = "/projects/shop/settings";
    let page = shown(&mut visitor, settings).await;
    assert!(page.contains("no quota"), "{page}");
    assert!(!page.contains("<meter"), "{page}");

    let used = api(&server, "/projects/shop/quota").await["used_bytes"].clone();
    let used = used.as_u64().expect("a number");
    let quota = format!("{} B", used * 10 / 9);
    for (quota, limit, warned) in [
        ("50 GB", 50_000_000_000, false),
        (quota.as_str(), used * 10 / 9, true),
    ] {
        let set = visitor
            .post("/projects/shop/quota", &[("quota", quota)])
            .await;
        assert_eq!(set.expect(303).header("location"), settings);
        let stored = &api(&server, "/projects/shop/quota").await["quota_bytes"];
        assert_eq!(*stored, limit);
        let page = shown(&mut visitor, settings).await;
        assert!(page.contains(&format!("max=\"{limit}\"")), "{page}");
        assert_eq!(page.contains("nearly used up"), warned, "{page}");
    }
    let wrong = [("quota", "<script>alert(1)")];
    let refused = visitor.post("/projects/shop/quota", &wrong).await;
    let refused = text(&refused.expect(422));
    assert!(refused.contains("&#60;script&#62;alert(1)"), "{refused}");
    visitor
        .post("/projects/shop/quota", &[("quota", "")])
        .await
        .expect(303);
    let stored = &api(&server, "/projects/shop/quota").await["quota_bytes"];
    assert_eq!(*stored, Value::Null);

    for (fields, public) in [(&[("public", "on")][..], true), (&[][..], false)] {
        let changed = visitor.post("/projects/shop", fields).await.expect(303);
        assert_eq!(changed.header("location"), settings);
        assert_eq!(api(&server, "/projects/shop").await["public"], public);
    }
    let page = shown(&mut visitor, settings).await;
    assert!(page.contains("action=\"/projects/shop/delete\""), "{page}");
}

#[tokio::test]
async fn space_is_looked_at_and_given_back_with_a_form() {
    let (server, mut visitor) = shop(&["v1"]).await;
    let health = api(&server, "/health").await;
    assert_eq!(health["ready"], true, "{health}");
    assert_eq!(health["database"]["writes"], "ok", "{health}");
    assert!(
        health["database"]["size_bytes"].as_u64() > Some(0),
        "{health}"
    );
    assert!(health["store"]["free_bytes"].as_u64() > Some(0), "{health}");
    let page = shown(&mut visitor, "/collection").await;
    for part in [
        "SQLite",
        "Schema version",
        "all that is stored is part of an image",
    ] {
        assert!(page.contains(part), "without {part}: {page}");
    }
    assert!(!page.contains("does not work"), "{page}");
    let data = server.data_dir().to_str().expect("a path");
    assert!(!page.contains(data), "{page}");

    let image = &api(&server, "/repositories/shop%2Fweb/tags/v1").await["digest"];
    let image = image.as_str().expect("a digest");
    let delete = format!("/repositories/shop%2Fweb/images/{image}/delete");
    visitor.post(&delete, &[]).await.expect(303);
    let first = shown(&mut visitor, "/collection?limit=1").await;
    assert!(first.contains("/repositories/shop%2Fweb"), "{first}");
    assert!(first.contains("rel=\"next\""), "{first}");
    let collected = visitor.post("/collection/runs", &[]).await.expect(303);
    assert_eq!(collected.header("location"), "/collection");
    let page = shown(&mut visitor, "/collection").await;
    assert!(page.contains("There was nothing to free."), "{page}");
}

#[tokio::test]
async fn who_lacks_the_right_is_offered_none_of_it_and_refused() {
    let (server, _) = shop(&["v1"]).await;
    let settings = "/projects/shop/settings";
    let mut reader = member(&server, "reader").await;
    let page = shown(&mut reader, settings).await;
    for part in [
        "<form class=\"fields\"",
        "/delete\"",
        "/retention",
        "/immutable-tags",
    ] {
        assert!(!page.contains(part), "{part}: {page}");
    }
    let image = shown(&mut reader, "/repositories/shop%2Fweb/images/v1").await;
    assert!(!image.contains("/protect"), "{image}");
    for path in [
        RETENTION,
        "/projects/shop/retention/runs",
        RULES,
        "/collection",
    ] {
        reader.get(path).await.expect(404);
    }
    let policy = [("tags_1", "*"), ("always_1", "on")];
    for (path, fields) in [
        (RETENTION, &policy[..]),
        // What is wrong with it is no business of theirs.
        (RETENTION, &policy[..1]),
        ("/projects/shop/retention/preview", &policy[..]),
        ("/projects/shop/retention/delete", &[]),
        ("/projects/shop/retention/runs", &[]),
        (RULES, &[("tags", "*"), ("repositories", "")]),
        ("/projects/shop/immutable-tags/1/delete", &[]),
        ("/repositories/shop%2Fweb/tags/v1/protect", &[]),
        ("/projects/shop/quota", &[("quota", "1 B")]),
        ("/projects/shop", &[("public", "on")]),
        ("/collection/runs", &[]),
    ] {
        reader.post(path, fields).await.expect(404);
    }
    // An owner has all of it but the quota and the server.
    let mut owner = member(&server, "owner").await;
    let page = shown(&mut owner, settings).await;
    assert!(!page.contains("/projects/shop/quota"), "{page}");
    assert!(page.contains("action=\"/projects/shop/delete\""), "{page}");
    owner.get("/collection").await.expect(404);
    owner
        .post("/projects/shop/quota", &[("quota", "1 B")])
        .await
        .expect(404);
    let mut stranger = {
        let login = create_user(&server, "stranger", "correct horse battery").await;
        Visitor::signed_in(&server, &login.name, &login.secret).await
    };
    stranger.get(settings).await.expect(404);
}
