//! What is asked of whoever sits at the terminal, or read from the standard input of a script.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use anyhow::Context as _;

use crate::client::Secret;

/// Far longer than any password and any secret that Berth makes.
const INPUT_BYTES: u64 = 64 * 1024;

/// Asks for a line of text; `instead` says what to do where nobody can be asked.
pub(crate) fn ask(question: &str, instead: &str) -> anyhow::Result<String> {
    require_terminal(instead)?;
    write!(io::stderr(), "{question}: ").context("could not ask on the terminal")?;
    let mut line = String::new();
    io::stdin()
        .lock()
        .take(INPUT_BYTES)
        .read_line(&mut line)
        .context("could not read from the terminal")?;
    Ok(line.trim().to_owned())
}

/// Asks for a secret, which is not shown while it is typed.
pub(crate) fn ask_secret(question: &str, instead: &str) -> anyhow::Result<Secret> {
    require_terminal(instead)?;
    let text = rpassword::prompt_password(format!("{question}: "))
        .context("could not read from the terminal")?;
    not_empty(Secret::new(text))
}

/// Asks for a new password twice, since nobody sees what is typed.
pub(crate) fn ask_new_password(instead: &str) -> anyhow::Result<Secret> {
    let first = ask_secret("New password", instead)?;
    let second = ask_secret("Once more", instead)?;
    anyhow::ensure!(first == second, "the two new passwords are not the same");
    Ok(first)
}

pub(crate) fn confirm(question: &str, instead: &str) -> anyhow::Result<bool> {
    let answer = ask(&format!("{question} [y/N]"), instead)?;
    Ok(matches!(answer.as_str(), "y" | "Y" | "yes"))
}

/// The secrets that a script gives, one a line.
pub(crate) fn secrets_from_stdin<const COUNT: usize>() -> anyhow::Result<[Secret; COUNT]> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(INPUT_BYTES)
        .read_to_string(&mut text)
        .context("could not read from standard input")?;
    let secrets: Vec<_> = text
        .lines()
        .map(|line| not_empty(Secret::new(line.to_owned())))
        .collect::<anyhow::Result<_>>()?;
    let count = secrets.len();
    secrets.try_into().map_err(|_| {
        anyhow::anyhow!("standard input has {count} lines, and {COUNT} are expected here")
    })
}

fn not_empty(secret: Secret) -> anyhow::Result<Secret> {
    anyhow::ensure!(!secret.expose().is_empty(), "the password is empty");
    Ok(secret)
}

fn require_terminal(instead: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        io::stdin().is_terminal(),
        "nobody can be asked, since standard input is no terminal: {instead}"
    );
    Ok(())
}
