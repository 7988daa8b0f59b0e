"""Which lines are measured, of which servers: those of a stage run together and have the same content."""

import os
import subprocess
import time

import collection
import seed
from lines import PIECES, ColdClients, Figure, Heads, Large, LargeBlob, Line, Pull, Push, Requests, SmallImages, start
from peers import Berth, BerthProxy, DockerRegistry, Image, Nginx, Plain, make_certificate
from report import AtLeast, AtMost, CpuAtMost, Row
from wire import digest

MIB = 1 << 20


def rate(name, *aims):
    return [Figure(name, "per second", aims)]


def speed(name, *aims):
    return [Figure(name, "MB/s", aims)]


def latency(name, *aims):
    return [Figure(f"{name}, p50", "ms", (), False), Figure(f"{name}, p99", "ms", aims, False)]


def seconds(name, *aims):
    return [Figure(name, "s", aims, False)]


def with_token(repository):
    return lambda server: server.authorization(repository)


class Stage:
    """Servers that run together. `lines` are there before `start`, and can be measured after it."""

    # Of the rows of memory: how they say what the servers had and did, and what the aims are; none where no
    # row is wanted.
    had, ran = "", None
    idle_aims = peak_aims = ()

    def __init__(self, folder):
        self.folder, self.lines, self.idle_mib = folder, [], {}
        folder.mkdir()
        # So that ext4 gives the folder of each server a part of the disk of its own: without a journal a file
        # that one has deleted slows down what is made near it for minutes.
        subprocess.run(["chattr", "+T", folder], stderr=subprocess.DEVNULL, check=False)

    def servers(self):
        return self.pair().values()

    def pair(self):
        """Berth and the peer by their roles."""
        return {"ours": self.berth, "peer": self.docker}

    def start(self):
        for server in self.servers():
            server.start()
        self.idle_mib = self.resident_mib()

    def stop(self):
        for server in self.servers():
            server.stop()

    def resident_mib(self):
        return {role: server.resident_mib() for role, server in self.pair().items()}

    def add(self, figures, measure, peer=None, limit=None, **more):
        self.lines.append(Line(figures, measure, self.berth, peer, limit, **more))

    def memory(self, rows):
        """The rows of memory, after those of all lines and a rest: Berth gives memory back after a minute
        without work, looks each minute, and may have counts of pulls to write first."""
        if not self.ran:
            return []
        time.sleep(190)
        peak = {role: max(max(row.peak_mib.get(role, [0])) for row in rows) for role in self.pair()}
        return [
            self.memory_row(f"idle memory after the start{self.had}", self.idle_aims, self.idle_mib),
            self.memory_row(f"idle memory after {self.ran}", self.idle_aims, self.resident_mib()),
            self.memory_row(f"peak memory of {self.ran}", self.peak_aims, peak),
        ]

    def memory_row(self, name, aims, values):
        row = Row(Figure(name, "MiB", aims, False), {role: server.name for role, server in self.pair().items()})
        for role, value in values.items():
            row.note(role, value)
        return row


class Hosted(Stage):
    """What was pushed, in a private project and in a public one."""

    ran = "all lines of few manifests"
    idle_aims, peak_aims = [AtMost(20)], [AtMost(45)]
    READS, OPEN = "bench/reads", "open/reads"

    def __init__(self, folder, duration):
        super().__init__(folder)
        self.berth, self.docker = Berth(folder / "berth"), DockerRegistry(folder / "docker-registry")
        self.nginx, self.plain = Nginx(folder / "nginx"), Plain(folder / "plain")
        self.image, self.large, self.blob = Image([b"small\n"]), Large(folder / "large"), LargeBlob(self.READS)
        self.add_reads(duration)
        self.add_large_reads()
        self.add_pushes()
        self.add_images()

    def add_reads(self, duration):
        served = (self.docker, self.nginx)
        by_tag, by_digest = "manifests/latest", f"manifests/{self.image.digest}"
        aims = {"manifest GET by tag": [AtLeast("limit", 0.6)]}
        for said, repository, header in (("", self.READS, with_token(self.READS)),
                                         (", no token", self.OPEN, lambda _: None)):
            for by, path in (("tag", f"{repository}/{by_tag}"), ("digest", f"{repository}/{by_digest}")):
                name, gets = f"manifest GET by {by}{said}", Requests(duration, path, authorized=header)
                self.add(rate(name, *aims.get(name, ())), gets.rate, *served)
                self.add(rate(f"manifest HEAD by {by}{said}"), Heads(duration, path, header), *served)
        path = f"{self.READS}/blobs/{self.image.layers[0]['digest']}"
        requests = Requests(duration, path, authorized=with_token(self.READS))
        self.add(rate("GET of a blob of 6 bytes", AtLeast("limit", 0.5)), requests.rate, *served)

    def add_large_reads(self):
        served = (self.docker, self.nginx)
        aims = (AtLeast("limit", 1), CpuAtMost("limit", 1.1))
        self.add(speed("GET of 1 GiB", *aims), Pull(self.blob), *served)
        self.add(speed("GET of 1 GiB, 8 connections"), Pull(self.blob, connections=8), *served)
        self.add(speed(f"GET of 1 GiB in {PIECES} pieces"), Pull(self.blob, pieces=PIECES), *served)

    def add_pushes(self):
        aims = (AtLeast("peer", 3), AtLeast("limit", 0.8))
        for client, how in (("Docker", {"chunked": True}), ("containerd", {"patched": False}), ("skopeo", {})):
            push = Push(f"bench/{client.lower()}", self.large, **how)
            figures = speed(f"push of 1 GiB as {client}", *aims)
            self.add(figures, push, self.docker, self.plain, prepare=push.prepare)

    def add_images(self):
        images = SmallImages("bench/client")
        aim = AtLeast("peer", 5)
        self.add(rate("images of three layers of 4 KiB pushed by 16 clients", aim), images.push, self.docker)
        self.add(rate("images of three layers of 4 KiB pulled by 16 clients"), images.pull, self.docker)

    def servers(self):
        return [*super().servers(), self.nginx, self.plain]

    def start(self):
        super().start()
        self.berth.add_project("bench")
        self.berth.add_project("open", public=True)
        self.large.make()
        for server in (self.berth, self.docker):
            for repository in (self.READS, self.OPEN):
                server.push_image(repository, "latest", self.image)
        self.blob.push(self.large, (self.berth, self.docker))
        for repository in (self.READS, self.OPEN):
            for reference in ("latest", self.image.digest):
                self.nginx.put(f"v2/{repository}/manifests/{reference}", self.image.manifest)
            for _, content in self.image.blobs:
                self.nginx.put(f"v2/{repository}/blobs/{digest(content)}", content)
        self.nginx.put(f"v2/{self.READS}/blobs/{self.blob.digest}", self.large.file)


class Tls(Stage):
    """The same, encrypted."""

    READS = "bench/reads"

    def __init__(self, folder, _):
        super().__init__(folder)
        certificate = make_certificate(folder)
        self.berth = Berth(folder / "berth", certificate)
        self.docker = DockerRegistry(folder / "docker-registry", certificate)
        self.nginx = Nginx(folder / "nginx", certificate)
        self.large, self.blob = Large(folder / "large"), LargeBlob(self.READS)
        push = Push("bench/skopeo", self.large)
        self.add(speed("GET of 1 GiB, TLS"), Pull(self.blob), self.docker, self.nginx)
        self.add(speed("push of 1 GiB as skopeo, TLS"), push, self.docker, prepare=push.prepare)

    def servers(self):
        return [*super().servers(), self.nginx]

    def start(self):
        super().start()
        self.berth.add_project("bench")
        self.large.make()
        self.blob.push(self.large, (self.berth, self.docker))
        self.nginx.put(f"v2/{self.READS}/blobs/{self.blob.digest}", self.large.file)


class Many(Stage):
    """1,000,000 manifests, beside a server that has 1,000."""

    TAGS, REPOSITORIES, REFERRERS, MANIFESTS = 100_000, 100_000, 10_000, 1_000_000
    FEW = 1_000
    had, ran = " with 1,000,000 manifests", "all lines with 1,000,000 manifests"
    peak_aims = [AtMost(45)]

    def __init__(self, folder, duration):
        super().__init__(folder)
        self.berth, self.few = Berth(folder / "many"), Berth(folder / "few")
        self.few.name = "Berth with 1,000"
        self.docker = DockerRegistry(folder / "docker-registry")
        self.subject = seed.subject()
        tags, referrers = with_token(seed.TAGS), with_token(seed.REFERRERS)
        of_these = {self.berth: self.TAGS, self.few: self.FEW}
        self.add(seconds("start with 1,000,000 manifests", AtMost(1)), start, prepare=lambda server: server.stop())
        path, aim = f"{seed.TAGS}/manifests/{seed.PATTERN}", AtLeast("limit", 0.9)
        same = Requests(duration, path, count=lambda _: self.FEW, authorized=tags)
        self.add(rate("manifest GET of 1,000 tags among 1,000,000 manifests", aim), same.rate, limit=self.few)
        all_ = Requests(duration, path, count=of_these.get, authorized=tags)
        self.add(rate("manifest GET of 100,000 tags among 1,000,000 manifests"), all_.rate, limit=self.few)
        # docker-registry takes seconds for one.
        page = Requests(max(duration, 10), f"{seed.TAGS}/tags/list?n=100&last={seed.PATTERN}",
                        count=lambda _: self.TAGS - 100, authorized=tags)
        self.add(latency("100 of 100,000 tags, 32 clients", AtMost(5)), page.latencies, self.docker)
        page = Requests(duration, f"_catalog?n=100&last={seed.repository(seed.PATTERN)}",
                        count=lambda _: self.REPOSITORIES - 100,
                        authorized=lambda server: server.token("registry:catalog:*"))
        # docker-registry walks through all folders for it, and has no answer within the seconds of a round.
        self.add(latency("100 of 100,000 repositories, 32 clients"), page.latencies)
        page = Requests(duration, f"{seed.REFERRERS}/referrers/{self.subject}?n=100", authorized=referrers)
        self.add(latency("100 of 10,000 referrers, 32 clients"), page.latencies)

    def servers(self):
        return [*super().servers(), self.few]

    def start(self):
        seed.seed(self.few, self.FEW)
        seed.seed(self.berth, self.TAGS, self.REFERRERS, self.REPOSITORIES - 2, self.MANIFESTS)
        seed.seed_docker_registry(self.docker, self.TAGS)
        os.sync()
        super().start()


class Proxy(Stage):
    """A cache of another registry, which is Berth for both."""

    REPOSITORY = "library/app"
    LAYERS, LAYER_BYTES = 8, 8 * MIB

    def __init__(self, folder, _):
        super().__init__(folder)
        self.upstream = Berth(folder / "upstream")
        self.berth = BerthProxy(folder / "berth", self.upstream)
        self.docker = DockerRegistry(folder / "docker-registry", upstream=self.upstream)
        self.image = Image([os.urandom(self.LAYER_BYTES) for _ in range(self.LAYERS)])
        cold = ColdClients(self.REPOSITORY, [layer["digest"] for layer in self.image.layers])
        self.add(seconds("50 cold clients of an image of 64 MiB through the proxy"), cold, self.docker,
                 prepare=cold.prepare)

    def servers(self):
        return [*super().servers(), self.upstream]

    def start(self):
        self.upstream.start()
        self.upstream.add_project("library", public=True)
        self.upstream.push_image(self.REPOSITORY, "latest", self.image)


class Collected(Stage):
    """Blobs that go while others are pushed."""

    IMAGES = 200

    def __init__(self, folder, _):
        super().__init__(folder)
        self.berth = Berth(folder / "berth", **collection.SETTINGS)
        meanwhile = Figure("mean time of a push while blobs are collected, beside that before", "times", (), False)
        self.add([*rate("blobs collected while images are pushed"), meanwhile], self.collect, rounds=1)

    def pair(self):
        return {"ours": self.berth}

    def collect(self, server):
        collected = collection.collect(server, self.IMAGES)
        return [collected.rate, collected.slower]


STAGES = (Hosted, Tls, Many, Proxy, Collected)
