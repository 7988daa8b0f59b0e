use std::collections::HashMap;

use axum::response::Response;
use berth_oci::{Digest, Endpoint, ErrorCode, MediaType, Page, RepositoryName};
use http::HeaderValue;
use http::header::LINK;
use oci_spec::image::{Descriptor, DescriptorBuilder, ImageIndexBuilder};
use serde::Serialize;

use super::ApiError;
use super::answer::{OCI_FILTERS_APPLIED, json, value};
use crate::auth::Caller;
use crate::registry::Registry;
use crate::source::{Referrer, Source};

#[derive(Serialize)]
struct Tags<'t> {
    name: &'t str,
    tags: &'t [String],
}

#[derive(Serialize)]
struct Repositories<'r> {
    repositories: &'r [&'r str],
}

/// What end-12 asks for.
pub(super) struct Referrers {
    pub(super) repository: RepositoryName,
    pub(super) subject: Digest,
    pub(super) artifact_type: Option<String>,
    pub(super) page: Page,
}

/// end-8: the tags of a repository, in order of their bytes.
pub(super) async fn tags(
    registry: &Registry,
    source: &dyn Source,
    repository: RepositoryName,
    page: Page,
) -> Result<Response, ApiError> {
    let limit = limit(registry, &page);
    let listing = source.tags(&repository, &page, limit).await?;
    let listing = listing.ok_or_else(|| {
        ApiError::client(
            ErrorCode::NameUnknown,
            format!("there is no repository {repository}"),
        )
    })?;
    let mut response = json(
        "application/json",
        &Tags {
            name: repository.as_str(),
            tags: &listing.entries,
        },
    );
    if let Some(last) = listing.entries.last().filter(|_| listing.more) {
        let page = Page {
            n: page.n,
            last: Some(last.clone()),
        };
        link_next(&mut response, &Endpoint::ListTags { repository, page });
    }
    Ok(response)
}

/// The repositories that have an image and that the caller may pull from.
pub(super) async fn repositories(
    registry: &Registry,
    caller: &Caller,
    page: Page,
) -> Result<Response, ApiError> {
    let limit = limit(registry, &page);
    let readable = registry.auth.readable(caller).await?;
    let projects = readable.projects();
    let visible = |repository: &RepositoryName| readable.contains(repository);
    let listing = registry
        .repositories(page.last.as_deref(), limit, projects.as_deref(), &visible)
        .await?;
    let names: Vec<_> = listing.items.iter().map(RepositoryName::as_str).collect();
    let mut response = json(
        "application/json",
        &Repositories {
            repositories: &names,
        },
    );
    if let Some(next) = listing.next {
        let page = Page {
            n: page.n,
            last: Some(next),
        };
        link_next(&mut response, &Endpoint::ListRepositories { page });
    }
    Ok(response)
}

/// end-12: the manifests that name a subject; an empty list where there are none, or no such
/// repository.
pub(super) async fn referrers(
    registry: &Registry,
    source: &dyn Source,
    asked: Referrers,
) -> Result<Response, ApiError> {
    let Referrers {
        repository,
        subject,
        artifact_type,
        page,
    } = asked;
    let limit = limit(registry, &page);
    let after = match &page.last {
        Some(last) => last.parse().map_err(|_| {
            ApiError::client(
                ErrorCode::PaginationNumberInvalid,
                "`last` is taken from the Link of the page before",
            )
        })?,
        None => 0,
    };
    let filter = artifact_type.as_deref();
    let listing = source
        .referrers(&repository, &subject, filter, after, limit)
        .await?;
    let manifests = listing
        .entries
        .iter()
        .map(descriptor)
        .collect::<Result<Vec<_>, _>>()?;
    let index = ImageIndexBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::OCI_INDEX)
        .manifests(manifests)
        .build()
        .map_err(ApiError::internal)?;
    let mut response = json(MediaType::OCI_INDEX, &index);
    if artifact_type.is_some() {
        response.headers_mut().insert(
            OCI_FILTERS_APPLIED,
            HeaderValue::from_static("artifactType"),
        );
    }
    if let Some(last) = listing.entries.last().filter(|_| listing.more) {
        let page = Page {
            n: page.n,
            last: Some(last.id.to_string()),
        };
        link_next(
            &mut response,
            &Endpoint::ListReferrers {
                repository,
                subject,
                artifact_type,
                page,
            },
        );
    }
    Ok(response)
}

fn descriptor(referrer: &Referrer) -> Result<Descriptor, ApiError> {
    let digest: oci_spec::image::Digest = referrer
        .digest
        .as_str()
        .parse()
        .map_err(ApiError::internal)?;
    let mut descriptor = DescriptorBuilder::default()
        .media_type(referrer.media_type.as_str())
        .digest(digest)
        .size(referrer.size_bytes);
    if let Some(artifact_type) = &referrer.artifact_type {
        descriptor = descriptor.artifact_type(artifact_type.as_str());
    }
    let annotations = referrer.annotations()?;
    if !annotations.is_empty() {
        descriptor = descriptor.annotations(annotations.into_iter().collect::<HashMap<_, _>>());
    }
    descriptor.build().map_err(ApiError::internal)
}

fn limit(registry: &Registry, page: &Page) -> usize {
    let most = registry.limits.page_entries;
    page.n
        .map_or(most, |n| usize::try_from(n).unwrap_or(most).min(most))
}

/// RFC 8288. The target is relative, and stands in angle brackets: Docker splits at the semicolon.
fn link_next(response: &mut Response, next: &Endpoint) {
    response
        .headers_mut()
        .insert(LINK, value(format!("<{}>; rel=\"next\"", next.path())));
}
