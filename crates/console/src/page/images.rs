use askama::Template;
use axum::extract::State;
use axum::response::Response;
use berth_oci::{Reference, RepositoryName, Tag};
use berth_registry::auth::{Action, Target};
use berth_registry::browse::is_image_config;

use super::filters;
use super::frame::{self, Frame};
use super::link;
use super::project_head::ProjectHead;
use super::visitor::Visitor;
use crate::api::document::Document;
use crate::api::images::{self, ImageWithParts, ReferrerOf, Wanted};
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{ImagePath, Named, TagPath};
use crate::api::problem::Problem;
use crate::api::tags;
use crate::console::Console;

mod attachment;

use attachment::Attachment;

const CHART: &str = "application/vnd.cncf.helm.config.v1+json";

#[derive(Template)]
#[template(path = "image.html")]
struct ImagePage {
    page: Frame,
    project: String,
    repository: String,
    /// As it was asked for: a tag or a digest.
    reference: String,
    image: ImageWithParts,
    /// Of all layers together; a manifest may say any sizes.
    layer_bytes: u128,
    referrers: List<ReferrerOf>,
    /// The rule by which the tag stays where it is.
    immutable_by: Option<i64>,
    /// Whether it came from an upstream.
    fetched: bool,
    may_push: bool,
    may_delete: bool,
    /// Whether the visitor says which tags of the project stay where they are.
    may_protect_tags: bool,
}

impl ImagePage {
    fn by_digest(&self) -> bool {
        self.reference == self.image.image.digest
    }

    fn size(&self) -> String {
        filters::size_text(self.image.image.size_bytes)
    }

    fn can_be_protected(&self) -> bool {
        self.may_protect_tags && !self.by_digest() && self.immutable_by.is_none()
    }

    fn can_be_deleted(&self) -> bool {
        self.may_delete && self.immutable_by.is_none()
    }

    /// Its type, where it is no image that runs: a chart, a signature.
    fn artifact(&self) -> Option<&str> {
        let config = &self.image.config.as_ref()?.media_type;
        let runs = is_image_config(config) && self.image.subject.is_none();
        let kind = self.image.image.artifact_type.as_ref().unwrap_or(config);
        (!runs).then_some(kind)
    }

    /// What people call it, if many tools write its type.
    fn artifact_name(&self) -> Option<&'static str> {
        if self.chart() {
            return Some(self.page.say("Helm chart"));
        }
        let attachment = Attachment::of_type(self.artifact()?)?;
        Some(self.page.attachment(attachment))
    }

    fn attachment(&self, referrer: &ReferrerOf) -> Option<&'static str> {
        let attachment = Attachment::of(referrer)?;
        Some(self.page.attachment(attachment))
    }

    fn chart(&self) -> bool {
        self.artifact() == Some(CHART)
    }

    fn chart_version(&self) -> String {
        format!(" --version {}", self.reference)
    }

    fn at_tag(&self) -> String {
        format!(":{}", self.reference)
    }

    /// The end of a reference that never means another image.
    fn at_digest(&self) -> String {
        format!("@{}", self.image.image.digest)
    }

    /// What a layer takes of all of them, in percent.
    fn share(&self, size_bytes: &u64) -> u64 {
        let share = u128::from(*size_bytes) * 100 / self.layer_bytes.max(1);
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
    let immutable_by = match path.reference()? {
        Reference::Tag(tag) => rule_of(&console, &visitor, &name, &tag).await?,
        Reference::Digest(_) => None,
    };
    let shown = images::referrers(console.clone(), signed, Named(path), all, first).await?;
    let Document(referrers) = shown;
    let head = ProjectHead::of(&console, &visitor, &name.project()).await?;
    let target = Target::Repository(&name);
    let may = async |action| {
        console
            .registry
            .has(&visitor.signed.0, action, target)
            .await
    };
    let layers = image.layers.iter();
    Ok(frame::html(&ImagePage {
        page: visitor.frame(),
        project: name.project().to_string(),
        repository,
        reference,
        layer_bytes: layers
            .map(|layer| u128::from(layer.descriptor.size_bytes))
            .sum(),
        image,
        referrers,
        immutable_by,
        fetched: head.fetched(),
        may_push: may(Action::Push).await?,
        may_delete: may(Action::Delete).await?,
        may_protect_tags: head.hosted() && head.may_manage(),
    }))
}

async fn rule_of(
    console: &State<Console>,
    visitor: &Visitor,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<Option<i64>, Problem> {
    let path = Named(TagPath {
        repository: repository.to_string(),
        tag: tag.to_string(),
    });
    let Document(tag) = tags::get(console.clone(), visitor.signed.clone(), path).await?;
    Ok(tag.immutable_by)
}
