use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::guard::Refusal;

mod asked;
mod nonsense;
mod open;

pub(super) use asked::Asked;
pub(super) use asked::host_of;
pub(super) use nonsense::Nonsense;
pub use open::OpenUpstreamError;

/// What kept bytes or an answer away, in the words of the library that met it.
pub(super) type Cause = Arc<dyn Error + Send + Sync>;

/// Why an upstream gave nothing. Cheap to clone, since many clients may wait for the same.
///
/// The token service of an upstream fails in the same ways; the message then names its host.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("upstream {upstream} is offline by its settings")]
    Offline { upstream: Arc<str> },
    #[error("{asked}, and it can not be reached")]
    Unreachable {
        asked: Asked,
        #[source]
        source: Cause,
    },
    #[error("{asked}, and no answer came in time")]
    Timeout { asked: Asked },
    #[error("{asked}, and nothing more came for {} s", .silence.as_secs())]
    Stalled { asked: Asked, silence: Duration },
    /// The body ended, or broke, before all of it had come.
    #[error("{asked}, and the answer was cut after {received_bytes} bytes")]
    Cut {
        asked: Asked,
        received_bytes: u64,
        #[source]
        source: Option<Cause>,
    },
    /// Credentials that were just proved, or none, are not enough.
    #[error("{asked}, which it does not give with these credentials")]
    Unauthorized { asked: Asked },
    #[error("{asked}, which it forbids")]
    Forbidden { asked: Asked },
    #[error("{asked}, which it does not have")]
    NotFound { asked: Asked },
    /// Asking again before `retry_after` is answered here.
    #[error("{asked}, and it has had too many requests")]
    TooManyRequests {
        asked: Asked,
        retry_after: Option<Duration>,
    },
    #[error("{asked}, and it answered {status}")]
    Server { asked: Asked, status: StatusCode },
    /// The registry does not know this kind of request.
    #[error("{asked}, and it does not take such a request")]
    Unsupported { asked: Asked },
    /// A redirection or a token service leads where none may.
    #[error("{asked}, and was sent on to {host}, {refusal}")]
    Refused {
        asked: Asked,
        host: Arc<str>,
        refusal: Refusal,
    },
    /// Where the registry redirected to takes the URL no more: ask the registry again.
    #[error("{asked}, and the URL that the registry gave was answered {status}")]
    ExpiredUrl { asked: Asked, status: StatusCode },
    #[error("{asked}, and {nonsense}")]
    Invalid { asked: Asked, nonsense: Nonsense },
}

impl UpstreamError {
    /// Whether it says that the upstream is down, and not that it said no.
    pub(super) fn outage(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Server { .. } => true,
            Self::Offline { .. }
            | Self::Stalled { .. }
            | Self::Cut { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::TooManyRequests { .. }
            | Self::Unsupported { .. }
            | Self::Refused { .. }
            | Self::ExpiredUrl { .. }
            | Self::Invalid { .. } => false,
        }
    }

    /// What was remembered, told to somebody who asks for something else, `left` before it may
    /// be different.
    pub(super) fn again(&self, now_asked: &Asked, left: Option<Duration>) -> Self {
        let mut error = self.clone();
        match &mut error {
            Self::Offline { .. } => {}
            Self::TooManyRequests { asked, retry_after } => {
                *asked = now_asked.clone();
                *retry_after = left;
            }
            Self::Unreachable { asked, .. }
            | Self::Timeout { asked }
            | Self::Stalled { asked, .. }
            | Self::Cut { asked, .. }
            | Self::Unauthorized { asked }
            | Self::Forbidden { asked }
            | Self::NotFound { asked }
            | Self::Server { asked, .. }
            | Self::Unsupported { asked }
            | Self::Refused { asked, .. }
            | Self::ExpiredUrl { asked, .. }
            | Self::Invalid { asked, .. } => *asked = now_asked.clone(),
        }
        error
    }
}
