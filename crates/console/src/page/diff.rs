//! What is different between two images of a repository.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::filters;
use super::frame::{self, Frame};
use super::link;
use super::visitor::Visitor;
use crate::api::document::Document;
use crate::api::images::{self, ImageWithParts};
use crate::api::list::Parameters;
use crate::api::names::{ImagePath, Named, RepositoryPath};
use crate::api::problem::Problem;
use crate::console::Console;

mod change;
mod layers;
mod platforms;

use change::{Change, What, changes};
use layers::{Layer, Place, layers};
use platforms::{Pair, pairs};

/// Which images are compared: tags, or digests.
#[derive(Deserialize)]
pub(super) struct Compared {
    from: String,
    to: String,
}

#[derive(Template)]
#[template(path = "diff.html")]
struct DiffPage {
    page: Frame,
    project: String,
    repository: String,
    from: Compare,
    to: Compare,
    /// Of images for several platforms, those that are compared one by one.
    pairs: Vec<Pair>,
    layers: Vec<Layer>,
    changes: Vec<Change>,
}

/// One of the two.
struct Compare {
    reference: String,
    image: ImageWithParts,
}

impl DiffPage {
    /// What has changed, in words.
    fn what(&self, what: &What) -> &'static str {
        let say = |text| self.page.say(text);
        match what {
            What::Platform => say("Platform"),
            What::Entrypoint => say("Entrypoint"),
            What::Command => say("Command"),
            What::Environment => say("Environment"),
            What::Label => say("Label"),
            What::Annotation => say("Annotation"),
        }
    }

    fn same(&self) -> bool {
        self.from.image.image.digest == self.to.image.image.digest
    }
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<RepositoryPath>,
    Parameters(compared): Parameters<Compared>,
) -> Result<Response, Problem> {
    let name = path.repository()?;
    let repository = name.to_string();
    let read = async |reference: String| {
        let path = ImagePath {
            repository: repository.clone(),
            reference: reference.trim().to_owned(),
        };
        let signed = visitor.signed.clone();
        let Document(image) = images::get(console.clone(), signed, Named(path)).await?;
        Ok::<_, Problem>(Compare { reference, image })
    };
    let (from, to) = (read(compared.from).await?, read(compared.to).await?);
    Ok(frame::html(&DiffPage {
        page: visitor.frame(),
        project: name.project().to_string(),
        repository,
        pairs: pairs(&from.image, &to.image),
        layers: layers(&from.image.layers, &to.image.layers),
        changes: changes(&from.image, &to.image),
        from,
        to,
    }))
}
