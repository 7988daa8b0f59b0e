use anyhow::Context as _;
use berth_oci::RepositoryName;
use berth_proxy::{Credentials, RemoteSettings};
use tokio::signal::unix::{SignalKind, signal};

use super::session::login;
use crate::cli::{ClientOptions, ImportCommand, ImportOptions, ImportRegistry};
use crate::client::{Distribution, Secret};
use crate::import::{
    Copier, Destination, Folder, Options, Place, RegistrySource, Selected, Source, Unplaced, select,
};
use crate::output::print;
use crate::terminal;

/// The most names that an error lists.
const NAMES: usize = 10;

pub(super) async fn run(client: &ClientOptions, command: &ImportCommand) -> anyhow::Result<()> {
    // Before a password is asked for in vain.
    let destination = Distribution::new(&login(client)?)?;
    let (source, options, untagged) = match command {
        ImportCommand::Folder(arguments) => {
            let folder = Folder::open(&arguments.path)?;
            let untagged = arguments.untagged;
            (Source::Folder(folder), &arguments.options, untagged)
        }
        ImportCommand::Registry(arguments) => {
            let registry = RegistrySource::new(settings(arguments)?)?;
            (Source::Registry(registry), &arguments.options, false)
        }
    };
    let copier = Copier::new(
        source,
        Destination::new(destination),
        Options {
            tags: options.tags.clone(),
            untagged,
            jobs: options.jobs.into(),
        },
    );
    let interrupted = tokio::select! {
        done = Box::pin(import(client, options, &copier)) => {
            // Before anything else is printed.
            copier.progress().finish();
            done?;
            if options.dry_run {
                return Ok(());
            }
            false
        }
        () = interruption() => true,
    };
    copier.progress().finish();
    let report = copier.report();
    if client.json {
        print(&format!("{}\n", report.json(interrupted)?))?;
    } else {
        print(&report.text())?;
    }
    anyhow::ensure!(
        !interrupted,
        "interrupted: run it again, and it goes on where it was"
    );
    let failures = report.failures();
    anyhow::ensure!(failures == 0, "{failures} failed, see the report");
    Ok(())
}

async fn import(
    client: &ClientOptions,
    options: &ImportOptions,
    copier: &Copier,
) -> anyhow::Result<()> {
    let selected = select(copier.source(), &options.repositories).await;
    let selected = selected.map_err(anyhow::Error::new).context(
        "the source does not list its repositories: name each with --repository, without a `*`",
    )?;
    let places = places(&selected, options.into.as_ref())?;
    if options.dry_run {
        let mut plan = copier.plan(&places).await;
        for (name, reason) in &selected.unusable {
            plan.unusable(name, reason);
        }
        copier.progress().finish();
        if client.json {
            print(&format!("{}\n", plan.json()?))?;
        } else {
            print(&plan.text())?;
        }
        let failures = plan.failures();
        anyhow::ensure!(failures == 0, "{failures} would fail, see the list");
        return Ok(());
    }
    for (name, reason) in &selected.unusable {
        copier.report().unusable(name, reason);
    }
    copier.run(&places).await;
    Ok(())
}

/// Where each repository goes. All are known before the first is touched, so that whoever has to
/// choose another prefix finds nothing half done.
fn places(selected: &Selected, into: Option<&RepositoryName>) -> anyhow::Result<Vec<Place>> {
    if let Some(glob) = selected.unmatched.first() {
        anyhow::bail!("no repository of the source matches `{glob}`");
    }
    anyhow::ensure!(
        !selected.repositories.is_empty() || !selected.unusable.is_empty(),
        "the source has no repositories"
    );
    let mut places = Vec::new();
    let mut lost = Vec::new();
    for source in &selected.repositories {
        match Place::of(source.clone(), into) {
            Ok(place) => places.push(Place {
                named: selected.named,
                ..place
            }),
            Err(Unplaced::NoProject(name)) => lost.push(name.to_string()),
            Err(error @ Unplaced::Name(_)) => {
                return Err(
                    anyhow::Error::new(error).context(format!("{source} can not be placed"))
                );
            }
        }
    }
    let names = lost.iter().take(NAMES).cloned().collect::<Vec<_>>();
    let more = if lost.len() > NAMES { ", …" } else { "" };
    anyhow::ensure!(
        lost.is_empty(),
        "a repository here is in a project, the part of its name before the `/`, and there is none \
         in {}{more}: say with --into PROJECT where they go",
        names.join(", ")
    );
    Ok(places)
}

fn settings(arguments: &ImportRegistry) -> anyhow::Result<RemoteSettings> {
    let url = arguments.url.url(arguments.plain_http)?;
    let private = url.scheme() == "https" || arguments.url.loopback() || arguments.plain_http;
    anyhow::ensure!(
        arguments.username.is_none() || private,
        "{} would be sent the password where others can read it: use https, or give --plain-http if \
         the network is trusted",
        arguments.url
    );
    let credentials = match &arguments.username {
        None => Credentials::None,
        Some(username) => Credentials::Password {
            username: username.clone(),
            password: berth_proxy::Secret::new(password(arguments, username)?.expose()),
        },
    };
    Ok(RemoteSettings {
        url,
        credentials,
        ca_file: arguments.ca_file.clone(),
        allow_hosts: arguments.allow_hosts.clone(),
    })
}

fn password(arguments: &ImportRegistry, username: &str) -> anyhow::Result<Secret> {
    if arguments.password_stdin {
        let [secret] = terminal::secrets_from_stdin()?;
        return Ok(secret);
    }
    if let Some(variable) = &arguments.password_env {
        // The error of the library would repeat what is no text.
        let value = std::env::var_os(variable).and_then(|value| value.into_string().ok());
        let value = value.filter(|value| !value.is_empty());
        let value = value.with_context(|| format!("the variable {variable} holds no password"))?;
        return Ok(Secret::new(value));
    }
    let question = format!("Password of {username} at {}", arguments.url);
    terminal::ask_secret(&question, "give --password-stdin or --password-env")
}

/// Ctrl-C, or what a service manager sends.
async fn interruption() {
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let [interrupt, terminate] = &mut signals;
    let wait = async |signal: &mut std::io::Result<tokio::signal::unix::Signal>| match signal {
        Ok(signal) => drop(signal.recv().await),
        // Then the kernel ends the process, as without this.
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(interrupt) => {}
        () = wait(terminate) => {}
    }
}
