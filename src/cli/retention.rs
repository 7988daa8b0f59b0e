use std::path::PathBuf;

use berth_oci::ProjectName;
use clap::{Args, Subcommand};

use super::deploy::Number;
use super::values::project_name;

#[derive(Subcommand)]
pub(crate) enum RetentionCommand {
    /// Show what a project keeps
    Show {
        #[arg(value_parser = project_name)]
        project: ProjectName,
    },
    /// Say what a project keeps: by a file, or by options for a policy of one rule
    Set {
        #[arg(value_parser = project_name)]
        project: ProjectName,
        #[command(flatten)]
        policy: Box<PolicySource>,
    },
    /// Keep everything
    Rm {
        #[arg(value_parser = project_name)]
        project: ProjectName,
    },
    /// Show each tag with the rule that decides, and manifests without one that would go
    Preview {
        #[arg(value_parser = project_name)]
        project: ProjectName,
        /// Only what would go
        #[arg(long)]
        removed: bool,
        #[command(flatten)]
        policy: Box<PolicySource>,
    },
    /// Remove what the policy does not keep, and wait for the end
    Run {
        #[arg(value_parser = project_name)]
        project: ProjectName,
    },
    /// List the runs of a project, or what one of them has removed
    Runs {
        #[arg(value_parser = project_name)]
        project: ProjectName,
        /// Number of the run
        run: Option<Number>,
    },
}

/// A policy as it is given, if it is.
#[derive(Args)]
pub(crate) struct PolicySource {
    /// A policy in JSON, as `show --json` prints it; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rule: RuleOptions,
}

/// A policy of one rule.
#[derive(Args)]
#[group(id = "rule-options", multiple = true, conflicts_with = "file")]
pub(crate) struct RuleOptions {
    /// In which repositories, if not in all of the project
    #[arg(long, value_name = "GLOB")]
    pub(crate) repositories: Option<String>,
    /// Which tags, if not all: a glob such as 'pr-*', regex:EXPRESSION or semver:RANGE
    #[arg(long, value_name = "PATTERN")]
    pub(crate) tags: Option<String>,
    /// Keep so many of each repository that were pushed last
    #[arg(long, value_name = "COUNT")]
    pub(crate) keep_pushed: Option<u32>,
    /// Keep so many of each repository that were pulled last
    #[arg(long, value_name = "COUNT")]
    pub(crate) keep_pulled: Option<u32>,
    /// Keep what was pushed within so many days
    #[arg(long, value_name = "DAYS")]
    pub(crate) pushed_within: Option<u32>,
    /// Keep what was pulled within so many days; what was never pulled counts from its push
    #[arg(long, value_name = "DAYS")]
    pub(crate) pulled_within: Option<u32>,
    /// Remove manifests that have had no tag for so many days, if nothing needs them
    #[arg(long, value_name = "DAYS")]
    pub(crate) untagged_after: Option<u32>,
    /// Run it by itself every so many hours
    #[arg(long, value_name = "HOURS")]
    pub(crate) every: Option<u32>,
}
