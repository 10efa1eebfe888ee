"""Garbage collection on all peers at once."""
import json

from content import add_blocks
from peer import BIN
from terminal import on_terminal


def collect(peer, query=""):
    status, _, text = peer.request("POST", f"/ipfs/gc/progress{query}", timeout=300)
    assert status == 200, text
    *progress, end = (json.loads(line) for line in text.splitlines())
    return progress, end["peer_map"]


def test_it_is_said_how_far_all_are_and_what_went(three_peers):
    ids = {peer.id for peer in three_peers}
    for peer in three_peers:
        cids = set(add_blocks(peer, [b"garbage %d" % i for i in range(12_000)]))  # more than a page of a peer's answer
    progress, ended = collect(three_peers[1])
    for line in progress:
        assert line["peer"] in ids and line["removed"] > 0
    assert ended.keys() == ids
    for peer in ended.values():
        assert "error" not in peer and cids <= {key["key"] for key in peer["keys"]}, str(peer)[:300]


def test_there_is_nothing_to_collect_on_one(three_peers):
    assert three_peers[0].json("POST", "/ipfs/gc")[0] == 200
    assert collect(three_peers[0], "?local=true")[1].keys() == {three_peers[0].id}
    assert collect(three_peers[0])[1][three_peers[0].id]["keys"] == []


def test_ctl_says_how_far_it_is_on_a_terminal(three_peers):
    """The command line itself prints what it prints elsewhere."""
    for peer in three_peers:
        add_blocks(peer, [b"more garbage %d" % i for i in range(2000)])
    code, out, err = on_terminal([BIN / "ipfs-cluster-ctl", "--host", three_peers[0].api_multiaddress, "ipfs", "gc"])
    assert code == 0, (out, err)
    assert out.count("bafkrei") == 6000 and all(peer.name in out for peer in three_peers), out[:500]
