//! The configuration: every key, its default and its meaning, read from a file and the environment.
//!
//! A key is added to its struct, and with the same words to `config/berth.toml`. The schema of the
//! structs is what knows the keys, so the environment variable, the limits of a number and the
//! neighbour that a misspelled key is answered with follow by themselves; and for a [`Secret`], the
//! key of the file that it is in. An entry of a list of tables is known by its name, in the file and
//! in the environment.

use std::fmt;
use std::io;
use std::iter;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use berth_proxy::{GroupSettings, UpstreamSettings};
use berth_registry::http::Scheme;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use self::cache::Cache;
pub(crate) use self::collection::Collection;
pub(crate) use self::deploy::Deploy;
use self::file::Position;
use self::group::Group;
use self::log_filter::LogFilter;
use self::mirror::Mirror;
use self::public_url::PublicUrl;
use self::schema::Schema;
use self::secret::Secret;
use self::settings::Settings;
use self::upstream::Upstream;
use self::url::{DatabaseUrl, StorageUrl};
use crate::authority::Authority;

mod address;
mod cache;
mod check;
mod collection;
mod deploy;
mod environment;
mod file;
mod group;
mod log_filter;
mod mirror;
mod public_url;
mod schema;
mod secret;
mod settings;
mod text;
mod upstream;
mod url;

/// What is to be said when [`Config::plain_beyond_loopback`].
pub(crate) const PLAIN_BEYOND_LOOPBACK: &str = "other machines are served without TLS, which docker \
    refuses, and passwords can be read on the way: set tls, or public_url to the https URL of a \
    proxy in front";

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Address and port to serve on. Change it to serve other machines, with tls or behind a proxy
    /// that ends TLS: docker takes plain HTTP from 127.0.0.1 only.
    #[serde(deserialize_with = "address::address_and_port")]
    pub(crate) listen: SocketAddr,
    /// URL that clients reach Berth by: scheme, host, and the port if it is not the usual one. Set
    /// it when a proxy is in front or many names lead here: clients are sent there for their
    /// tokens. Without it they are sent to the host that they asked.
    pub(crate) public_url: Option<PublicUrl>,
    /// Other names that clients reach Berth by, each a host with its port if it has one. Set it
    /// when the names inside of a network differ from the one of public_url.
    pub(crate) aliases: Vec<Authority>,
    /// Addresses, and networks such as 10.0.0.0/8, of the proxies in front. Set it to have the
    /// address of each client, and not of the proxy: what these say of their clients is believed,
    /// by X-Forwarded-For, -Proto and -Host or by the PROXY protocol.
    #[serde(deserialize_with = "address::networks")]
    #[schemars(with = "Vec<String>")]
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Folder for everything that Berth keeps. Change it to put the data on another disk; a
    /// relative path starts in the folder that Berth is started in.
    pub(crate) data_dir: PathBuf,
    /// Secret of at least 32 characters that protects the other secrets that Berth keeps. Set it to
    /// have it apart from the data; without it, one is made and kept in data_dir.
    #[schemars(length(min = 32))]
    pub(crate) secret_key: Option<Secret>,
    /// The secret_key of before. Set it when you change secret_key, so that what the old one
    /// protects can still be read.
    #[schemars(length(min = 32))]
    pub(crate) previous_secret_key: Option<Secret>,
    /// Password of the first user, admin, at least 8 characters; it counts at the first start only.
    /// Set it for a start that nobody watches; without it, a random one is made.
    #[schemars(length(min = 8))]
    pub(crate) admin_password: Option<Secret>,
    pub(crate) database: Database,
    pub(crate) storage: Storage,
    pub(crate) tls: Tls,
    pub(crate) metrics: Metrics,
    #[serde(rename = "upstream")]
    upstreams: Vec<Upstream>,
    #[serde(rename = "group")]
    groups: Vec<Group>,
    pub(crate) mirror: Mirror,
    pub(crate) cache: Cache,
    pub(crate) collection: Collection,
    pub(crate) deploy: Deploy,
    pub(crate) limits: Limits,
    pub(crate) log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 5000)),
            public_url: None,
            aliases: Vec::new(),
            trusted_proxies: Vec::new(),
            data_dir: PathBuf::from("./berth-data"),
            secret_key: None,
            previous_secret_key: None,
            admin_password: None,
            database: Database::default(),
            storage: Storage::default(),
            tls: Tls::default(),
            metrics: Metrics::default(),
            upstreams: Vec::new(),
            groups: Vec::new(),
            mirror: Mirror::default(),
            cache: Cache::default(),
            collection: Collection::default(),
            deploy: Deploy::default(),
            limits: Limits::default(),
            log: Log::default(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Database {
    /// Where the SQLite database is: sqlite:///absolute/path or sqlite:relative/path. Without it,
    /// the file berth.db in data_dir; set it to keep the database on a faster disk than the blobs.
    pub(crate) url: Option<DatabaseUrl>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Storage {
    /// Where blobs are kept: file:///absolute/folder or file:relative/folder. Without it, the
    /// folder store in data_dir; set it to keep blobs on a larger disk than the database.
    pub(crate) url: Option<StorageUrl>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    /// PEM file with the certificate and, behind it, those of the authorities between it and the
    /// root. Set it, together with key, to serve HTTPS; it is read again when it changes.
    pub(crate) certificate: Option<PathBuf>,
    /// PEM file with the private key of the certificate. It is read again when it changes.
    pub(crate) key: Option<PathBuf>,
}

impl Tls {
    /// Certificate and key; `None` means plain HTTP.
    pub(crate) fn files(&self) -> Option<(&Path, &Path)> {
        self.certificate.as_deref().zip(self.key.as_deref())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Metrics {
    /// Address and port that serve /metrics alone, over plain HTTP and to whoever asks. Set it for
    /// a Prometheus that has no password, to an address that only Prometheus reaches.
    #[serde(deserialize_with = "address::optional_address_and_port")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Largest manifest in bytes; the distribution specification asks for at least 4 MB. Raise it
    /// for an index with very many entries; each push holds one manifest in memory.
    #[schemars(range(min = 4_000_000, max = 268_435_456))]
    pub(crate) manifest_bytes: usize,
    /// Most entries of a list in one answer; clients fetch the rest page by page. Raise it for
    /// a client that reads the first page only.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) page_entries: usize,
    /// Most connections at one time; more wait until one closes. Raise it for very many clients,
    /// and the limit of open files of the process with it.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) connections: usize,
    /// How long a client may take to send the headers of a request, and how long a connection is
    /// kept open for its next one, in seconds. Raise it for clients on very slow lines.
    #[schemars(range(min = 1, max = 3600))]
    pub(crate) header_seconds: u64,
    /// How long an upload may bring nothing and a download may take nothing, in seconds, before
    /// it is cut off. Raise it for lines that stall.
    #[schemars(range(min = 1, max = 86_400))]
    pub(crate) idle_seconds: u64,
    /// How long transfers may go on after Berth was told to stop, in seconds; 0 cuts them off at
    /// once. Keep it below the time after which a service manager kills the process.
    #[schemars(range(min = 0, max = 86_400))]
    pub(crate) shutdown_seconds: u64,
    /// How long an unfinished upload that nobody continues is kept, in hours. Lower it to get
    /// disk space back sooner.
    #[schemars(range(min = 1, max = 8760))]
    pub(crate) upload_expiry_hours: u64,
    /// Most rows of the audit log that are kept; the oldest go first. Raise it to look further
    /// back, for some hundred bytes of the database each.
    #[schemars(range(min = 1000, max = 100_000_000))]
    pub(crate) audit_rows: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes: 4 * 1024 * 1024,
            page_entries: 1000,
            connections: 4096,
            header_seconds: 60,
            idle_seconds: 60,
            shutdown_seconds: 30,
            upload_expiry_hours: 24,
            audit_rows: 1_000_000,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// How a line of the log is written: text for people, json (one object a line) for programs
    /// that collect logs.
    pub(crate) format: LogFormat,
    /// What is logged: error, warn, info, debug, trace or off, alone or for a part of the program.
    /// Raise it while you look for a fault, for example to info,berth_registry=debug.
    pub(crate) level: LogFilter,
    /// Whether each request is logged in one line. Turn it off if a proxy in front does so already.
    pub(crate) access: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: LogFilter::default(),
            access: true,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Reads `file`, if there is one, and lays the variables that begin with `BERTH_` over it.
    ///
    /// A value of the file that a variable replaces is not looked at.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let schema = Schema::of::<Self>();
        let mut settings = match file {
            Some(path) => file::read(path, &schema)?,
            None => Settings::default(),
        };
        environment::overlay(&mut settings, environment, &schema)?;
        for keys in settings.tables_mut() {
            secret::read_files(keys, &schema)?;
        }
        Self::from_settings(&settings, &schema)
    }

    fn from_settings(settings: &Settings, schema: &Schema) -> Result<Self, ConfigError> {
        for (path, setting, document) in settings.each_alone() {
            let refused = |reason| ConfigError::Value {
                place: setting.place.clone(),
                reason,
            };
            schema
                .check(path, &setting.value)
                .map_err(|problem| refused(problem.to_string()))?;
            // Alone, so that what is refused is this one key, and its place is known even though
            // the document has none.
            document
                .try_into::<Self>()
                .map_err(|error| refused(error.message().to_owned()))?;
        }
        let config: Self = settings
            .document()
            .try_into()
            .expect("a table is taken whose keys were all taken alone");
        config.check(settings)?;
        Ok(config)
    }

    /// The registries that are pulled from, in the order in which they are asked.
    pub(crate) fn upstreams(&self) -> Vec<UpstreamSettings> {
        let settings = |upstream: &Upstream| {
            let settings = upstream.settings();
            settings.expect("it was checked when the configuration was loaded")
        };
        let mut upstreams: Vec<_> = self.upstreams.iter().map(settings).collect();
        upstreams.sort_by_key(|upstream| upstream.order);
        upstreams
    }

    pub(crate) fn groups(&self) -> Vec<GroupSettings> {
        self.groups.iter().map(Group::settings).collect()
    }

    /// What is deployed where, for a server that listens on this address.
    pub(crate) fn deploy_settings(&self, listen: SocketAddr) -> berth_deployer::Settings {
        let first = self
            .public_url
            .as_ref()
            .map_or_else(|| listen.to_string(), |url| url.authority().to_string());
        let aliases = self.aliases.iter().map(ToString::to_string);
        self.deploy
            .settings(iter::once(first).chain(aliases).collect())
    }

    /// Whether other machines are served over plain HTTP, with no proxy in front that ends TLS.
    pub(crate) fn plain_beyond_loopback(&self) -> bool {
        let behind_tls = |url: &PublicUrl| url.scheme() == Scheme::Https;
        !self.listen.ip().to_canonical().is_loopback()
            && self.tls.files().is_none()
            && !self.public_url.as_ref().is_some_and(behind_tls)
    }

    pub(crate) fn database_file(&self) -> PathBuf {
        match &self.database.url {
            Some(url) => url.file().to_owned(),
            None => self.data_dir.join("berth.db"),
        }
    }

    pub(crate) fn store_folder(&self) -> PathBuf {
        match &self.storage.url {
            Some(url) => url.folder().to_owned(),
            None => self.data_dir.join("store"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("read the configuration file {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{position}: {reason}")]
    Syntax { position: Position, reason: String },
    #[error("{position}: there is no key `{key}`: did you mean `{neighbour}`?")]
    UnknownKey {
        position: Position,
        key: String,
        neighbour: String,
    },
    #[error("there is no key for the environment variable {name}: did you mean {neighbour}?")]
    UnknownVariable { name: String, neighbour: String },
    #[error("{} is given, and {} too: keep one of them", places[0], places[1])]
    Twice { places: Box<[Place; 2]> },
    #[error("{place}: could not read the file {}", file.display())]
    ReadSecret {
        place: Place,
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{place}: {reason}")]
    Value { place: Place, reason: String },
    #[error(
        "{place}: `{given}` is given, but `{missing}` is missing: give both, or neither to serve \
         without TLS"
    )]
    Incomplete {
        place: Place,
        given: &'static str,
        missing: &'static str,
    },
}

/// Where a value was given.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    File { position: Position, key: String },
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { position, key } => write!(f, "{position}: `{key}`"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests;
