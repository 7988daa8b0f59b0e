//! The commands that speak to a server, one file for each group.

use anyhow::Context as _;

use crate::cli::ClientCommand;

mod audit;
mod cache;
mod deploy;
mod group;
mod image;
mod immutable;
mod import;
mod inspect;
mod list;
mod login;
mod member;
mod project;
mod retention;
mod robot;
mod role;
mod session;
mod space;
mod token;
mod upstream;
mod user;

use session::Session;

pub(crate) fn run(command: ClientCommand) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("could not start the runtime")?
        .block_on(Box::pin(dispatch(command)))
}

async fn dispatch(command: ClientCommand) -> anyhow::Result<()> {
    use ClientCommand as C;
    match command {
        C::Login(arguments) => login::login(arguments).await,
        C::Logout => login::logout().await,
        C::Ls(ls) => list::run(&Session::open(&ls.options)?, &ls.arguments).await,
        C::Inspect(inspect) => {
            inspect::run(&Session::open(&inspect.options)?, &inspect.arguments).await
        }
        C::Tag(tag) => image::tag(&Session::open(&tag.options)?, &tag.arguments).await,
        C::Rm(rm) => image::rm(&Session::open(&rm.options)?, &rm.arguments).await,
        C::Deleted(deleted) => {
            space::deleted(&Session::open(&deleted.options)?, &deleted.arguments).await
        }
        C::Undelete(undelete) => {
            space::undelete(&Session::open(&undelete.options)?, &undelete.arguments).await
        }
        C::Gc(gc) => space::collect(&Session::open(&gc.options)?, &gc.arguments).await,
        C::User(group) => user::run(&Session::open(&group.options)?, &group.command).await,
        C::Project(group) => project::run(&Session::open(&group.options)?, &group.command).await,
        C::Immutable(group) => {
            immutable::run(&Session::open(&group.options)?, &group.command).await
        }
        C::Retention(group) => {
            retention::run(&Session::open(&group.options)?, &group.command).await
        }
        C::Robot(group) => robot::run(&Session::open(&group.options)?, &group.command).await,
        C::Token(group) => token::run(&Session::open(&group.options)?, &group.command).await,
        C::Upstream(group) => upstream::run(&Session::open(&group.options)?, &group.command).await,
        C::Group(group) => group::run(&Session::open(&group.options)?, &group.command).await,
        C::Proxy(group) => cache::run(&Session::open(&group.options)?, &group.command).await,
        C::Warm(warm) => cache::warm(&Session::open(&warm.options)?, &warm.arguments).await,
        C::Import(group) => import::run(&group.options, &group.command).await,
        C::Deploy(group) => deploy::run(&Session::open(&group.options)?, &group.command).await,
        C::Audit(audit) => audit::run(&Session::open(&audit.options)?, &audit.arguments).await,
    }
}
