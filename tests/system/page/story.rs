//! What somebody does with the page from the first day on, in a browser.

use serde_json::json;

use super::browser::{Browser, View};
use crate::support::deploy::{DeployServer, Version};
use crate::support::{ADMIN, ADMIN_PASSWORD, Image, TestServer, until};

/// A mark that a page loses when it is loaded again.
async fn mark(browser: &Browser) {
    browser.run("window.marked = true").await;
}

async fn is_marked(browser: &Browser) -> bool {
    browser.run("return window.marked === true").await == true
}

#[tokio::test]
async fn from_the_first_sign_in_to_the_last_everything_is_done_on_the_page() {
    let server = TestServer::start().await;
    let Some(mut browser) = Browser::open(&server).await else {
        return;
    };
    browser.go("/projects").await;
    browser.fill("User name", ADMIN).await;
    browser.fill("Password", ADMIN_PASSWORD).await;
    browser.click("Sign in").await;
    browser.arrive("/projects").await;

    browser.click("Projects").await;
    browser.fill("Name", "shop").await;
    browser.click("Make it").await;
    browser.see("Project shop is made.").await;

    // The page that says how to push shows what was pushed.
    mark(&browser).await;
    let image = Image::small(1);
    image.push(&server, "shop/web", "1.4").await;
    browser.see("shop/web").await;
    assert!(is_marked(&browser).await, "the page was loaded again");
    Image::small(2).push(&server, "shop/api", "2.0").await;
    browser.see("shop/api").await;
    assert!(is_marked(&browser).await, "the page was loaded again");

    browser.click("shop/web").await;
    browser.see("1.4").await;
    mark(&browser).await;
    Image::small(3).push(&server, "shop/web", "1.5").await;
    browser.see("1.5").await;
    assert!(is_marked(&browser).await, "the page was loaded again");
    browser.click("1.4").await;
    browser.see(&image.manifest.digest).await;
    browser.see("Layers").await;

    browser.click("shop/web").await;
    browser.click("shop").await;
    make_a_robot_and_push_with_it(&server, &browser).await;
    choose_a_language(&browser).await;
    read_without_scripts(&server, &browser).await;

    browser.go("/").await;
    browser.click(ADMIN).await;
    for view in View::all() {
        browser.look_as(view).await;
        browser.check_accessibility().await;
        let overflow = browser.overflow().await;
        assert!(overflow.is_empty(), "the menu: {overflow:?}");
    }
    browser.look_as(View::USUAL).await;
    browser.click("Sign out").await;
    browser.see("Password").await;
    browser.go("/projects/shop").await;
    browser.arrive("/sign-in?next=%2Fprojects%2Fshop").await;
    browser.check_quiet().await;
}

async fn make_a_robot_and_push_with_it(server: &TestServer, browser: &Browser) {
    browser.click("Robots").await;
    // The form is open, as there is none yet.
    browser.fill("Name", "ci").await;
    browser.tick("push push images and move tags").await;
    browser.click("Make it").await;
    browser.see("it is not shown again").await;
    browser.check_accessibility().await;
    let shown = browser.text().await;
    let secret = shown
        .split_whitespace()
        .find(|word| word.starts_with("berth_robot_"));
    let secret = secret.unwrap_or_else(|| panic!("no secret in {shown}"));
    let robot = server.user("shop+ci", secret);
    Image::small(4).push(&robot, "shop/built", "1").await;
    browser.go("/repositories/shop%2Fbuilt").await;
    browser.see("shop+ci").await;
}

async fn choose_a_language(browser: &Browser) {
    browser.go("/projects/shop").await;
    browser.choose("Language", "简体中文").await;
    browser.see("仓库").await;
    assert_eq!(browser.place().await, "/projects/shop");
    browser.choose("语言", "English").await;
    browser.see("Repositories").await;
}

async fn read_without_scripts(server: &TestServer, browser: &Browser) {
    browser.run_scripts(false).await;
    for (path, text) in [
        ("/", "shop/web"),
        ("/projects/shop", "shop/web"),
        ("/repositories/shop%2Fweb", "1.4"),
        ("/repositories/shop%2Fweb/images/1.4", "Layers"),
        ("/deployments", "Nothing was deployed yet."),
        ("/audit", "project.create"),
        ("/account", "Change the password"),
    ] {
        browser.go(path).await;
        browser.see(text).await;
    }
    // What scripts do by themselves, a button does.
    browser.choose("Theme", "Dark").await;
    browser.click("Set").await;
    until("the dark page", async || {
        let theme = "return document.documentElement.dataset.theme";
        browser.run(theme).await == "dark"
    })
    .await;
    Image::small(5).push(server, "shop/late", "1").await;
    browser.go("/projects/shop").await;
    browser.see("shop/late").await;
    browser.run_scripts(true).await;
}

#[tokio::test]
async fn deployments_are_followed_approved_and_taken_back_on_the_page() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let Some(browser) = Browser::signed_in(&server).await else {
        return;
    };
    server.push("shop/web:live", &Version::new("1")).await;
    let project = server.project("story");
    let service = |approval: &str| {
        let labels = json!({"berth.deploy": "true", "berth.deploy.approval": approval});
        let image = server.image("shop/web:live");
        json!({"services": {"web": {"image": image, "labels": labels, "stop_grace_period": "1s"}}})
    };
    project.up(&service("false"));

    // The page of an empty list follows what is deployed.
    browser.click("Deployments").await;
    browser.see("Nothing was deployed yet.").await;
    mark(&browser).await;
    server.push("shop/web:live", &Version::new("2")).await;
    let first = server.ended(&project.name, 1).await;
    first.expect("succeeded");
    browser.see_in("#deployments", "succeeded").await;
    assert!(is_marked(&browser).await, "the page was loaded again");
    browser.click(&format!("Deployment {}", first.id())).await;
    browser.see("Timeline").await;

    // One that fails is shown going back, while it does.
    let start = server.front.hold(|asked| asked.is("POST", "/start"));
    server
        .push("shop/web:live", &Version::that_exits("3"))
        .await;
    let second = server.in_state(&project.name, "replacing").await;
    browser.go(&format!("/deployments/{}", second.id())).await;
    browser.see("replacing").await;
    mark(&browser).await;
    drop(start);
    browser.see("rolled back").await;
    browser
        .see("The services run again what they ran before.")
        .await;
    assert!(is_marked(&browser).await, "the page was loaded again");

    project.up(&service("true"));
    server.push("shop/web:live", &Version::new("4")).await;
    let third = server.in_state(&project.name, "waiting").await;
    browser.go(&format!("/deployments/{}", third.id())).await;
    browser.check_accessibility().await;
    browser.click("Approve").await;
    browser.click("Approve it").await;
    server.ended(&project.name, 3).await.expect("succeeded");
    browser.see("succeeded").await;
    assert_eq!(project.one("web").image(), Version::new("4").id());

    browser.click("Roll back").await;
    browser.click("Roll it back").await;
    server.ended(&project.name, 4).await.expect("succeeded");
    browser.see("succeeded").await;
    assert_eq!(project.one("web").image(), Version::new("2").id());
    browser.check_quiet().await;
}
