"""Peers that need more than the log still has: they get the state of another one."""
import hashlib
import json
import pathlib
import sys

import pytest
from content import add_bytes
from peer import Cluster, until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "bench"))
from fixtures import pin_lines  # noqa: E402

PINS = 20_000


@pytest.fixture
def imported(tmp_path):
    """One peer with an imported pinset: its log begins behind it."""
    source = tmp_path / "pins"
    source.write_text("".join(pin_lines(PINS)))
    with Cluster(tmp_path) as cluster:
        (first,) = cluster.make(1)
        first.service("state", "import", "--force", str(source))
        first.start()
        yield cluster


def allocations_hash(peer):
    return hashlib.sha256(b"\n".join(json.dumps(pin, sort_keys=True).encode() for pin in peer.lines("GET", "/allocations"))).hexdigest()


def test_a_peer_joins_behind_a_log_that_begins_with_an_import(imported):
    before = add_bytes(imported[0], b"before the others came")["cid"]
    imported.grow(2)
    for peer in imported:
        assert len(peer.lines("GET", "/allocations")) == PINS + 1
        assert allocations_hash(peer) == allocations_hash(imported[0])
        peer.wait_status(before)
    assert all("fetched the state of entry" in peer.log for peer in imported.peers[1:])
    after = add_bytes(imported[2], b"through one that joined")["cid"]
    imported.wait_equal()
    for peer in imported:
        peer.wait_status(after)


def test_a_join_that_is_killed_while_the_state_comes_goes_on(imported):
    (second,) = imported.make(1)
    for _ in range(8):
        second.start("--bootstrap", imported[0].address, wait=False)
        until(lambda: "fetching the state of entry" in second.log or not second.running, "it asks for the state", 30, pause=0.001)
        assert second.running, second.log_tail()
        second.kill()
    second.start()
    imported.wait_settled()
    assert allocations_hash(second) == allocations_hash(imported[0])


def test_a_peer_that_is_killed_before_it_has_the_state_finds_the_others(imported):
    (second,) = imported.make(1)
    second.start("--bootstrap", imported[0].address, wait=False)
    until(lambda: "fetching the state of entry" in second.log, "it asks for the state", 30, pause=0.0005)
    second.kill()
    assert imported[0].address.rpartition("/")[2] in (second.folder / "peerstore").read_text()
    second.start()
    imported.wait_settled()
    assert allocations_hash(second) == allocations_hash(imported[0])


def test_the_pins_of_a_state_that_came_are_tracked(imported):
    cids = [add_bytes(imported[0], f"content {i}".encode())["cid"] for i in range(20)]
    (second,) = imported.grow(1)
    for cid in cids:
        second.wait_status(cid)
    status = second.lines("GET", "/pins?local=true&limit=30000")
    assert len(status) == PINS + 20
