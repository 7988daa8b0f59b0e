#!/usr/bin/env python3
"""Measures what collection takes, and what it takes from pushes.

    benches/collection.py

Pushes 1,000 images of 100 layers of 1 KiB each, deletes every other one, and pushes small images one after
the other while nothing happens, and then while the 50,000 blobs that nobody needs are collected. Tells how
long that took, how much slower the pushes were meanwhile, and the most memory that the server had.
benches/run does the same with fewer images.

Builds target/release/berth. The server has a folder of its own, on loopback, on the cores of its client.
"""

import os
import random
import statistics
import time
from dataclasses import dataclass

from harness import Client, in_parallel, measured
from peers import CONFIG

IMAGES, LAYERS, LAYER_BYTES = 1_000, 100, 1024
# Long enough to measure pushes in, after the last deletion and before the first blob goes.
GRACE = 45
SETTINGS = {
    "BERTH_COLLECTION__GRACE_SECONDS": str(GRACE),
    "BERTH_LOG__ACCESS": "false",
    "BERTH_LOG__LEVEL": "warn,berth_registry::collection=info",
}


@dataclass
class Collection:
    """What it collected in how many seconds, and those that each push took before and meanwhile."""

    blobs: int
    seconds: float
    idle: list
    busy: list

    @property
    def rate(self):
        return self.blobs / self.seconds

    @property
    def slower(self):
        return statistics.mean(self.busy) / statistics.mean(self.idle)


def push_image(client, repository, layers):
    config = client.push_blob(repository, b"{}", CONFIG)
    layers = [client.push_blob(repository, layer) for layer in layers]
    return client.push_manifest(repository, config, layers)


def objects(server, parts):
    return sum(len(os.listdir(server.folder / "data/store/blobs" / part)) for part in parts)


def push_while(client, goes_on, first):
    """The seconds that each push of an image of one small layer has taken."""
    times, number = [], first
    while goes_on():
        begin = time.monotonic()
        push_image(client, "bench/meanwhile", [b"%d" % number])
        times.append(time.monotonic() - begin)
        number += 1
    return times


def collect(server, images):
    """Needs a server with SETTINGS that has no content."""
    source = random.Random(1)
    layers = [[source.randbytes(LAYER_BYTES) for _ in range(LAYERS)] for _ in range(images)]
    pushed = in_parallel(server, lambda client, n: push_image(client, "bench/images", layers[n]), images)
    in_parallel(server, lambda client, n: client.send("DELETE", f"/v2/bench/images/manifests/{pushed[2 * n]}"),
                images // 2)
    deleted = time.monotonic()
    client = Client(server)
    idle = push_while(client, lambda: time.monotonic() < deleted + GRACE * 0.6, 0)

    # Some of the folders tell when it begins, and the log when it has ended.
    parts = ["00", "40", "80", "c0"]
    before = objects(server, parts)
    server.forget_peak()
    server.until("collecting", lambda: objects(server, parts) < before)
    begin = time.monotonic()
    busy = push_while(client, lambda: "collected" not in server.log.read_text(), 1_000_000)
    return Collection(images // 2 * LAYERS, time.monotonic() - begin, idle, busy)


def told(name, times):
    ordered = sorted(times)
    p99 = ordered[int(len(ordered) * 0.99)]
    print(f"pushes {name}: {len(times)}, median {statistics.median(times) * 1000:.2f} ms, "
          f"mean {statistics.mean(times) * 1000:.2f} ms, p99 {p99 * 1000:.2f} ms")


def measure(server):
    collection = collect(server, IMAGES)
    print(next(line for line in server.log.read_text().splitlines() if "collected" in line))
    print(f"collection: {collection.seconds:.1f} s, {collection.rate:.0f} blobs a second, "
          f"{collection.rate * LAYER_BYTES / 1e6:.2f} MB a second, peak memory {server.peak_mib():.0f} MiB")
    told("while nothing happens", collection.idle)
    told("while it collects", collection.busy)
    print(f"pushes take {100 * (collection.slower - 1):+.1f} % meanwhile (means)")


if __name__ == "__main__":
    measured(measure, **SETTINGS)
