use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};

use super::Images;
use super::connection::Connection;
use super::images::{self, Image};

/// What a client does with an image.
pub(super) type Work = fn(&mut Connection, &Image) -> anyhow::Result<()>;

/// Does the work for each image, shared between the clients, and tells how long that took.
pub(super) fn all(wanted: &Images, work: Work) -> anyhow::Result<Duration> {
    let numbers = wanted.first..wanted.first + wanted.images;
    let shares = images::shares(numbers, wanted.clients);
    let mut clients = Vec::new();
    for number in 0..shares.len() {
        let repository = format!("{}{number}", wanted.repository);
        let authorization = wanted.authorization.get(number).map(String::as_str);
        clients.push(Connection::open(wanted.address, repository, authorization)?);
    }
    let begun = Instant::now();
    thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter_mut()
            .zip(&shares)
            .map(|(client, share)| scope.spawn(move || each(client, share, work)))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            let done = thread.join();
            done.unwrap_or_else(|_| Err(anyhow!("a client panicked")))
        })
    })?;
    Ok(begun.elapsed())
}

fn each(client: &mut Connection, share: &[Image], work: Work) -> anyhow::Result<()> {
    share.iter().try_for_each(|image| {
        work(client, image)
            .with_context(|| format!("image {} in {}", image.tag, client.repository()))
    })
}
