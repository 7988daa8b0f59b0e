use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// How often the files are looked at. Renewals are days apart; two `stat` calls cost nothing.
const LOOK_EVERY: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
}

/// The certificate and key that new connections get; read again when the files change.
#[derive(Clone)]
pub(crate) struct Tls {
    files: TlsFiles,
    current: Arc<ArcSwap<ServerConfig>>,
}

impl Tls {
    pub(crate) fn load(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let files = TlsFiles {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        let config = read(&files)?;
        Ok(Self {
            files,
            current: Arc::new(ArcSwap::from_pointee(config)),
        })
    }

    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(self.current.load_full())
            .accept(stream)
            .await
    }

    /// Reads the files again; on an error the connections to come get what they got before.
    pub(crate) fn reload(&self) {
        match read(&self.files) {
            Ok(config) => {
                self.current.store(Arc::new(config));
                info!("loaded the TLS certificate again");
            }
            Err(error) => error!("kept the TLS certificate from before: {error:#}"),
        }
    }

    pub(super) async fn follow_until(self, stopping: CancellationToken) {
        let mut seen = self.modified();
        loop {
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => return,
            }
            let now = self.modified();
            if now != seen {
                seen = now;
                self.reload();
            }
        }
    }

    fn modified(&self) -> [Option<SystemTime>; 2] {
        let modified = |path: &Path| {
            fs::metadata(path)
                .and_then(|metadata| metadata.modified())
                .ok()
        };
        [modified(&self.files.certificate), modified(&self.files.key)]
    }
}

fn read(files: &TlsFiles) -> anyhow::Result<ServerConfig> {
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| format!("could not read a private key from {}", files.key.display()))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the TLS certificate and key do not go together")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let context = || format!("could not read certificates from {}", path.display());
    let chain = CertificateDer::pem_file_iter(path)
        .with_context(context)?
        .collect::<Result<Vec<_>, _>>()
        .with_context(context)?;
    anyhow::ensure!(
        !chain.is_empty(),
        "there is no certificate in {}",
        path.display()
    );
    Ok(chain)
}
