"""Deterministic content for tests, and what reads answers."""
import hashlib
import http.client
import urllib.request


def random_bytes(size, seed):
    """`size` bytes that depend on `seed` only."""
    return hashlib.shake_128(str(seed).encode()).digest(size)


def write_tree(folder):
    """A small tree with the cases that matter; returns {relative path: bytes}."""
    files = {
        "empty": b"",
        "one": b"1",
        "chunk": random_bytes(262144, 1),
        "more": random_bytes(262145, 2),
        "big": random_bytes(3_000_000, 3),
        "sub/deep/er/x": b"x",
        "sub/ünï çødé 日本": b"names",
        "sub/with space & + %41": b"signs",
    }
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "link").symlink_to("one")
    return files


def raw_cid(data):
    """The CID of `data` as one raw block."""
    import base64

    digest = b"\x01\x55\x12\x20" + hashlib.sha256(data).digest()
    return "b" + base64.b32encode(digest).decode().lower().rstrip("=")


def add_blocks(peer, blocks):
    """Puts small files on one peer, pinned nowhere; returns their CIDs."""
    kind, body = multipart([(str(i), "application/octet-stream", data) for i, data in enumerate(blocks)])
    query = "cid-version=1&raw-leaves=true&no-pin=true"
    status, _, text = peer.request("POST", f"/add?{query}", body, {"Content-Type": kind})
    cids = [raw_cid(data) for data in blocks]
    assert status == 200 and all(cid in text.decode() for cid in cids), (status, text)
    return cids


def fetch(url, headers=None, timeout=60):
    request = urllib.request.Request(url, headers=headers or {})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read()


def multipart(parts):
    """(content type, body) of an upload; parts are (path, content type, bytes)."""
    boundary = "----boundary-of-tests-4f1b"
    body = b""
    for path, kind, data in parts:
        body += (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{path}"\r\n'
                 f"Content-Type: {kind}\r\n\r\n").encode() + data + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def add_bytes(peer, data, name="file", query=""):
    """Adds one file by REST; returns the last output object."""
    import json

    kind, body = multipart([(name, "application/octet-stream", data)])
    status, _, text = peer.request("POST", f"/add?{query}", body, {"Content-Type": kind})
    assert status == 200, (status, text)
    return json.loads(text.splitlines()[-1])


class WithTrailers(http.client.HTTPResponse):
    """http.client drops what follows a chunked body."""

    trailers = None

    def _read_and_discard_trailer(self):
        self.trailers = http.client.parse_headers(self.fp)
