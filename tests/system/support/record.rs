use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use reqwest::StatusCode;
use serde_json::Value;

use super::{Blob, Pusher, TestServer, digest_of};

/// What may be found after a kill: exactly what was acknowledged, or either state where a request
/// was under way.
#[derive(Default)]
pub struct Record(Mutex<State>);

/// Digests by path; `None` is 'not there'.
type Possible = BTreeSet<Option<String>>;

#[derive(Default)]
struct State {
    things: BTreeMap<String, Possible>,
    touched: BTreeSet<String>,
    sessions: BTreeMap<String, Session>,
    /// Published files never change, so each is read once.
    hashed: HashMap<PathBuf, String>,
}

#[derive(Clone)]
struct Session {
    blob: Blob,
    blob_path: String,
    acknowledged: usize,
    sent: usize,
    closing: bool,
}

impl Record {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test thread panicked")
    }

    pub fn may_become(&self, path: &str, digest: Option<&str>) {
        let mut state = self.state();
        state.touched.insert(path.to_owned());
        let thing = state.things.entry(path.to_owned());
        let possible = thing.or_insert_with(|| BTreeSet::from([None]));
        possible.insert(digest.map(str::to_owned));
    }

    pub fn became(&self, path: &str, digest: Option<&str>) {
        let certain = BTreeSet::from([digest.map(str::to_owned)]);
        self.state().things.insert(path.to_owned(), certain);
    }

    /// The digest at a path, if there is one without doubt.
    pub fn known(&self, path: &str) -> Option<String> {
        let state = self.state();
        let possible = state.things.get(path)?;
        match possible.first() {
            Some(only) if possible.len() == 1 => only.clone(),
            Some(_) | None => None,
        }
    }

    pub fn started(&self, location: &str, blob_path: &str, blob: &Blob) {
        let session = Session {
            blob: blob.clone(),
            blob_path: blob_path.to_owned(),
            acknowledged: 0,
            sent: 0,
            closing: false,
        };
        self.state().sessions.insert(location.to_owned(), session);
    }

    fn session(&self, location: &str, change: impl FnOnce(&mut Session)) {
        let mut state = self.state();
        change(state.sessions.get_mut(location).expect("a known session"));
    }

    pub fn may_reach(&self, location: &str, offset: usize) {
        self.session(location, |session| session.sent = offset);
    }

    pub fn reached(&self, location: &str, offset: usize) {
        self.session(location, |session| session.acknowledged = offset);
    }

    pub fn closing(&self, location: &str) {
        self.session(location, |session| session.closing = true);
    }

    pub fn closed(&self, location: &str) {
        self.state().sessions.remove(location);
    }

    /// Compares a server that was started again with what was acknowledged, goes on with every
    /// session, and looks for files that nobody holds.
    pub async fn check(&self, server: &TestServer, everything: bool) {
        let store = server.data_dir().join("store");
        self.check_staged(&store);
        self.check_things(server, everything).await;
        self.continue_sessions(server).await;
        let left = files(&store.join("uploads"));
        assert!(
            left.is_empty(),
            "staged, and all sessions are closed: {left:?}"
        );
        self.check_objects(server, &store.join("blobs")).await;
    }

    /// Staged bytes belong to sessions that can go on.
    fn check_staged(&self, store: &Path) {
        let state = self.state();
        for file in files(&store.join("uploads")) {
            let id = file.file_name().and_then(|name| name.to_str());
            let id = id.expect("an id");
            let known = state.sessions.keys().any(|location| location.ends_with(id));
            assert!(known, "{id} is staged without a session");
        }
    }

    async fn check_things(&self, server: &TestServer, everything: bool) {
        let things: Vec<_> = {
            let mut state = self.state();
            let touched = std::mem::take(&mut state.touched);
            let things = state.things.iter();
            things
                .filter(|(path, _)| everything || touched.contains(*path))
                .map(|(path, possible)| (path.clone(), possible.clone()))
                .collect()
        };
        for (path, possible) in things {
            let found = look(server, &path).await;
            assert!(
                possible.contains(&found),
                "{path} is {found:?}, and may be {possible:?}"
            );
            self.became(&path, found.as_deref());
        }
    }

    async fn continue_sessions(&self, server: &TestServer) {
        let sessions = self.state().sessions.clone();
        for (number, (location, session)) in sessions.into_iter().enumerate() {
            let answer = server.get(&location).send().await.expect("an answer");
            if answer.status() == StatusCode::NOT_FOUND {
                let stored = self.known(&session.blob_path);
                assert!(
                    session.closing && stored.is_some(),
                    "{location} is lost, and its blob is {stored:?}"
                );
                self.closed(&location);
                continue;
            }
            assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{location}");
            let range = answer.headers()["range"].to_str().expect("a range");
            let offset = match range.strip_prefix("0-").expect("from the start") {
                // Chunks are longer than one byte.
                "0" => 0,
                last => last.parse::<usize>().expect("a number") + 1,
            };
            assert!(
                [session.acknowledged, session.sent].contains(&offset),
                "{location} is at {offset}; acknowledged are {}, sent were {}",
                session.acknowledged,
                session.sent
            );
            let repository = session.blob_path.split("/blobs/").next().expect("a path");
            let pusher = Pusher {
                server,
                record: self,
                repository: repository.trim_start_matches("/v2/").to_owned(),
            };
            let (blob, end) = (&session.blob, session.blob.bytes.len());
            let patched = if number % 2 == 0 { end } else { offset };
            let gone_on = async {
                pusher.patch(&location, blob, offset, patched).await?;
                pusher.close(&location, blob, patched).await
            };
            gone_on.await.expect("a server that runs");
            let found = look(server, &session.blob_path).await;
            assert_eq!(found.as_ref(), Some(&blob.digest), "{location}");
        }
    }

    /// Each object is the one object of a blob that can be pulled.
    async fn check_objects(&self, server: &TestServer, blobs: &Path) {
        let mut objects: HashMap<String, PathBuf> = HashMap::new();
        for file in files(blobs) {
            let known = self.state().hashed.get(&file).cloned();
            let digest = known
                .unwrap_or_else(|| digest_of(&fs::read(&file).expect("an object can be read")));
            self.state().hashed.insert(file.clone(), digest.clone());
            if let Some(other) = objects.insert(digest.clone(), file.clone()) {
                panic!("{digest} has two objects: {file:?} and {other:?}");
            }
        }
        let held: BTreeSet<String> = {
            let state = self.state();
            let blobs = state.things.iter();
            blobs
                .filter(|(path, _)| path.contains("/blobs/"))
                .filter_map(|(_, possible)| possible.first().cloned().flatten())
                .collect()
        };
        for (digest, file) in &objects {
            assert!(
                held.contains(digest),
                "nobody holds {file:?} with {digest}; log: {:#?}",
                server.log()
            );
        }
        assert_eq!(objects.len(), held.len(), "blobs without an object");
    }
}

/// The digest of what is at a path. A manifest's blobs must be there with it.
async fn look(server: &TestServer, path: &str) -> Option<String> {
    let answer = server.get(path).send().await.expect("an answer");
    if answer.status() == StatusCode::NOT_FOUND {
        return None;
    }
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let named = answer.headers()["docker-content-digest"].clone();
    let bytes = answer.bytes().await.expect("a body");
    let digest = digest_of(&bytes);
    assert_eq!(
        named.to_str().expect("text"),
        digest,
        "the bytes of {path} are wrong"
    );
    if let Some((repository, _)) = path.split_once("/manifests/") {
        let manifest: Value = serde_json::from_slice(&bytes).expect("JSON");
        let layers = manifest["layers"].as_array().expect("layers").iter();
        for blob in layers.chain([&manifest["config"]]) {
            let blob = blob["digest"].as_str().expect("a digest");
            let head = server
                .head(&format!("{repository}/blobs/{blob}"))
                .send()
                .await
                .expect("an answer");
            assert_eq!(
                head.status(),
                StatusCode::OK,
                "{path} is visible without {blob}"
            );
        }
    }
    Some(digest)
}

/// The files of a folder and of those in it.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}
