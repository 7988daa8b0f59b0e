//! Does one inner part of Berth so many times: the instructions of a run beside those of one with another
//! count are those of the part. What a part works on is made before, and is the same each time.

use std::hint::black_box;

use clap::{Parser, ValueEnum};

mod bearer;
mod words;
mod write;

#[derive(Parser)]
struct Arguments {
    part: Part,
    /// How many times
    count: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Part {
    /// The path and query of requests, as end-points
    Paths,
    /// Tags and digests
    References,
    /// The manifest of an image and an index
    Manifests,
    /// What clients ask tokens for
    Scopes,
    /// A bearer token that was not seen before
    NewToken,
    /// A bearer token that was
    KnownToken,
    /// A batch of 1 MiB of an upload, in pieces of 16 KiB
    Write,
}

fn main() -> anyhow::Result<()> {
    let Arguments { part, count } = Arguments::parse();
    match part {
        Part::Paths => repeat(count, words::paths()?),
        Part::References => repeat(count, words::references),
        Part::Manifests => repeat(count, words::manifests()),
        Part::Scopes => repeat(count, words::scopes),
        Part::NewToken => bearer::check_new(count)?,
        Part::KnownToken => bearer::check_known(count)?,
        Part::Write => write::write(count)?,
    }
    Ok(())
}

fn repeat<T>(count: usize, work: impl Fn() -> T) {
    for _ in 0..count {
        black_box(work());
    }
}
