//! How the server is, and giving space back.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use berth_registry::quota::WARN_PERCENT;

use super::done::Done;
use super::filters;
use super::frame::{self, Frame};
use super::language::Language;
use super::lasting::lasting;
use super::link;
use super::visitor::Visitor;
use crate::api::collection::{self, CollectableBlob, Collection, CollectionRun};
use crate::api::document::Document;
use crate::api::health::{self, Health};
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::problem::Problem;
use crate::console::Console;

#[derive(Template)]
#[template(path = "collection.html")]
struct CollectionPage {
    page: Frame,
    health: Health,
    collection: Collection,
    blobs: List<CollectableBlob>,
    later: bool,
    grace: Duration,
}

impl CollectionPage {
    /// What is not free of a disk.
    fn taken(&self, total_bytes: &u64, free_bytes: &u64) -> u64 {
        total_bytes.saturating_sub(*free_bytes)
    }

    /// From where on a disk is nearly full.
    fn nearly(&self, total_bytes: &u64) -> u64 {
        total_bytes / 100 * WARN_PERCENT
    }

    /// How long what nothing needs is kept.
    fn grace(&self) -> String {
        let grace = i64::try_from(self.grace.as_millis()).unwrap_or(i64::MAX);
        lasting(self.page.look.language, grace)
    }

    fn free_text(&self, free_bytes: &u64) -> String {
        self.page.fill("{} free", filters::size_text(*free_bytes))
    }

    fn taken_text(&self, total_bytes: &u64, free_bytes: &u64) -> String {
        filters::size_text(self.taken(total_bytes, free_bytes))
    }
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let signed = || visitor.signed.clone();
    let later = query.0.cursor.is_some();
    let Document(collection) = collection::get(console.clone(), signed()).await?;
    let Document(blobs) = collection::blobs(console.clone(), signed(), query).await?;
    let Document(health) = health::get(console.clone(), signed()).await?;
    Ok(frame::html(&CollectionPage {
        page: visitor.frame(),
        health,
        collection,
        blobs,
        later,
        grace: console.registry.limits().grace,
    }))
}

pub(super) async fn run(console: State<Console>, visitor: Visitor) -> Result<Done, Problem> {
    let done = collection::run(console, visitor.signed.clone()).await?;
    let Document(done) = done;
    Ok(Done {
        place: "/collection".to_owned(),
        said: told(&done, visitor.look().language),
    })
}

fn told(done: &CollectionRun, language: Language) -> String {
    if done.blobs == 0 && done.manifests == 0 {
        return language.say("There was nothing to free.").to_owned();
    }
    let blobs = language.count(done.blobs, "{} blob", "{} blobs");
    let manifests = language.count(done.manifests, "{} manifest", "{} manifests");
    let bytes = filters::size_text(done.bytes);
    language.fill("Freed: {}", format_args!("{blobs}, {bytes}, {manifests}"))
}
