"""Malformed requests: a 4xx with one sentence, no effect, and the peer goes on serving."""
import json
import socket

import pytest
from content import add_bytes, multipart

CID = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq"


def sane(peer):
    assert peer.lines("GET", "/allocations") == []
    assert peer.request("GET", "/id")[0] == 200


@pytest.mark.parametrize("method,path,message", [
    ("POST", "/pins/notacid", "error decoding Cid"),
    ("GET", "/pins/Qm", "error decoding Cid"),
    ("GET", "/allocations/zzz", "error decoding Cid"),
    ("DELETE", "/pins/b", "error decoding Cid"),
    ("POST", "/pins/ipfs/notacid/x", ""),
    ("POST", f"/pins/{CID}?replication-min=x", "parameter replication-min invalid"),
    ("POST", f"/pins/{CID}?replication-min=3&replication-max=2", "replication_factor_min is larger than max"),
    ("POST", f"/pins/{CID}?expire-in=nonsense", "expire-in cannot be parsed"),
    ("POST", f"/pins/{CID}?expire-in=1ms", "expire-in duration too short"),
    ("POST", f"/pins/{CID}?expire-at=yesterday", "expire-at cannot be parsed"),
    ("POST", f"/pins/{CID}?expire-at=2001-01-01T00:00:00Z", "pin.ExpireAt set before current time"),
    ("POST", f"/pins/{CID}?pin-update=zzz", "error decoding update option parameter"),
    ("POST", f"/pins/{CID}?origins=zzz", "error decoding multiaddress"),
    ("POST", f"/pins/{CID}?shard-size=-1", "shard_size"),
    ("GET", "/pins?filter=nonsense", "invalid filter value"),
    ("GET", "/allocations?filter=nonsense", "invalid filter value"),
    ("GET", "/pins?cids=zzz", "error decoding Cid"),
    ("GET", "/allocations?limit=x", "limit"),
    ("GET", "/allocations?cursor=%00%01", "cursor"),
    ("POST", "/add?chunker=size-0", ""),
    ("POST", "/add?layout=round", "layout parameter is invalid"),
    ("POST", "/add?format=zip", "format parameter is invalid"),
    ("POST", "/add?cid-version=7", ""),
    ("POST", "/add?hash=md5", ""),
])
def test_refused_without_effect(shared_peer, method, path, message):
    kind, body = multipart([("a", "text/plain", b"x")])
    add = path.startswith("/add")
    status, _, text = shared_peer.request(method, path, body if add else None, {"Content-Type": kind} if add else {})
    assert 400 <= status < 500, (status, text)
    error = json.loads(text)  # one document, not two
    assert error["code"] == status and message in error["message"], error
    sane(shared_peer)


@pytest.mark.parametrize("kind,body", [
    ("text/plain", b"x"),
    ("multipart/form-data", b"x"),
    ("multipart/form-data; boundary=b", b"no boundary at all"),
    ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\ncut off"),
    ("multipart/form-data; boundary=b", b"--b\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n--b--\r\n"),
])
def test_bad_uploads_pin_nothing(shared_peer, kind, body):
    status, headers, text = shared_peer.request("POST", "/add?stream-channels=false", body, {"Content-Type": kind})
    assert 400 <= status < 500, (status, text)
    sane(shared_peer)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/../../b", "/..", "a//b", "a%00b", "a%0d%0aX: y", "%2e%2e/x"])
def test_path_tricks_stay_inside_the_upload(shared_peer, name):
    kind, body = multipart([(name, "text/plain", b"x")])
    status, _, text = shared_peer.request("POST", "/add?stream-channels=false&no-pin=true", body, {"Content-Type": kind})
    if status == 200:
        assert all(".." not in o["name"].split("/") for o in json.loads(text))
    else:
        assert 400 <= status < 500, (status, text)
    sane(shared_peer)


def raw(peer, data, timeout=15):
    host, port = peer.api.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=timeout) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionError:
            pass
        return answer


@pytest.mark.parametrize("data", [
    b"\x00\x01\x02\x03\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /id HTTP/9.9\r\n\r\n",
    b"GET /id HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n\r\n",
    b"POST /add HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET /id HTTP/1.1\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
])
def test_broken_http_is_refused_or_closed(shared_peer, data):
    answer = raw(shared_peer, data)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.1 505"), answer[:80]
    sane(shared_peer)


def test_a_cut_off_upload_leaves_nothing_pinned(shared_peer):
    answer = raw(shared_peer, b"POST /add HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                              b"Content-Length: 1000000\r\n\r\n--b\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\nstart")
    assert b"200 OK" not in answer or b"X-Stream-Error" in answer
    sane(shared_peer)


def test_unknown_paths_and_methods(shared_peer):
    assert shared_peer.json("GET", "/nonsense") == (404, {"code": 404, "message": "not found"})
    assert shared_peer.request("PUT", "/id")[0] == 405


def test_bad_command_lines(shared_peer, tmp_path):
    bad = shared_peer.ctl("status", "notacid", check=False)
    assert bad.returncode == 1 and "parsing cid" in bad.stderr
    assert shared_peer.ctl("pin", "rm", CID, check=False).returncode == 2
    assert shared_peer.ctl("add", str(tmp_path / "missing"), check=False).returncode == 1
    assert shared_peer.ctl("--enc", "xml", "id", check=False).returncode == 1


def test_bad_configuration_names_the_key(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: c["cluster"].update(replication_factor_min=3, replication_factor_max=2))
    refused = peer.service("daemon", check=False)
    assert refused.returncode == 1 and "replication_factor_min" in refused.stderr
    (peer.folder / "service.json").write_text("{")
    refused = peer.service("daemon", check=False)
    assert refused.returncode == 1 and "service.json" in refused.stderr


def test_an_unknown_key_is_a_warning_with_the_nearest_name(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: c["cluster"].update(replication_factor_mix=2))
    peer.start()
    assert "replication_factor_mix" in peer.log_path.read_text() and "replication_factor_m" in peer.log_path.read_text()


def test_a_crdt_section_is_refused_in_one_sentence(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: c.update(consensus={"crdt": {"cluster_name": "x", "trusted_peers": ["*"]}}))
    refused = peer.service("daemon", check=False)
    assert refused.returncode == 1 and "crdt" in refused.stderr


def test_added_content_still_works_afterwards(shared_peer):
    cid = add_bytes(shared_peer, b"after all that")["cid"]
    shared_peer.wait_status(cid)
    shared_peer.json("DELETE", f"/pins/{cid}")
    shared_peer.wait_status(cid, "unpinned")
