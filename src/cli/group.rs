use berth_oci::ProjectName;
use clap::Subcommand;

use super::values::project_name;

#[derive(Subcommand)]
pub(crate) enum GroupCommand {
    /// List the groups
    #[command(visible_alias = "ls")]
    List,
    /// Create a group
    Create {
        #[arg(value_parser = project_name)]
        group: ProjectName,
        /// Projects and upstreams: the first that has something answers for it
        #[arg(value_name = "MEMBER", required = true, value_parser = project_name)]
        members: Vec<ProjectName>,
        /// The member that takes what is pushed to the group; without it, nothing can be pushed
        #[arg(long, value_name = "MEMBER", value_parser = project_name)]
        push: Option<ProjectName>,
    },
    /// Delete a group; its members stay
    #[command(visible_alias = "rm")]
    Delete {
        #[arg(value_parser = project_name)]
        group: ProjectName,
    },
}
