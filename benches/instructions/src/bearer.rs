use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use berth_oci::RepositoryName;
use berth_registry::auth::{AuthenticationError, Caller, Place, SecretKeys};
use berth_registry::cache::CacheLimits;
use berth_registry::{Db, Limits, LocalStore, Registry, Release, SystemClock};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Most tokens that are checked once each.
const TOKENS: usize = 100;

/// Checks so many tokens, none of them twice.
pub(super) fn check_new(count: usize) -> anyhow::Result<()> {
    check(|of_tokens| of_tokens.get(..count).map(<[_]>::to_vec))
}

/// Checks one token so many times.
pub(super) fn check_known(count: usize) -> anyhow::Result<()> {
    check(|of_tokens| Some(vec![of_tokens.first()?.clone(); count]))
}

fn check(chosen: impl Fn(&[HeaderMap]) -> Option<Vec<HeaderMap>>) -> anyhow::Result<()> {
    // The registry looks at changes of rights in another thread, or would believe no cache after a second.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let folder = tempfile::tempdir()?;
    let registry = runtime.block_on(open(&folder))?;
    let tokens = tokens(&registry)?;
    for headers in chosen(&tokens).context("fewer tokens are made")? {
        counted(&runtime, &registry, &headers)?;
    }
    runtime.block_on(registry.close());
    Ok(())
}

/// What is counted, apart from what a registry does beside it now and then.
#[inline(never)]
fn counted(
    runtime: &Runtime,
    registry: &Registry,
    headers: &HeaderMap,
) -> Result<Caller, AuthenticationError> {
    runtime.block_on(registry.authenticate(headers, None))
}

fn tokens(registry: &Registry) -> anyhow::Result<Vec<HeaderMap>> {
    let repository: RepositoryName = "shop/backend/web".parse()?;
    let headers = |_| {
        let token = registry.pull_token([&repository]).context("no key")?;
        let value = HeaderValue::try_from(format!("Bearer {token}"))?;
        Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
    };
    (0..TOKENS).map(headers).collect()
}

async fn open(folder: &TempDir) -> anyhow::Result<Arc<Registry>> {
    let day = Duration::from_secs(24 * 60 * 60);
    let limits = Limits {
        manifest_bytes: 4 * 1024 * 1024,
        page_entries: 1000,
        idle: day,
        upload_expiry: day,
        grace: day,
        audit_rows: 1000,
    };
    Ok(Registry::open(
        Db::open(&folder.path().join("berth.db"), &Release::this()).await?,
        Arc::new(LocalStore::open(&folder.path().join("store"))?),
        Arc::new(SystemClock),
        limits,
        CacheLimits::default(),
        SecretKeys::new("a secret key of the benches, long enough", None),
        Place {
            public_url: None,
            aliases: Vec::new(),
            service: "berth".to_owned(),
        },
    )
    .await?)
}
