use berth_oci::ProjectName;
use clap::Args;

use super::values::project_name;

#[derive(Args)]
pub(crate) struct GcArguments {
    /// Say what would go and how much that frees, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct DeletedArguments {
    /// Only what was deleted in this project
    #[arg(value_parser = project_name)]
    pub(crate) project: Option<ProjectName>,
}

#[derive(Args)]
pub(crate) struct UndeleteArguments {
    /// The number that `berth deleted` shows
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(u64))]
    pub(crate) deletion: u64,
}
