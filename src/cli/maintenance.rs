use std::path::PathBuf;

use clap::Args;

use super::ConfigArguments;

#[derive(Args)]
pub(crate) struct FsckArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Repair what can be repaired, and stop serving blobs whose bytes are wrong
    #[arg(long)]
    pub(crate) repair: bool,
    /// Do not read the bytes of the blobs: sizes are compared, and no digests
    #[arg(long)]
    pub(crate) no_hash: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct BackupArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Folder for the backup; one that holds an earlier backup is brought up to date
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Copy no blobs, and write a list of them for the store's own tools
    #[arg(long)]
    pub(crate) list_blobs: bool,
    /// How long the bytes of the listed blobs are kept whatever is deleted, in hours
    #[arg(long, value_name = "HOURS", default_value_t = 1, requires = "list_blobs",
          value_parser = clap::value_parser!(u32).range(1..=720))]
    pub(crate) hold_hours: u32,
}

#[derive(Args)]
pub(crate) struct RestoreArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Folder of the backup
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Go on without blobs that are missing or corrupt; they are absent until they are pushed again
    #[arg(long)]
    pub(crate) allow_missing: bool,
}
