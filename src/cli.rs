use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::Config;

mod audit;
mod cache;
mod deploy;
mod group;
mod image;
mod immutable;
mod import;
mod login;
mod maintenance;
mod options;
mod project;
mod retention;
mod robot;
mod space;
mod token;
mod upstream;
mod user;
mod values;

pub(crate) use audit::AuditArguments;
pub(crate) use cache::{ProxyCommand, WarmArguments};
pub(crate) use deploy::{
    DeployCommand, DeployRuleCommand, ListDeployments, Number, ServiceName, StackName, WhatToDeploy,
};
pub(crate) use group::GroupCommand;
pub(crate) use image::{InspectArguments, LsArguments, RmArguments, TagArguments};
pub(crate) use immutable::ImmutableCommand;
pub(crate) use import::{ImportCommand, ImportOptions, ImportRegistry};
pub(crate) use login::LoginArguments;
pub(crate) use maintenance::{BackupArguments, FsckArguments, RestoreArguments};
pub(crate) use options::{ClientOptions, Group, Single};
pub(crate) use project::{MemberCommand, ProjectCommand, RoleCommand};
pub(crate) use retention::{PolicySource, RetentionCommand, RuleOptions};
pub(crate) use robot::{CreateRobot, RobotCommand, SetRobot};
pub(crate) use space::{DeletedArguments, GcArguments, UndeleteArguments};
pub(crate) use token::{CreateToken, TokenCommand, TokenOwner};
pub(crate) use upstream::{ChangeUpstream, CreateUpstream, UpstreamCommand, UpstreamOptions};
pub(crate) use user::{AddUser, ChangePassword, SetUser, UserCommand};
pub(crate) use values::{ByteLimit, Expiry, ImageName, Name, RepositoryOrImage, RobotLogin, Scope};

/// A private container registry in one binary.
#[derive(Parser)]
#[command(version, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Try it:
  berth serve
  docker login 127.0.0.1:5000
  docker tag alpine 127.0.0.1:5000/alpine
  docker push 127.0.0.1:5000/alpine

Manage it, here or from afar:
  berth login registry.example.com
  berth ls
  berth robot create shop ci --scope 'shop/**=pull,push'

Everything has a default. config/berth.toml shows every key; each can be given in the environment
too: BERTH_LISTEN, BERTH_DATA_DIR, BERTH_LIMITS__IDLE_SECONDS.";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve the registry until SIGTERM or SIGINT; a second signal ends transfers at once
    Serve(ConfigArguments),
    /// Read the configuration as `serve` would, say what is wrong with it, and print what results
    CheckConfig(ConfigArguments),
    /// Give the user admin a new password and every right, on the server's machine while it is
    /// stopped, and print the password: for when nobody can sign in any more
    RecoverAdmin(ConfigArguments),
    /// Compare the store with the database and both with themselves, also beside a running server;
    /// ends with 0 when all is well, and with 1 when something was found
    Fsck(FsckArguments),
    /// Copy the database and all blobs to a folder, also beside a running server
    Backup(BackupArguments),
    /// Bring a backup back, on the server's machine, where there is no database and no blob yet
    Restore(RestoreArguments),
    #[command(flatten)]
    Client(ClientCommand),
    /// Print the script that completes berth's command line in a shell
    Completions { shell: Shell },
}

/// The commands that speak to a server. None of them reads a variable of the environment whose name
/// begins with `BERTH_`: those configure a server.
#[derive(Subcommand)]
pub(crate) enum ClientCommand {
    /// Log in to a server, for the commands below
    Login(LoginArguments),
    /// Forget the login, here and on the server
    Logout,
    /// List projects, the repositories of a project, or the tags of a repository
    Ls(Single<LsArguments>),
    /// Show a repository, or the image behind a tag or digest
    Inspect(Single<InspectArguments>),
    /// Point a tag at an image of its repository
    Tag(Single<TagArguments>),
    /// Delete a tag, an image together with its tags, or a repository with all of its images
    Rm(Single<RmArguments>),
    /// List what was deleted and can be brought back
    Deleted(Single<DeletedArguments>),
    /// Bring back what was deleted
    Undelete(Single<UndeleteArguments>),
    /// Remove what nothing needs any longer, which happens by itself too
    Gc(Single<GcArguments>),
    /// Users, and what they may do everywhere
    User(Group<UserCommand>),
    /// Projects, their members and roles
    Project(Group<ProjectCommand>),
    /// Tags that neither move nor are deleted
    Immutable(Group<ImmutableCommand>),
    /// What a project keeps
    Retention(Group<RetentionCommand>),
    /// Robots: logins for programs
    Robot(Group<RobotCommand>),
    /// Your personal tokens
    Token(Group<TokenCommand>),
    /// Registries that are pulled from
    Upstream(Group<UpstreamCommand>),
    /// Projects and upstreams that are read as one
    Group(Group<GroupCommand>),
    /// The caches of what upstreams have
    Proxy(Group<ProxyCommand>),
    /// Fetch images from their upstreams before anybody asks for them
    Warm(Single<WarmArguments>),
    /// Take over what another registry has
    Import(Box<Group<ImportCommand>>),
    /// Deployments: services that run what was pushed
    Deploy(Group<DeployCommand>),
    /// Who did what, the newest first
    Audit(Single<AuditArguments>),
}

#[derive(Args)]
pub(crate) struct ConfigArguments {
    /// Configuration file; without one everything has a default
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArguments {
    pub(crate) fn load(&self) -> anyhow::Result<Config> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with("BERTH_"))
            .map(|(name, value)| match value.into_string() {
                Ok(value) => Ok((name, value)),
                Err(_) => anyhow::bail!("{name} is not UTF-8"),
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        Config::load(self.config.as_deref(), environment).context("the configuration is not usable")
    }
}

#[cfg(test)]
mod tests;
