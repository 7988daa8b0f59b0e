use berth_oci::ProjectName;
use clap::{ArgAction, Subcommand};

use super::values::{ByteLimit, Name, Scope, project_name, yes_or_no};

#[derive(Subcommand)]
pub(crate) enum ProjectCommand {
    /// List the projects
    Ls {
        /// Only those whose name holds this text
        #[arg(short = 'q', long = "query", value_name = "TEXT")]
        query: Option<String>,
    },
    /// Create a project
    Create {
        #[arg(value_parser = project_name)]
        project: ProjectName,
        /// Everybody may pull, without a login
        #[arg(long)]
        public: bool,
    },
    /// Show a project
    Show {
        #[arg(value_parser = project_name)]
        project: ProjectName,
    },
    /// Change a project
    Set {
        #[arg(value_parser = project_name)]
        project: ProjectName,
        /// Whether everybody may pull, without a login
        #[arg(long, value_name = "yes|no", action = ArgAction::Set, value_parser = yes_or_no)]
        public: bool,
    },
    /// Delete a project
    Rm {
        #[arg(value_parser = project_name)]
        project: ProjectName,
        /// Delete its images too; without this a project that has any stays
        #[arg(long)]
        with_images: bool,
        /// Do not ask before images are deleted
        #[arg(short, long)]
        yes: bool,
    },
    /// Show how much a project has and may have, or say how much it may have
    Quota {
        #[arg(value_parser = project_name)]
        project: ProjectName,
        /// The most that it may have, such as 50GB or 10GiB; none for no limit
        #[arg(value_name = "BYTES")]
        limit: Option<ByteLimit>,
    },
    /// Who has which roles in a project
    #[command(subcommand)]
    Member(MemberCommand),
    /// What a role may do in a project
    #[command(subcommand)]
    Role(RoleCommand),
}

#[derive(Subcommand)]
pub(crate) enum MemberCommand {
    /// List the members of a project
    Ls {
        #[arg(value_parser = project_name)]
        project: ProjectName,
    },
    /// Give a user these roles in a project, and no longer others
    Set {
        #[arg(value_parser = project_name)]
        project: ProjectName,
        user: Name,
        /// reader, writer, maintainer, owner, or a role that the project has made
        #[arg(required = true)]
        role: Vec<Name>,
    },
    /// Take all roles in a project from a user
    Rm {
        #[arg(value_parser = project_name)]
        project: ProjectName,
        user: Name,
    },
}

#[derive(Subcommand)]
pub(crate) enum RoleCommand {
    /// List the roles of a project
    Ls {
        #[arg(value_parser = project_name)]
        project: ProjectName,
    },
    /// Make a role, or change what one may do
    Set {
        #[arg(value_parser = project_name)]
        project: ProjectName,
        role: Name,
        /// What the role may do, and no longer anything else; can be given several times
        #[arg(long, value_name = "GLOB=ACTION,...", required = true)]
        scope: Vec<Scope>,
    },
    /// Delete a role that no member has
    Rm {
        #[arg(value_parser = project_name)]
        project: ProjectName,
        role: Name,
    },
}
