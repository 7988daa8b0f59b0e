use std::error::Error;
use std::sync::Arc;

use super::redirect::refused;
use crate::upstream::error::{Asked, UpstreamError};
use crate::upstream::guard::{PrivateName, Refusal};

/// What kept a request from being answered. The URL goes: its query may be signed.
pub(super) fn failure(asked: &Asked, error: reqwest::Error) -> UpstreamError {
    let error = error.without_url();
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(PrivateName(host)) = inner.downcast_ref() {
            return refused(asked, host.clone(), Refusal::Private);
        }
        source = inner.source();
    }
    let asked = asked.clone();
    if error.is_timeout() {
        UpstreamError::Timeout { asked }
    } else {
        UpstreamError::Unreachable {
            asked,
            source: Arc::new(error),
        }
    }
}
