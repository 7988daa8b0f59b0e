//! What the configuration says of deployments.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

#[derive(Clone, Debug)]
pub struct Settings {
    /// Each with a name of its own. Without one nothing is ever deployed.
    pub engines: Vec<EngineSettings>,
    /// A stack is deployed once nothing was pushed for it for so long,
    pub quiet: Duration,
    /// or so long after the first push.
    pub quiet_most: Duration,
    /// How long a replica without a health check has to run, where no label says more.
    pub monitor: Duration,
    /// How many earlier versions of a service keep their images.
    pub keep_images: u32,
    pub notify: Option<NotifySettings>,
    /// What the names of our images begin with: hosts, each with its port if it has one.
    pub hosts: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Of the target.
    pub name: String,
    /// `unix://`, `tcp://` or `http://`
    pub url: String,
    pub tls: Option<TlsFiles>,
    /// The accounts whose pushes deploy there by themselves; `None` when everybody's do.
    pub triggers: Option<Vec<String>>,
}

/// PEM files: whom we believe, and who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    pub ca: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// Where outcomes are sent.
#[derive(Clone, Debug)]
pub struct NotifySettings {
    /// `http://` or `https://`
    pub url: String,
    pub secret: NotifySecret,
}

/// The key that notifications are signed with, as bytes. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct NotifySecret(Vec<u8>);

const PREFIX: &str = "whsec_";
/// How many bytes the specification wants (standard-webhooks, "Signature scheme").
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

impl AsRef<[u8]> for NotifySecret {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for NotifySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NotifySecret")
    }
}

impl FromStr for NotifySecret {
    type Err = InvalidNotifySecret;

    fn from_str(text: &str) -> Result<Self, InvalidNotifySecret> {
        let text = text.strip_prefix(PREFIX).ok_or(InvalidNotifySecret)?;
        let bytes = STANDARD.decode(text).map_err(|_| InvalidNotifySecret)?;
        if BYTES.contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(InvalidNotifySecret)
        }
    }
}

/// Says nothing of the text that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "takes whsec_ and behind it the base64 of 24 to 64 random bytes, as they come from: \
     echo whsec_$(openssl rand -base64 32)"
)]
pub struct InvalidNotifySecret;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_as_long_as_the_specification_wants() {
        for (bytes, good) in [(23, false), (24, true), (64, true), (65, false)] {
            let text = format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
            assert_eq!(text.parse::<NotifySecret>().is_ok(), good, "{bytes}");
        }
        for text in ["", "whsec_", "whsec_?", &STANDARD.encode([7; 32])] {
            assert!(text.parse::<NotifySecret>().is_err(), "{text}");
        }
    }
}
