"""What is measured. A line gives figures each time that it is asked to measure one of its peers."""

import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from peers import MANIFEST, Plain
from wire import Wire

MIB = 1 << 20
LARGE_BYTES = 1024 * MIB
PIECES = 16
CONNECTIONS = 32
IMAGES, CLIENTS = 1000, 16
LOAD = "target/release/berth-load"
SCRIPT = Path(__file__).parent / "requests.lua"


@dataclass
class Figure:
    """One of those that a line gives: its row of the table."""

    name: str
    unit: str
    aims: list = field(default_factory=list)
    higher_is_better: bool = True


@dataclass
class Line:
    """`ours`, `peer` and `limit` are servers; the last two may be none. `measure` gives a number for each of
    the figures; what `prepare` does before takes no time."""

    figures: list
    measure: callable
    ours: object
    peer: object = None
    limit: object = None
    prepare: callable = lambda _: None
    # Fewer than others have, for one that takes minutes and can not be repeated.
    rounds: int = None

    def servers(self):
        return {"ours": self.ours} | {role: server for role in ("peer", "limit") if (server := getattr(self, role))}


class Requests:
    """GETs a second on 32 connections, and the milliseconds that half and 99 in 100 of them take at most.

    `path` is that behind /v2/. `count` tells for a server the numbers of which any is asked for, in the place
    that `path` has for it, and `authorized` the header Authorization.
    """

    def __init__(self, seconds, path, count=None, authorized=lambda _: None):
        self.seconds, self.path, self.count = seconds, f"/v2/{path}", count
        self.authorized = authorized

    def rate(self, server):
        return self.ask(server)[:1]

    def latencies(self, server):
        return self.ask(server)[1:]

    def ask(self, server):
        command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{self.seconds}s", "--timeout=60s", "--latency", "-s", SCRIPT,
                   "-H", f"Accept: {MANIFEST}"]
        authorization = self.authorized(server)
        if authorization:
            command += ["-H", f"Authorization: {authorization}"]
        asked = [self.path, str(self.count(server))] if self.count else []
        told = run([*command, server.url(self.path.split("%")[0]), "--", *asked])
        if "Non-2xx" in told or "Socket errors" in told:
            raise SystemExit(f"{server.name}: {self.path}:\n{told}")
        figures = [self.told(told, name) for name in ("Requests/sec:", "50%", "99%")]
        if 0 in figures:
            raise SystemExit(f"{server.name}: {self.path}: no answer in {self.seconds} s")
        return figures

    @staticmethod
    def told(output, name):
        """Times are in milliseconds."""
        [value] = [line.split()[1] for line in output.splitlines() if line.split()[:1] == [name]]
        for unit, milliseconds in (("us", 0.001), ("ms", 1), ("s", 1000), ("m", 60_000)):
            if value.endswith(unit):
                return float(value.removesuffix(unit)) * milliseconds
        return float(value)


class Heads:
    """HEADs a second on 32 connections."""

    def __init__(self, seconds, path, authorized):
        self.seconds, self.path, self.authorized = seconds, f"/v2/{path}", authorized

    def __call__(self, server):
        command = [LOAD, "head", f"127.0.0.1:{server.port}", self.path, f"--connections={CONNECTIONS}",
                   f"--seconds={self.seconds}", f"--accept={MANIFEST}"]
        authorization = self.authorized(server)
        if authorization:
            command.append(f"--authorization={authorization}")
        return [float(run(command))]


class Pull:
    """MB/s of a large blob, whole or in pieces one after the other, on each of some connections."""

    # What servers take is counted in hundredths of a second: it has to be many.
    TOTAL = 8

    def __init__(self, blob, connections=1, pieces=1):
        self.blob = blob
        self.connections, self.pieces = connections, pieces

    def __call__(self, server):
        wires = [Wire(server, self.blob.repository) for _ in range(self.connections)]
        begun = time.monotonic()
        with ThreadPoolExecutor(self.connections) as pool:
            came = sum(pool.map(self.pull, wires))
        return [came / 1e6 / (time.monotonic() - begun)]

    def pull(self, wire):
        return sum(self.pull_once(wire) for _ in range(self.TOTAL // self.connections))

    def pull_once(self, wire):
        path = f"/v2/{self.blob.repository}/blobs/{self.blob.digest}"
        if self.pieces == 1:
            return wire.discard(path)
        step = LARGE_BYTES // self.pieces
        ranges = (f"bytes={at}-{at + step - 1}" for at in range(0, LARGE_BYTES, step))
        return sum(wire.discard(path, {"Range": wanted}) for wanted in ranges)


class LargeBlob:
    """What is pulled: the same for all servers of a stage that have it in this repository."""

    def __init__(self, repository):
        self.repository, self.digest = repository, None

    def push(self, large, servers):
        self.digest = large.digest
        push = Push(self.repository, large)
        for server in servers:
            push.push(Wire(server, self.repository))


class Large:
    """A file of random bytes."""

    def __init__(self, file):
        self.file, self.digest = file, None

    def make(self):
        with open(self.file, "wb") as content:
            for _ in range(LARGE_BYTES // MIB):
                content.write(os.urandom(MIB))
        self.renew()

    def renew(self):
        """From now on nobody has seen it. Nothing is left to be written to disk."""
        with open(self.file, "r+b") as content:
            content.write(os.urandom(16))
        self.digest = "sha256:" + run(["sha256sum", self.file]).split()[0]
        os.sync()


class Push:
    """MB/s of a large blob that nobody has pushed before, as some client sends it."""

    def __init__(self, repository, large, chunked=False, patched=True):
        self.repository, self.large = repository, large
        self.chunked, self.patched = chunked, patched

    def prepare(self, server):
        self.large.renew()

    def __call__(self, server):
        wire = Wire(server, self.repository)
        begun = time.monotonic()
        if isinstance(server, Plain):
            wire.send_file(201, "PUT", "/", self.large.file)
        else:
            self.push(wire)
        return [LARGE_BYTES / 1e6 / (time.monotonic() - begun)]

    def push(self, wire):
        begun = wire.expect(202, "POST", f"/v2/{self.repository}/blobs/uploads/")
        if self.patched:
            place = wire.path_of(begun.location)
            patched = wire.send_file(202, "PATCH", place, self.large.file, self.chunked)
            wire.expect(201, "PUT", wire.finish_at(patched.location, self.large.digest), b"")
        else:
            place = wire.finish_at(begun.location, self.large.digest)
            wire.send_file(201, "PUT", place, self.large.file, self.chunked)


class SmallImages:
    """Images a second, of three layers of 4 KiB each, by 16 clients with a repository each."""

    def __init__(self, repository):
        self.repository = repository
        self.pushed = {}

    def push(self, server):
        self.pushed[server] = self.pushed.get(server, 0) + IMAGES
        return self.load("push", server)

    def pull(self, server):
        """Those that were pushed last."""
        if server not in self.pushed:
            self.push(server)
        return self.load("pull", server)

    def load(self, work, server):
        first = self.pushed[server] - IMAGES
        command = [LOAD, work, f"127.0.0.1:{server.port}", f"--images={IMAGES}", f"--clients={CLIENTS}",
                   f"--first={first}", f"--repository={self.repository}"]
        for client in range(CLIENTS):
            authorization = server.authorization(f"{self.repository}{client}")
            if authorization:
                command.append(f"--authorization={authorization}")
        return [IMAGES / float(run(command))]


class ColdClients:
    """Seconds until 50 clients that come at once have all blobs of an image, by a cache that has nothing."""

    COUNT = 50

    def __init__(self, repository, digests):
        self.repository, self.digests = repository, digests

    def prepare(self, server):
        server.stop()
        shutil.rmtree(server.folder / "data", ignore_errors=True)
        server.start()

    def __call__(self, server):
        repository = server.place + self.repository
        wires = [Wire(server, repository) for _ in range(self.COUNT)]
        begun = time.monotonic()
        with ThreadPoolExecutor(self.COUNT) as pool:
            list(pool.map(lambda wire: self.pull(wire, repository), wires))
        return [time.monotonic() - begun]

    def pull(self, wire, repository):
        wire.expect(200, "GET", f"/v2/{repository}/manifests/latest", headers={"Accept": MANIFEST})
        for digest in self.digests:
            wire.discard(f"/v2/{repository}/blobs/{digest}")


def start(server):
    return [server.start()]


def run(command):
    """What it prints."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stdout}{done.stderr}")
    return done.stdout
