//! What a worker deletes, and takes back.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::super::RETAINED;
use super::super::model::Change;
use super::{Outcome, Worker, send};
use crate::support::{TestServer, create_project};

impl Worker {
    pub(super) async fn delete_tag(&mut self, server: &TestServer) -> Outcome {
        let tags = self.model.tags();
        let Some((tag, _)) = tags.get(self.random.below(tags.len().max(1))) else {
            return Ok(());
        };
        let change = Change {
            manifests: Vec::new(),
            tags: vec![(tag.clone(), None)],
        };
        let path = self.path(&format!("manifests/{tag}"));
        self.delete_and_restore(server, server.delete(&path), change)
            .await
    }

    pub(super) async fn delete_manifest(&mut self, server: &TestServer) -> Outcome {
        let Some(manifest) = self.some_manifest() else {
            return Ok(());
        };
        let digest = manifest.digest().to_owned();
        let tags = self.model.tags_on(&digest).into_iter();
        let path = self.path(&format!("manifests/{digest}"));
        let change = Change {
            manifests: vec![(digest, false)],
            tags: tags.map(|tag| (tag, None)).collect(),
        };
        self.delete_and_restore(server, server.delete(&path), change)
            .await
    }

    pub(super) async fn delete_repository(&mut self, server: &TestServer) -> Outcome {
        let request = server.request(Method::DELETE, &self.api());
        let change = self.model.everything_gone();
        self.delete_and_restore(server, request, change).await
    }

    /// The project of its own, which is made again unless that is taken back.
    pub(super) async fn delete_project(&mut self, server: &TestServer) -> Outcome {
        let path = format!("/api/v1/projects/{}", self.project());
        let request = server.request(Method::DELETE, &format!("{path}?with_images=true"));
        let change = self.model.everything_gone();
        self.delete_and_restore(server, request, change).await?;
        if send(server.get(&path)).await?.status == StatusCode::NOT_FOUND {
            let document = json!({"name": self.project()});
            send(server.post("/api/v1/projects").json(&document)).await?;
        }
        Ok(())
    }

    /// Makes the project of its own if a kill has come between its deletion and that.
    pub(super) async fn have_project(&self, server: &TestServer) {
        let path = format!("/api/v1/projects/{}", self.project());
        let project = send(server.get(&path)).await.ok().expect("an answer");
        if project.status == StatusCode::NOT_FOUND {
            create_project(server, self.project()).await;
        }
    }

    /// Deletes, and takes that back as often as not.
    async fn delete_and_restore(
        &mut self,
        server: &TestServer,
        delete: RequestBuilder,
        change: Change,
    ) -> Outcome {
        let before = self.model.now(&change);
        self.model.begin(&change);
        let said = format!("{delete:?}");
        let fixed = self.repository.starts_with("fixed/") && self.model.is_fixed(&change);
        let deleted = send(delete).await?;
        match deleted.status {
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => {
                assert!(!fixed, "{said}: {before:?}");
                self.model.done(&change);
            }
            StatusCode::CONFLICT => {
                assert!(fixed, "{said}: {before:?}");
                self.model.refused(before);
                return Ok(());
            }
            // There may be no repository yet, and retention may have removed the tag.
            StatusCode::NOT_FOUND => {
                let removable = |(tag, _): &(String, _)| tag.starts_with(RETAINED);
                assert!(
                    before.manifests.is_empty() && before.tags.iter().all(removable),
                    "{said}: {before:?}"
                );
                self.model.done(&change);
                return Ok(());
            }
            status => panic!("{}: {status}", self.repository),
        }
        if self.random.below(2) == 0 {
            self.restore(server, before).await?;
        }
        Ok(())
    }

    async fn restore(&mut self, server: &TestServer, before: Change) -> Outcome {
        let path = format!("/api/v1/deletions?project={}", self.project());
        let list: Value =
            serde_json::from_slice(&send(server.get(&path)).await?.body).expect("a list");
        let items = list["items"].as_array().expect("items").iter();
        let mut own = items
            .filter(|item| item["repository"] == *self.repository || item["kind"] == "project");
        // The newest is the one that was just made; retention may have deleted tags since.
        let newest = own.find(|item| {
            item["kind"] != "tag"
                || before.manifests.is_empty() && before.tags.len() == 1 && {
                    item["tag"] == *before.tags[0].0
                }
        });
        let Some(deletion) = newest else {
            return Ok(());
        };
        let now = self.model.now(&before);
        self.model.begin(&before);
        let path = format!("/api/v1/deletions/{}/restore", deletion["id"]);
        let restored = send(server.post(&path).json(&json!({}))).await?;
        match restored.status {
            StatusCode::OK => self.model.done(&before),
            // Its time was over, or the quota is used up.
            StatusCode::NOT_FOUND | StatusCode::CONFLICT => self.model.refused(now),
            status => panic!("{path}: {status}"),
        }
        Ok(())
    }
}
