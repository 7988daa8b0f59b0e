use std::path::PathBuf;

use berth_oci::RepositoryName;
use berth_registry::TagPattern;
use berth_registry::auth::RepositoryGlob;
use clap::{Args, Subcommand};

use super::values::{SourceUrl, SourceUrlParser};

#[derive(Subcommand)]
pub(crate) enum ImportCommand {
    /// Take over the storage folder of a Distribution registry: the image registry:2, or Debian's
    /// docker-registry
    Folder(ImportFolder),
    /// Copy from a registry that runs: Harbor, Nexus, zot, Distribution, ACR and others
    Registry(ImportRegistry),
}

/// What is imported, and to where.
#[derive(Args)]
pub(crate) struct ImportOptions {
    /// Import these repositories only, by name or by a pattern such as 'shop/**'; can be given
    /// several times
    #[arg(long = "repository", value_name = "GLOB")]
    pub(crate) repositories: Vec<RepositoryGlob>,
    /// Import these tags only, by name or by a pattern such as 'v1.*', 'semver:>=1.2' or
    /// 'regex:v[0-9]+', with the signatures of what they point at; can be given several times
    #[arg(long = "tag", value_name = "PATTERN")]
    pub(crate) tags: Vec<TagPattern>,
    /// Put a/b at PREFIX/a/b; a name without a `/` needs it, since its project is its first part
    #[arg(long, value_name = "PROJECT|PREFIX")]
    pub(crate) into: Option<RepositoryName>,
    /// How many images, and how many blobs, are copied at a time
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,
    /// Say what would come, and copy nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct ImportFolder {
    /// The `rootdirectory` of its configuration: the folder that holds docker/registry/v2
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// Import manifests too that no tag leads to and that refer to nothing imported
    #[arg(long)]
    pub(crate) untagged: bool,
    #[command(flatten)]
    pub(crate) options: ImportOptions,
}

#[derive(Args)]
pub(crate) struct ImportRegistry {
    /// host, host:port or a URL, with a path if the registry has one before /v2/
    #[arg(value_name = "URL", value_parser = SourceUrlParser)]
    pub(crate) url: SourceUrl,
    /// Who to log in as at the source; the password is asked for on a terminal
    #[arg(long)]
    pub(crate) username: Option<String>,
    /// Read the password of the source from standard input
    #[arg(long, requires = "username")]
    pub(crate) password_stdin: bool,
    /// Read the password of the source from this variable of the environment
    #[arg(
        long,
        value_name = "VARIABLE",
        requires = "username",
        conflicts_with = "password_stdin"
    )]
    pub(crate) password_env: Option<String>,
    /// Trust the certificates in this PEM file too, such as that of your own authority
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Speak plain HTTP to the source, and send the password so, where others on the network can
    /// read it
    #[arg(long)]
    pub(crate) plain_http: bool,
    /// Follow the source to this host too, for its blobs or tokens; can be given several times
    #[arg(long = "allow-host", value_name = "HOST")]
    pub(crate) allow_hosts: Vec<String>,
    #[command(flatten)]
    pub(crate) options: ImportOptions,
}
