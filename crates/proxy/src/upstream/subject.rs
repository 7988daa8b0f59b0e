use berth_oci::RepositoryName;

/// What a request is about, which is what its credentials have to be good for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Repository(RepositoryName),
    /// The list of all repositories.
    Catalog,
    /// Harbor's own API, which takes user and password and knows nothing of tokens.
    HarborApi,
}

impl Subject {
    /// As registries that have token services know the right to it.
    pub(super) const CATALOG_SCOPE: &str = "registry:catalog:*";
}
