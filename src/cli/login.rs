use std::path::PathBuf;

use clap::Args;

use super::values::{Name, ServerParser};
use crate::client::Server;

#[derive(Args)]
#[command(after_help = "\
A password is not kept: the login makes itself a token of 90 days. The secret of a token or robot
can be given in place of a password, and is kept.")]
pub(crate) struct LoginArguments {
    /// host, host:port or a URL; without one, the server of the last login or 127.0.0.1:5000
    #[arg(value_parser = ServerParser)]
    pub(crate) server: Option<Server>,
    /// Who to log in as; asked for on a terminal
    #[arg(short, long)]
    pub(crate) user: Option<Name>,
    /// Read the password, or the secret of a token, from standard input
    #[arg(long, requires = "user")]
    pub(crate) password_stdin: bool,
    /// Trust only the certificates in this PEM file, such as that of your own authority
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Send the password over plain HTTP, where others on the network can read it
    #[arg(long)]
    pub(crate) insecure: bool,
}
