//! A hundred clients at once, in little memory.

use std::fs;

use futures_util::future::join_all;

use super::MIB;
use crate::support::{Download, Hub, Request, TestServer, provided, random_bytes};

const CLIENTS: usize = 100;
const MOST_KIB: u64 = 150 * 1024;

/// The most memory that the process has had.
fn peak_kib(server: &TestServer) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid()));
    let status = status.expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.expect("a peak").trim().trim_end_matches(" kB");
    number.parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clients_that_pull_an_image_at_once_cost_one_pull_and_little_memory() {
    let Some(release) = provided("BERTH_TEST_RELEASE") else {
        return;
    };
    let hub = Hub::start().await;
    let layers = (1..=3).map(|seed| random_bytes(seed, 16 * MIB));
    let image = hub.push("1", layers).await;
    let server = hub.proxy().program(release).start().await;
    let anybody = server.anonymous();
    let pull = async || {
        anybody.resolve("1", &image).await;
        for blob in image.layers.iter().chain([&image.config]) {
            let get = anybody.get(&Hub::blob(blob));
            Download::begin(get, blob).await.finish().await;
        }
    };
    join_all((0..CLIENTS).map(|_| pull())).await;
    let front = &hub.front;
    for blob in image.layers.iter().chain([&image.config]) {
        front.assert_count(1, |request| request.is_of(&blob.digest));
    }
    front.assert_count(0, |request| request.is_head() && request.is_blob());
    assert!(front.count(Request::is_manifest) <= 2);
    let peak = peak_kib(&server);
    println!("peak {peak} KiB");
    assert!(peak < MOST_KIB, "the server has taken {peak} KiB");
}
