use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;

use crate::support::{Blob, Image, Pusher, Random, Record, Shape, TestServer, full, random_bytes};

const PUSHERS: usize = 5;
/// Most requests take less; a kill comes at any moment of the pushes.
const LONGEST_RUN: Duration = Duration::from_millis(250);

#[tokio::test]
async fn what_was_acknowledged_survives_kills_at_any_moment_and_nothing_else_stays() {
    let seed = seed();
    println!("the seed is {seed}; BERTH_TEST_SEED={seed} gives the same pushes");
    let kills = if full() { 200 } else { 12 };
    let mut random = Random::new(seed);
    let record = Record::default();
    let mut server = TestServer::start().await;
    for kill in 1..=kills {
        let moment = LONGEST_RUN.mul_f64(random.below(1000) as f64 / 1000.0);
        let killer = kill_after(server.pid(), moment);
        let pushers = (0..PUSHERS).map(|number| {
            let pusher = Pusher {
                server: &server,
                record: &record,
                repository: format!("kills/{}", number % 2),
            };
            push_until_killed(pusher, number, Random::new(random.word()))
        });
        join_all(pushers).await;
        killer.join().expect("the server was killed");
        server = server.restart().await;
        record.check(&server, kill % 20 == 0 || kill == kills).await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a new seed every time; it is printed"
)]
pub(crate) fn seed() -> u64 {
    match std::env::var("BERTH_TEST_SEED") {
        Ok(seed) => seed.parse().expect("a number"),
        Err(_) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.expect("a time after 1970").as_secs()
        }
    }
}

pub(crate) fn kill_after(pid: u32, moment: Duration) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        thread::sleep(moment);
        let killed = Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status();
        assert!(killed.expect("kill").success());
    })
}

/// Tags and manifests are this pusher's own, so that it knows what follows what; blobs of a small
/// seed are pushed by others at the same time.
async fn push_until_killed(pusher: Pusher<'_>, number: usize, mut random: Random) {
    let tags: Vec<_> = (0..3).map(|tag| format!("tag-{number}-{tag}")).collect();
    let mut mine = Vec::new();
    loop {
        let shape = Shape::ALL[random.below(4)];
        let tag = &tags[random.below(tags.len())];
        let done = match random.below(10) {
            0..=4 => pusher.blob(&some_blob(&mut random), shape).await,
            5..=7 => {
                // A layer that nobody else has makes the manifest this pusher's own.
                let own = random.word().to_le_bytes().to_vec();
                let others = (0..=random.below(2)).map(|_| some_blob(&mut random).bytes);
                let image = Image::new(others.chain([own]));
                let tag = (random.below(3) > 0).then_some(tag.as_str());
                mine.push(image.manifest.digest.clone());
                pusher.image(&image, tag, shape).await
            }
            8 => pusher.delete(tag, &tags).await,
            _ if mine.is_empty() => Some(()),
            _ => {
                let manifest = &mine[random.below(mine.len())];
                pusher.delete(manifest, &tags).await
            }
        };
        if done.is_none() {
            return;
        }
    }
}

fn some_blob(random: &mut Random) -> Blob {
    let length = match random.below(8) {
        // Empty, or long enough for chunks of more than a byte: `Range: 0-0` may be one byte or none.
        0 => random.below(2) * (6 + random.below(64)),
        1..=5 => random.below(64 * 1024),
        _ => random.below(3 * 1024 * 1024),
    };
    let seed = match random.below(3) {
        // The same as another's, at the same time as it.
        0 => return Blob::new(random_bytes(random.below(20) as u64, 100_000)),
        _ => random.word(),
    };
    Blob::new(random_bytes(seed, length))
}
