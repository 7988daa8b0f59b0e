use super::source::SourceError;
use crate::client::PushError;

/// Why something was not copied. Cheap to clone, since many images may wait for the same.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// The source names it and does not have it.
    Absent(String),
    Failed(String),
    /// The destination is gone, or takes nothing more of this user: nothing else would come.
    Lost(String),
}

impl Failure {
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Absent(reason) | Self::Failed(reason) | Self::Lost(reason) => reason,
        }
    }
}

/// An error and what caused it, in one line.
pub(super) fn told(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::new(error))
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        if error.missing() {
            Self::Absent(told(error))
        } else {
            Self::Failed(told(error))
        }
    }
}

impl From<PushError> for Failure {
    fn from(error: PushError) -> Self {
        if error.lost() {
            Self::Lost(told(error))
        } else {
            Self::Failed(told(error))
        }
    }
}
