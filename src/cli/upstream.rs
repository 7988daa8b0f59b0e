use berth_oci::ProjectName;
use clap::{Args, Subcommand};

use super::values::{project_name, yes_or_no};

#[derive(Subcommand)]
pub(crate) enum UpstreamCommand {
    /// List the upstreams
    #[command(visible_alias = "ls")]
    List,
    /// Create an upstream: it needs a registry, a URL or a profile that knows them
    Create(Box<CreateUpstream>),
    /// Show an upstream
    Show {
        #[arg(value_parser = project_name)]
        upstream: ProjectName,
    },
    /// Change an upstream; what is not given stays
    #[command(visible_alias = "set")]
    Change(Box<ChangeUpstream>),
    /// Delete an upstream; what it gave stays, and can be pulled
    #[command(visible_alias = "rm")]
    Delete {
        #[arg(value_parser = project_name)]
        upstream: ProjectName,
    },
}

#[derive(Args)]
pub(crate) struct CreateUpstream {
    /// Name of the upstream, and of the project that keeps what it gives
    #[arg(value_parser = project_name)]
    pub(crate) upstream: ProjectName,
    #[command(flatten)]
    pub(crate) options: UpstreamOptions,
}

#[derive(Args)]
pub(crate) struct ChangeUpstream {
    #[arg(value_parser = project_name)]
    pub(crate) upstream: ProjectName,
    #[command(flatten)]
    pub(crate) options: UpstreamOptions,
    /// Take these back to their defaults, by the names that --json has: token,fresh_seconds
    #[arg(long, value_name = "SETTING", value_delimiter = ',')]
    pub(crate) reset: Vec<String>,
}

/// What an upstream can be told to be.
#[derive(Args)]
pub(crate) struct UpstreamOptions {
    /// What clients call the registry, such as ghcr.io
    #[arg(long, value_name = "HOST")]
    pub(crate) registry: Option<String>,
    /// Where the registry is asked, if that is elsewhere or has no TLS
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// docker-hub, aliyun-acr, aliyun-accelerator, quay, ghcr, kubernetes, mcr or generic
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// User to sign in as; the password is asked for on a terminal
    #[arg(short, long)]
    pub(crate) username: Option<String>,
    /// Read the password of the user from standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Read a token that is sent as it is from standard input
    #[arg(long, conflicts_with_all = ["username", "password_stdin"])]
    pub(crate) token_stdin: bool,
    /// Read the URL of a proxy to go through from standard input, behind a password or token
    #[arg(long)]
    pub(crate) proxy_stdin: bool,
    /// Of several upstreams of one registry the lowest is asked first
    #[arg(long, value_name = "NUMBER")]
    pub(crate) order: Option<u32>,
    /// What it is asked for: resolve, pull or both
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    pub(crate) capabilities: Option<Vec<String>>,
    /// Host that it may lead to, at a private address too; can be given several times
    #[arg(long = "allow-host", value_name = "HOST")]
    pub(crate) allow_hosts: Option<Vec<String>>,
    /// Pattern of names that may be pulled, and no others; can be given several times
    #[arg(long, value_name = "GLOB")]
    pub(crate) allow: Option<Vec<String>>,
    /// Pattern of names that are never asked for; can be given several times
    #[arg(long, value_name = "GLOB")]
    pub(crate) deny: Option<Vec<String>>,
    /// The most that all downloads from it take together
    #[arg(long, value_name = "BYTES")]
    pub(crate) bytes_per_second: Option<u64>,
    /// How long a tag is believed
    #[arg(long, value_name = "SECONDS")]
    pub(crate) fresh_seconds: Option<u64>,
    /// Regular expression for tags that never move; can be given several times
    #[arg(long = "immutable-tag", value_name = "PATTERN")]
    pub(crate) immutable_tags: Option<Vec<String>>,
    /// How long a tag is answered from what is known while it can not be asked for
    #[arg(long, value_name = "DAYS")]
    pub(crate) stale_days: Option<u64>,
    /// Whether it is never asked
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub(crate) offline: Option<bool>,
    /// Whether everybody may pull what is kept, without a login
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub(crate) public: Option<bool>,
    /// Tag at the upstream that is fetched before anybody asks; can be given several times
    #[arg(long, value_name = "REPOSITORY:TAG")]
    pub(crate) warm: Option<Vec<String>>,
    /// Fetch this platform of those tags, and not all; can be given several times
    #[arg(long = "warm-platform", value_name = "OS/ARCHITECTURE")]
    pub(crate) warm_platforms: Option<Vec<String>>,
    /// How often it is looked whether they have moved
    #[arg(long, value_name = "MINUTES")]
    pub(crate) warm_minutes: Option<u64>,
}
