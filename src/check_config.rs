use anyhow::Context as _;

use crate::cli::ConfigArguments;
use crate::config::PLAIN_BEYOND_LOOPBACK;
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
    let secrets = [
        ("secret_key", &config.secret_key),
        ("previous_secret_key", &config.previous_secret_key),
        ("admin_password", &config.admin_password),
    ];
    let given = secrets.iter().filter(|(_, secret)| secret.is_some());
    print_list("secrets     ", given.map(|(name, _)| name));
    if config.plain_beyond_loopback() {
        println!("beware      {PLAIN_BEYOND_LOOPBACK}");
    }
    println!("the configuration is good");
    Ok(())
}

fn print_list(label: &str, list: impl IntoIterator<Item = impl ToString>) {
    let texts: Vec<_> = list.into_iter().map(|item| item.to_string()).collect();
    if !texts.is_empty() {
        println!("{label}{}", texts.join(", "));
    }
}
