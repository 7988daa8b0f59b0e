use std::path::PathBuf;

/// Why the client of an upstream could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum OpenUpstreamError {
    #[error("the URL of upstream {upstream} names no host")]
    Url { upstream: String },
    #[error("could not read {}, the authorities of upstream {upstream}", .path.display())]
    CaFile {
        upstream: String,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} holds no certificates in PEM, for upstream {upstream}", .path.display())]
    Certificates { upstream: String, path: PathBuf },
    #[error("the proxy of upstream {upstream} is no URL: write http://, https:// or socks5://")]
    Proxy { upstream: String },
    #[error("the token of upstream {upstream} holds what no header can")]
    Token { upstream: String },
    #[error("could not set up the client of upstream {upstream}")]
    Client {
        upstream: String,
        #[source]
        source: reqwest::Error,
    },
}
