"""Makes a server large: rows as pushes make them, written to the database of a server that is stopped. The
blobs that they name have been pushed, so all of it can be pulled, and `berth fsck` finds nothing."""

import json
import sqlite3
import time

from peers import MANIFEST, Image
from wire import digest

SOURCE = "bench/source"
TAGS, REFERRERS = "bench/tags", "bench/referrers"
# Of a tag, and of the last part of other repositories.
PATTERN = "v%06d"
SIGNATURE = "application/vnd.example.signature"
# Of manifests that are written with one statement.
BATCH = 10_000


def tag(number):
    return PATTERN % number


def repository(last):
    return f"bench/{last}"


def image():
    return Image([b"first layer\n", b"second layer\n"])


def subject():
    """The digest of the image that the referrers name."""
    return digest(plain_manifest(image()).encode())


def seed(berth, tags, referrers=0, repositories=0, manifests=0):
    """Starts the server, pushes and stops it, and writes to its database: so many tags in the repository
    TAGS, referrers of one image in REFERRERS, and further repositories that share what is left of all
    manifests."""
    berth.start()
    berth.add_project("bench")
    berth.push_image(SOURCE, "latest", image())
    berth.stop()
    connection = sqlite3.connect(berth.folder / "data/berth.db")
    # Nobody else has it open, and what a crash leaves is thrown away.
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    writer = Writer(connection, image())
    writer.images(TAGS, tags)
    if referrers:
        writer.referrers(REFERRERS, referrers)
    left = manifests - writer.manifests
    for number in range(repositories):
        writer.images(repository(tag(number)), left * (number + 1) // repositories - left * number // repositories)
    writer.finish()
    connection.close()


class Writer:
    def __init__(self, connection, image):
        self.connection, self.image = connection, image
        self.config, self.layers = image.config, image.layers
        self.now = int(time.time() * 1000)
        [self.project] = one(connection, "SELECT id FROM projects WHERE name = 'bench'")
        self.blobs = [one(connection, "SELECT id FROM blobs WHERE digest = ?", part["digest"])[0]
                      for part in (self.config, *self.layers)]
        [self.next] = one(connection, "SELECT MAX(id) + 1 FROM manifests")
        self.manifests, self.bytes = 0, 0

    def repository(self, name):
        cursor = self.connection.execute(
            "INSERT INTO repositories (project_id, name, created_at) VALUES (?, ?, ?)", (self.project, name, self.now))
        self.connection.executemany(
            "INSERT INTO repository_blobs (repository_id, blob_id, created_at, project_id) VALUES (?, ?, ?, ?)",
            [(cursor.lastrowid, blob, self.now, self.project) for blob in self.blobs])
        return cursor.lastrowid

    def images(self, name, count):
        """A repository of images with a tag each. All are different by an annotation."""
        place = self.repository(name)
        annotations = '{"org.opencontainers.image.version":"%s"}'
        content = manifest(self.config, self.layers, annotations)
        for numbers in batched(count):
            tags = [tag(number) for number in numbers]
            rows = [(content % tag_, annotations % tag_, tag_) for tag_ in tags]
            self.write(name, place, rows, edges(self.config, *self.layers))

    def referrers(self, name, count):
        """A repository of manifests that name the one image that it has."""
        place = self.repository(name)
        text, annotations = plain_manifest(self.image), '{"number":"%s"}'
        self.write(name, place, [(text, None, tag(0))], edges(self.config, *self.layers))
        named = {"mediaType": MANIFEST, "digest": subject(), "size": len(text)}
        content = manifest(self.config, self.layers[:1], annotations, artifactType=SIGNATURE, subject=named)
        names = edges(self.config, self.layers[0]) + [("subject", named["digest"], None)]
        for numbers in batched(count):
            rows = [(content % number, annotations % number, None) for number in numbers]
            self.write(name, place, rows, names, SIGNATURE)

    def write(self, name, place, contents, edges_, kind=None):
        """Manifests, each given as its text, its annotations and its tag; all name the same."""
        manifests, named, tags, events = [], [], [], []
        for number, (text, annotations, tag_) in enumerate(contents, self.next):
            content = text.encode()
            of_it = digest(content)
            untagged_at = None if tag_ else self.now
            manifests.append((number, place, of_it, MANIFEST, kind, annotations, len(content), self.now, content,
                              untagged_at))
            named += [(number, edge, to, place, size) for edge, to, size in edges_]
            if tag_:
                tags.append((place, tag_, number, self.now))
                events.append((name, tag_, of_it, self.now))
            self.bytes += len(content)
        self.next += len(contents)
        self.manifests += len(contents)
        insert = self.connection.executemany
        insert("INSERT INTO manifests (id, repository_id, digest, media_type, artifact_type, annotations, size_bytes,"
               " pushed_at, pushed_by, bytes, untagged_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'bench+load', ?, ?)",
               manifests)
        insert("INSERT INTO edges (manifest_id, kind, digest, repository_id, size_bytes) VALUES (?, ?, ?, ?, ?)", named)
        insert("INSERT INTO tags (repository_id, name, manifest_id, pushed_at, pushed_by)"
               " VALUES (?, ?, ?, ?, 'bench+load')", tags)
        insert("INSERT INTO tag_events (repository, tag, new_digest, actor, cause, at)"
               " VALUES (?, ?, ?, 'bench+load', 'push', ?)", events)

    def finish(self):
        """What the project has grows by the manifests alone: it had the blobs before."""
        self.connection.execute(
            "INSERT INTO project_usage (project_id, part, bytes) VALUES (?, 0, ?)"
            " ON CONFLICT (project_id, part) DO UPDATE SET bytes = bytes + excluded.bytes", (self.project, self.bytes))
        self.connection.commit()


def manifest(config, layers, annotations, **more):
    """Its text, with `annotations` as the text that they are."""
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers} | more
    return json.dumps(document)[:-1] + f', "annotations": {annotations}}}'


def plain_manifest(image_):
    return manifest(image_.config, image_.layers, "{}")


def edges(*parts):
    return [("blob", part["digest"], part["size"]) for part in parts]


def batched(count):
    return (range(at, min(at + BATCH, count)) for at in range(0, count, BATCH))


def one(connection, query, *values):
    return connection.execute(query, values).fetchone()


def seed_docker_registry(peer, tags):
    """Folders as pushes make them, as far as a list of tags looks."""
    folder = peer.folder / "data/docker/registry/v2/repositories" / TAGS / "_manifests/tags"
    for number in range(tags):
        current = folder / tag(number) / "current"
        current.mkdir(parents=True)
        (current / "link").write_text(digest(b"%d" % number))
