//! What a client is told when an upstream gives nothing.

use berth_oci::ErrorCode;
use berth_registry::source::SourceError;
use http::StatusCode;

use crate::fill::FillError;
use crate::upstream::UpstreamError;

/// After a server error: long enough for a restart, short enough for a person.
const RETRY_SECONDS: u64 = 5;

/// What was asked for: a manifest that nobody has waited for yet, or a blob of an image that is
/// being pulled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Manifest,
    Blob,
}

/// The answer to a client; `None` where it is that there is no such thing.
pub(crate) fn answer(error: &UpstreamError, wanted: Wanted) -> Option<SourceError> {
    use UpstreamError as E;
    let (status, code, retry_after_seconds) = match error {
        E::NotFound { .. } => return None,
        E::Offline { .. } => return None,
        E::TooManyRequests { retry_after, .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::TooManyRequests,
            Some(retry_after.map_or(RETRY_SECONDS, |wait| wait.as_secs().max(1))),
        ),
        E::Unauthorized { .. } | E::Forbidden { .. } => {
            (StatusCode::FORBIDDEN, ErrorCode::Denied, None)
        }
        E::Server { .. } if wanted == Wanted::Manifest => (
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Unavailable,
            Some(RETRY_SECONDS),
        ),
        E::Timeout { .. } | E::Stalled { .. } if wanted == Wanted::Manifest => {
            (StatusCode::GATEWAY_TIMEOUT, ErrorCode::Unavailable, None)
        }
        E::Server { .. }
        | E::Timeout { .. }
        | E::Stalled { .. }
        | E::Unreachable { .. }
        | E::Cut { .. }
        | E::Unsupported { .. }
        | E::Refused { .. }
        | E::ExpiredUrl { .. }
        | E::Invalid { .. } => (StatusCode::BAD_GATEWAY, ErrorCode::Unavailable, None),
    };
    Some(SourceError::Elsewhere {
        status,
        code,
        message: error.to_string(),
        retry_after_seconds,
    })
}

/// The same for a download; `None` where no upstream has the blob.
pub(crate) fn of_fill(error: &FillError) -> Option<SourceError> {
    use FillError as E;
    match error {
        E::Upstream(error) => answer(error, Wanted::Blob),
        E::Spool(_)
        | E::Db(_)
        | E::Wrong { .. }
        | E::Passed { .. }
        | E::Size { .. }
        | E::NoRanges { .. }
        | E::NoUpstream
        | E::NoRoom
        | E::Stored
        | E::Short
        | E::Abandoned
        | E::Stopping => Some(bad_gateway(error)),
    }
}

/// Of a download that has begun.
pub(crate) fn cut(error: &FillError) -> SourceError {
    of_fill(error).unwrap_or_else(|| bad_gateway(error))
}

fn bad_gateway(error: &FillError) -> SourceError {
    SourceError::Elsewhere {
        status: StatusCode::BAD_GATEWAY,
        code: ErrorCode::Unavailable,
        message: error.to_string(),
        retry_after_seconds: None,
    }
}

/// Whether the same question may well be answered a moment later.
pub(crate) fn worth_another_try(error: &UpstreamError) -> bool {
    use UpstreamError as E;
    match error {
        E::Server { .. } | E::ExpiredUrl { .. } | E::Unreachable { .. } | E::Cut { .. } => true,
        E::Offline { .. }
        | E::NotFound { .. }
        | E::Unauthorized { .. }
        | E::Forbidden { .. }
        | E::TooManyRequests { .. }
        | E::Timeout { .. }
        | E::Stalled { .. }
        | E::Unsupported { .. }
        | E::Refused { .. }
        | E::Invalid { .. } => false,
    }
}

/// Whether something that is cached is a better answer than this error.
pub(crate) fn passing(error: &UpstreamError) -> bool {
    use UpstreamError as E;
    match error {
        E::NotFound { .. } | E::Unauthorized { .. } | E::Forbidden { .. } => false,
        E::Offline { .. }
        | E::TooManyRequests { .. }
        | E::Server { .. }
        | E::Timeout { .. }
        | E::Stalled { .. }
        | E::Unreachable { .. }
        | E::Cut { .. }
        | E::Unsupported { .. }
        | E::Refused { .. }
        | E::ExpiredUrl { .. }
        | E::Invalid { .. } => true,
    }
}
