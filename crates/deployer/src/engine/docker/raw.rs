//! Requests whose JSON must be kept as it is.
//!
//! bollard knows the fields of one version of the API. A container is made anew from all that the
//! engine says of the old one, so a field that is in no model must not be lost: older engines know
//! some that bollard has dropped (`MacAddress`, `KernelMemory`), newer ones will know others. These
//! requests go out through bollard, with the body or the path of another put in their place.

use berth_registry::sentence;
use bollard::models::{ContainerCreateBody, ContainerCreateResponse};
use bollard::query_parameters::CreateContainerOptions;
use bytes::Bytes;
use futures_util::TryStreamExt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::connection::{Connection, SOON, WORK, at_path, versioned};
use super::container::Container;
use super::fault::{Fault, found};
use super::image::Image;

/// An answer that is longer is not read: an inspected container has some kilobytes.
const MOST: usize = 16 << 20;

impl Connection {
    /// A container by its id or name.
    pub(super) async fn container(&self, id: &str) -> Result<Option<Container>, Fault> {
        let what = sentence!("show the container {id}");
        found(self.get(&what, &format!("/containers/{id}/json")).await)
    }

    /// An image by its id, or by a reference.
    pub(super) async fn image(&self, reference: &str) -> Result<Option<Image>, Fault> {
        let what = sentence!("show the image {reference}");
        // Only newer engines know it, and only they have images of several platforms.
        let manifests = match self.knows(48).await? {
            true => "?manifests=1",
            false => "",
        };
        let path = format!("/images/{reference}/json{manifests}");
        found(self.get(&what, &path).await)
    }

    /// Makes a container; its id.
    pub(super) async fn create(
        &self,
        name: &str,
        platform: Option<&str>,
        body: &Map<String, Value>,
    ) -> Result<String, Fault> {
        let body = Bytes::from(Value::Object(body.clone()).to_string());
        let options = CreateContainerOptions {
            name: Some(name.to_owned()),
            platform: platform.unwrap_or_default().to_owned(),
        };
        let what = sentence!("create the container {name}");
        let created: ContainerCreateResponse = self
            .ask(&what, WORK, |client| async move {
                let version = client.client_version().to_string();
                client
                    .with_request_modifier(move |request| {
                        versioned(request, &version).map(|_| bollard::body_full(body.clone()))
                    })
                    .create_container(Some(options), ContainerCreateBody::default())
                    .await
            })
            .await?;
        Ok(created.id)
    }

    async fn get<T: DeserializeOwned + Send>(&self, what: &str, path: &str) -> Result<T, Fault> {
        let wanted = path.to_owned();
        let bytes = self
            .ask(what, SOON, |client| async move {
                let version = client.client_version().to_string();
                let client = client.with_request_modifier(move |mut request| {
                    if let Some(uri) = at_path(request.uri(), &version, &wanted) {
                        *request.uri_mut() = uri;
                    }
                    request
                });
                // Of the requests that hand out their bytes, the one without parameters.
                let answer = client.export_container("berth");
                answer
                    .try_fold(Vec::new(), |mut all, part| async move {
                        if all.len() + part.len() <= MOST {
                            all.extend_from_slice(&part);
                        }
                        Ok(all)
                    })
                    .await
            })
            .await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Fault::Refused(sentence!(
                "the engine was asked to {what}, and its answer makes no sense: {error}"
            ))
        })
    }
}
