use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use reqwest::Url;

use crate::upstream::error::{Asked, UpstreamError};
use crate::upstream::guard::Refusal;

pub(super) fn redirects(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    )
}

pub(super) fn target(from: &Url, headers: &HeaderMap) -> Option<Url> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    from.join(location).ok().and_then(without_user)
}

/// A user in a URL would be sent as `Authorization`.
pub(in super::super) fn without_user(mut url: Url) -> Option<Url> {
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_fragment(None);
    Some(url)
}

pub(in super::super) fn refused(asked: &Asked, host: String, refusal: Refusal) -> UpstreamError {
    UpstreamError::Refused {
        asked: asked.clone(),
        host: host.into(),
        refusal,
    }
}
