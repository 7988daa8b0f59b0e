//! What a request asks for: the end-point, and what the client says beside it of the registry that it
//! means.

use berth_oci::{Endpoint, ParseError, ProjectName};
use http::request::Parts;

use crate::auth::{Action, Caller, Target};
use crate::db::DbError;
use crate::registry::Registry;
use crate::source::{Asked, LocateError, Located, Pushes, Sources};

pub(super) struct Request {
    pub(super) endpoint: Endpoint,
    /// `?ns=`
    pub(super) namespace: Option<String>,
    /// What stands before `/v2/`.
    prefix: Option<ProjectName>,
}

impl Request {
    pub(super) fn parse(head: &Parts) -> Result<Self, ParseError> {
        let query = head.uri.query().unwrap_or_default();
        let (prefix, path) = Endpoint::split_prefix(head.uri.path())?;
        Ok(Self {
            endpoint: Endpoint::parse(&head.method, path, query)?,
            namespace: Endpoint::namespace(query)?,
            prefix,
        })
    }

    /// Where the repository of the request is read from; `None` where it has none.
    pub(super) async fn locate(
        &self,
        sources: &dyn Sources,
        caller: &Caller,
    ) -> Result<Option<Located>, LocateError> {
        let Some(repository) = self.endpoint.repository() else {
            return Ok(None);
        };
        let pushes = !self.endpoint.reads()
            || caller.token_allows(Action::Push, Target::Repository(repository));
        let asked = Asked {
            repository,
            namespace: self.namespace.as_deref(),
            prefix: self.prefix.as_ref(),
            pushes,
        };
        sources.locate(asked).await.map(Some)
    }
}

/// The end-point under the name that the repository has here.
pub(super) fn renamed(endpoint: Endpoint, located: &Located) -> Endpoint {
    let name = match (&located.pushes, endpoint.reads()) {
        (Pushes::To(name), false) => Some(name),
        (Pushes::To(_) | Pushes::Here | Pushes::Refused(_), _) => located.renamed.as_ref(),
    };
    match name {
        Some(name) => endpoint.renamed(name.clone()),
        None => endpoint,
    }
}

/// Why the end-point can not be: what is pulled from elsewhere can be removed here, and nothing else.
pub(super) fn refused<'l>(endpoint: &Endpoint, located: &'l Located) -> Option<&'l str> {
    let deletes = matches!(
        endpoint,
        Endpoint::DeleteManifest { .. } | Endpoint::DeleteBlob { .. }
    );
    match &located.pushes {
        Pushes::Refused(reason) if !endpoint.reads() && !deletes => Some(reason),
        Pushes::Refused(_) | Pushes::Here | Pushes::To(_) => None,
    }
}

/// Whether this asks what refers to something in a repository that is not here: at the default
/// upstream such a list is empty, and at a project that hides it is refused.
pub(super) async fn of_nothing(registry: &Registry, endpoint: &Endpoint) -> Result<bool, DbError> {
    match endpoint {
        Endpoint::ListReferrers { repository, .. } => {
            Ok(!registry.has_repository(repository).await?)
        }
        _ => Ok(false),
    }
}
