use std::sync::Arc;

use async_trait::async_trait;
use berth_oci::{InvalidName, ProjectName, RepositoryName};

use super::Source;
use crate::db::DbError;

/// What a client calls a repository.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub repository: &'a RepositoryName,
    /// The registry that the client means, by `?ns=`.
    pub namespace: Option<&'a str>,
    /// What stands before `/v2/` in the path.
    pub prefix: Option<&'a ProjectName>,
    /// Whether it may be a repository that a push is about to make.
    pub pushes: bool,
}

/// Which repository a client means, and where it is read from.
pub struct Located {
    /// What it is called here; `None` when that is what the client calls it.
    pub renamed: Option<RepositoryName>,
    pub source: Arc<dyn Source>,
    pub pushes: Pushes,
    /// Whether an upstream is asked for it only because no project here has the name.
    pub by_default: bool,
    /// The other name that it may have: here, or at the default upstream. A token is made for both,
    /// so that it does not tell which one it is.
    pub also: Option<RepositoryName>,
}

/// Where a push to a repository goes.
pub enum Pushes {
    Here,
    /// To the member of a group that takes its pushes.
    To(RepositoryName),
    /// Nowhere; the text says why.
    Refused(String),
}

#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Finds the source of each repository.
#[async_trait]
pub trait Sources: Send + Sync + 'static {
    async fn locate(&self, asked: Asked<'_>) -> Result<Located, LocateError>;
}
