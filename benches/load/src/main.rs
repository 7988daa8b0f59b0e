//! Clients that keep a registry busy, and the plain program that a push is measured beside. Threads and
//! blocking sockets: on the cores of the server, what a client takes the server does not have.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod connection;
mod head;
mod images;
mod pull;
mod push;
mod receive;
mod work;

/// Prints the seconds that the work took, or the requests a second.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    work: Work,
}

#[derive(Subcommand)]
enum Work {
    /// Push images of three layers of 4 KiB, each client to a repository of its own
    Push(Images),
    /// Pull the images that `push` has pushed
    Pull(Images),
    /// Ask for the headers of a path, which wrk can not
    Head(Head),
    /// Write what is sent to files, hash it beside that, and sync it: what no registry can do faster
    Receive { listen: SocketAddr, folder: PathBuf },
}

#[derive(Args)]
struct Images {
    /// Of the registry, which speaks plain HTTP
    address: SocketAddr,
    #[arg(long, default_value_t = 1000)]
    images: u64,
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// The number of the first image; those of other numbers are others
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// The Authorization header of each client, in their order; none for those that are left
    #[arg(long)]
    authorization: Vec<String>,
    /// Before the number of a client in the name of its repository
    #[arg(long)]
    repository: String,
}

#[derive(Args)]
struct Head {
    /// Of the server, which speaks plain HTTP
    address: SocketAddr,
    path: String,
    #[arg(long)]
    connections: usize,
    #[arg(long)]
    seconds: u64,
    #[arg(long)]
    accept: String,
    #[arg(long)]
    authorization: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let figure = match Arguments::parse().work {
        Work::Push(images) => work::all(&images, push::image)?.as_secs_f64(),
        Work::Pull(images) => work::all(&images, pull::image)?.as_secs_f64(),
        Work::Head(head) => head::rate(&head)?,
        Work::Receive { listen, folder } => return receive::serve(listen, &folder),
    };
    println!("{figure}");
    Ok(())
}
