use std::path::Path;

use anyhow::Context as _;
use berth_deployer::{EngineSettings, TlsFiles};
use berth_proxy::{Credentials, UpstreamSettings};
use berth_registry::auth::RepositoryGlob;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::cli::ConfigArguments;
use crate::config::{Config, PLAIN_BEYOND_LOOPBACK};
use crate::server::Tls;

/// Says what `serve` would do with this configuration; files that it names are read.
pub(crate) fn run(arguments: &ConfigArguments) -> anyhow::Result<()> {
    let config = arguments.load()?;
    let scheme = match config.tls.files() {
        Some((certificate, key)) => {
            Tls::load(certificate, key).context("the TLS files are not usable")?;
            "https"
        }
        None => "http",
    };
    println!("listens on  {scheme}://{}", config.listen);
    if let Some(url) = &config.public_url {
        println!("reached by  {url}");
    }
    print_list("aliases     ", &config.aliases);
    print_list("trusts      ", &config.trusted_proxies);
    if let Some(address) = config.metrics.listen {
        println!("metrics     http://{address}/metrics");
    }
    println!("database    {}", config.database_file().display());
    println!("blobs       {}", config.store_folder().display());
    print_upstreams(&config)?;
    print_deployments(&config)?;
    let secrets = [
        ("secret_key", &config.secret_key),
        ("previous_secret_key", &config.previous_secret_key),
        ("admin_password", &config.admin_password),
        ("deploy.notify_secret", config.deploy.notify_secret()),
    ];
    let given = secrets.iter().filter(|(_, secret)| secret.is_some());
    print_list("secrets     ", given.map(|(name, _)| name));
    if config.plain_beyond_loopback() {
        println!("beware      {PLAIN_BEYOND_LOOPBACK}");
    }
    println!("the configuration is good");
    Ok(())
}

fn print_upstreams(config: &Config) -> anyhow::Result<()> {
    for upstream in config.upstreams() {
        let UpstreamSettings {
            name,
            registry,
            url,
            credentials,
            ca_file,
            ..
        } = upstream;
        let signed_in = match credentials {
            Credentials::None => String::new(),
            Credentials::Password { username, .. } => format!(" as {username}"),
            Credentials::Bearer(_) => " with a token".to_owned(),
        };
        println!("upstream    {name}: {registry} at {url}{signed_in}");
        if let Some(file) = ca_file {
            check_authorities(&file)
                .with_context(|| format!("the ca_file of upstream {name} is not usable"))?;
        }
    }
    for group in config.groups() {
        print_list(&format!("group       {}: ", group.name), group.members);
    }
    print_list("at the root ", &config.mirror.default);
    if let Some(address) = config.mirror.listen {
        println!("mirror      {address}");
    }
    if let Some(bytes) = config.cache.bytes {
        println!("cache       at most {bytes} bytes");
    }
    if let Some(days) = config.cache.unused_days {
        println!("cache       for {days} days without a pull");
    }
    let pins = config.cache.pins.iter().map(RepositoryGlob::as_str);
    print_list("pins        ", pins);
    Ok(())
}

fn print_deployments(config: &Config) -> anyhow::Result<()> {
    let settings = config.deploy_settings(config.listen);
    for engine in &settings.engines {
        let EngineSettings {
            name,
            url,
            tls,
            triggers,
        } = engine;
        let secured = if tls.is_some() { " over TLS" } else { "" };
        let by = triggers.as_ref().map_or_else(
            || "whoever pushes".to_owned(),
            |triggers| format!("pushes of {}", triggers.join(", ")),
        );
        println!("deploys to  {name} at {url}{secured}, for {by}");
        if let Some(files) = tls {
            check_engine_files(files)
                .with_context(|| format!("the files of engine {name} are not usable"))?;
        } else if !url.starts_with("unix://") {
            println!(
                "beware      {name} is spoken to without TLS: whoever is on the way is root there"
            );
        }
    }
    if !settings.engines.is_empty() {
        print_list("deploys     images of ", &settings.hosts);
    }
    print_list("notifies    ", config.deploy.notify_origin());
    Ok(())
}

fn check_engine_files(files: &TlsFiles) -> anyhow::Result<()> {
    let TlsFiles { ca, cert, key } = files;
    for file in [ca, cert] {
        check_authorities(file).with_context(|| file.display().to_string())?;
    }
    PrivateKeyDer::from_pem_file(key).with_context(|| key.display().to_string())?;
    Ok(())
}

fn check_authorities(file: &Path) -> anyhow::Result<()> {
    let certificates = CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>()?;
    anyhow::ensure!(!certificates.is_empty(), "it holds no certificate");
    Ok(())
}

fn print_list(label: &str, list: impl IntoIterator<Item = impl ToString>) {
    let texts: Vec<_> = list.into_iter().map(|item| item.to_string()).collect();
    if !texts.is_empty() {
        println!("{label}{}", texts.join(", "));
    }
}
