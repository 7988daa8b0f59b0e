use askama::Template;
use axum::extract::State;
use axum::response::Response;
use berth_registry::auth::{Action, Target};

use super::filters;
use super::frame::{self, Frame};
use super::link;
use super::visitor::Visitor;
use crate::api::document::Document;
use crate::api::images::{self, ImageWithParts, ReferrerOf, Wanted};
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{ImagePath, Named};
use crate::api::problem::Problem;
use crate::console::Console;

#[derive(Template)]
#[template(path = "image.html")]
struct ImagePage {
    page: Frame,
    repository: String,
    /// As it was asked for: a tag or a digest.
    reference: String,
    image: ImageWithParts,
    referrers: List<ReferrerOf>,
    may_push: bool,
    may_delete: bool,
}

impl ImagePage {
    fn by_digest(&self) -> bool {
        self.reference == self.image.image.digest
    }

    /// The end of a reference that never means another image.
    fn at_digest(&self) -> String {
        format!("@{}", self.image.image.digest)
    }

    /// What a layer takes of all of them, in percent. A manifest may say any sizes.
    fn share(&self, size_bytes: &u64) -> u64 {
        let layers = self.image.layers.iter();
        let all: u128 = layers
            .map(|layer| u128::from(layer.descriptor.size_bytes))
            .sum();
        let share = u128::from(*size_bytes) * 100 / all.max(1);
        u64::try_from(share).unwrap_or(100)
    }
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ImagePath>,
) -> Result<Response, Problem> {
    let (repository, reference) = (
        path.repository()?.to_string(),
        path.reference()?.to_string(),
    );
    let signed = visitor.signed.clone();
    let found = images::get(console.clone(), signed.clone(), Named(path.clone())).await?;
    let Document(image) = found;
    let all = Parameters(Wanted {
        artifact_type: None,
    });
    let first = Parameters(PageQuery::first());
    let name = path.repository()?;
    let shown = images::referrers(console.clone(), signed, Named(path), all, first).await?;
    let Document(referrers) = shown;
    let target = Target::Repository(&name);
    let may = async |action| {
        console
            .registry
            .has(&visitor.signed.0, action, target)
            .await
    };
    Ok(frame::html(&ImagePage {
        page: visitor.frame(),
        repository,
        reference,
        image,
        referrers,
        may_push: may(Action::Push).await?,
        may_delete: may(Action::Delete).await?,
    }))
}
