use clap::{Args, Subcommand};

use super::values::ServerParser;
use crate::client::Server;

/// Behind the options of the command itself, which are what its help is read for.
const LAST: usize = 900;

/// What each command takes that works with a login.
#[derive(Args)]
pub(crate) struct ClientOptions {
    /// Refuse to work with any other server than this one, whatever the login is for
    #[arg(long, value_name = "SERVER", value_parser = ServerParser, global = true, display_order = LAST)]
    pub(crate) server: Option<Server>,
    /// Print what the server answered, as it answered it; all pages of a list make one array
    #[arg(long, global = true, display_order = LAST)]
    pub(crate) json: bool,
}

/// A command that has commands.
#[derive(Args)]
pub(crate) struct Group<C: Subcommand> {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    #[command(subcommand)]
    pub(crate) command: C,
}

/// A command that has none.
#[derive(Args)]
pub(crate) struct Single<A: Args> {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    #[command(flatten)]
    pub(crate) arguments: A,
}
