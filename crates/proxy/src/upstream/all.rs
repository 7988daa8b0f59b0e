//! Lists in full, for whoever takes over all that a registry has.

use std::time::Duration;

use berth_oci::{Digest, RepositoryName, Tag};
use berth_registry::sentence;
use oci_spec::image::Descriptor;
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::error::{Asked, Nonsense, UpstreamError};
use super::lists::{TagDocument, list_ask};
use super::{Subject, Upstream};

/// For each part of a list: some registries walk their store for it.
const PART: Duration = Duration::from_secs(120);
/// What a list is asked for at a time. Distribution refuses to be asked for more than it is set to
/// give, a thousand if nothing is said.
const AT_A_TIME: &str = "100";
/// Of Harbor's own API, which gives this many at most.
const HARBOR_PAGE: usize = 100;
/// A list without an end is no list.
const PARTS: usize = 100_000;

#[derive(Deserialize)]
struct CatalogDocument {
    repositories: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct HarborName {
    name: String,
}

impl Upstream {
    /// The names of all repositories, as the registry writes them.
    pub(crate) async fn catalog(&self) -> Result<Vec<String>, UpstreamError> {
        let mut url = self.at_root("v2/_catalog");
        url.query_pairs_mut().append_pair("n", AT_A_TIME);
        let mut names = Vec::new();
        self.every(
            &Subject::Catalog,
            url,
            sentence("its repositories"),
            |part| {
                let part: CatalogDocument = part;
                names.extend(part.repositories.unwrap_or_default());
            },
        )
        .await?;
        Ok(names)
    }

    /// The names of the repositories that a user of a Harbor may see, whose catalog is for admins.
    pub(crate) async fn harbor_catalog(&self) -> Result<Vec<String>, UpstreamError> {
        let projects = self.harbor_names("projects").await?;
        let mut names = Vec::new();
        for project in projects {
            let list = format!("projects/{project}/repositories");
            names.extend(self.harbor_names(&list).await?);
        }
        Ok(names)
    }

    async fn harbor_names(&self, list: &str) -> Result<Vec<String>, UpstreamError> {
        let mut names = Vec::new();
        for page in 1..=PARTS {
            let mut url = self.at_root(&format!("api/v2.0/{list}"));
            url.query_pairs_mut()
                .append_pair("page", &page.to_string())
                .append_pair("page_size", &HARBOR_PAGE.to_string());
            let ask = list_ask(
                url,
                sentence("its repositories").to_owned(),
                Instant::now() + PART,
            );
            let (part, _): (Vec<HarborName>, _) = self.list_of(&Subject::HarborApi, &ask).await?;
            let last = part.len() < HARBOR_PAGE;
            names.extend(part.into_iter().map(|named| named.name));
            if last {
                break;
            }
        }
        Ok(names)
    }

    /// All tags of a repository. What can not be a tag is left out.
    pub(crate) async fn all_tags(
        &self,
        repository: &RepositoryName,
    ) -> Result<Vec<Tag>, UpstreamError> {
        let repository = self.name_there(repository);
        let url = self.url(&repository, "tags/list");
        let what = sentence!("the tags of {repository}");
        let mut tags = Vec::new();
        self.every(&Subject::Repository(repository), url, &what, |part| {
            let part: TagDocument = part;
            let named = part.tags.unwrap_or_default();
            tags.extend(named.iter().filter_map(|tag| tag.parse().ok()));
        })
        .await?;
        Ok(tags)
    }

    /// What refers to a manifest; `None` where the registry has no referrers API.
    pub(crate) async fn all_referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, UpstreamError> {
        let repository = self.name_there(repository);
        let deadline = Instant::now() + PART;
        self.listed_referrers(&repository, subject, deadline).await
    }

    async fn every<T: DeserializeOwned>(
        &self,
        subject: &Subject,
        first: Url,
        what: &str,
        mut take: impl FnMut(T) + Send,
    ) -> Result<(), UpstreamError> {
        let asked = Asked::new(&first, what);
        let mut next = Some(first);
        for _ in 0..PARTS {
            let Some(url) = next.take() else {
                return Ok(());
            };
            let ask = list_ask(url, what.to_owned(), Instant::now() + PART);
            let (part, link) = self.list_of(subject, &ask).await?;
            take(part);
            // One that leads to itself has no end.
            next = link.filter(|link| *link != ask.url);
        }
        Err(UpstreamError::Invalid {
            asked,
            nonsense: Nonsense::Endless,
        })
    }

    fn at_root(&self, rest: &str) -> Url {
        let mut url = self.settings().url.clone();
        let path = url.path().trim_end_matches('/');
        url.set_path(&format!("{path}/{rest}"));
        url
    }
}
