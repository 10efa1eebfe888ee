"""Adds to several peers at once: an add that was answered is safe wherever it came in."""
import json
import re
import signal
import socket

import pytest
from content import fetch, random_bytes
from peer import until


def add(peer, path, *args):
    out = peer.ctl("--enc=json", "add", "-Q", *args, str(path))
    return json.loads(out.stdout), out.stderr


@pytest.fixture
def upload(tmp_path):
    def make(size, seed):
        path = tmp_path / "upload"
        path.write_bytes(random_bytes(size, seed))
        return path

    return make


def test_the_adder_dies_right_after_it_has_answered(new_cluster, upload):
    cluster = new_cluster(3)
    path = upload(20_000_000, "dies")
    added, _ = add(cluster[0], path)
    cluster[0].kill()
    assert set(added["allocations"]) == {peer.id for peer in cluster} and "left_behind" not in added
    for peer in cluster[1:]:
        assert fetch(f"{peer.gateway}/ipfs/{added['cid']}") == path.read_bytes()
        assert peer.json("GET", f"/pins/{added['cid']}?local=true")[1]["peer_map"][peer.id]["status"] == "pinned"


def test_an_add_for_another_peer_is_not_kept_here(new_cluster, upload):
    cluster = new_cluster(3)
    other = cluster[1]
    path = upload(3_000_000, "elsewhere")
    added, _ = add(cluster[0], path, "--rmin=1", "--rmax=1", f"--allocations={other.id}")
    assert added["allocations"] == [other.id]
    assert cluster[0].json("GET", f"/allocations/{added['cid']}")[1]["allocations"] == [other.id]
    until(lambda: other.json("GET", f"/pins/{added['cid']}?local=true")[1]["peer_map"][other.id]["status"] == "pinned",
          "it is pinned there")
    cluster[0].kill()
    cluster[2].kill()
    assert fetch(f"{other.gateway}/ipfs/{added['cid']}") == path.read_bytes()


def test_a_peer_that_stands_still_is_left_behind_and_named(new_cluster, upload):
    cluster = new_cluster(3)
    slow = next(peer for peer in cluster if peer is not cluster[0] and peer is not cluster.leader())
    path = upload(60_000_000, "slow")
    slow.process.send_signal(signal.SIGSTOP)
    try:
        added, said = add(cluster[0], path, "--rmin=2", "--rmax=3")
    finally:
        slow.process.send_signal(signal.SIGCONT)
    assert added["left_behind"] == [slow.id] and slow.id in said
    for peer in cluster:
        until(lambda: peer.json("GET", f"/pins/{added['cid']}?local=true")[1]["peer_map"][peer.id]["status"] == "pinned",
              f"it is pinned on {peer.name}", 90)
    assert fetch(f"{slow.gateway}/ipfs/{added['cid']}") == path.read_bytes()


def test_too_few_destinations_fail_the_add(new_cluster, upload):
    cluster = new_cluster(3)
    cluster[2].kill()
    path = upload(3_000_000, "few")
    out = cluster[0].ctl("add", "--rmin=3", "--rmax=3", str(path), check=False)
    assert out.returncode != 0 and "copies" in out.stdout + out.stderr, out
    assert cluster[0].lines("GET", "/allocations") == []


def test_room_is_reserved_while_an_add_comes_in_and_given_back_when_it_is_given_up(new_cluster):
    cluster = new_cluster(3)
    cid = "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"

    def promised():
        peers = cluster.leader().json("POST", f"/pins/{cid}?dry-run=true&replication-min=1&replication-max=3")[1]["peers"]
        return [int(n) for peer in peers for n in re.findall(r"(\d+) bytes promised", peer["reason"])]

    for adder in cluster:  # the leader and others
        host, port = adder.api.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"POST /add?replication-min=1&replication-max=2 HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n"
                               b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
                               b"--b\r\nContent-Disposition: file; filename=f\r\n\r\nbytes")
            assert until(promised, "room is reserved") == [50_000_000] * 2
        until(lambda: not promised(), "it is given back")
