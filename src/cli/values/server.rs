use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

use crate::client::Server;

/// Reads a server as clap would, but repeats nothing of one that is refused: a URL may hold a
/// password.
#[derive(Clone)]
pub(crate) struct ServerParser;

impl TypedValueParser for ServerParser {
    type Value = Server;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Server, Error> {
        value.to_string_lossy().parse().map_err(|error| {
            command
                .clone()
                .error(ErrorKind::ValueValidation, format!("{error}"))
        })
    }
}
