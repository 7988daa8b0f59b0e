use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::session::Session;
use crate::cli::{InspectArguments, RepositoryOrImage};
use crate::output::{Output, size, yes_no};
use crate::table::Table;

#[derive(Deserialize)]
struct Repository {
    name: String,
    project: String,
    created_at: DateTime<Utc>,
    tags: u64,
    images: u64,
    size_bytes: u64,
    pushed_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Image {
    digest: String,
    media_type: String,
    artifact_type: Option<String>,
    size_bytes: u64,
    pushed_at: DateTime<Utc>,
    pushed_by: Option<String>,
    pulls: u64,
    last_pulled_at: Option<DateTime<Utc>>,
    tags: Vec<String>,
    annotations: BTreeMap<String, String>,
    subject: Option<String>,
    platform: Option<Platform>,
    created: Option<String>,
    labels: BTreeMap<String, String>,
    env: Vec<String>,
    entrypoint: Vec<String>,
    cmd: Vec<String>,
    layers: Vec<Layer>,
    children: Vec<Child>,
}

#[derive(Deserialize)]
struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

#[derive(Deserialize)]
struct Layer {
    digest: String,
    size_bytes: u64,
    created_by: Option<String>,
}

#[derive(Deserialize)]
struct Child {
    digest: String,
    size_bytes: u64,
    platform: Option<Platform>,
    present: bool,
    attestation: bool,
}

impl Platform {
    fn text(&self) -> String {
        let variant = self.variant.as_ref().map(|variant| format!("/{variant}"));
        let variant = variant.unwrap_or_default();
        format!("{}/{}{variant}", self.os, self.architecture)
    }
}

pub(super) async fn run(session: &Session, arguments: &InspectArguments) -> anyhow::Result<()> {
    let Session { client, output } = session;
    match &arguments.name {
        RepositoryOrImage::Repository(repository) => {
            let path = ["repositories", repository.as_str()];
            let repository = client.get(&path).await?;
            output.document(client, &repository, |repository| {
                repository_details(output, repository)
            })
        }
        RepositoryOrImage::Image(image) => {
            let reference = image.reference.to_string();
            let path = [
                "repositories",
                image.repository.as_str(),
                "images",
                &reference,
            ];
            let image = client.get(&path).await?;
            output.document(client, &image, |image| image_details(output, &image))
        }
    }
}

fn repository_details(output: &Output, repository: Repository) -> String {
    let mut table = Table::new();
    for (name, value) in [
        ("name", repository.name),
        ("project", repository.project),
        ("created", output.time(Some(repository.created_at))),
        ("tags", repository.tags.to_string()),
        ("images", repository.images.to_string()),
        ("size", size(repository.size_bytes)),
        ("pushed", output.time(repository.pushed_at)),
    ] {
        table.row([name.to_owned(), value]);
    }
    table.to_string()
}

fn image_details(output: &Output, image: &Image) -> String {
    let mut table = Table::new();
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let platform = image.platform.as_ref().map(Platform::text);
    for (name, value) in [
        ("digest", image.digest.clone()),
        ("tags", image.tags.join(", ")),
        ("media type", image.media_type.clone()),
        ("artifact type", optional(&image.artifact_type)),
        ("size", size(image.size_bytes)),
        ("pushed", output.time(Some(image.pushed_at))),
        ("pushed by", optional(&image.pushed_by)),
        ("pulls", image.pulls.to_string()),
        ("last pulled", output.time(image.last_pulled_at)),
        ("subject", optional(&image.subject)),
        ("platform", platform.unwrap_or_default()),
        ("created", optional(&image.created)),
        ("entrypoint", image.entrypoint.join(" ")),
        ("cmd", image.cmd.join(" ")),
    ] {
        if !value.is_empty() {
            table.row([name.to_owned(), value]);
        }
    }
    let pairs = |map: &BTreeMap<String, String>| -> Vec<_> {
        map.iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect()
    };
    for (name, values) in [
        ("env", image.env.clone()),
        ("label", pairs(&image.labels)),
        ("annotation", pairs(&image.annotations)),
    ] {
        for value in values {
            table.row([name.to_owned(), value]);
        }
    }
    let mut text = table.to_string();
    if !image.children.is_empty() {
        let _ = write!(text, "\n{}", children(&image.children));
    }
    if !image.layers.is_empty() {
        let _ = write!(text, "\n{}", layers(&image.layers));
    }
    text
}

fn children(children: &[Child]) -> Table<4> {
    let mut table = Table::with_header(["CHILD", "SIZE", "PLATFORM", "PRESENT"]);
    for child in children {
        let platform = match &child.platform {
            _ if child.attestation => "attestation".to_owned(),
            Some(platform) => platform.text(),
            None => String::new(),
        };
        table.row([
            child.digest.clone(),
            size(child.size_bytes),
            platform,
            yes_no(child.present),
        ]);
    }
    table
}

fn layers(layers: &[Layer]) -> Table<3> {
    let mut table = Table::with_header(["LAYER", "SIZE", "CREATED BY"]);
    for layer in layers {
        table.row([
            layer.digest.clone(),
            size(layer.size_bytes),
            layer.created_by.clone().unwrap_or_default(),
        ]);
    }
    table
}
