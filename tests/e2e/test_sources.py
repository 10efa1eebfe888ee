"""Blocks that are not here: fetched from trustless gateways and checked."""
import http.server
import socket
import threading
import urllib.parse

import pytest
from content import add_bytes, fetch, random_bytes


def gateway_address(peer):
    url = urllib.parse.urlsplit(peer.gateway)
    return f"/ip4/{url.hostname}/tcp/{url.port}/http"


@pytest.fixture
def liar():
    """A gateway that answers every block with other bytes; counts what it was asked."""

    class Handler(http.server.BaseHTTPRequestHandler):
        asked = []

        def do_GET(self):
            Handler.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.ipld.raw")
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"wrong")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Handler.asked
    server.shutdown()
    server.server_close()


def test_a_pin_is_fetched_from_its_origins(new_peer):
    source, peer = new_peer("source"), new_peer("peer")
    data = random_bytes(2_000_000, 31)
    cid = add_bytes(source, data)["cid"]
    origin = urllib.parse.quote(gateway_address(source), safe="")
    status, pin = peer.json("POST", f"/pins/{cid}?origins={origin}")
    assert status == 200 and pin["origins"] == [gateway_address(source)]
    peer.wait_status(cid)
    source.stop()
    assert fetch(f"{peer.gateway}/ipfs/{cid}") == data


def test_a_pin_is_fetched_from_the_configured_gateways_and_liars_are_passed_over(new_peer, liar):
    url, asked = liar
    source, peer = new_peer("source"), new_peer("peer", start=False)
    data = random_bytes(1_000_000, 32)
    cid = add_bytes(source, data)["cid"]
    peer.edit(lambda c: c["ipfs_connector"]["embedded"].update(gateways=[url, source.gateway]))
    peer.start()
    assert peer.json("POST", f"/pins/{cid}")[0] == 200
    peer.wait_status(cid)
    assert asked, "the first gateway was asked first"
    assert fetch(f"{peer.gateway}/ipfs/{cid}") == data
    peer.stop()
    assert peer.service("repo", "verify").returncode == 0


def test_only_a_liar_is_an_error_that_names_the_block(new_peer, liar):
    url, _ = liar
    source, peer = new_peer("source"), new_peer("peer", start=False)
    cid = add_bytes(source, b"the truth")["cid"]
    peer.edit(lambda c: c["ipfs_connector"]["embedded"].update(gateways=[url]))
    peer.start()
    assert peer.json("POST", f"/pins/{cid}")[0] == 200
    assert cid in peer.wait_status(cid, "pin_error")["error"]


def test_expect_100_continue_is_answered_at_once(peer):
    """curl waits a second for it before it sends a body."""
    url = urllib.parse.urlsplit(peer.api)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(b"POST /add HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                           b"Content-Length: 105\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 100 Continue\r\n\r\n"), "before any byte of the body is sent"
        connection.sendall(b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nhello\r\n--b--\r\n'.ljust(105))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert b" 200 OK" in answer and b'"name":"f"' in answer, answer
