"""Pushes an artifact, pulls it back, and attaches a second one to it: oras.py HOST FOLDER USER PASSWORD."""

import os
import sys

import oras.client
import oras.oci

host, folder, user, password = sys.argv[1:]
os.chdir(folder)
# With tokens it can not push: it goes on with the one to pull that its first HEAD was worth.
client = oras.client.OrasClient(insecure=True, auth_backend="basic")
client.login(user, password, hostname=host, config_path=f"{os.getcwd()}/login.json")
artifact = f"{host}/team/artifact:1"
client.push(
    target=artifact,
    files=["one.txt:text/plain", "two.txt:text/plain"],
    manifest_annotations={"org.example.kind": "report"},
)
client.pull(target=artifact, outdir="pulled")

manifest_url = f"{client.prefix}://{client.get_container(artifact).manifest_url()}"
accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
answer = client.do_request(manifest_url, "GET", headers=accept)
subject = oras.oci.Subject(
    answer.headers["Content-Type"],
    answer.headers["Docker-Content-Digest"],
    len(answer.content),
)
client.push(
    target=f"{host}/team/artifact:signature",
    files=["signature.txt:text/plain"],
    manifest_annotations={"org.example.kind": "signature"},
    subject=subject,
)
print(",".join(client.get_tags(artifact)))
