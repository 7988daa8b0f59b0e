//! What can become of a request to the engine.

use berth_registry::sentence;

use crate::engine::{EngineError, StepError};

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The engine is not there.
    #[error(transparent)]
    Away(EngineError),
    /// 404: what the request is about does not exist. With the engine's words.
    #[error("{0}")]
    Absent(String),
    /// 409
    #[error("{0}")]
    Conflict(String),
    /// The engine does not want to, or can not, or its answer makes no sense.
    #[error("{0}")]
    Refused(String),
}

impl Fault {
    /// What it means where nothing that the engine says is a reason to go another way: `failed`
    /// says what did not work, and the engine's words are put behind it.
    pub(super) fn or_failed(self, service: Option<&str>, failed: &str) -> StepError {
        match self {
            Self::Away(error) => StepError::Engine(error),
            Self::Absent(text) | Self::Conflict(text) | Self::Refused(text) => StepError::Failed {
                service: service.map(str::to_owned),
                reason: format!("{failed}: {}", text.trim()),
            },
        }
    }

    /// What it means where something is looked at that can be left out; the engine's words are why.
    pub(super) fn or_words(self) -> Result<String, EngineError> {
        match self {
            Self::Away(error) => Err(error),
            Self::Absent(text) | Self::Conflict(text) | Self::Refused(text) => {
                Ok(text.trim().to_owned())
            }
        }
    }

    /// What it means where nothing can be left out and only questions are asked.
    pub(super) fn or_engine(self, what: &str) -> EngineError {
        match self {
            Self::Away(error) => error,
            Self::Absent(text) | Self::Conflict(text) | Self::Refused(text) => EngineError {
                what: sentence!(
                    "the engine was asked to {what}, and answers: {}",
                    text.trim()
                ),
                source: None,
            },
        }
    }
}

/// What is not there is `None`.
pub(super) fn found<T>(answer: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match answer {
        Ok(there) => Ok(Some(there)),
        Err(Fault::Absent(_)) => Ok(None),
        Err(other @ (Fault::Away(_) | Fault::Conflict(_) | Fault::Refused(_))) => Err(other),
    }
}
