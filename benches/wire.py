"""HTTP/1.1 as the clients of a registry speak it, at as little of the machine's time as Python can: bodies
go out by sendfile, and what comes is thrown away by the kernel."""

import hashlib
import mmap
import os
import socket
import ssl
from dataclasses import dataclass

PIECE_BYTES = 1 << 20
# As Go sends a body whose length it is not told.
CHUNK_BYTES = 32 << 10
PATIENCE = 600


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes = b""

    @property
    def location(self):
        return self.headers["location"]


class Wire:
    """A connection to a peer, for a repository of which its client may do everything."""

    def __init__(self, peer, repository=None):
        self.peer = peer
        self.authorization = peer.authorization(repository) if repository else None
        self.socket = socket.create_connection(("127.0.0.1", peer.port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encrypted = peer.scheme == "https"
        if self.encrypted:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        self.rest = b""

    def begin(self, method, path, headers):
        headers = {"Host": f"127.0.0.1:{self.peer.port}"} | headers
        if self.authorization:
            headers["Authorization"] = self.authorization
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode())

    def head(self):
        while b"\r\n\r\n" not in self.rest:
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError("the connection was closed before an answer")
            self.rest += piece
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return Answer(int(first.split()[1]), {name.lower(): value for name, value in headers.items()})

    def ask(self, method, path, body=None, headers=None):
        """An answer with its body."""
        headers = headers or {}
        if body is not None or method in ("POST", "PUT", "PATCH"):
            headers = headers | {"Content-Length": str(len(body or b""))}
        self.begin(method, path, headers)
        if body:
            self.socket.sendall(body)
        return self.read(method)

    def read(self, method):
        answer = self.head()
        length = 0 if method == "HEAD" else int(answer.headers.get("content-length", 0))
        while len(self.rest) < length:
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError("the connection was closed in a body")
            self.rest += piece
        answer.body, self.rest = self.rest[:length], self.rest[length:]
        return answer

    def expect(self, status, method, path, body=None, headers=None):
        return expected(status, method, path, self.ask(method, path, body, headers))

    def discard(self, path, headers=None):
        """Gets it without looking at it; tells how many bytes came."""
        self.begin("GET", path, headers or {})
        answer = self.head()
        if answer.status not in (200, 206):
            raise SystemExit(f"GET {path}: {answer.status} {self.rest[:500]!r}")
        length = int(answer.headers["content-length"])
        left, self.rest = length - len(self.rest), b""
        buffer = bytearray(PIECE_BYTES)
        flags = () if self.encrypted else (socket.MSG_TRUNC,)
        while left:
            came = self.socket.recv_into(buffer, min(left, PIECE_BYTES), *flags)
            if not came:
                raise ConnectionError("the connection was closed in a body")
            left -= came
        return length

    def send_file(self, status, method, path, file, chunked=False):
        """A request with the bytes of a file; `chunked` as Go's clients send what they do not know the
        length of."""
        size = os.stat(file).st_size
        headers = {"Content-Type": "application/octet-stream"}
        headers |= {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(size)}
        self.begin(method, path, headers)
        with open(file, "rb") as source:
            if chunked:
                self.send_chunks(source, size)
            elif self.encrypted:
                for _ in range(0, size, PIECE_BYTES):
                    self.socket.sendall(source.read(PIECE_BYTES))
            else:
                self.socket.sendfile(source)
        return expected(status, method, path, self.read(method))

    def send_chunks(self, source, size):
        """Each chunk as it would be, but many of them with one call."""
        content = memoryview(mmap.mmap(source.fileno(), size, prot=mmap.PROT_READ))
        for piece in range(0, size, PIECE_BYTES):
            parts = []
            for at in range(piece, min(piece + PIECE_BYTES, size), CHUNK_BYTES):
                chunk = content[at:min(at + CHUNK_BYTES, size)]
                parts += [b"%x\r\n" % len(chunk), chunk, b"\r\n"]
            self.send_all(parts)
        self.socket.sendall(b"0\r\n\r\n")

    def send_all(self, parts):
        while parts:
            sent = self.socket.sendmsg(parts)
            while parts and sent >= len(parts[0]):
                sent -= len(parts.pop(0))
            if sent:
                parts[0] = memoryview(parts[0])[sent:]

    def finish_at(self, location, content_digest):
        """Where an upload that goes on at `location` is finished."""
        path = self.path_of(location)
        return f"{path}{'&' if '?' in path else '?'}digest={content_digest}"

    def path_of(self, location):
        return location.split(f":{self.peer.port}", 1)[-1]


def expected(status, method, path, answer):
    if answer.status != status:
        raise SystemExit(f"{method} {path}: {answer.status} and not {status}: {answer.body[:500]!r}")
    return answer
