//! That the checks find what they are for.

use super::{Browser, Language, View};
use crate::support::TestServer;

/// Adds to the page that is open.
async fn add(browser: &Browser, html: &str) {
    let script =
        format!("document.querySelector('main').insertAdjacentHTML('beforeend', `{html}`)");
    browser.run(&script).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_page_is_found() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::signed_in(&server).await else {
        return;
    };
    browser.check_accessibility().await;
    browser.check_quiet().await;
    assert!(browser.overflow().await.is_empty());

    add(&browser, "<input id=nameless>").await;
    if super::checks::axe().is_some() {
        let barriers = browser.barriers().await;
        let found = barriers.iter().any(|line| line.contains("#nameless"));
        assert!(found, "{barriers:?}");
    }

    let scrolled = "<div class=wide><svg width=3000 height=9></svg></div>";
    add(&browser, scrolled).await;
    assert!(browser.overflow().await.is_empty(), "it scrolls");
    let wide = "<svg id=wide width=3000 height=9></svg>";
    for (id, html, placed) in [
        ("wide", wide, "margin-left: 0"),
        ("before", "<p id=before>text</p>", "margin-left: -99px"),
    ] {
        add(&browser, html).await;
        let place = format!("document.getElementById('{id}').style.cssText = '{placed}'");
        browser.run(&place).await;
        let overflow = browser.overflow().await;
        assert_eq!(overflow.len(), 1, "{overflow:?}");
        let found = format!("id=\"{id}\"");
        assert!(overflow[0].contains(&found), "{overflow:?}");
        let remove = format!("document.getElementById('{id}').remove()");
        browser.run(&remove).await;
    }

    add(&browser, "<p style='color: red'>").await;
    let complaints = browser.complaints().await;
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].contains("style-src"), "{complaints:?}");
    browser
        .run("location.assign('http://elsewhere.example/')")
        .await;
    browser.go("/").await;
    let complaints = browser.complaints().await.join("\n");
    assert!(
        complaints.contains("http://elsewhere.example/"),
        "{complaints}"
    );
    browser.check_quiet().await;
}

#[tokio::test]
async fn a_browser_says_which_language_and_colours_are_wanted() {
    let server = TestServer::start().await;
    let Some(mut browser) = Browser::open(&server).await else {
        return;
    };
    let ground = "return getComputedStyle(document.body).backgroundColor";
    let mut grounds = Vec::new();
    for view in View::all() {
        browser.look_as(view).await;
        browser.go("/sign-in").await;
        let heading = match view.language {
            Language::English => "Sign in",
            Language::Chinese => "登录",
        };
        browser.see(heading).await;
        let (width, _) = view.size();
        assert_eq!(browser.run("return innerWidth").await, width);
        grounds.push(browser.run(ground).await);
    }
    assert!(
        grounds.chunks(2).all(|pair| pair[0] != pair[1]),
        "{grounds:?}"
    );
}
