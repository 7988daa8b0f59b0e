//! What the commands know of a server: how it is spoken to, what it answers, and the login that is
//! kept for it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{HeaderName, RETRY_AFTER};
use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode, redirect};
use serde_json::Value;

mod distribution;
mod document;
mod events;
mod login_file;
mod path;
mod problem;
mod secret;
mod server;

pub(crate) use distribution::{Distribution, PushError};
pub(crate) use document::Document;
pub(crate) use events::Events;
pub(crate) use login_file::{Login, LoginFile};
pub(crate) use problem::RequestError;
pub(crate) use secret::Secret;
pub(crate) use server::Server;

use document::Page;
use problem::Problem;

const CONNECT: Duration = Duration::from_secs(10);
/// A list of a large registry is slow; silence for this long is not.
const SILENCE: Duration = Duration::from_secs(60);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The management API of one server, as one user.
pub(crate) struct Client {
    http: reqwest::Client,
    server: Server,
    user: String,
    secret: Secret,
}

impl Client {
    /// Refuses a login whose secret would travel where others can read it.
    pub(crate) fn new(login: &Login) -> anyhow::Result<Self> {
        let http = http(login)?.read_timeout(SILENCE).build();
        Ok(Self {
            http: http.context("could not set up the client")?,
            server: login.server.clone(),
            user: login.user.clone(),
            secret: login.secret.clone(),
        })
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    pub(crate) async fn get(&self, path: &[&str]) -> Result<Document, RequestError> {
        self.document(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &[&str], body: &Value) -> Result<Document, RequestError> {
        let request = self.request(Method::POST, path).json(body);
        self.document(request).await
    }

    pub(crate) async fn patch(
        &self,
        path: &[&str],
        body: &Value,
    ) -> Result<Document, RequestError> {
        let request = self.request(Method::PATCH, path).json(body);
        self.document(request).await
    }

    pub(crate) async fn put(&self, path: &[&str], body: &Value) -> Result<Document, RequestError> {
        let request = self.request(Method::PUT, path).json(body);
        self.document(request).await
    }

    /// Puts what is answered with 204.
    pub(crate) async fn put_silently(
        &self,
        path: &[&str],
        body: &Value,
    ) -> Result<(), RequestError> {
        let request = self.request(Method::PUT, path).json(body);
        self.exchange(request).await.map(drop)
    }

    pub(crate) async fn delete(&self, path: &[&str]) -> Result<(), RequestError> {
        let request = self.request(Method::DELETE, path);
        self.exchange(request).await.map(drop)
    }

    /// As [`Client::delete`], with what goes along.
    pub(crate) async fn delete_with(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<(), RequestError> {
        let request = self.request(Method::DELETE, path).query(query);
        self.exchange(request).await.map(drop)
    }

    /// The items of a list, from as many of its pages as hold `most` of them.
    pub(crate) async fn list(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        most: Option<usize>,
    ) -> Result<Vec<Document>, RequestError> {
        let request = || self.request(Method::GET, path).query(query);
        self.pages(request, most).await
    }

    /// The items of a list that is asked for with a document.
    pub(crate) async fn list_by_post(
        &self,
        path: &[&str],
        body: &Value,
    ) -> Result<Vec<Document>, RequestError> {
        let request = || self.request(Method::POST, path).json(body);
        self.pages(request, None).await
    }

    async fn pages(
        &self,
        request: impl Fn() -> RequestBuilder,
        most: Option<usize>,
    ) -> Result<Vec<Document>, RequestError> {
        let mut items = Vec::new();
        let mut cursor = None;
        loop {
            let missing = most.map_or(usize::MAX, |most| most.saturating_sub(items.len()));
            if missing == 0 {
                return Ok(items);
            }
            let mut request = request().query(&[("limit", missing.min(Page::MOST_ITEMS))]);
            if let Some(cursor) = cursor {
                request = request.query(&[("cursor", cursor)]);
            }
            let page: Page = self.read(&self.document(request).await?)?;
            items.extend(page.items.into_iter().take(missing));
            cursor = page.next;
            if cursor.is_none() {
                return Ok(items);
            }
        }
    }

    /// What happens from now on, or from behind the event `last`.
    pub(crate) async fn events(
        &self,
        path: &[&str],
        last: Option<&str>,
    ) -> Result<Events, RequestError> {
        let mut request = self.request(Method::GET, path);
        if let Some(last) = last {
            request = request.header(LAST_EVENT_ID, last);
        }
        let response = self.answer(request).await?;
        Ok(Events::new(self.server.clone(), response))
    }

    /// What a table needs of a document.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(
        &self,
        document: &Document,
    ) -> Result<T, RequestError> {
        document.read().map_err(|source| self.unreadable(source))
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.http
            .request(method, path::url(&self.server, path))
            .basic_auth(&self.user, Some(self.secret.expose()))
    }

    async fn document(&self, request: RequestBuilder) -> Result<Document, RequestError> {
        let bytes = self.exchange(request).await?;
        Document::parse(&bytes).map_err(|source| self.unreadable(source))
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<bytes::Bytes, RequestError> {
        let response = self.answer(request).await?;
        let bytes = response.bytes().await;
        bytes.map_err(|error| self.unreachable(error))
    }

    /// An answer that is none of a refusal, of which the head has come.
    async fn answer(&self, request: RequestBuilder) -> Result<Response, RequestError> {
        let response = request.send().await;
        let response = response.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = response.bytes().await;
        let bytes = bytes.map_err(|error| self.unreachable(error))?;
        let server = self.server.clone();
        Err(match (status, Problem::parse(&bytes)) {
            (StatusCode::UNAUTHORIZED, _) => RequestError::Unauthorized { server },
            (_, Some(problem)) => RequestError::Refused {
                problem,
                retry_after,
            },
            (_, None) => RequestError::Unexplained { server, status },
        })
    }

    fn unreachable(&self, error: reqwest::Error) -> RequestError {
        RequestError::Unreachable {
            server: self.server.clone(),
            source: error.without_url(),
        }
    }

    fn unreadable(&self, source: serde_json::Error) -> RequestError {
        RequestError::Unreadable {
            server: self.server.clone(),
            source,
        }
    }
}

/// What speaks to the server of a login, and to no other. Refuses a login whose secret would travel
/// where others can read it.
fn http(login: &Login) -> anyhow::Result<reqwest::ClientBuilder> {
    login.server.require_private(login.insecure)?;
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("berth/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        // The secret is for the server that was logged in to.
        .redirect(redirect::Policy::none());
    if login.server.loopback() {
        builder = builder.no_proxy();
    }
    if let Some(file) = &login.ca_file {
        builder = builder.tls_certs_only(certificates(file)?);
    }
    Ok(builder)
}

fn certificates(file: &Path) -> anyhow::Result<Vec<Certificate>> {
    let unusable = || format!("could not read certificates from {}", file.display());
    let pem = fs::read(file).with_context(unusable)?;
    let certificates = Certificate::from_pem_bundle(&pem).with_context(unusable)?;
    anyhow::ensure!(
        !certificates.is_empty(),
        "there is no certificate in {}",
        file.display()
    );
    Ok(certificates)
}

#[cfg(test)]
mod tests;
