"""state-format.md: exports and imports. What is stored (2 to 5 there) is of this program alone: docs/formats.md."""
import base64
import hashlib
import json

import pytest
from content import add_bytes, raw_cid
from peer import Peer
from rest import PIN_FIELDS
from typed import TYPED

CID = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq"
PEER = "12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M"
WHOLE = {
    "replication_factor_min": 2, "replication_factor_max": 3, "name": "docs", "mode": "recursive", "shard_size": 0, "user_allocations": None,
    "expire_at": "2100-01-02T03:04:05Z", "metadata": {"team": "web"}, "pin_update": raw_cid(b"older"),
    "origins": [f"/ip4/192.0.2.1/tcp/4001/p2p/{PEER}"], "cid": CID, "type": "pin", "allocations": [PEER], "max_depth": -1, "reference": None,
    "timestamp": "2026-01-02T03:04:05Z"}


@pytest.fixture
def peer(tmp_path):
    return Peer(tmp_path / "peer").init()


def imported(peer, text, check=True):
    """(what import said, the pins that are there then)"""
    done = peer.service("state", "import", "--force", input=text, check=check)
    return done, [json.loads(line) for line in peer.service("state", "export").stdout.splitlines()]


def test_state_1_what_goes_in_comes_out(peer):
    _, pins = imported(peer, json.dumps(WHOLE))
    assert pins == [WHOLE] and list(pins[0]) == PIN_FIELDS
    assert peer.service("state", "export").stdout == json.dumps(WHOLE, separators=(",", ":")) + "\n"


def test_state_1_all_types(peer):
    _, pins = imported(peer, "".join(json.dumps(pin) + "\n" for pin in TYPED.values()))
    assert {pin["cid"]: {key: pin[key] for key in TYPED[pin["type"]]} for pin in pins} == {pin["cid"]: pin for pin in TYPED.values()}


@pytest.mark.parametrize("separator", [pytest.param("\n", id="state-1-lines"), pytest.param("", id="state-1-nothing-between"),
                                       pytest.param(" \t\r\n\n ", id="state-1-any-space")])
def test_values_one_after_the_other(peer, separator):
    _, pins = imported(peer, separator.join(json.dumps(pin, indent=1) for pin in TYPED.values()) + separator)
    assert len(pins) == 4


# S9 says what Go makes of some of them.
@pytest.mark.parametrize("change,wanted", [
    pytest.param({"type": None}, {"type": "pin"}, id="state-1-no-type"),  # S9: bad-type in Go
    pytest.param({"type": "bad-type"}, {"type": "pin"}, id="state-1-bad-type"),
    pytest.param({"max_depth": None}, {"max_depth": -1, "mode": "recursive"}, id="state-1-no-max-depth"),  # S9: direct in Go
    pytest.param({"max_depth": None, "mode": "direct"}, {"max_depth": 0, "mode": "direct"}, id="state-1-no-max-depth-direct"),
    pytest.param({"max_depth": 0}, {"max_depth": 0, "mode": "direct"}, id="state-1-mode-does-not-count"),
    pytest.param({"allocations": None, "replication_factor_min": -1, "replication_factor_max": -1}, {"allocations": []},
                 id="state-1-everywhere"),
    pytest.param({"user_allocations": [PEER]}, {"user_allocations": None}, id="state-1-user-allocations"),
    pytest.param({"unknown": 1, "timestamp": None}, {"timestamp": "0001-01-01T00:00:00Z"}, id="state-1-unknown-keys"),
    pytest.param({"metadata": None, "origins": None, "pin_update": None}, {"metadata": None, "origins": [], "pin_update": None},
                 id="state-1-null"),
    pytest.param({"expire_at": "2001-01-01T00:00:00Z"}, {"expire_at": "2001-01-01T00:00:00Z"}, id="state-1-expired-already"),
    *(pytest.param(odd, odd, id=f"state-1-{name}-as-it-is") for name, odd in {
        "factors": {"replication_factor_min": 5, "replication_factor_max": 2},
        "factors-0": {"replication_factor_min": 0, "replication_factor_max": 0},
        "reference": {"reference": raw_cid(b"x"), "max_depth": 5},
        "meta": {"type": "meta-pin", "max_depth": 0}}.items()),
])
def test_imports(peer, change, wanted):
    pin = {key: value for key, value in {**WHOLE, **change}.items() if value is not None}
    _, (got,) = imported(peer, json.dumps(pin))
    assert {key: got[key] for key in wanted} == wanted


@pytest.mark.parametrize("line,said", [
    pytest.param('{"cid":{"/":"' + CID + '"}}', "cid", id="state-1-cid-of-old-versions"),
    pytest.param(json.dumps({"cid": CID, "type": 2}), "type", id="state-1-type-of-old-versions"),
    pytest.param('{"cid":"' + CID + '"', "", id="state-1-cut-off"),
    pytest.param("[]", "", id="state-1-no-object"),
    pytest.param('{"name":"x"}', "cid: missing", id="state-1-no-cid"),
])
def test_what_is_refused_changes_nothing(peer, line, said):
    """S8: Go removes the old state first, and leaves what came before the bad line."""
    imported(peer, json.dumps(WHOLE))
    done, pins = imported(peer, json.dumps({**WHOLE, "name": "new"}) + "\n" + line, check=False)
    assert done.returncode == 1 and "line 2" in done.stderr and said in done.stderr
    assert pins == [WHOLE]


def test_state_1_sharness(peer):
    """The one object that Go's own scripts import."""
    _, (pin,) = imported(peer, json.dumps({"cid": CID, "name": "", "allocations": [], "replication_factor_min": -1, "replication_factor_max": -1}))
    assert (pin["cid"], pin["type"], pin["max_depth"], pin["allocations"]) == (CID, "pin", -1, [])


# --- 6: pins in shards


def cid_bytes(cid):
    return base64.b32decode(cid[1:].upper() + "=" * (-len(cid[1:]) % 8))


def node(cids):
    """(CID, bytes) of a node of a cluster DAG: {"0": link, "1": link, …}."""
    assert len(cids) < 10
    links = b"".join(b"\x61%d" % i + b"\xd8\x2a\x58\x25\x00" + cid_bytes(cid) for i, cid in enumerate(cids))
    return block(bytes([0xA0 + len(cids)]) + links)


def block(data):
    cid = b"\x01\x71\x12\x20" + hashlib.sha256(data).digest()
    return "b" + base64.b32encode(cid).decode().lower().rstrip("="), data


def car(blocks):
    """The first block is the root."""
    header = b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00" + cid_bytes(blocks[0][0]) + b"\x67version\x01"
    sections = [header, *(cid_bytes(cid) + data for cid, data in blocks)]
    assert all(len(section) < 128 for section in sections)
    return b"".join(bytes([len(section)]) + section for section in sections)


SHARDS = [raw_cid(b"shard %d" % i) for i in range(3)]
LEAVES = [node(SHARDS[:2]), node(SHARDS[2:])]
ABOVE = node([cid for cid, _ in LEAVES])
# Go's own example, with CIDs as Go writes them.
VECTOR = block(bytes.fromhex("a16130d82a58230012209273fd63ec94bed5abb219b2d9cb010cabe4af7b0177292d4335eff50464060a"))
VECTOR_CID = "zdpuAoiNm1ntWx6jpgcReTiCWFHJSTpvTw4bAAn9p6yDnznqh"
VECTOR_SHARD = "QmYCLpFCj9Av8NFjkQogvtXspnTDFWaizLpVFEijHTH4eV"


@pytest.mark.parametrize("shards,blocks,there,dag", [
    pytest.param(SHARDS[:2], LEAVES[:1], True, LEAVES[0][0], id="state-6.3-unpin"),
    pytest.param(SHARDS, [ABOVE, *LEAVES], True, ABOVE[0], id="state-6.2-unpin-with-two-levels"),
    pytest.param([VECTOR_SHARD], [VECTOR], True, VECTOR_CID, id="state-6.2-unpin-of-gos-example"),
    pytest.param(SHARDS[:2], LEAVES[:1], False, LEAVES[0][0], id="state-6.3-unpin-without-the-dag")])
def test_a_sharded_pin_goes_with_its_parts(peer, shards, blocks, there, dag):
    root, data = raw_cid(b"root"), raw_cid(b"data")
    everywhere = {"replication_factor_min": -1, "replication_factor_max": -1}
    pins = [{"cid": root, "type": "meta-pin", "max_depth": 0, "reference": dag, "name": "big"},
            {"cid": dag, "type": "clusterdag-pin", "max_depth": 0, "reference": root, "name": "big-clusterDAG"},
            *({"cid": cid, "type": "shard-pin", "max_depth": 1, "name": f"big-shard-{i}"} for i, cid in enumerate(shards)),
            {"cid": data, "type": "pin", "max_depth": -1, "name": "other"}]
    imported(peer, "\n".join(json.dumps({**pin, **everywhere}) for pin in pins))
    with peer.start():
        if there:
            assert add_bytes(peer, car(blocks), query="format=car&no-pin=true")["cid"] == blocks[0][0]
        status, answer = peer.json("DELETE", f"/pins/{root}")
        left = {pin["cid"] for pin in peer.lines("GET", "/allocations")}
        if there:
            assert (status, answer["name"]) == (200, "big") and left == {data}
        else:
            assert status == 409 and dag in answer["message"] and left == {pin["cid"] for pin in pins}


def test_state_6_3_the_root_is_sharded(typed_peer):
    """It is held through its parts, whose content is looked for."""
    statuses = {kind: {item["status"] for item in typed_peer.json("GET", f"/pins/{pin['cid']}")[1]["peer_map"].values()}
                for kind, pin in TYPED.items()}
    assert statuses.pop("meta-pin") == {"sharded"} and {"sharded"} not in statuses.values()
    assert TYPED["meta-pin"]["cid"] in typed_peer.ctl("status", "--filter", "sharded").stdout
