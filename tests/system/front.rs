//! The front itself does what the tests of the cache rely on.

use std::time::Duration;

use reqwest::Client;
use tokio::time::timeout;

use crate::support::{Blob, Download, Fault, FrontBuilder, Hub, Request, random_bytes};

/// Asks a front as a proxy does.
struct Asking {
    hub: Hub,
    client: Client,
    blob: Blob,
}

impl Asking {
    async fn with(front: FrontBuilder) -> Self {
        let hub = Hub::with(front).await;
        let image = hub.push("1", [random_bytes(1, 3_000_000)]).await;
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        let blob = image.layers[0].clone();
        Self { hub, client, blob }
    }

    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.hub.front.url()))
    }

    fn blob(&self) -> reqwest::RequestBuilder {
        self.get(&format!("/v2/library/app/blobs/{}", self.blob.digest))
    }
}

#[tokio::test]
async fn a_front_passes_on_and_counts() {
    let asking = Asking::with(FrontBuilder::default()).await;
    let (front, blob) = (&asking.hub.front, &asking.blob);
    Download::begin(asking.blob(), blob).await.finish().await;
    let range = 1_000_000..3_000_000;
    let part = Download::begin_range(asking.blob(), "bytes=1000000-", blob, range).await;
    part.finish().await;
    assert_eq!(front.sent(|r| r.is_of(&blob.digest)), 5_000_000);
    front.assert_count(2, Request::is_blob);
    front.assert_count(1, |request| request.range.is_some());
    front.forget();
    front.assert_not_asked();
    let tag = asking.get("/v2/library/app/manifests/1");
    assert_eq!(tag.send().await.expect("an answer").status(), 200);
    front.assert_count(1, Request::is_tag);
}

#[tokio::test]
async fn a_front_cuts_spoils_and_holds_bodies() {
    let asking = Asking::with(FrontBuilder::default()).await;
    let (front, blob) = (&asking.hub.front, &asking.blob);
    front.times(1, Request::is_blob, Fault::CutAfter(2_000_000));
    Download::begin(asking.blob(), blob)
        .await
        .expect_cut()
        .await;
    assert_eq!(front.sent(Request::is_blob), 2_000_000);

    front.times(1, Request::is_blob, Fault::CorruptByte(1_500_000));
    let wrong = asking.blob().send().await.expect("an answer");
    let wrong = wrong.bytes().await.expect("a body");
    let differ = |place: &usize| wrong[*place] != blob.bytes[*place];
    let places: Vec<usize> = (0..wrong.len()).filter(differ).collect();
    assert_eq!(places, [1_500_000]);

    front.times(1, Request::is_blob, Fault::Reset);
    asking.blob().send().await.expect_err("no answer");
    front.times(1, Request::is_blob, Fault::Hang);
    let hangs = timeout(Duration::from_millis(300), asking.blob().send()).await;
    hangs.expect_err("no answer");
    front.times(1, Request::is_blob, Fault::WrongLength(-10));
    let short = asking.blob().send().await.expect("an answer");
    assert_eq!(short.content_length(), Some(2_999_990));
    front.times(1, Request::is_blob, Fault::IgnoreRange);
    let whole = asking.blob().header("range", "bytes=5-");
    Download::begin(whole, blob).await.finish().await;
    front.times(1, Request::is_blob, Fault::too_many(7));
    let refused = asking.blob().send().await.expect("an answer");
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "7");

    let mut gate = front.gate(&blob.digest, 1_000_000);
    let mut held = Download::begin(asking.blob(), blob).await;
    gate.reached().await;
    held.up_to(1_000_000).await;
    let further = timeout(Duration::from_millis(300), held.up_to(1_000_001)).await;
    further.expect_err("the gate is shut");
    gate.open();
    held.finish().await;
}

#[tokio::test]
async fn a_front_goes_down_and_comes_up_again() {
    let asking = Asking::with(FrontBuilder::default()).await;
    let (front, blob) = (&asking.hub.front, &asking.blob);
    front.always(Request::is_blob, Fault::StallAfter(100_000));
    let open = Download::begin(asking.blob(), blob).await;
    front.down().await;
    open.expect_cut().await;
    asking.blob().send().await.expect_err("nobody listens");
    front.up();
    front.mend();
    Download::begin(asking.blob(), blob).await.finish().await;
}

#[tokio::test]
async fn a_front_wants_tokens_and_signatures() {
    let front = FrontBuilder::default()
        .tokens(Duration::from_secs(300))
        .credentials("hub-user", "hub-password")
        .cdn();
    let asking = Asking::with(front).await;
    let blob = &asking.blob;
    let refused = asking.blob().send().await.expect("an answer");
    assert_eq!(refused.status(), 401);
    let challenge = refused.headers()["www-authenticate"].to_str();
    let scope = "scope=\"repository:library/app:pull\"";
    assert!(challenge.expect("text").ends_with(scope), "{refused:?}");

    let token = asking.get("/token?service=front&scope=repository%3Alibrary%2Fapp%3Apull");
    let refused = token.try_clone().expect("a request").send().await;
    assert_eq!(refused.expect("an answer").status(), 401);
    let given = token.basic_auth("hub-user", Some("hub-password")).send();
    let given: serde_json::Value = given.await.expect("an answer").json().await.expect("JSON");
    let token = given["token"].as_str().expect("a token");

    let sent = asking.blob().bearer_auth(token).send().await;
    let sent = sent.expect("an answer");
    assert_eq!(sent.status(), 307);
    let location = sent.headers()["location"].to_str().expect("text");
    let signed = asking.client.get(location);
    let twice = signed.try_clone().expect("a request");
    let refused = twice.bearer_auth(token).send().await.expect("an answer");
    assert_eq!(refused.status(), 400);
    let again = signed.try_clone().expect("a request");
    Download::begin(signed, blob).await.finish().await;
    asking.hub.front.expire_signatures();
    let refused = again.send().await.expect("an answer");
    assert_eq!(refused.status(), 403);
    asking.hub.front.assert_count(3, Request::is_cdn);
    asking.hub.front.expire_tokens();
    let refused = asking.blob().bearer_auth(token).send().await;
    assert_eq!(refused.expect("an answer").status(), 401);
}
