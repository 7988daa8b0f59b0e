//! The `berth` binary: the only place that wires the parts together.

use std::process::ExitCode;

use clap::Parser as _;

mod authority;
mod check_config;
mod cli;
mod config;
mod data_dir;
mod http;
mod logging;
mod serve;
mod server;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::CheckConfig(arguments) => check_config::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("berth: {error:#}");
            ExitCode::FAILURE
        }
    }
}
