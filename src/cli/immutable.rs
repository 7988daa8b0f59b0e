use berth_oci::ProjectName;
use clap::Subcommand;

use super::deploy::Number;
use super::values::project_name;

#[derive(Subcommand)]
pub(crate) enum ImmutableCommand {
    /// List the rules of a project
    Ls {
        #[arg(value_parser = project_name)]
        project: ProjectName,
    },
    /// Keep tags where they are: once they are there they neither move nor are deleted
    Add {
        #[arg(value_parser = project_name)]
        project: ProjectName,
        /// Which tags: a glob such as 'v*', regex:EXPRESSION or semver:RANGE
        tags: String,
        /// In which repositories, if not in all of the project
        #[arg(long, value_name = "GLOB")]
        repositories: Option<String>,
    },
    /// Remove a rule: its tags can move and be deleted again
    Rm {
        #[arg(value_parser = project_name)]
        project: ProjectName,
        /// Number of the rule
        rule: Number,
    },
}
