"""Clients of the release binary, for the benches that measure it alone."""

import base64
import http.client
import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path

from peers import LAYER, MANIFEST, PASSWORD, Berth
from wire import digest

LOGIN = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
CLIENTS = 8
PATIENCE = 600


class Client:
    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)

    def send(self, method, path, body=b"", kind="application/octet-stream", headers=None):
        headers = headers or {"Authorization": f"Basic {LOGIN}"}
        self.connection.request(method, path, body, headers | {"Content-Type": kind})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {content!r}")
        return answer, content

    def push_blob(self, repository, content, kind=LAYER):
        path = f"/v2/{repository}/blobs/uploads/?digest={digest(content)}"
        self.send("POST", path, content)
        return {"mediaType": kind, "digest": digest(content), "size": len(content)}

    def push_manifest(self, repository, config, layers, tag=None, **more):
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        manifest = json.dumps(manifest | more).encode()
        self.send("PUT", f"/v2/{repository}/manifests/{tag or digest(manifest)}", manifest, MANIFEST)
        return digest(manifest)


def in_parallel(server, work, count):
    """What `work` gives for a client and each number, with all clients at once."""
    numbers, lock = iter(range(count)), threading.Lock()
    results = [None] * count

    def run():
        client = Client(server)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            results[number] = work(client, number)

    threads = [threading.Thread(target=run) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def measured(measure, **settings):
    """Builds the release binary, and gives `measure` a server that is gone afterwards."""
    os.chdir(Path(__file__).parent.parent)
    subprocess.run(["cargo", "build", "--quiet", "--release", "--workspace", "--bins"], check=True)
    with tempfile.TemporaryDirectory(prefix="berth-bench.") as folder:
        server = Berth(Path(folder) / "berth", **settings)
        try:
            server.start()
            measure(server)
        finally:
            server.stop()
