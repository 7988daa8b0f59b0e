use super::{Deploy, Engine, EngineUrl, LOCAL};
use crate::config::ConfigError;
use crate::config::settings::Settings;

impl Deploy {
    pub(in crate::config) fn check(&self, settings: &Settings) -> Result<(), ConfigError> {
        self.check_engines(settings)?;
        self.check_notifications(settings)?;
        self.check_quiet_time(settings)
    }

    fn check_engines(&self, settings: &Settings) -> Result<(), ConfigError> {
        let mut urls: Vec<_> = self.docker.iter().collect();
        let entries = settings.entries_of("deploy.engine");
        for (engine, entry) in self.engines.iter().zip(entries) {
            if self.docker.is_some() && engine.name.as_str() == LOCAL {
                let reason = "`local` is the name of the engine in `deploy.docker`: give this one \
                              another name, or leave `deploy.docker` out";
                return Err(entry.refused("deploy.engine.name", reason));
            }
            let checked = engine.check();
            checked.map_err(|invalid| entry.refused(invalid.key(), invalid))?;
            // Two targets that are one would take turns with the same containers.
            if engine.url.iter().any(|url| urls.contains(&url)) {
                let reason = "another engine has this address too: keep one of them";
                return Err(entry.refused("deploy.engine.url", reason));
            }
            urls.extend(&engine.url);
        }
        Ok(())
    }

    fn check_notifications(&self, settings: &Settings) -> Result<(), ConfigError> {
        match (&self.notify_url, &self.notify_secret) {
            (Some(_), None) => Err(refused(
                settings,
                &["deploy.notify_url"],
                "`deploy.notify_url` is given, but `deploy.notify_secret` is missing: give it, so \
                 that the receiver can tell who sends, as it comes from: echo whsec_$(openssl rand \
                 -base64 32)",
            )),
            (None, Some(_)) => Err(refused(
                settings,
                &["deploy.notify_secret"],
                "`deploy.notify_secret` is given, but `deploy.notify_url` is missing: give both, \
                 or neither to tell nobody",
            )),
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }

    fn check_quiet_time(&self, settings: &Settings) -> Result<(), ConfigError> {
        if self.quiet_most_seconds >= self.quiet_seconds {
            return Ok(());
        }
        let reason = format!(
            "`deploy.quiet_most_seconds` is {}, less than the {} of `deploy.quiet_seconds`: raise \
             it, or lower the other",
            self.quiet_most_seconds, self.quiet_seconds
        );
        let keys = ["deploy.quiet_most_seconds", "deploy.quiet_seconds"];
        Err(refused(settings, &keys, &reason))
    }
}

/// At the place of the first of these keys that was given.
fn refused(settings: &Settings, keys: &[&str], reason: &str) -> ConfigError {
    let given = keys.iter().find_map(|&key| settings.keys.get(key));
    ConfigError::Value {
        place: given.expect("defaults fit together").place.clone(),
        reason: reason.to_owned(),
    }
}

impl Engine {
    fn check(&self) -> Result<(), InvalidEngine> {
        let files = [&self.ca_file, &self.cert_file, &self.key_file];
        let given = files.into_iter().filter(|file| file.is_some()).count();
        match &self.url {
            None => Err(InvalidEngine::NoUrl),
            Some(EngineUrl::Unix(_) | EngineUrl::Http(_)) if given > 0 => Err(InvalidEngine::NoTls),
            Some(EngineUrl::Tcp(_)) if (1..files.len()).contains(&given) => {
                Err(InvalidEngine::Incomplete)
            }
            Some(EngineUrl::Unix(_) | EngineUrl::Tcp(_) | EngineUrl::Http(_)) => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum InvalidEngine {
    #[error("the engine has no address: give `deploy.engine.url`, such as tcp://10.0.0.7:2376")]
    NoUrl,
    #[error(
        "TLS is spoken with tcp:// only: write `deploy.engine.url` so, or leave out \
         `deploy.engine.ca_file`, `deploy.engine.cert_file` and `deploy.engine.key_file`"
    )]
    NoTls,
    #[error(
        "of `deploy.engine.ca_file`, `deploy.engine.cert_file` and `deploy.engine.key_file` some \
         are missing: give all three, or none to speak without TLS"
    )]
    Incomplete,
}

impl InvalidEngine {
    /// The key to change.
    fn key(self) -> &'static str {
        match self {
            Self::NoUrl => "deploy.engine.name",
            Self::NoTls | Self::Incomplete => "deploy.engine.url",
        }
    }
}
