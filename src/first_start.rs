//! What a first start makes and later ones find: the secret key, and the user who may do everything.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, IsTerminal as _, Write as _, stdout};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use berth_registry::Registry;
use berth_registry::auth::{NewPassword, SecretKeys, UserName, generate_key, generate_password};
use tracing::info;

use crate::config::Config;

const KEY_FILE: &str = "secret-key";
const PASSWORD_FILE: &str = "initial-admin-password";
const ADMIN: &str = "admin";

/// The key of the configuration, or the one in the data folder, which is made if there is none.
pub(crate) fn secret_keys(config: &Config) -> anyhow::Result<SecretKeys> {
    let previous = config.previous_secret_key.as_ref().map(AsRef::as_ref);
    if let Some(key) = &config.secret_key {
        return Ok(SecretKeys::new(key.as_ref(), previous));
    }
    let file = key_file(config);
    let key = match fs::read_to_string(&file) {
        Ok(key) => key,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let key = generate_key();
            write_private(&file, &key)?;
            info!("made the secret key {}", file.display());
            key
        }
        Err(error) => {
            return Err(error).with_context(|| format!("could not read {}", file.display()));
        }
    };
    let key = key.trim_end();
    anyhow::ensure!(
        key.len() >= 32,
        "the secret key in {} is cut: restore the file, or remove it to have a new one made",
        file.display()
    );
    Ok(SecretKeys::new(key, previous))
}

/// Where the secret key is that the configuration does not hold.
pub(crate) fn key_file(config: &Config) -> PathBuf {
    config.data_dir.join(KEY_FILE)
}

/// Makes the user `admin` if there is no user. A password that nobody chose is shown on a terminal,
/// and otherwise written to a file that only its owner can read.
pub(crate) async fn make_admin(registry: &Registry, config: &Config) -> anyhow::Result<()> {
    if registry.has_users().await? {
        return Ok(());
    }
    let (password, generated) = match &config.admin_password {
        Some(password) => (password.as_ref().to_owned(), false),
        None => (generate_password(), true),
    };
    if generated && !stdout().is_terminal() {
        // Before the user is made: a password that nobody can read would be one too late.
        let file = config.data_dir.join(PASSWORD_FILE);
        // One of a start that was cut has never been anybody's.
        fs::remove_file(&file)
            .or_else(|error| match error.kind() {
                ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
            .with_context(|| format!("could not remove {}", file.display()))?;
        write_private(&file, &password)?;
        info!("the password of the user {ADMIN} is in {}", file.display());
    }
    let name: UserName = ADMIN.parse().context("the name of the first user")?;
    let new = NewPassword::try_from(password.clone()).context("admin_password")?;
    registry
        .create_first_user(name, new)
        .await
        .context("could not make the first user")?;
    if generated && stdout().is_terminal() {
        println!("Sign in as {ADMIN} with the password {password}");
    }
    Ok(())
}

/// Gives the user `admin` every right and a new password.
pub(crate) async fn recover_admin(registry: &Registry) -> anyhow::Result<String> {
    let password = generate_password();
    let name: UserName = ADMIN.parse().context("the name of the first user")?;
    let new = NewPassword::try_from(password.clone()).context("the new password")?;
    registry
        .recover_admin(&name, new)
        .await
        .context("could not set the password")?;
    Ok(password)
}

/// Writes a file that was not there, for its owner alone, and durably.
fn write_private(file: &Path, text: &str) -> anyhow::Result<()> {
    let context = || format!("could not write {}", file.display());
    // Renamed when it is whole, so that a kill leaves no half a secret.
    let unfinished = file.with_extension("new");
    let mut opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .with_context(context)?;
    writeln!(opened, "{text}").with_context(context)?;
    opened.sync_all().with_context(context)?;
    fs::rename(&unfinished, file).with_context(context)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(context)
}
