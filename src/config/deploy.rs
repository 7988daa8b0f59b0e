use std::path::PathBuf;
use std::time::Duration;

use berth_deployer::{EngineSettings, NotifySecret, NotifySettings, Settings, TlsFiles};
use berth_oci::ProjectName;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use self::account::Account;
use self::engine_url::EngineUrl;
use self::notify_url::NotifyUrl;
use super::secret::Secret;
use super::text;

mod account;
mod check;
mod engine_url;
mod notify_url;

/// The target that `docker` is short for.
const LOCAL: &str = "local";

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Deploy {
    /// Docker engine that services are redeployed on, as the target local: unix:///path of its
    /// socket, tcp://host:port or http://host:port. Set it to redeploy the containers with the
    /// label berth.deploy=true when their tag is pushed. Who can reach an engine is root on its
    /// host, and with this Berth is.
    #[serde(deserialize_with = "text::optional")]
    #[schemars(with = "Option<String>")]
    docker: Option<EngineUrl>,
    /// A stack is deployed once nothing was pushed for it for so long, in seconds, so that images
    /// that are pushed together are deployed together; 0 does not wait.
    #[schemars(range(min = 0, max = 3600))]
    quiet_seconds: u64,
    /// How long after the first push a stack is deployed even if more is being pushed, in seconds.
    #[schemars(range(min = 0, max = 86_400))]
    quiet_most_seconds: u64,
    /// How long a new container without a health check has to run before it counts as good, in
    /// seconds. Raise it for services that fail late; the label berth.deploy.monitor does so for
    /// one.
    #[schemars(range(min = 1, max = 3600))]
    monitor_seconds: u64,
    /// How many earlier versions of a service keep their images on the engine. Raise it to go back
    /// further without a pull.
    #[schemars(range(min = 0, max = 1000))]
    keep_images: u32,
    /// URL that is told how each deployment ended: https:// or http://. Set it, together with
    /// notify_secret, to send that to a chat or a monitor.
    #[serde(deserialize_with = "text::optional")]
    #[schemars(with = "Option<String>")]
    notify_url: Option<NotifyUrl>,
    /// Secret that what is sent to notify_url is signed with, as standard-webhooks says: whsec_ and
    /// the base64 of 24 to 64 random bytes.
    #[serde(deserialize_with = "notify_secret")]
    notify_secret: Option<Secret>,
    #[serde(rename = "engine")]
    engines: Vec<Engine>,
}

impl Default for Deploy {
    fn default() -> Self {
        Self {
            docker: None,
            quiet_seconds: 5,
            quiet_most_seconds: 60,
            monitor_seconds: 10,
            keep_images: 3,
            notify_url: None,
            notify_secret: None,
            engines: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Engine {
    /// Name of the target that the engine is.
    #[serde(deserialize_with = "text::one")]
    #[schemars(with = "String")]
    name: ProjectName,
    /// Where the engine is: unix:///path of its socket, tcp://host:port or http://host:port. With
    /// ca_file, cert_file and key_file, tcp:// is spoken over TLS; without them, whoever is on the
    /// way is root there too.
    #[serde(default, deserialize_with = "text::optional")]
    #[schemars(with = "Option<String>")]
    url: Option<EngineUrl>,
    /// PEM file with the authorities that the certificate of the engine may be from.
    ca_file: Option<PathBuf>,
    /// PEM file with the certificate that the engine knows Berth by.
    cert_file: Option<PathBuf>,
    /// PEM file with the private key of that certificate.
    key_file: Option<PathBuf>,
    /// Users and robots whose pushes deploy there by themselves; what others push has to be deployed
    /// by hand. Without it, every push deploys.
    #[serde(default, deserialize_with = "accounts")]
    #[schemars(with = "Option<Vec<String>>")]
    triggers: Option<Vec<Account>>,
}

impl Deploy {
    /// `hosts` are what the names of our images begin with.
    pub(super) fn settings(&self, hosts: Vec<String>) -> Settings {
        let local = self.docker.as_ref().map(|url| EngineSettings {
            name: LOCAL.to_owned(),
            url: url.to_string(),
            tls: None,
            triggers: None,
        });
        let engines = self.engines.iter().map(Engine::settings);
        Settings {
            engines: local.into_iter().chain(engines).collect(),
            quiet: Duration::from_secs(self.quiet_seconds),
            quiet_most: Duration::from_secs(self.quiet_most_seconds),
            monitor: Duration::from_secs(self.monitor_seconds),
            keep_images: self.keep_images,
            notify: self.notify(),
            hosts,
        }
    }

    fn notify(&self) -> Option<NotifySettings> {
        let (url, secret) = self.notify_url.as_ref().zip(self.notify_secret.as_ref())?;
        let secret = secret.as_ref().parse();
        Some(NotifySettings {
            url: url.as_str().to_owned(),
            secret: secret.expect("it was parsed when it was read"),
        })
    }

    pub(crate) fn notify_secret(&self) -> &Option<Secret> {
        &self.notify_secret
    }

    /// Scheme, host and port that outcomes are sent to; the rest of the URL may be a secret.
    pub(crate) fn notify_origin(&self) -> Option<String> {
        self.notify_url.as_ref().map(NotifyUrl::origin)
    }
}

impl Engine {
    fn settings(&self) -> EngineSettings {
        let triggers = self.triggers.as_ref();
        EngineSettings {
            name: self.name.to_string(),
            url: self
                .url
                .as_ref()
                .expect("it was checked when the configuration was loaded")
                .to_string(),
            tls: self.tls(),
            triggers: triggers.map(|names| names.iter().map(ToString::to_string).collect()),
        }
    }

    fn tls(&self) -> Option<TlsFiles> {
        match (&self.ca_file, &self.cert_file, &self.key_file) {
            (Some(ca), Some(cert), Some(key)) => Some(TlsFiles {
                ca: ca.clone(),
                cert: cert.clone(),
                key: key.clone(),
            }),
            (None, _, _) | (_, None, _) | (_, _, None) => None,
        }
    }
}

fn notify_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let secret = Secret::deserialize(deserializer)?;
    let parsed = secret.as_ref().parse::<NotifySecret>();
    parsed.map_err(D::Error::custom)?;
    Ok(Some(secret))
}

fn accounts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Account>>, D::Error> {
    text::list(deserializer).map(Some)
}
