//! The `berth` binary: the only place that wires the parts together.

use std::process::ExitCode;

use clap::Parser as _;

mod authority;
mod check_config;
mod cli;
mod client;
mod commands;
mod completions;
mod config;
mod data_dir;
mod first_start;
mod http;
mod import;
mod logging;
mod output;
mod serve;
mod server;
mod table;
mod terminal;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::CheckConfig(arguments) => check_config::run(&arguments),
        Command::RecoverAdmin(arguments) => serve::recover_admin(&arguments),
        Command::Client(command) => commands::run(command),
        Command::Completions { shell } => completions::run(shell),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("berth: {error:#}");
            ExitCode::FAILURE
        }
    }
}
