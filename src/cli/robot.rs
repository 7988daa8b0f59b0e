use berth_oci::ProjectName;
use clap::{Args, Subcommand};

use super::values::{Expiry, Name, RobotLogin, Scope, project_name, yes_or_no};

#[derive(Subcommand)]
pub(crate) enum RobotCommand {
    /// List the robots of a project, or without one those of the whole installation
    Ls {
        #[arg(value_parser = project_name)]
        project: Option<ProjectName>,
    },
    /// Create a robot and print its secret
    Create(CreateRobot),
    /// Show a robot
    Show {
        #[arg(value_name = "PROJECT+NAME")]
        robot: RobotLogin,
    },
    /// Change a robot
    Set(SetRobot),
    /// Delete a robot
    Rm {
        #[arg(value_name = "PROJECT+NAME")]
        robot: RobotLogin,
    },
    /// Give a robot a new secret and print it; the old one ends at once
    Renew {
        #[arg(value_name = "PROJECT+NAME")]
        robot: RobotLogin,
    },
}

#[derive(Args)]
#[command(
    allow_missing_positional = true,
    override_usage = "berth robot create [OPTIONS] PROJECT NAME\n       \
                      berth robot create [OPTIONS] --system NAME"
)]
pub(crate) struct CreateRobot {
    /// The project that it belongs to
    #[arg(value_parser = project_name, required_unless_present = "system", conflicts_with = "system")]
    pub(crate) project: Option<ProjectName>,
    #[arg(required = true)]
    pub(crate) name: Name,
    /// For the whole installation, not for one project
    #[arg(long)]
    pub(crate) system: bool,
    /// What it may do; can be given several times
    #[arg(long, value_name = "GLOB=ACTION,...", required = true)]
    pub(crate) scope: Vec<Scope>,
    /// 30d, 12h, never, or a time as RFC 3339 has it
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<Expiry>,
}

#[derive(Args)]
pub(crate) struct SetRobot {
    #[arg(value_name = "PROJECT+NAME")]
    pub(crate) robot: RobotLogin,
    #[command(flatten)]
    pub(crate) changes: RobotChanges,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
pub(crate) struct RobotChanges {
    /// What it may do, and no longer anything else; can be given several times
    #[arg(long, value_name = "GLOB=ACTION,...")]
    pub(crate) scope: Vec<Scope>,
    /// Whether it can not log in
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub(crate) disabled: Option<bool>,
    /// 30d, 12h, never, or a time as RFC 3339 has it
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<Expiry>,
}
