use std::time::Duration;

use http::StatusCode;
use reqwest::Response;

use super::{Answer, Ask, Given, Link};
use crate::settings::Profile;
use crate::upstream::counts::Operation;
use crate::upstream::error::{Asked, Nonsense, UpstreamError};
use crate::upstream::retry_after::retry_after;

impl Link {
    pub(super) fn read_quota(&self, ask: &Ask, response: &Response) {
        if ask.operation != Operation::Manifest {
            return;
        }
        let Some(quota) = self.quotas.read(response.headers(), self.clock.now()) else {
            return;
        };
        let error = UpstreamError::TooManyRequests {
            asked: ask.asked.clone(),
            retry_after: quota.window,
        };
        self.gates.counted(self.name(), &quota, error);
    }

    /// What an answer means that redirects no further; `home` if the registry itself gave it.
    pub(super) fn judge(
        &self,
        ask: &Ask,
        response: Response,
        asked: Asked,
        home: bool,
    ) -> Result<Answer, UpstreamError> {
        let status = response.status();
        let error = match status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
                return Ok(Answer::Given(Given { response, asked }));
            }
            StatusCode::UNAUTHORIZED if home => {
                return Ok(Answer::Challenged(response.headers().clone()));
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if !home => {
                UpstreamError::ExpiredUrl { asked, status }
            }
            StatusCode::FORBIDDEN | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => {
                UpstreamError::Forbidden { asked }
            }
            // A token service that is not there says nothing of what the token was for.
            StatusCode::NOT_FOUND | StatusCode::GONE if ask.operation != Operation::Token => {
                UpstreamError::NotFound { asked }
            }
            StatusCode::METHOD_NOT_ALLOWED => UpstreamError::Unsupported { asked },
            StatusCode::REQUEST_TIMEOUT => UpstreamError::Timeout { asked },
            StatusCode::TOO_MANY_REQUESTS => UpstreamError::TooManyRequests {
                asked,
                retry_after: self.wait(&response),
            },
            status if status.is_server_error() => UpstreamError::Server { asked, status },
            status => UpstreamError::Invalid {
                asked,
                nonsense: Nonsense::Status(status),
            },
        };
        if home {
            self.heed(ask, &error);
        }
        Err(error)
    }

    fn heed(&self, ask: &Ask, error: &UpstreamError) {
        if let UpstreamError::TooManyRequests { retry_after, .. } = error {
            self.gates
                .limited(self.name(), ask.operation, error, *retry_after);
        }
        let accelerator = self.settings.profile == Profile::AliyunAccelerator;
        if accelerator && matches!(error, UpstreamError::Forbidden { .. }) {
            self.gates.forbidden(self.name(), error);
        }
    }

    /// How long a 429 says to wait: until its `Retry-After`, or the end of a quota that is used up.
    fn wait(&self, response: &Response) -> Option<Duration> {
        let told = retry_after(response.headers(), self.clock.now());
        let used_up = || {
            let quota = self.quotas.newest()?;
            quota.window.filter(|_| quota.remaining == 0)
        };
        told.or_else(used_up)
    }
}
