use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Secret, Server};

/// What `berth login` keeps for the commands after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) server: Server,
    pub(crate) user: String,
    pub(crate) secret: Secret,
    /// The token that the login made for itself, which goes when it goes.
    pub(crate) made_token: Option<String>,
    /// The only certificates that are trusted, in place of those of the system.
    pub(crate) ca_file: Option<PathBuf>,
    /// Whether the secret may travel over plain HTTP.
    pub(crate) insecure: bool,
}

/// The file of the login, which only its owner can read.
pub(crate) struct LoginFile(PathBuf);

impl LoginFile {
    /// Follows the XDG base directory specification, by which a relative path is ignored.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let folder = |name, below: &str| {
            let path = PathBuf::from(std::env::var_os(name)?);
            path.is_absolute().then(|| path.join(below))
        };
        folder("XDG_CONFIG_HOME", "berth/login.json")
            .or_else(|| folder("HOME", ".config/berth/login.json"))
            .map(Self)
            .context("there is no place for the login: set HOME or XDG_CONFIG_HOME")
    }

    pub(crate) fn read(&self) -> anyhow::Result<Option<Login>> {
        let bytes = match fs::read(&self.0) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("could not read {}", self.0.display()));
            }
        };
        // The error of the parser could repeat a part of the file, and so of the secret.
        match serde_json::from_slice(&bytes) {
            Ok(login) => Ok(Some(login)),
            Err(_) => anyhow::bail!(
                "{} does not hold a login: run `berth login` again",
                self.0.display()
            ),
        }
    }

    /// Replaces the file in one step, so that no reader and no crash meets half of it.
    pub(crate) fn write(&self, login: &Login) -> anyhow::Result<()> {
        let bytes =
            serde_json::to_vec_pretty(login).context("could not write the login as JSON")?;
        self.replace(&bytes)
            .with_context(|| format!("could not write {}", self.0.display()))
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let folder = self.0.parent().unwrap_or(Path::new("/"));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        // It may have been there, made by somebody who did not know what is kept in it.
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        let draft = folder.join(format!("login.{}.tmp", Uuid::new_v4().simple()));
        let written = write_private(&draft, bytes).and_then(|()| fs::rename(&draft, &self.0));
        if written.is_err() {
            // The first error is the one to tell.
            let _ = fs::remove_file(&draft);
        }
        written?;
        File::open(folder)?.sync_all()
    }

    pub(crate) fn remove(&self) -> anyhow::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("could not remove {}", self.0.display()))
            }
            _ => Ok(()),
        }
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
