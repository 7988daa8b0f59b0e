use std::time::Duration;

use berth_oci::{Digest, MediaType, Page, Reference, RepositoryName, Tag};
use berth_registry::sentence;
use http::header::{ACCEPT, LINK};
use http::{HeaderMap, HeaderValue, Method};
use oci_spec::image::Descriptor;
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::Upstream;
use super::body::read_at_most;
use super::counts::Operation;
use super::error::{Asked, Nonsense, UpstreamError, host_of};
use super::guard::Refusal;
use super::link::{Ask, refused};
use super::subject::Subject;

const LIST_BYTES: u64 = 8 << 20;
const REFERRER_PAGES: usize = 20;
const REFERRERS: usize = 10_000;

/// A part of the tags of a repository.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TagPage {
    pub tags: Vec<String>,
    /// Whether there are others behind the last.
    pub more: bool,
}

#[derive(Deserialize)]
pub(super) struct TagDocument {
    pub(super) tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct IndexDocument {
    manifests: Option<Vec<Descriptor>>,
}

impl Upstream {
    pub(crate) async fn tags(
        &self,
        repository: &RepositoryName,
        page: &Page,
        deadline: Duration,
    ) -> Result<TagPage, UpstreamError> {
        let deadline = Instant::now() + deadline;
        let repository = self.name_there(repository);
        let mut url = self.url(&repository, "tags/list");
        if let Some(n) = page.n {
            url.query_pairs_mut().append_pair("n", &n.to_string());
        }
        if let Some(last) = &page.last {
            url.query_pairs_mut().append_pair("last", last);
        }
        let ask = list_ask(url, sentence!("the tags of {repository}"), deadline);
        let (list, next): (TagDocument, _) = self.list(&repository, &ask).await?;
        let mut tags = list.tags.unwrap_or_default();
        tags.retain(|tag| tag.parse::<Tag>().is_ok());
        Ok(TagPage {
            tags,
            more: next.is_some(),
        })
    }

    /// What refers to a manifest, by the referrers API, or by the tag that stands in for it.
    pub(crate) async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        deadline: Duration,
    ) -> Result<Vec<Descriptor>, UpstreamError> {
        let deadline = Instant::now() + deadline;
        let repository = self.name_there(repository);
        match self
            .listed_referrers(&repository, subject, deadline)
            .await?
        {
            Some(referrers) => Ok(referrers),
            None => self.tagged_referrers(&repository, subject, deadline).await,
        }
    }

    /// What refers to a manifest as the referrers API has it; `None` where there is no such API.
    pub(super) async fn listed_referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        deadline: Instant,
    ) -> Result<Option<Vec<Descriptor>>, UpstreamError> {
        let mut next = Some(self.url(repository, &format!("referrers/{subject}")));
        let mut referrers = Vec::new();
        for _ in 0..REFERRER_PAGES {
            let Some(url) = next.take() else { break };
            let what = sentence!("the referrers of {subject} in {repository}");
            let mut ask = list_ask(url, what, deadline);
            let index = HeaderValue::from_static(MediaType::OCI_INDEX);
            ask.headers.insert(ACCEPT, index);
            let (page, link): (IndexDocument, _) = match self.list(repository, &ask).await {
                Err(UpstreamError::NotFound { .. }) if referrers.is_empty() => return Ok(None),
                page => page?,
            };
            referrers.extend(page.manifests.unwrap_or_default());
            if referrers.len() >= REFERRERS {
                referrers.truncate(REFERRERS);
                break;
            }
            next = link;
        }
        Ok(Some(referrers))
    }

    /// Distribution specification, "Referrers Tag Schema".
    async fn tagged_referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        deadline: Instant,
    ) -> Result<Vec<Descriptor>, UpstreamError> {
        let hex: String = subject.hex().chars().take(64).collect();
        let tag = format!("{}-{hex}", subject.algorithm());
        let tag = tag.parse().expect("an algorithm and hex digits make a tag");
        let manifest = match self.fetch(repository, &Reference::Tag(tag), deadline).await {
            Err(UpstreamError::NotFound { .. }) => return Ok(Vec::new()),
            manifest => manifest?,
        };
        let index: IndexDocument =
            serde_json::from_slice(&manifest.bytes).map_err(|_| UpstreamError::Invalid {
                asked: Asked::new(
                    &self.link.settings.url,
                    sentence!("the referrers of {subject} in {repository}"),
                ),
                nonsense: Nonsense::Json,
            })?;
        let mut referrers = index.manifests.unwrap_or_default();
        referrers.truncate(REFERRERS);
        Ok(referrers)
    }

    async fn list<T: DeserializeOwned>(
        &self,
        repository: &RepositoryName,
        ask: &Ask,
    ) -> Result<(T, Option<Url>), UpstreamError> {
        let subject = Subject::Repository(repository.clone());
        self.list_of(&subject, ask).await
    }

    /// A list, and where its next part is: always at the registry itself.
    pub(super) async fn list_of<T: DeserializeOwned>(
        &self,
        subject: &Subject,
        ask: &Ask,
    ) -> Result<(T, Option<Url>), UpstreamError> {
        let given = self.ask_of(subject, ask).await?;
        let next = next_page(given.response.headers()).and_then(|next| ask.url.join(&next).ok());
        if let Some(next) = &next
            && next.origin() != ask.url.origin()
        {
            return Err(refused(&ask.asked, host_of(next), Refusal::Page));
        }
        let body = read_at_most(given, LIST_BYTES, ask.deadline).await?;
        let list = serde_json::from_slice(&body).map_err(|_| UpstreamError::Invalid {
            asked: ask.asked.clone(),
            nonsense: Nonsense::Json,
        })?;
        Ok((list, next))
    }
}

pub(super) fn list_ask(url: Url, subject: String, deadline: Instant) -> Ask {
    Ask {
        operation: Operation::List,
        method: Method::GET,
        asked: Asked::new(&url, subject),
        url,
        headers: HeaderMap::new(),
        deadline,
    }
}

/// The target of `Link: <…>; rel="next"` (RFC 8288).
fn next_page(headers: &HeaderMap) -> Option<String> {
    headers.get_all(LINK).into_iter().find_map(|value| {
        let (target, parameters) = value.to_str().ok()?.trim().split_once('>')?;
        let next = parameters.split([';', ',']).any(|parameter| {
            let parameter = parameter.trim();
            parameter == "rel=next" || parameter == "rel=\"next\""
        });
        next.then(|| target.strip_prefix('<').map(str::to_owned))?
    })
}
