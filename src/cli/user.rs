use clap::{Args, Subcommand};

use super::values::{Name, yes_or_no};

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// List the users
    Ls,
    /// Add a user; without --password-stdin a password is made and printed
    Add(AddUser),
    /// Show a user
    Show { user: Name },
    /// Change what a user may do
    Set(SetUser),
    /// Delete a user and its tokens
    Rm { user: Name },
    /// Change your own password, or give another user a new one
    Password(ChangePassword),
}

#[derive(Args)]
pub(crate) struct AddUser {
    pub(crate) user: Name,
    /// May do everything
    #[arg(long)]
    pub(crate) admin: bool,
    /// May do these things everywhere, for example pull,audit.read
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    pub(crate) actions: Vec<String>,
    /// Read the password from standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

#[derive(Args)]
pub(crate) struct SetUser {
    pub(crate) user: Name,
    #[command(flatten)]
    pub(crate) changes: UserChanges,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
pub(crate) struct UserChanges {
    /// Whether the user may do everything
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub(crate) admin: Option<bool>,
    /// May do these things everywhere, and no longer others
    #[arg(
        long,
        value_name = "ACTION",
        value_delimiter = ',',
        conflicts_with = "no_actions"
    )]
    pub(crate) actions: Vec<String>,
    /// May do nothing everywhere
    #[arg(long)]
    pub(crate) no_actions: bool,
    /// Whether the user can not log in
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub(crate) disabled: Option<bool>,
}

#[derive(Args)]
pub(crate) struct ChangePassword {
    /// Whose password, for an admin; it is made and printed without --password-stdin
    pub(crate) user: Option<Name>,
    /// Read the new password from standard input; for your own, a line with the current one first
    #[arg(long)]
    pub(crate) password_stdin: bool,
}
