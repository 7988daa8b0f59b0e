use anyhow::Context as _;

use crate::cli::ConfigArguments;
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
    println!("database    {}", config.database_file().display());
    println!("blobs       {}", config.store_folder().display());
    println!("the configuration is good");
    Ok(())
}
