use clap::{Args, Subcommand};

use super::values::ImageName;

#[derive(Subcommand)]
pub(crate) enum ProxyCommand {
    /// Show what each cache has done since the server started, and what it does
    Status,
}

#[derive(Args)]
pub(crate) struct WarmArguments {
    /// Named as it is pulled: hub/library/alpine:3
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<ImageName>,
    /// Fetch this platform of an image, and not all; can be given several times
    #[arg(long = "platform", value_name = "OS/ARCHITECTURE")]
    pub(crate) platforms: Vec<String>,
}
