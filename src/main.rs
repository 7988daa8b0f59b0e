//! The `berth` binary: the only place that wires the parts together.

use std::process::ExitCode;

use clap::Parser as _;

mod authority;
mod check_config;
mod cli;
mod client;
mod code_pages;
mod commands;
mod completions;
mod config;
mod data_dir;
mod first_start;
mod http;
mod idle;
mod import;
mod logging;
mod maintenance;
mod output;
mod serve;
mod server;
mod table;
mod terminal;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(arguments) => succeeded(serve::run(&arguments)),
        Command::CheckConfig(arguments) => succeeded(check_config::run(&arguments)),
        Command::RecoverAdmin(arguments) => succeeded(serve::recover_admin(&arguments)),
        Command::Fsck(arguments) => return maintenance::fsck::run(&arguments),
        Command::Backup(arguments) => maintenance::backup::run(&arguments),
        Command::Restore(arguments) => maintenance::restore::run(&arguments),
        Command::Client(command) => succeeded(commands::run(command)),
        Command::Completions { shell } => succeeded(completions::run(shell)),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("berth: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn succeeded(outcome: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    outcome.map(|()| ExitCode::SUCCESS)
}
