use berth_oci::ProjectName;
use clap::Args;

use super::values::{Moment, Name, project_name};

#[derive(Args)]
pub(crate) struct AuditArguments {
    /// Only what this user or robot did
    #[arg(long)]
    pub(crate) actor: Option<Name>,
    /// Only what was done of this kind, such as manifest.push
    #[arg(long)]
    pub(crate) action: Option<String>,
    /// Only what was done in this project
    #[arg(long, value_parser = project_name)]
    pub(crate) project: Option<ProjectName>,
    /// Only what is younger: 30d, 12h, or a time as RFC 3339 has it
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<Moment>,
    /// Only what is older: 30d, 12h, or a time as RFC 3339 has it
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<Moment>,
    /// How many entries, the newest first
    #[arg(short = 'n', value_name = "COUNT", default_value_t = 100)]
    pub(crate) count: usize,
}
