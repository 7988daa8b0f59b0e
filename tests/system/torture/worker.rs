use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Instant;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::model::{Change, Manifest, Model};
use super::{GRACE, IMMUTABLE, KEPT, REPOSITORIES, RETAINED, UPSTREAM_IMAGES};
use crate::support::{Blob, Image, Random, TestServer, digest_of, random_bytes};

mod deletions;

/// Blobs that every worker pushes, at the same time as others and after they were collected.
const SHARED: usize = 8;
const TAGS: usize = 3;

/// The server is gone: what was asked may have been done.
struct Gone;

type Outcome<T = ()> = Result<T, Gone>;

/// Somebody who has a repository of their own, and asks for one thing after the other.
pub(super) struct Worker {
    repository: String,
    random: Random,
    upstream: Vec<Image>,
    model: Model,
    /// Tags that retention counts, in the order in which they were pushed last.
    retained: Vec<String>,
    acknowledged: BTreeMap<&'static str, usize>,
}

/// An answer that has come whole.
struct Come {
    status: StatusCode,
    location: Option<String>,
    body: Vec<u8>,
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.repository, self.acknowledged)
    }
}

impl Worker {
    pub(super) fn new(repository: &str, random: Random, upstream: Vec<Image>) -> Self {
        Self {
            repository: repository.to_owned(),
            random,
            upstream,
            model: Model::default(),
            retained: Vec::new(),
            acknowledged: BTreeMap::new(),
        }
    }

    pub(super) fn project(&self) -> &str {
        self.repository.split('/').next().expect("a project")
    }

    /// The bytes of the manifests that are there.
    pub(super) fn manifest_bytes(&self) -> usize {
        let manifests = self.model.present().into_iter();
        manifests.map(|manifest| manifest.content.bytes.len()).sum()
    }

    pub(super) fn blobs(&self) -> impl Iterator<Item = &Blob> {
        let manifests = self.model.present().into_iter();
        manifests.flat_map(|manifest| &manifest.blobs)
    }

    /// Works until the server is killed.
    pub(super) async fn work(&mut self, server: &TestServer) {
        loop {
            let (name, done) = match self.random.below(20) {
                0..=6 => ("push", self.push(server).await),
                7 => ("retag", self.retag(server).await),
                8 => ("delete a tag", self.delete_tag(server).await),
                9..=10 => ("delete a manifest", self.delete_manifest(server).await),
                11 if self.has_a_project() => {
                    ("delete a project", self.delete_project(server).await)
                }
                11 => ("delete a repository", self.delete_repository(server).await),
                12..=14 => ("pull", self.pull(server).await),
                15..=16 => ("pull through", self.pull_through(server).await),
                17 => ("collect", self.collect(server).await),
                18 => ("retain", self.retain(server).await),
                _ => ("push a blob", self.push_blob_alone(server).await),
            };
            if done.is_err() {
                return;
            }
            *self.acknowledged.entry(name).or_default() += 1;
        }
    }

    fn in_tight(&self) -> bool {
        self.repository.starts_with("tight/")
    }

    fn has_a_project(&self) -> bool {
        self.repository.starts_with("whole/")
    }

    fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.repository)
    }

    fn some_tag(&mut self) -> String {
        let beginning = ["t", IMMUTABLE, RETAINED][self.random.below(3)];
        // Of those that do not move, new ones, so that there is something to push.
        let number = match beginning {
            IMMUTABLE => self.random.below(50),
            _ => self.random.below(TAGS),
        };
        format!("{beginning}{number}")
    }

    fn some_manifest(&mut self) -> Option<Manifest> {
        let present = self.model.present();
        let some = self.random.below(present.len().max(1));
        present.get(some).map(|manifest| (*manifest).clone())
    }

    fn shared_layer(&mut self) -> Vec<u8> {
        let number = self.random.below(SHARED);
        random_bytes(number as u64 + 1, 1_000 + number * 20_000)
    }

    async fn push(&mut self, server: &TestServer) -> Outcome {
        // A layer of its own makes the manifest this worker's.
        let own = self.random.word().to_le_bytes().to_vec();
        let mut layers = vec![own];
        for _ in 0..self.random.below(3) {
            layers.push(self.shared_layer());
        }
        let some = self.some_manifest();
        let manifest = match (self.random.below(6), some) {
            (0, _) => Manifest::build_cache(layers),
            (1, Some(child)) => Manifest::index(&[&child], self.random.word()),
            (2, Some(subject)) => Manifest::referrer(&subject, layers),
            _ => Manifest::image(layers),
        };
        let tag = (self.random.below(4) > 0).then(|| self.some_tag());
        let asked = Instant::now();
        for blob in &manifest.blobs {
            if !self.have_blob(server, blob).await? {
                return Ok(());
            }
        }
        self.put_manifest(server, manifest, tag, asked).await
    }

    /// Sees to it that the repository has the blob, as clients do; `false` when the quota is used up.
    async fn have_blob(&mut self, server: &TestServer, blob: &Blob) -> Outcome<bool> {
        let path = self.path(&format!("blobs/{}", blob.digest));
        if self.random.below(4) > 0 {
            let head = send(server.head(&path)).await?;
            if head.status == StatusCode::OK {
                return Ok(true);
            }
            assert_eq!(head.status, StatusCode::NOT_FOUND, "HEAD {path}");
        }
        if self.random.below(3) == 0 {
            let digest = &blob.digest;
            let from = REPOSITORIES[self.random.below(REPOSITORIES.len())];
            let path = self.path(&format!("blobs/uploads/?mount={digest}&from={from}"));
            let mounted = send(server.post(&path)).await?;
            match mounted.status {
                StatusCode::CREATED => return Ok(true),
                // The session that comes of it is left alone, as by a client that goes away.
                StatusCode::ACCEPTED => {}
                status => return self.refused_by_quota(status, &mounted),
            }
        }
        self.upload(server, blob).await
    }

    async fn upload(&mut self, server: &TestServer, blob: &Blob) -> Outcome<bool> {
        let uploads = self.path("blobs/uploads/");
        let stored = if self.random.below(2) == 0 {
            let path = format!("{uploads}?digest={}", blob.digest);
            send(server.post(&path).body(blob.bytes.clone())).await?
        } else {
            let session = send(server.post(&uploads)).await?;
            assert_eq!(session.status, StatusCode::ACCEPTED, "POST {uploads}");
            let location = session.location.expect("a session has a place");
            let half = blob.bytes.len() / 2;
            let first = blob.bytes[..half].to_vec();
            let patched = send(server.patch(&location).body(first)).await?;
            if patched.status != StatusCode::ACCEPTED {
                return self.refused_by_quota(patched.status, &patched);
            }
            let path = format!("{location}?digest={}", blob.digest);
            send(server.put(&path).body(blob.bytes[half..].to_vec())).await?
        };
        match stored.status {
            StatusCode::CREATED => Ok(true),
            status => self.refused_by_quota(status, &stored),
        }
    }

    fn refused_by_quota(&self, status: StatusCode, answer: &Come) -> Outcome<bool> {
        let text = String::from_utf8_lossy(&answer.body);
        let quota = self.in_tight() && text.contains("quota");
        assert!(quota, "{}: {status}: {text}", self.repository);
        assert_eq!(status, StatusCode::FORBIDDEN, "{text}");
        Ok(false)
    }

    async fn put_manifest(
        &mut self,
        server: &TestServer,
        manifest: Manifest,
        tag: Option<String>,
        asked: Instant,
    ) -> Outcome {
        let digest = manifest.digest().to_owned();
        let path = self.path(&format!("manifests/{}", tag.as_ref().unwrap_or(&digest)));
        let put = server
            .put(&path)
            .header("content-type", manifest.media_type)
            .body(manifest.content.bytes.clone());
        self.model.known.insert(digest.clone(), manifest);
        let change = Change {
            manifests: vec![(digest.clone(), true)],
            tags: tag
                .iter()
                .map(|tag| (tag.clone(), Some(digest.clone())))
                .collect(),
        };
        let before = self.model.now(&change);
        self.model.begin(&change);
        let stored = send(put).await?;
        let text = String::from_utf8_lossy(&stored.body);
        match stored.status {
            StatusCode::CREATED => {
                self.model.done(&change);
                self.retained
                    .extend(tag.filter(|tag| tag.starts_with(RETAINED)));
            }
            StatusCode::CONFLICT => {
                let moves = before.tags.iter().any(|(_, on)| on.is_some());
                let fixed = self.repository.starts_with("fixed/") && text.contains(IMMUTABLE);
                assert!(moves && fixed, "{path}: {text}");
                self.model.refused(before);
            }
            StatusCode::FORBIDDEN => {
                self.refused_by_quota(stored.status, &stored)?;
                self.model.refused(before);
            }
            status => {
                // Whoever was told that a blob is there has the grace time to name it.
                let late = asked.elapsed() > GRACE;
                assert!(late, "{path} after {:?}: {status}: {text}", asked.elapsed());
                self.model.refused(before);
            }
        }
        Ok(())
    }

    async fn push_blob_alone(&mut self, server: &TestServer) -> Outcome {
        let blob = Blob::new(self.shared_layer());
        self.have_blob(server, &blob).await.map(drop)
    }

    async fn retag(&mut self, server: &TestServer) -> Outcome {
        let tags = self.model.tags();
        let Some((from, digest)) = tags.get(self.random.below(tags.len().max(1))) else {
            return Ok(());
        };
        let to = format!("t{}", self.random.below(TAGS));
        let change = Change {
            manifests: Vec::new(),
            tags: vec![(to.clone(), Some(digest.clone()))],
        };
        let before = self.model.now(&change);
        self.model.begin(&change);
        let path = format!("{}/tags/{to}", self.api());
        let document = json!({"reference": from});
        let answer = send(server.put(&path).json(&document)).await?;
        match answer.status {
            StatusCode::OK => self.model.done(&change),
            // Retention has removed the tag meanwhile.
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::NOT_FOUND
                if self.in_tight() && from.starts_with(RETAINED) =>
            {
                self.model.refused(before);
            }
            status => panic!("PUT {path} to {from}: {status}"),
        }
        Ok(())
    }

    fn api(&self) -> String {
        format!(
            "/api/v1/repositories/{}",
            self.repository.replace('/', "%2F")
        )
    }

    /// What a manifest that is there names is there, and its bytes are right.
    async fn pull(&mut self, server: &TestServer) -> Outcome {
        let Some(manifest) = self.some_manifest() else {
            return Ok(());
        };
        let path = self.path(&format!("manifests/{}", manifest.digest()));
        let pulled = send(server.get(&path)).await?;
        assert_eq!(pulled.status, StatusCode::OK, "{path}");
        assert_eq!(digest_of(&pulled.body), manifest.digest(), "{path}");
        for blob in &manifest.blobs {
            let path = self.path(&format!("blobs/{}", blob.digest));
            let pulled = send(server.get(&path)).await?;
            assert_eq!(pulled.status, StatusCode::OK, "{path}");
            assert_eq!(digest_of(&pulled.body), blob.digest, "{path}");
        }
        Ok(())
    }

    async fn pull_through(&mut self, server: &TestServer) -> Outcome {
        let number = self.random.below(UPSTREAM_IMAGES);
        let path = format!("/v2/hub/library/app/manifests/{number}");
        let pulled = send(server.get(&path)).await?;
        assert_eq!(pulled.status, StatusCode::OK, "{path}");
        let image = self.upstream[number].clone();
        for blob in image.layers.iter().chain([&image.config]) {
            let path = format!("/v2/hub/library/app/blobs/{}", blob.digest);
            let pulled = send(server.get(&path)).await?;
            assert_eq!(pulled.status, StatusCode::OK, "{path}");
            assert_eq!(digest_of(&pulled.body), blob.digest, "{path}");
        }
        Ok(())
    }

    async fn collect(&mut self, server: &TestServer) -> Outcome {
        let path = "/api/v1/collection/runs";
        let collected = send(server.post(path).json(&json!({}))).await?;
        assert_eq!(collected.status, StatusCode::OK, "{path}");
        Ok(())
    }

    async fn retain(&mut self, server: &TestServer) -> Outcome {
        let path = "/api/v1/projects/tight/retention/runs";
        let started = send(server.post(path).json(&json!({}))).await?;
        let expected = [StatusCode::ACCEPTED, StatusCode::CONFLICT];
        assert!(
            expected.contains(&started.status),
            "{path}: {}",
            started.status
        );
        Ok(())
    }

    /// Compares a server that was started again with what was acknowledged.
    pub(super) async fn check(&mut self, server: &TestServer) {
        if self.has_a_project() {
            self.have_project(server).await;
        }
        for digest in self.model.all_manifests() {
            let there = self.look(server, &digest).await.is_some();
            let possible = self.model.found_manifest(&digest, there);
            possible.unwrap_or_else(|wrong| panic!("{}: {wrong}", self.repository));
        }
        let newest: Vec<_> = self.newest_retained();
        for tag in self.model.all_tags() {
            let found = self.look(server, &tag).await;
            let removable = self.in_tight() && tag.starts_with(RETAINED) && !newest.contains(&tag);
            let possible = self.model.found_tag(&tag, found, removable);
            possible.unwrap_or_else(|wrong| panic!("{}: {wrong}", self.repository));
        }
    }

    /// What refers to a manifest, be that there or not, is what was pushed for it and is there.
    pub(super) async fn check_referrers(&self, server: &TestServer) {
        for (subject, referrers) in self.model.referrers() {
            let path = self.path(&format!("referrers/{subject}"));
            let answer = send(server.get(&path)).await.ok().expect("an answer");
            let list: Value = serde_json::from_slice(&answer.body).expect("an index");
            // A repository that is gone has no list.
            let listed = list["manifests"].as_array().into_iter().flatten();
            let listed: BTreeSet<_> = listed
                .map(|entry| entry["digest"].as_str().expect("a digest"))
                .collect();
            assert_eq!(listed, referrers, "{path}");
        }
    }

    /// The grace time is over of all that is gone: it can not come back.
    pub(super) fn forget_what_is_gone(&mut self) {
        self.model.forget_what_is_gone();
    }

    /// The tags that retention has to keep: those that were pushed last.
    fn newest_retained(&self) -> Vec<String> {
        let mut newest: Vec<String> = Vec::new();
        for tag in self.retained.iter().rev() {
            if newest.len() < KEPT && !newest.contains(tag) {
                newest.push(tag.clone());
            }
        }
        newest
    }

    /// The digest of a manifest that is there with all of its blobs.
    async fn look(&self, server: &TestServer, reference: &str) -> Option<String> {
        let path = self.path(&format!("manifests/{reference}"));
        let answer = send(server.get(&path)).await.ok().expect("an answer");
        if answer.status == StatusCode::NOT_FOUND {
            return None;
        }
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let digest = digest_of(&answer.body);
        for blob in &self.model.known[&digest].blobs {
            let path = self.path(&format!("blobs/{}", blob.digest));
            let head = send(server.head(&path)).await.ok().expect("an answer");
            assert_eq!(
                head.status,
                StatusCode::OK,
                "{reference} is there without {path}"
            );
        }
        Some(digest)
    }
}

async fn send(request: RequestBuilder) -> Outcome<Come> {
    let answer = request.send().await.map_err(|_| Gone)?;
    let location = answer.headers().get("location");
    let location = location.map(|value| value.to_str().expect("a path").to_owned());
    let status = answer.status();
    let body = answer.bytes().await.map_err(|_| Gone)?;
    Ok(Come {
        status,
        location,
        body: body.to_vec(),
    })
}
