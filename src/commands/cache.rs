use serde::Deserialize;
use serde_json::json;

use super::session::Session;
use crate::cli::{ProxyCommand, WarmArguments};
use crate::client::Document;
use crate::output::size;
use crate::table::{Table, printable};

/// The most images that the API takes in one call.
const IMAGES: usize = 20;

#[derive(Deserialize)]
struct Caches {
    items: Vec<Cache>,
    cached_bytes: u64,
}

#[derive(Deserialize)]
struct Cache {
    project: String,
    registry: String,
    hits: u64,
    fills: u64,
    joins: u64,
    served_bytes: u64,
    fetched_bytes: u64,
    saved_bytes: u64,
    running: u64,
}

#[derive(Deserialize)]
struct WarmedImages {
    items: Vec<Document>,
}

#[derive(Deserialize)]
struct WarmedImage {
    image: String,
    manifests: u64,
    blobs: u64,
    fetched_bytes: u64,
    error: Option<String>,
}

pub(super) async fn run(session: &Session, command: &ProxyCommand) -> anyhow::Result<()> {
    let Session { client, output } = session;
    match command {
        ProxyCommand::Status => {
            let caches = client.get(&["caches"]).await?;
            output.document(client, &caches, |caches: Caches| status(&caches))
        }
    }
}

/// Fetches images, and fails if one of them could not be.
pub(super) async fn warm(session: &Session, arguments: &WarmArguments) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let mut items = Vec::new();
    for images in arguments.images.chunks(IMAGES) {
        let images: Vec<_> = images.iter().map(ToString::to_string).collect();
        let body = json!({"images": images, "platforms": arguments.platforms});
        let warmed = client.post(&["caches", "warm"], &body).await?;
        items.extend(client.read::<WarmedImages>(&warmed)?.items);
    }
    output.list(client, &items, list)?;
    let mut failures = Vec::new();
    for item in &items {
        let WarmedImage { image, error, .. } = client.read(item)?;
        failures.extend(error.map(|error| printable(&format!("{image}: {error}"))));
    }
    anyhow::ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

fn status(caches: &Caches) -> String {
    let mut table = Table::with_header([
        "REGISTRY",
        "PROJECT",
        "HITS",
        "FILLS",
        "JOINS",
        "HIT RATIO",
        "SERVED",
        "FETCHED",
        "SAVED",
        "RUNNING",
    ]);
    for cache in &caches.items {
        table.row([
            cache.registry.clone(),
            cache.project.clone(),
            cache.hits.to_string(),
            cache.fills.to_string(),
            cache.joins.to_string(),
            ratio(cache.hits + cache.joins, cache.fills),
            size(cache.served_bytes),
            size(cache.fetched_bytes),
            size(cache.saved_bytes),
            cache.running.to_string(),
        ]);
    }
    let held = size(caches.cached_bytes);
    format!("{table}\nblobs of all caches: {held}\n")
}

/// How many of the blobs that were asked for did not have to come for it.
fn ratio(spared: u64, fetched: u64) -> String {
    match spared + fetched {
        0 => String::new(),
        all => format!("{} %", u128::from(spared) * 100 / u128::from(all)),
    }
}

fn list(images: &[WarmedImage]) -> String {
    let mut table = Table::with_header(["IMAGE", "MANIFESTS", "BLOBS", "FETCHED"]);
    for image in images.iter().filter(|image| image.error.is_none()) {
        table.row([
            image.image.clone(),
            image.manifests.to_string(),
            image.blobs.to_string(),
            size(image.fetched_bytes),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::ratio;

    #[test]
    fn a_cache_that_was_asked_for_nothing_has_no_ratio() {
        assert_eq!(ratio(0, 0), "");
        assert_eq!(ratio(0, 3), "0 %");
        assert_eq!(ratio(2, 1), "66 %");
        assert_eq!(ratio(5, 0), "100 %");
    }
}
