use clap::{Args, Subcommand};

use super::values::{Expiry, Name, Scope};

#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// List the tokens
    Ls {
        #[command(flatten)]
        owner: TokenOwner,
    },
    /// Create a token for yourself and print its secret
    Create(CreateToken),
    /// Delete a token
    Rm {
        token: Name,
        #[command(flatten)]
        owner: TokenOwner,
    },
}

#[derive(Args)]
pub(crate) struct CreateToken {
    pub(crate) token: Name,
    /// What it may do of what its user may, without one pull and push; can be given several times
    #[arg(long, value_name = "GLOB=ACTION,...")]
    pub(crate) scope: Vec<Scope>,
    /// 30d, 12h, never, or a time as RFC 3339 has it
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<Expiry>,
}

#[derive(Args)]
pub(crate) struct TokenOwner {
    /// The tokens of another user, for an admin
    #[arg(long)]
    pub(crate) user: Option<Name>,
}
