use berth_oci::{Digest, Reference, RepositoryName};
use serde::Deserialize;
use serde_json::json;

use super::list::{TagEntry, tag_table};
use super::session::Session;
use crate::cli::{ImageName, RepositoryOrImage, RmArguments, TagArguments};
use crate::table::printable;
use crate::terminal;

pub(super) async fn tag(session: &Session, arguments: &TagArguments) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let repository = arguments.image.repository.as_str();
    let path = ["repositories", repository, "tags", arguments.tag.as_str()];
    let body = json!({"reference": arguments.image.reference.to_string()});
    let tag = client.put(&path, &body).await?;
    output.document(client, &tag, |tag: TagEntry| tag_table(output, &[tag]))
}

pub(super) async fn rm(session: &Session, arguments: &RmArguments) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let ImageName {
        repository,
        reference,
    } = match &arguments.name {
        RepositoryOrImage::Repository(repository) => {
            return rm_repository(session, repository, arguments.yes).await;
        }
        RepositoryOrImage::Image(image) => image,
    };
    match reference {
        Reference::Tag(tag) => {
            let path = ["repositories", repository.as_str(), "tags", tag.as_str()];
            client.delete(&path).await?;
            output.done(&format!("deleted tag {repository}:{tag}"))
        }
        Reference::Digest(digest) => rm_image(session, repository, digest, arguments.yes).await,
    }
}

/// Deletes a repository, having said how much goes with it.
async fn rm_repository(
    session: &Session,
    repository: &RepositoryName,
    yes: bool,
) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Repository {
        tags: u64,
        images: u64,
    }
    let Session { client, output } = session;
    let path = ["repositories", repository.as_str()];
    let found: Repository = client.read(&client.get(&path).await?)?;
    let what = format!(
        "repository {repository} with its {} images and {} tags",
        found.images, found.tags
    );
    let confirmed = yes || terminal::confirm(&format!("Delete {what}?"), "give --yes")?;
    anyhow::ensure!(confirmed, "nothing was deleted");
    client.delete(&path).await?;
    output.done(&format!("deleted {what}"))
}

/// Deletes an image, having said which tags go with it.
async fn rm_image(
    session: &Session,
    repository: &RepositoryName,
    digest: &Digest,
    yes: bool,
) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Image {
        tags: Vec<String>,
    }
    let Session { client, output } = session;
    let path = [
        "repositories",
        repository.as_str(),
        "images",
        digest.as_str(),
    ];
    let image: Image = client.read(&client.get(&path).await?)?;
    let what = if image.tags.is_empty() {
        format!("{repository}@{digest}, which has no tags")
    } else {
        let tags = printable(&image.tags.join(", "));
        format!("{repository}@{digest} with its tags {tags}")
    };
    let confirmed = yes || terminal::confirm(&format!("Delete {what}?"), "give --yes")?;
    anyhow::ensure!(confirmed, "nothing was deleted");
    client.delete(&path).await?;
    output.done(&format!("deleted {what}"))
}
