"""A Berth that comes back to the same state, whatever has been done to it."""

import atexit
import base64
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

# What the examples of the document name. The password is that of everybody, as the change of one's
# own password shows it.
PASSWORD = "correct horse battery staple"
ADMIN, READER = "admin", "carol"

WORK = Path(os.environ["BERTH_OPENAPI_WORK"])
BINARY = os.environ["BERTH_OPENAPI_BINARY"]
PORT = int(os.environ["BERTH_OPENAPI_PORT"])
URL = f"http://127.0.0.1:{PORT}"
PATIENCE = 60


class Server:
    """The binary on a folder of its own, and what to put back into that folder."""

    def __init__(self):
        self.process = None
        self.data, self.seeded = WORK / "data", WORK / "seeded"
        self.start()
        atexit.register(self.stop)
        seed()
        self.stop()
        seed_deployments(self.data / "berth.db")
        seed_space(self.data / "berth.db")
        self.data.rename(self.seeded)
        self.restore()

    def start(self):
        self.data.mkdir(exist_ok=True)
        with open(WORK / "log", "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve"],
                stdin=subprocess.DEVNULL,
                stderr=log,
                env={
                    "BERTH_LISTEN": f"127.0.0.1:{PORT}",
                    "BERTH_DATA_DIR": str(self.data),
                    "BERTH_ADMIN_PASSWORD": PASSWORD,
                    "BERTH_LOG__FORMAT": "json",
                    # A target that is always away.
                    "BERTH_DEPLOY__DOCKER": f"unix://{WORK}/no-engine.sock",
                },
            )
        # For the one who started us, should we be killed.
        (WORK / "pid").write_text(str(self.process.pid))
        deadline = time.monotonic() + PATIENCE
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("berth does not answer:\n" + (WORK / "log").read_text()[-2000:])
            time.sleep(0.01)

    def stop(self):
        self.process.kill()
        self.process.wait()
        (WORK / "pid").unlink(missing_ok=True)

    def restore(self):
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.seeded, self.data)
        self.start()


def is_ready():
    try:
        with urllib.request.urlopen(URL + "/readyz", timeout=PATIENCE):
            return True
    except OSError:
        return False


def send(method, path, body, user=ADMIN, kind="application/json"):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    login = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": kind}
    request = urllib.request.Request(URL + path, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return response.read()


def seed():
    api, scopes = "/api/v1", [{"repositories": "shop/**", "actions": ["pull", "push"]}]
    for user in ["alice", READER]:
        send("POST", f"{api}/users", {"name": user, "password": PASSWORD})
    send("POST", f"{api}/users/alice/tokens", {"name": "laptop"}, user="alice")
    form = urllib.parse.urlencode({"name": "alice", "password": PASSWORD}).encode()
    send("POST", "/sign-in", form, kind="application/x-www-form-urlencoded")
    send("POST", f"{api}/robots", {"name": "backup", "scopes": scopes})
    send("POST", f"{api}/projects", {"name": "shop"})
    send("POST", f"{api}/projects/shop/robots", {"name": "ci", "scopes": scopes})
    send("PUT", f"{api}/projects/shop/roles/tester", {"grants": scopes})
    send("PUT", f"{api}/projects/shop/members/alice", {"roles": ["writer"]})
    send("PUT", f"{api}/projects/shop/members/{READER}", {"roles": ["reader"]})
    # Empty, since only such a project can be removed.
    send("POST", f"{api}/projects", {"name": "attic"})
    # Never asked, since there is nothing to be asked here.
    upstream = {"name": "hub", "registry": "docker.io", "offline": True}
    send("POST", f"{api}/upstreams", upstream)
    # Without it, so that it can be removed.
    send("POST", f"{api}/groups", {"name": "all", "members": ["shop"]})
    push_image()


# One that has ended, which the examples of the document name, and one that waits for somebody's word.
ENDED, WAITING = 7, 7000001


def seed_deployments(database):
    """What only an engine could bring about: rows of deployments, and a rule."""
    connection = sqlite3.connect(database)
    with connection:
        (target,) = connection.execute("SELECT id FROM targets WHERE name = 'local'").fetchone()
        event, image = connection.execute(
            "SELECT sequence, new_digest FROM tag_events WHERE tag = 'latest'"
        ).fetchone()
        for deployment, state, ended in [(ENDED, "succeeded", 2), (WAITING, "waiting", None)]:
            connection.execute(
                "INSERT INTO deployments (id, target_id, stack, cause, state, created_at, due_at,"
                " started_at, finished_at) VALUES (?, ?, 'shop', 'push', ?, 0, 0, 1, ?)",
                (deployment, target, state, ended),
            )
            connection.execute(
                "INSERT INTO deployment_services (deployment_id, service, image, repository, tag,"
                " to_digest, pushed_by) VALUES (?, 'web', ?, 'shop/web', 'latest', ?, 'alice')",
                (deployment, f"127.0.0.1:{PORT}/shop/web", image),
            )
        for number, kind in enumerate(["state", "step", "end"]):
            connection.execute(
                "INSERT INTO deployment_lines (deployment_id, at, kind, service, text)"
                " VALUES (?, ?, ?, 'web', 'a line')",
                (ENDED, number, kind),
            )
        connection.execute(
            "INSERT INTO deploy_decisions (target_id, stack, service, sequence, reason, text)"
            " VALUES (?, 'shop', 'web', ?, 'held', 'not deployed: held')",
            (target, event),
        )
        connection.execute(
            "INSERT INTO deploy_rules (id, target, stack, labels, created_by, created_at)"
            " VALUES (?, 'local', 'attic', '{}', 'admin', 0)",
            (ENDED,),
        )
    connection.close()


def seed_space(database):
    """What the examples of the document name by its number."""
    connection = sqlite3.connect(database)
    with connection:
        (project,) = connection.execute("SELECT id FROM projects WHERE name = 'shop'").fetchone()
        connection.execute(
            "INSERT INTO immutable_tags (id, project_id, repositories, tags, created_by, created_at)"
            " VALUES (?, ?, 'shop/**', 'v*', 'admin', 0)",
            (ENDED, project),
        )
        connection.execute(
            "INSERT INTO retention_policies (project_id, policy, changed_by, changed_at)"
            " VALUES (?, ?, 'admin', 0)",
            (project, json.dumps({"rules": [], "untagged_after_days": None, "every_hours": None})),
        )
        connection.execute(
            "INSERT INTO retention_runs (id, project_id, policy, state, started_at, finished_at,"
            " removed_tags) VALUES (?, ?, '{}', 'done', ?, ?, 1)",
            # Old ones are forgotten.
            (ENDED, project, now(), now()),
        )
        connection.execute(
            "INSERT INTO retention_removals (run_id, number, repository, tag, digest, reason)"
            " VALUES (?, 1, 'shop/web', 'old', ?, 'rule 1 selects it and does not keep it')",
            (ENDED, digest(b"old")),
        )
        # For as long as any run takes.
        connection.execute("UPDATE sessions SET id = ?", (ENDED,))
        connection.execute("UPDATE deletions SET id = ?, purge_at = purge_at * 2", (ENDED,))
    connection.close()


def now():
    return int(time.time() * 1000)


def push_image():
    """An image with a layer, under a tag, and something that refers to it."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Cmd": ["/web"], "Labels": {"maintainer": "alice"}},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
    ).encode()
    image = manifest(
        config=push_blob("application/vnd.oci.image.config.v1+json", config),
        layers=[push_blob("application/vnd.oci.image.layer.v1.tar", b"layer")],
    )
    subject = push_manifest("latest", image)
    empty = push_blob("application/vnd.oci.empty.v1+json", b"{}")
    signature = manifest(
        artifactType="application/vnd.example.signature", config=empty, layers=[empty], subject=subject
    )
    push_manifest(digest(signature), signature)
    # What nothing names, and a tag that was deleted: to be collected, and to be brought back.
    push_blob("application/vnd.oci.image.layer.v1.tar", b"of no image")
    push_manifest("gone", image)
    send("DELETE", "/v2/shop/web/manifests/gone", b"")


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def descriptor(kind, content):
    return {"mediaType": kind, "digest": digest(content), "size": len(content)}


def push_blob(kind, content):
    path = f"/v2/shop/web/blobs/uploads/?digest={digest(content)}"
    send("POST", path, content, kind="application/octet-stream")
    return descriptor(kind, content)


MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def manifest(**parts):
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, **parts}).encode()


def push_manifest(reference, content):
    send("PUT", f"/v2/shop/web/manifests/{reference}", content, kind=MANIFEST)
    return descriptor(MANIFEST, content)
