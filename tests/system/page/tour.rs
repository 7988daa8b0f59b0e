//! Every page as people see it: light and dark, on a desk and on a phone, in both languages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::browser::{Browser, Language, View};
use crate::support::TestServer;

mod deploying;
mod images;
mod world;

use deploying::Deploying;
use world::World;

/// A page to visit.
struct Page {
    /// What its pictures are called.
    name: &'static str,
    /// `{…}` is a name that the server has given.
    path: &'static str,
    status: u16,
    /// The button that leads to it from there, and its own path.
    press: Option<(&'static str, &'static str)>,
}

const fn page(name: &'static str, path: &'static str) -> Page {
    Page {
        name,
        path,
        status: 200,
        press: None,
    }
}

const fn refusal(name: &'static str, path: &'static str, status: u16) -> Page {
    Page {
        status,
        ..page(name, path)
    }
}

/// What a form of the page at `path` shows.
const fn pressed(
    name: &'static str,
    path: &'static str,
    button: &'static str,
    arrival: &'static str,
) -> Page {
    Page {
        press: Some((button, arrival)),
        ..page(name, path)
    }
}

/// What somebody sees who has not signed in.
const OPEN: &[Page] = &[page("sign-in", "/sign-in")];

/// What an admin sees on the first day, of what looks otherwise on later ones.
const NEW: &[Page] = &[
    page("new-home", "/"),
    page("new-projects", "/projects"),
    page("new-repositories", "/repositories?q=web"),
    page("new-deployments", "/deployments"),
    page("new-targets", "/targets"),
    page("new-deploy-rules", "/deploy-rules"),
    page("new-upstreams", "/upstreams"),
    page("new-groups", "/groups"),
    page("new-users", "/users"),
    page("new-robots", "/robots"),
    page("new-deletions", "/deletions"),
    page("new-collection", "/collection"),
    page("new-account", "/account"),
];

/// What an admin sees of a [`World`].
const FILLED: &[Page] = &[
    page("home", "/"),
    page("projects", "/projects"),
    page("project", "/projects/shop"),
    page("project-empty", "/projects/tools"),
    page("project-cache", "/projects/hub"),
    page("settings", "/projects/shop/settings"),
    page("settings-cache", "/projects/hub/settings"),
    page("members", "/projects/shop/members"),
    page("members-none", "/projects/tools/members"),
    page("roles", "/projects/shop/roles"),
    page("project-robots", "/projects/shop/robots"),
    page("project-robots-none", "/projects/tools/robots"),
    page("project-robot", "/projects/shop/robots/ci"),
    page("retention", "/projects/shop/retention"),
    page("retention-none", "/projects/tools/retention"),
    pressed(
        "retention-preview",
        "/projects/shop/retention",
        "button[formaction$='/preview']",
        "/projects/shop/retention/preview",
    ),
    page("retention-runs", "/projects/shop/retention/runs"),
    page("retention-run", "/projects/shop/retention/runs/1"),
    page("immutable-tags", "/projects/shop/immutable-tags"),
    page("immutable-tags-none", "/projects/tools/immutable-tags"),
    page("repositories", "/repositories?q=web"),
    page("repository", "/repositories/shop%2Fweb"),
    page("repository-page", "/repositories/shop%2Fweb?limit=1"),
    page("diff", "/repositories/shop%2Fweb/diff?from=2.0.0&to=2.1.0"),
    page("index", "/repositories/shop%2Fweb/images/2.1.0"),
    page("image", "/repositories/shop%2Fweb/images/{image}"),
    page("attachment", "/repositories/shop%2Fweb/images/{signature}"),
    page("artifact", "/repositories/shop%2Fcharts/images/1.0.0"),
    page(
        "cached-image",
        "/repositories/hub%2Flibrary%2Fnginx/images/1.29",
    ),
    page("upstreams", "/upstreams"),
    page("upstream", "/upstreams/hub"),
    page("upstream-in-trouble", "/upstreams/ghcr"),
    page("cache", "/caches/hub"),
    page("cache-warm", "/caches/hub/warm"),
    page("cache-mirror", "/caches/hub/mirror"),
    page("groups", "/groups"),
    page("group", "/groups/all"),
    page("users", "/users"),
    page("user", "/users/alice"),
    page("robots", "/robots"),
    page("robot", "/robots/metrics"),
    page("deletions", "/deletions"),
    page("collection", "/collection"),
    page("audit", "/audit"),
    page("audit-filtered", "/audit?actor=alice&project=shop"),
    page("account", "/account"),
    page("api-reference", "/api/v1/docs"),
    refusal("refused", "/projects/nobody", 404),
];

/// What an admin sees of a [`Deploying`] server.
const DEPLOYING: &[Page] = &[
    page("deploying-home", "/"),
    page("deployments", "/deployments"),
    page("deployment-succeeded", "/deployments/{succeeded}"),
    page("deployment-rolled-back", "/deployments/{rolled-back}"),
    page("deployment-waiting", "/deployments/{waiting}"),
    page("targets", "/targets"),
    page("target", "/targets/local"),
    page("plan", "/targets/local/stacks/{stack}/plan"),
    page(
        "decisions",
        "/targets/local/stacks/{stack}/services/web/decisions",
    ),
    page("deploy-rules", "/deploy-rules"),
];

/// Visits pages one by one, and notes what is wrong with them.
struct Tour {
    browser: Browser,
    /// Where pictures of them are to be left.
    pictures: Option<PathBuf>,
    /// Of a page, with the views in which it is so.
    findings: BTreeMap<String, Vec<String>>,
}

impl Tour {
    /// Of somebody who has not signed in yet.
    async fn begin(server: &TestServer) -> Option<Self> {
        let pictures = std::env::var_os("BERTH_TEST_SCREENSHOTS");
        Some(Self {
            browser: Browser::open(server).await?,
            pictures: pictures.map(PathBuf::from),
            findings: BTreeMap::new(),
        })
    }

    /// `names` are those that the server has given.
    async fn walk(&mut self, pages: &[Page], names: &[(&str, String)]) {
        for view in View::all() {
            self.browser.look_as(view).await;
            for page in pages {
                let named = names
                    .iter()
                    .fold(page.path.to_owned(), |path, (name, value)| {
                        path.replace(&format!("{{{name}}}"), value)
                    });
                for finding in self.visit(page, &named, view).await {
                    let finding = format!("{}: {finding}", page.name);
                    self.findings.entry(finding).or_default().push(view.name());
                }
            }
        }
    }

    async fn visit(&self, page: &Page, path: &str, view: View) -> BTreeSet<String> {
        let browser = &self.browser;
        browser.go(path).await;
        if let Some((button, arrival)) = page.press {
            let press = format!("document.querySelector({button:?}).click()");
            browser.run(&press).await;
            browser.arrive(arrival).await;
        }
        let mut findings = BTreeSet::new();
        let status = browser
            .run("return performance.getEntriesByType('navigation')[0].responseStatus")
            .await;
        if status != page.status {
            findings.insert(format!("{path} is answered {status}"));
        }
        if let Some(folder) = &self.pictures {
            let file = folder.join(format!("{}-{}.png", page.name, view.name()));
            save(&file, &browser.picture().await);
        }
        findings.extend(browser.overflow().await);
        browser
            .run("for (const part of document.querySelectorAll('details')) part.open = true")
            .await;
        findings.extend(browser.overflow().await);
        if view.language == Language::English {
            findings.extend(browser.barriers().await);
        }
        // Of the API there is only an English description.
        if view.language == Language::Chinese && path != "/api/v1/docs" {
            let english = browser.english().await.into_iter();
            findings.extend(english.map(|text| format!("still English: {text}")));
        }
        findings.extend(browser.complaints().await);
        findings
    }

    /// Fails if anything is wrong with any page.
    fn end(self) {
        let lines = self.findings.iter();
        let lines: Vec<_> = lines
            .map(|(finding, views)| format!("{finding} ({})", views.join(", ")))
            .collect();
        assert!(
            lines.is_empty(),
            "{} findings:\n{}",
            lines.len(),
            lines.join("\n")
        );
    }
}

fn save(file: &Path, picture: &str) {
    let picture = STANDARD.decode(picture).expect("a PNG in base64");
    fs::write(file, picture).expect("a file");
}

#[tokio::test]
async fn every_page_of_a_new_server_can_be_used_by_everybody() {
    let server = TestServer::start().await;
    let Some(mut tour) = Tour::begin(&server).await else {
        return;
    };
    tour.walk(OPEN, &[]).await;
    tour.browser.sign_in().await;
    tour.walk(NEW, &[]).await;
    tour.end();
}

#[tokio::test]
async fn every_page_of_a_server_in_use_can_be_used_by_everybody() {
    let world = World::make().await;
    let Some(mut tour) = Tour::begin(&world.server).await else {
        return;
    };
    tour.browser.sign_in().await;
    tour.walk(FILLED, &world.names).await;
    tour.end();
}

#[tokio::test]
async fn every_page_about_deployments_can_be_used_by_everybody() {
    let Some(deploying) = Deploying::make().await else {
        return;
    };
    let Some(mut tour) = Tour::begin(&deploying.server).await else {
        return;
    };
    tour.browser.sign_in().await;
    tour.walk(DEPLOYING, &deploying.names).await;
    tour.end();
}
