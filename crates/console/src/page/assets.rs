//! What pages load. The name of each holds a hash of its bytes, so that browsers keep it for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

struct Asset {
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
    path: String,
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        (
            "page.css",
            "text/css",
            include_str!("../../assets/page.css"),
        ),
        (
            "page.js",
            "text/javascript",
            include_str!("../../assets/page.js"),
        ),
        (
            "icon.svg",
            "image/svg+xml",
            include_str!("../../assets/icon.svg"),
        ),
    ]
    .map(|(name, media_type, text)| {
        let hash = hex::encode(&Sha256::digest(text)[..6]);
        Asset {
            name,
            media_type,
            text,
            path: format!("/assets/{hash}-{name}"),
        }
    })
});

/// Where the asset of this name is.
pub(super) fn path(name: &str) -> &'static str {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    &asset.expect("templates name assets that there are").path
}

pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let asked = format!("/assets/{name}");
    let Some(asset) = ASSETS.iter().find(|asset| asset.path == asked) else {
        return (StatusCode::NOT_FOUND, "there is no such asset\n").into_response();
    };
    let mut response = asset.text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, forever);
    response
}
