"""A server of the release binary in a folder of its own, and clients of it, for the benches here."""

import base64
import hashlib
import http.client
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

PORT = 5111
PASSWORD = "benches-password"
LOGIN = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
CLIENTS = 8
PATIENCE = 600
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Client:
    def __init__(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE)

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


class Server:
    """With `environment` beside what each of them has."""

    def __init__(self, folder, environment):
        self.folder, self.log = folder, folder / "log"
        self.process = subprocess.Popen(
            ["target/release/berth", "serve"],
            stdin=subprocess.DEVNULL,
            stderr=open(self.log, "wb"),
            env={
                "BERTH_LISTEN": f"127.0.0.1:{PORT}",
                "BERTH_DATA_DIR": str(folder / "data"),
                "BERTH_ADMIN_PASSWORD": PASSWORD,
                "BERTH_LOG__ACCESS": "false",
                "BERTH_LOG__LEVEL": "warn",
            } | environment,
        )
        self.until("ready", self.is_ready)

    def is_ready(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", PORT)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def until(self, what, is_so, every=0.02):
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"not {what}:\n{self.log.read_text()[-2000:]}")
            time.sleep(every)

    def status_mib(self, name):
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def in_parallel(work, count):
    """What `work` gives for a client and each number, with all clients at once."""
    numbers, lock = iter(range(count)), threading.Lock()
    results = [None] * count

    def run():
        client = Client()
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


def measured(measure, environment):
    """Builds the release binary, and gives `measure` a server that is gone afterwards."""
    os.chdir(Path(__file__).parent.parent)
    subprocess.run(["cargo", "build", "--quiet", "--release"], check=True)
    folder = Path(tempfile.mkdtemp(prefix="berth-bench."))
    server = None
    try:
        server = Server(folder, environment)
        measure(server)
    finally:
        if server:
            server.process.kill()
            server.process.wait()
        shutil.rmtree(folder)
