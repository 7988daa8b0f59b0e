use std::fs;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Certificate, Client, Proxy, Url, redirect};

use super::error::OpenUpstreamError;
use super::guard::{Guard, GuardedResolver, loopback};
use crate::settings::{Secret, UpstreamSettings};

const CONNECT: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// What one download, and all of one connection, may have under way: on a line of 100 ms the 64 KiB
/// of HTTP/2 would be 640 KB/s.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// The HTTP client of one upstream: it follows nothing, keeps no cookies and unpacks no bodies.
pub(super) fn build(
    settings: &UpstreamSettings,
    guard: Arc<Guard>,
) -> Result<Client, OpenUpstreamError> {
    let upstream = || settings.name.to_string();
    let mut headers = HeaderMap::new();
    // A digest is that of the bytes as they are stored.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let mut builder = Client::builder()
        .user_agent(concat!("berth/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .tcp_keepalive(KEEP_ALIVE)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .dns_resolver(GuardedResolver(guard));
    if let Some(proxy) = &settings.proxy {
        // The errors of the parsers would repeat the password.
        let proxy = proxy_url(proxy).and_then(|url| Proxy::all(url).ok());
        builder = builder.proxy(proxy.ok_or_else(|| OpenUpstreamError::Proxy {
            upstream: upstream(),
        })?);
    }
    if settings.proxy.is_none() && loopback(&settings.url) {
        // No proxy of the environment can reach what is on this machine.
        builder = builder.no_proxy();
    }
    if let Some(path) = &settings.ca_file {
        let pem = fs::read(path).map_err(|source| OpenUpstreamError::CaFile {
            upstream: upstream(),
            path: path.clone(),
            source,
        })?;
        let authorities = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if authorities.is_empty() {
            return Err(OpenUpstreamError::Certificates {
                upstream: upstream(),
                path: path.clone(),
            });
        }
        builder = builder.tls_certs_merge(authorities);
    }
    builder.build().map_err(|source| OpenUpstreamError::Client {
        upstream: upstream(),
        source,
    })
}

/// The hosts of the proxies that requests may go through, which the resolver has to let pass.
pub(super) fn proxy_hosts(settings: &UpstreamSettings) -> Vec<String> {
    if let Some(proxy) = &settings.proxy {
        let host = proxy_url(proxy).and_then(|url| Some(url.host_str()?.to_owned()));
        return host.into_iter().collect();
    }
    // The environment names one for each scheme, whatever the host that is asked.
    let system = Matcher::from_system();
    ["http://proxied.invalid/", "https://proxied.invalid/"]
        .into_iter()
        .filter_map(|asked| {
            let proxy = system.intercept(&Uri::from_static(asked))?;
            Some(proxy.uri().host()?.to_ascii_lowercase())
        })
        .collect()
}

fn proxy_url(proxy: &Secret) -> Option<Url> {
    let url = Url::parse(proxy.expose()).ok()?;
    let known = ["http", "https", "socks5", "socks5h"].contains(&url.scheme());
    (known && url.has_host()).then_some(url)
}
