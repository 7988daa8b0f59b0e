"""The servers that are measured beside each other: Berth, Debian's docker-registry, nginx with the same
bytes in files, and a plain program that takes a push. Each has a folder and a port of its own, on loopback."""

import base64
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

from wire import Wire, digest

PATIENCE = 600
PASSWORD = "benches-password"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


class Peer:
    """A server. With `certificate`, a file with it and its key, it speaks TLS."""

    name = None

    def __init__(self, folder, certificate=None):
        self.folder, self.certificate = Path(folder), certificate
        self.scheme = "https" if certificate else "http"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "log"
        self.port = free_port()
        self.process = None

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def start(self):
        """Tells how many seconds it took until it was ready."""
        begun = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"]} | self.environment(),
            )
        self.until("ready", self.is_ready, every=0.002)
        return time.monotonic() - begun

    def until(self, what, is_so, every=0.02):
        """Waits for it, as long as the server runs."""
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.name} is not {what}:\n{self.log.read_text()[-2000:]}")
            time.sleep(every)

    def is_ready(self):
        try:
            return Wire(self).ask("GET", "/v2/").status in (200, 401, 404)
        except OSError:
            return False

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
            self.process = None

    def authorization(self, repository):
        """The header of a client that may push to the repository; nothing where nobody is asked."""
        return None

    def url(self, path=""):
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def processes(self):
        if not self.process:
            return []
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def cpu_seconds(self):
        """Of all of its processes since they began."""
        ticks = 0
        for process in self.processes():
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def peak_mib(self):
        """The most memory at once since `forget_peak`; pages that its processes share count for each."""
        return self.status_mib("VmHWM")

    def resident_mib(self):
        return self.status_mib("VmRSS")

    def forget_peak(self):
        for process in self.processes():
            Path(f"/proc/{process}/clear_refs").write_text("5")

    def status_mib(self, name):
        return sum(status_kib(process, name) for process in self.processes()) / 1024

    def push_blob(self, repository, content):
        wire = Wire(self, repository)
        begun = wire.expect(202, "POST", f"/v2/{repository}/blobs/uploads/")
        path = wire.finish_at(begun.location, digest(content))
        wire.expect(201, "PUT", path, content, {"Content-Type": "application/octet-stream"})

    def push_image(self, repository, reference, image):
        for _, content in image.blobs:
            self.push_blob(repository, content)
        path = f"/v2/{repository}/manifests/{reference}"
        Wire(self, repository).expect(201, "PUT", path, image.manifest, {"Content-Type": MANIFEST})


class Image:
    """An image of these layers."""

    def __init__(self, layers):
        config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
        self.blobs = [(CONFIG, config), *((LAYER, layer) for layer in layers)]
        self.config, *self.layers = [descriptor(kind, content) for kind, content in self.blobs]
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self.config, "layers": self.layers}
        self.manifest = json.dumps(document).encode()
        self.digest = digest(self.manifest)


def descriptor(kind, content):
    return {"mediaType": kind, "digest": digest(content), "size": len(content)}


class Berth(Peer):
    """The release binary with its own settings but for the address, and rights: clients have a bearer
    token of a robot of the project."""

    name = "Berth"

    def __init__(self, folder, certificate=None, **settings):
        super().__init__(folder, certificate)
        self.settings = settings
        self.robots = {}

    def command(self):
        return ["target/release/berth", "serve"]

    def environment(self):
        tls = {"BERTH_TLS__CERTIFICATE": str(self.certificate), "BERTH_TLS__KEY": str(self.certificate)}
        return {
            "BERTH_LISTEN": f"127.0.0.1:{self.port}",
            "BERTH_DATA_DIR": str(self.folder / "data"),
            "BERTH_ADMIN_PASSWORD": PASSWORD,
        } | (tls if self.certificate else {}) | self.settings

    def is_ready(self):
        try:
            return Wire(self).ask("GET", "/readyz").status == 200
        except OSError:
            return False

    def ask(self, path, login, document=None):
        headers = {"Authorization": "Basic " + base64.b64encode(":".join(login).encode()).decode()}
        body = None
        if document is not None:
            headers["Content-Type"], body = "application/json", json.dumps(document).encode()
        request = urllib.request.Request(self.url(path), body, headers)
        with urllib.request.urlopen(request, timeout=PATIENCE, context=believing()) as answer:
            return json.load(answer)

    def add_project(self, name, public=False):
        login = ("admin", PASSWORD)
        self.ask("/api/v1/projects", login, {"name": name, "public": public})
        scopes = [{"repositories": f"{name}/**", "actions": ["pull", "push"]}]
        robot = self.ask(f"/api/v1/projects/{name}/robots", login, {"name": "load", "scopes": scopes})
        self.robots[name] = (robot["login"], robot["secret"])

    def token(self, scope, login=("admin", PASSWORD)):
        return "Bearer " + self.ask(f"/token?scope={scope}", login)["token"]

    def authorization(self, repository):
        robot = self.robots.get(repository.split("/")[0], ("admin", PASSWORD))
        return self.token(f"repository:{repository}:pull,push", robot)


class BerthProxy(Berth):
    """A pull-through cache of a registry, as the upstream `hub`."""

    place = "hub/"

    def __init__(self, folder, upstream):
        super().__init__(folder, BERTH_UPSTREAM__HUB__REGISTRY="docker.io", BERTH_UPSTREAM__HUB__URL=upstream.url())

    def authorization(self, repository):
        return self.token(f"repository:{repository}:pull")


class DockerRegistry(Peer):
    """Debian's package of Distribution, which asks nobody who they are."""

    name = "docker-registry"
    place = ""

    def __init__(self, folder, certificate=None, upstream=None):
        super().__init__(folder, certificate)
        self.upstream = upstream

    def command(self):
        http = {"addr": f"127.0.0.1:{self.port}"}
        if self.certificate:
            http["tls"] = {"certificate": str(self.certificate), "key": str(self.certificate)}
        settings = {
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}},
            "http": http,
        }
        if self.upstream:
            settings["proxy"] = {"remoteurl": self.upstream.url()}
        file = self.folder / "config.yml"
        file.write_text(json.dumps(settings))
        return ["docker-registry", "serve", str(file)]


class Nginx(Peer):
    """Files under the names that a registry has for the same bytes, sent with sendfile."""

    name = "nginx"

    def command(self):
        tls = f"ssl_certificate {self.certificate}; ssl_certificate_key {self.certificate};"
        file = self.folder / "nginx.conf"
        # Its processes are of the user who owns the files, and need what the package says only for others.
        file.write_text(f"""
user root;
daemon off;
worker_processes auto;
pid {self.folder}/pid;
error_log {self.log};
events {{ worker_connections 1024; }}
http {{
    access_log {self.folder}/access;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=1000;
    server {{
        listen 127.0.0.1:{self.port} {"ssl" if self.certificate else ""};
        {tls if self.certificate else ""}
        root {self.folder}/files;
        location ~ /manifests/ {{ default_type {MANIFEST}; }}
        location / {{ default_type application/octet-stream; }}
    }}
}}
""")
        return ["nginx", "-c", str(file)]

    def put(self, path, content):
        """`content` is bytes, or a file that is copied."""
        file = self.folder / "files" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            shutil.copyfile(content, file)


class Plain(Peer):
    """Two threads that read a socket, write a file and hash it, and sync it at the end."""

    name = "a plain program"

    def command(self):
        return ["target/release/berth-load", "receive", f"127.0.0.1:{self.port}", str(self.folder)]

    def is_ready(self):
        try:
            return Wire(self).ask("PUT", "/", b"").status == 201
        except OSError:
            return False


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def believing():
    """Whatever certificate is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def make_certificate(folder):
    """A file with a certificate and its key."""
    file = Path(folder) / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-subj", "/CN=127.0.0.1", "-days", "7", "-keyout", f"{folder}/key.pem", "-out", file]
    subprocess.run(command, check=True, capture_output=True)
    with open(file, "ab") as joined:
        joined.write((Path(folder) / "key.pem").read_bytes())
    return file


def status_kib(process, name):
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
