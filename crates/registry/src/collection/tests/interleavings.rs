//! A push and what can take its blob away, in every order of their steps.

use std::time::Duration;

use berth_oci::{Digest, Reference};
use serde_json::{Value, json};

use crate::audit::Actor;
use crate::db;
use crate::fixture::{Fixture, GRACE, descriptor, pusher};
use crate::manifest::PutManifestError;

const LAYER: &[u8] = b"layer";
const CONFIG: &[u8] = b"{}";
/// Two of these are beyond the grace time.
const PART: Duration = Duration::from_secs(GRACE.as_secs() * 2 / 3);

/// A step of the push, or of what goes on meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// HEAD of both blobs.
    Ask,
    /// Both blobs from another repository.
    Mount,
    Upload,
    Put,
    /// Somebody deletes the manifest that has named the blobs until now.
    Delete,
    Wait,
    Collect,
}

/// What a push knows.
#[derive(Default)]
struct Push {
    /// How long ago it was told that the blobs are there, if it was.
    promised: Option<Duration>,
    stored: Option<Digest>,
}

fn document(name: &str) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", CONFIG),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", LAYER)],
        "annotations": {"name": name},
    })
}

/// Every order of both in which each keeps its own.
fn interleavings(one: &[Step], other: &[Step]) -> Vec<Vec<Step>> {
    let (Some((first, rest)), Some((other_first, other_rest))) =
        (one.split_first(), other.split_first())
    else {
        return vec![[one, other].concat()];
    };
    let before = |step: &Step, rest: Vec<Vec<Step>>| {
        let step = *step;
        rest.into_iter()
            .map(move |rest| [vec![step], rest].concat())
    };
    before(first, interleavings(rest, other))
        .chain(before(other_first, interleavings(one, other_rest)))
        .collect()
}

#[tokio::test]
async fn no_order_of_steps_stores_a_manifest_without_its_blobs_or_breaks_a_promise() {
    use Step::{Ask, Collect, Delete, Mount, Put, Upload, Wait};
    let meanwhile = [Delete, Wait, Collect, Wait, Collect];
    let pushes: [&[Step]; 4] = [&[Ask, Put], &[Mount, Put], &[Upload, Put], &[Put]];
    let mut orders = 0;
    for push in pushes {
        for order in interleavings(push, &meanwhile) {
            run(&order).await;
            orders += 1;
        }
    }
    assert_eq!(orders, 21 * 3 + 6);
}

async fn run(order: &[Step]) {
    let fixture = Fixture::open().await;
    for bytes in [CONFIG, LAYER] {
        fixture.push_blob(bytes).await;
        fixture.push_blob_to("a/source", bytes).await;
    }
    let old = fixture.push_manifest(None, &document("old")).await;
    let mut push = Push::default();
    for step in order {
        fixture.step(*step, &old, &mut push, order).await;
    }
    if let Some(stored) = &push.stored {
        fixture.clock.advance(GRACE * 2);
        fixture.registry.collect().await.unwrap();
        let reference = Reference::Digest(stored.clone());
        let mut connection = fixture.registry.db.read().await.unwrap();
        let found = db::manifests::find(&mut connection, &fixture.repository, &reference).await;
        assert!(found.unwrap().is_some(), "{order:?}");
        drop(connection);
        assert!(fixture.has(&fixture.repository, CONFIG).await, "{order:?}");
        assert!(fixture.has(&fixture.repository, LAYER).await, "{order:?}");
    }
}

impl Fixture {
    async fn step(&self, step: Step, old: &Digest, push: &mut Push, order: &[Step]) {
        match step {
            Step::Ask => {
                let there = self.has(&self.repository, CONFIG).await
                    && self.has(&self.repository, LAYER).await;
                push.promised = there.then_some(Duration::ZERO);
            }
            Step::Mount => {
                let mounted = self.try_mount("a/source", CONFIG).await
                    && self.try_mount("a/source", LAYER).await;
                push.promised = mounted.then_some(Duration::ZERO);
            }
            Step::Upload => {
                self.push_blob(CONFIG).await;
                self.push_blob(LAYER).await;
                push.promised = Some(Duration::ZERO);
            }
            Step::Put => {
                let put = self.put(&document("new")).await;
                if push.promised.is_some_and(|ago| ago < GRACE) {
                    assert!(put.is_ok(), "refused what was promised: {order:?}: {put:?}");
                }
                push.stored = put.ok();
            }
            Step::Delete => {
                let (reference, actor) = (Reference::Digest(old.clone()), Actor::system());
                let deleted = self
                    .registry
                    .delete_manifest(&self.repository, &reference, &actor);
                deleted.await.unwrap();
            }
            Step::Wait => {
                self.clock.advance(PART);
                push.promised = push.promised.map(|ago| ago + PART);
            }
            Step::Collect => {
                self.registry.collect().await.unwrap();
            }
        }
    }

    async fn put(&self, document: &Value) -> Result<Digest, PutManifestError> {
        let bytes = bytes::Bytes::from(document.to_string());
        let reference = Reference::Tag("new".parse().unwrap());
        let put = self.registry.put_manifest(
            &self.repository,
            &reference,
            Vec::new(),
            None,
            bytes,
            pusher(),
        );
        put.await.map(|put| put.digest)
    }
}
