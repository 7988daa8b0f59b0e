use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use berth_oci::{Algorithm, Digest, Reference, RepositoryName};
use berth_registry::SystemClock;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use reqwest::Url;

use super::blob::BlobAnswer;
use super::{BlobRange, Upstream, UpstreamError};
use crate::fixture;
use crate::settings::{Credentials, Secret, UpstreamSettings};

mod blobs;
mod breakers;
mod client;
mod fake;
mod limits;
mod lists;
mod manifests;
mod redirects;
mod secrets;
mod tokens;

const SOON: Duration = Duration::from_secs(10);

pub(super) fn settings(url: &Url) -> UpstreamSettings {
    UpstreamSettings {
        url: url.clone(),
        ..fixture::upstream("hub", "docker.io")
    }
}

fn upstream(url: &Url) -> Upstream {
    changed(url, |_| {})
}

fn changed(url: &Url, change: impl FnOnce(&mut UpstreamSettings)) -> Upstream {
    let mut settings = settings(url);
    change(&mut settings);
    Upstream::new(settings, Arc::new(SystemClock)).expect("a client")
}

fn password() -> Credentials {
    Credentials::Password {
        username: "robot".to_owned(),
        password: Secret::new("hunter2"),
    }
}

fn app() -> RepositoryName {
    "team/app".parse().expect("a name")
}

fn tag() -> Reference {
    "latest".parse().expect("a tag")
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

/// A blob of which nothing is left out.
async fn whole(upstream: &Upstream) -> Result<BlobAnswer, UpstreamError> {
    let range = BlobRange::default();
    upstream.blob(&app(), &digest(b"blob"), range).await
}

async fn read(answer: BlobAnswer) -> Result<Bytes, UpstreamError> {
    let pieces: Vec<Bytes> = answer.body.try_collect().await?;
    Ok(pieces.concat().into())
}

/// All that an error tells, to people and to programmers.
fn told(error: &UpstreamError) -> String {
    let mut text = format!("{error:?}");
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(error) = next {
        write!(text, " | {error} | {error:?}").expect("a String takes all");
        next = error.source();
    }
    text
}
