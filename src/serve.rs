use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use berth_deployer::Deployer;
use berth_proxy::{Proxy, ProxySettings};
use berth_registry::auth::Place;
use berth_registry::cache::CacheLimits;
use berth_registry::source::Sources;
use berth_registry::{Db, LocalStore, Registry, Release, SystemClock};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::cli::ConfigArguments;
use crate::config::{self, Config, PLAIN_BEYOND_LOOPBACK};
use crate::data_dir::DataDir;
use crate::first_start;
use crate::http::{self, Metrics};
use crate::idle;
use crate::logging;
use crate::server::{Server, ServerLimits, Stop, Tls, TrustedProxies};

/// Threads for work that blocks: reads, writes and syncs of files. Idle ones end by themselves.
const BLOCKING_THREADS: usize = 128;
/// More than one Prometheus has for one target.
const METRICS_CONNECTIONS: usize = 16;

pub(crate) fn run(arguments: &ConfigArguments) -> anyhow::Result<()> {
    run_with(arguments, serve)
}

/// Lets the user admin in again. The lock of the data folder sees to it that no server runs.
pub(crate) fn recover_admin(arguments: &ConfigArguments) -> anyhow::Result<()> {
    run_with(arguments, async |config| {
        let _data_dir = DataDir::open(&config.data_dir)?;
        let registry = open_registry(&config).await?;
        let password = first_start::recover_admin(&registry).await?;
        registry.close().await;
        println!("{password}");
        Ok(())
    })
}

fn run_with(
    arguments: &ConfigArguments,
    work: impl AsyncFnOnce(Config) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let config = arguments.load()?;
    logging::start(&config.log)?;
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is installed already"))?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .context("could not start the runtime")?
        .block_on(work(config))
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let _data_dir = DataDir::open(&config.data_dir)?;
    let registry = open_registry(&config).await?;
    first_start::make_admin(&registry, &config).await?;
    let tls = config
        .tls
        .files()
        .map(|(certificate, key)| Tls::load(certificate, key))
        .transpose()?;

    let (listener, address) = listen(config.listen).await?;
    let scheme = if tls.is_some() { "https" } else { "http" };

    let proxy = Proxy::open(Arc::clone(&registry), proxy_settings(&config)).await?;
    let sources: Arc<dyn Sources> = Arc::clone(&proxy) as _;
    let settings = config.deploy_settings(address);
    let deployer = Deployer::open(Arc::clone(&registry), Arc::clone(&sources), settings).await?;
    let metrics = Arc::new(Metrics::new(Arc::clone(&registry), Arc::clone(&proxy)));
    let stop = Stop::default();
    let console = berth_console::router(
        Arc::clone(&registry),
        Arc::clone(&proxy),
        Arc::clone(&deployer),
        config.mirror.listen.map(|address| address.port()),
        stop.accepting.clone(),
    );
    let app = http::app(
        &registry,
        &sources,
        console,
        Arc::clone(&metrics),
        config.log.access,
    );
    let mut servers = JoinSet::new();
    if let Some(address) = config.metrics.listen {
        let (listener, address) = listen(address).await?;
        let server = metrics_server(&config, Arc::clone(&metrics));
        servers.spawn(server.serve(listener, stop.clone()));
        info!(metrics_address = %address, "serving metrics on http://{address}/metrics");
    }
    if let Some(address) = config.mirror.listen {
        let (listener, address) = listen(address).await?;
        let app = http::mirror_app(&registry, &sources, Arc::clone(&metrics), config.log.access);
        let server = Server::new(
            app,
            tls.clone(),
            server_limits(&config.limits),
            TrustedProxies::new(&config.trusted_proxies),
            Arc::clone(&metrics),
        );
        servers.spawn(server.serve(listener, stop.clone()));
        info!(mirror_address = %address, "serving mirrors on {scheme}://{address}");
    }
    let server = Server::new(
        app,
        tls.clone(),
        server_limits(&config.limits),
        TrustedProxies::new(&config.trusted_proxies),
        metrics,
    );
    servers.spawn(server.serve(listener, stop.clone()));
    if config.plain_beyond_loopback() {
        warn!("{PLAIN_BEYOND_LOOPBACK}");
    }
    info!(address = %address, "listening on {scheme}://{address}");
    notify(&[sd_notify::NotifyState::Ready]);
    // What only the start has needed, and later what work has.
    let resting = tokio::spawn(idle::give_back_until(
        Arc::clone(&registry),
        stop.accepting.clone(),
    ));

    loop {
        tokio::select! {
            // An accept loop ends only when it is told to: this is a panic.
            ended = all_ended(&mut servers) => return ended,
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.hangup.recv() => if let Some(tls) = &tls { tls.reload() },
        }
    }
    info!("stopping");
    notify(&[sd_notify::NotifyState::Stopping]);
    // Before the listeners, since engines that deploy pull from here. The next start goes on.
    deployer.close().await;
    stop.accepting.cancel();
    let ended = tokio::select! {
        ended = all_ended(&mut servers) => ended,
        () = signals.stop() => {
            stop.transfers.cancel();
            all_ended(&mut servers).await
        }
    };
    ended?;
    resting.await.context("giving memory back has failed")?;
    proxy.close().await;
    // Writes what is counted, and closes the database.
    registry.close().await;
    info!("stopped");
    Ok(())
}

/// Comes when no server is left, or at the first that has failed.
async fn all_ended(servers: &mut JoinSet<()>) -> anyhow::Result<()> {
    while let Some(ended) = servers.join_next().await {
        ended.context("the server has failed")?;
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("could not listen on {address}"))?;
    let address = listener
        .local_addr()
        .context("could not tell the address listened on")?;
    Ok((listener, address))
}

fn metrics_server(config: &Config, metrics: Arc<Metrics>) -> Server {
    let limits = ServerLimits {
        connections: METRICS_CONNECTIONS,
        ..server_limits(&config.limits)
    };
    let app = http::metrics_app(Arc::clone(&metrics));
    Server::new(app, None, limits, TrustedProxies::default(), metrics)
}

async fn open_registry(config: &Config) -> anyhow::Result<Arc<Registry>> {
    let file = config.database_file();
    let db = Db::open(&file, &Release::this())
        .await
        .with_context(|| format!("could not open the database {}", file.display()))?;
    let folder = config.store_folder();
    let store = LocalStore::open(&folder)
        .with_context(|| format!("could not open the blob store {}", folder.display()))?;
    let registry = Registry::open(
        db,
        Arc::new(store),
        Arc::new(SystemClock),
        registry_limits(config),
        cache_limits(&config.cache),
        first_start::secret_keys(config)?,
        place(config),
    )
    .await?;
    Ok(registry)
}

fn place(config: &Config) -> Place {
    let url = config.public_url.as_ref();
    Place {
        public_url: url.map(ToString::to_string),
        aliases: config.aliases.iter().map(ToString::to_string).collect(),
        service: url.map_or_else(|| "berth".to_owned(), |url| url.authority().to_string()),
    }
}

fn proxy_settings(config: &Config) -> ProxySettings {
    ProxySettings {
        upstreams: config.upstreams(),
        groups: config.groups(),
        default: config.mirror.default.clone(),
    }
}

fn server_limits(limits: &config::Limits) -> ServerLimits {
    ServerLimits {
        connections: limits.connections,
        header: Duration::from_secs(limits.header_seconds),
        idle: Duration::from_secs(limits.idle_seconds),
        shutdown: Duration::from_secs(limits.shutdown_seconds),
    }
}

fn registry_limits(config: &Config) -> berth_registry::Limits {
    let limits = &config.limits;
    berth_registry::Limits {
        manifest_bytes: limits.manifest_bytes,
        page_entries: limits.page_entries,
        idle: Duration::from_secs(limits.idle_seconds),
        upload_expiry: Duration::from_secs(limits.upload_expiry_hours * 60 * 60),
        grace: Duration::from_secs(config.collection.grace_seconds),
        audit_rows: limits.audit_rows,
    }
}

fn cache_limits(cache: &config::Cache) -> CacheLimits {
    let day = Duration::from_secs(24 * 60 * 60);
    let days = |days| day * u32::try_from(days).unwrap_or(u32::MAX);
    CacheLimits {
        bytes: cache.bytes,
        unused: cache.unused_days.map(days),
        pins: cache.pins.clone(),
    }
}

/// Tells systemd, if it asked to be told.
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(
            error = &error as &dyn std::error::Error,
            "could not notify systemd"
        );
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("could not listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Comes when the server is told to end.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
