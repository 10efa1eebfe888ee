"""ipfs-rpc-used.md: what a peer asks its Kubo, and what it makes of the answers. A real one: tests/e2e/test_kubo.py."""
import json
import time
import urllib.parse

import pytest
from asking import ask
from content import raw_cid
from peer import until
from rest import CID, add, delete, get, post
from scripted_kubo import PEER, error, lines

OTHER = raw_cid(b"another")
PIN_LS = [f"stream=true&arg={CID}&type={kind}" for kind in ("recursive", "direct")]


@pytest.fixture
def kubo(scripted_kubo):
    return scripted_kubo


@pytest.fixture
def peer_on(new_peer, kubo):
    """A function that starts a peer on the scripted Kubo, with these keys of ipfs_connector.ipfshttp."""

    def start(change=lambda c: None, **keys):
        peer = new_peer(start=False, ipfs="kubo")
        peer.edit(lambda c: c["ipfs_connector"]["ipfshttp"].update(node_multiaddress=kubo.address, **keys))
        peer.edit(change)
        return peer.start()

    return start


def test_rpc_2_what_is_asked(peer_on, kubo):
    peer = peer_on()
    assert get(peer, "/id").json["ipfs"] == {"id": PEER, "addresses": [f"/ip4/10.9.8.7/tcp/4001/p2p/{PEER}"], "error": ""}
    until(lambda: kubo.of("repo/stat") == ["size-only=true"], "the disk informer has asked")
    (metric,) = get(peer, "/monitor/metrics/freespace").json
    assert metric["value"] == "4000"

    assert post(peer, f"/pins/{CID}?name=a%20name").status == 200  # I5: Go sends no names
    peer.wait_status(CID)
    assert kubo.of("pin/ls") == PIN_LS
    assert kubo.of("pin/add") == [f"arg={CID}&recursive=true&progress=true&name=a%20name"]

    assert post(peer, f"/pins/{OTHER}?pin-update={CID}").status == 200
    peer.wait_status(OTHER)
    assert kubo.of("pin/update") == [f"arg={CID}&arg={OTHER}&unpin=false"]

    assert delete(peer, f"/pins/{CID}").status == 200
    peer.wait_status(CID, "unpinned")
    assert kubo.of("pin/rm") == [f"arg={CID}"]

    kubo.answers["repo/gc"] = lines({"Key": {"/": CID}})
    assert next(iter(post(peer, "/ipfs/gc").json["peer_map"].values()))["keys"] == [{"key": CID}]
    assert kubo.of("repo/gc") == ["stream-errors=true"]
    assert {method for method, _, _ in kubo.asked} == {"POST"} and not kubo.of("config/show")


def test_rpc_2_direct_pins(peer_on, kubo):
    peer = peer_on()
    post(peer, f"/pins/{CID}?mode=direct")
    peer.wait_status(CID)
    assert kubo.of("pin/ls")[:2] == PIN_LS[::-1]
    assert kubo.of("pin/add") == [f"arg={CID}&recursive=false&progress=true"]


def test_rpc_2_update_of_what_is_not_pinned_here(peer_on, kubo):
    """A pin as any other."""
    peer = peer_on()
    kubo.answers["pin/update"] = error("not pinned")
    post(peer, f"/pins/{CID}")
    peer.wait_status(CID)
    kubo.pinned.clear()
    post(peer, f"/pins/{OTHER}?pin-update={CID}")
    peer.wait_status(OTHER)
    assert kubo.of("pin/update") == [] and kubo.of("pin/add")[-1] == f"arg={OTHER}&recursive=true&progress=true"


def test_rpc_2_origins(peer_on, kubo):
    """Ten of them, while it pins; whether they answer is no matter."""
    peer = peer_on()
    kubo.answers["swarm/connect"] = error("failure to dial")
    pin = kubo.answers["pin/add"]

    def slow_pin(query):
        until(lambda: len(kubo.of("swarm/connect")) >= 10, "they are connected")
        return pin(query)

    kubo.answers["pin/add"] = slow_pin
    origins = [f"/ip4/10.0.0.{i}/tcp/4001/p2p/{PEER}" for i in range(12)]
    post(peer, f"/pins/{CID}?origins={','.join(origins)}")
    peer.wait_status(CID)
    assert kubo.of("swarm/connect") == ["arg=" + urllib.parse.quote(origin, safe="") for origin in origins[:10]]


@pytest.mark.parametrize("path,query", [
    pytest.param(f"/ipfs/{OTHER}/a%20b", f"arg=%2Fipfs%2F{OTHER}%2Fa%20b", id="rpc-2-resolve-ipfs"),
    pytest.param("/ipns/example.org", "arg=%2Fipns%2Fexample.org", id="rpc-2-resolve-ipns"),
])
def test_resolve(peer_on, kubo, path, query):
    peer = peer_on()
    kubo.answers["resolve"] = lines({"Path": f"/ipfs/{CID}"})
    assert post(peer, f"/pins{path}").json["cid"] == CID
    assert kubo.of("resolve") == [query]
    kubo.answers["resolve"] = lines({"Path": f"/ipns/{PEER}"})
    status, message = post(peer, f"/pins{path}").error
    assert status == 404 and "immutable" in message


def test_rpc_2_block_put(peer_on, kubo):
    """Blocks of another format are another request: Kubo takes the first one's for all (I6)."""
    peer = peer_on()
    objects = add(peer, "cid-version=1&wrap-with-directory=true").objects
    assert sorted(kubo.of("block/put")) == [f"cid-codec={codec}&mhtype=sha2-256&mhlen=32&pin=false&allow-big-block=true"
                                            for codec in ("dag-pb", "raw")]
    peer.wait_status(objects[-1]["cid"])
    kubo.answers["block/put"] = lines()
    assert "did not confirm" in add(peer, "cid-version=1", [("b", "text/plain", b"b")]).error[1]
    assert [pin["cid"] for pin in get(peer, "/allocations").objects] == [objects[-1]["cid"]]


@pytest.mark.parametrize("answer,message", [
    pytest.param(error("a reason"), "IPFS error (pin/add). Code: 500. Message: a reason", id="rpc-1-error"),
    pytest.param((502, "Bad Gateway"), "IPFS request failed (is it running?) (pin/add). Code 502: Bad Gateway", id="rpc-1-no-json"),
    pytest.param(lines({"Progress": 1}), f"IPFS (pin/add) ended its answer before {CID} was pinned", id="rpc-2-cut-off"),  # I3
])
def test_errors_of_pins(peer_on, kubo, answer, message):
    peer = peer_on()
    kubo.answers["pin/add"] = answer
    post(peer, f"/pins/{CID}")
    assert peer.wait_status(CID, "pin_error")["error"] == message


@pytest.mark.parametrize("keys,sent", [
    pytest.param({}, None, id="rpc-1-no-credentials"),
    pytest.param({"node_basic_auth": "me:secret"}, "Basic bWU6c2VjcmV0", id="rpc-1-basic"),  # I1: not in Go
    pytest.param({"node_bearer_token": "abc"}, "Bearer abc", id="rpc-1-bearer"),  # I1
])
def test_credentials_for_kubo(peer_on, kubo, keys, sent):
    peer_on(**keys)
    until(lambda: kubo.of("repo/stat"), "it was asked")
    assert {head.get("Authorization") for head in kubo.heads} == {sent}


def test_rpc_1_a_kubo_that_comes_later(peer_on, kubo):
    """R5a"""
    there, kubo.answers["id"] = kubo.answers["id"], error("starting")
    peer = peer_on()
    assert get(peer, "/id").json["ipfs"]["error"] == "IPFS error (id). Code: 500. Message: starting"
    kubo.answers["id"] = there
    until(lambda: get(peer, "/id").json["ipfs"].get("id") == PEER, "it is seen")


def test_rpc_1_request_timeout(peer_on, kubo):
    def hang(_):
        time.sleep(3)  # what the peer does not wait for
        return lines()

    kubo.answers["resolve"] = hang
    peer = peer_on(ipfs_request_timeout="500ms")
    begin = time.monotonic()
    status, message = post(peer, "/pins/ipns/example.org").error
    assert status >= 500 and message.startswith("IPFS request failed (is it running?) (resolve): ")
    assert time.monotonic() - begin < 3


def slowly(objects, seconds=0.1):
    for one in objects:
        yield json.dumps(one) + "\n"
        time.sleep(seconds)  # a slow Kubo


@pytest.mark.parametrize("numbers,done", [
    pytest.param([0] * 30, False, id="rpc-2-pin-silent"),
    pytest.param([5] * 30, False, id="rpc-2-pin-without-progress"),
    pytest.param(range(15), True, id="rpc-2-pin-with-progress"),
])
def test_pin_timeout(peer_on, kubo, numbers, done):
    """It counts from the last progress, whatever ipfs_request_timeout is."""
    kubo.answers["pin/add"] = lambda _: (200, slowly([{"Progress": n} for n in numbers] + [{"Pins": [CID]}]))
    peer = peer_on(pin_timeout="600ms", ipfs_request_timeout="600ms")
    post(peer, f"/pins/{CID}")
    item = peer.wait_status(CID, "pinned" if done else "pin_error")
    assert done or "no progress for 600ms" in item["error"]


def test_rpc_2_what_is_not_pinned_is_unpinned(peer_on, kubo):
    peer = peer_on()
    post(peer, f"/pins/{CID}")
    peer.wait_status(CID)
    kubo.pinned.clear()
    delete(peer, f"/pins/{CID}")
    peer.wait_status(CID, "unpinned")


@pytest.mark.parametrize("keys,answer,message", [
    pytest.param({"unpin_disable": True}, None, "ipfs unpinning is disallowed by configuration on this peer", id="rpc-2-unpin_disable"),
    pytest.param({}, error("a lock"), "IPFS error (pin/rm). Code: 500. Message: a lock", id="rpc-2-unpin-error"),  # C10
    pytest.param({"unpin_timeout": "300ms"}, lambda _: time.sleep(3) or lines(), "(pin/rm)", id="rpc-2-unpin_timeout"),
])
def test_failed_unpins_stay_visible(peer_on, kubo, keys, answer, message):
    """C10, C12, C13: in Go they are lost; the status is unpinned at once."""
    if answer:
        kubo.answers["pin/rm"] = answer
    peer = peer_on(**keys)
    post(peer, f"/pins/{CID}")
    peer.wait_status(CID)
    delete(peer, f"/pins/{CID}")
    assert message in peer.wait_status(CID, "unpin_error")["error"]
    assert [item["cid"] for item in get(peer, "/pins").objects] == [CID]
    assert post(peer, f"/pins/{CID}/recover").status == 200
    assert bool(kubo.of("pin/rm")) == (not keys.get("unpin_disable"))


def slowly(objects, seconds=0.1):
    for one in objects:
        yield json.dumps(one) + "\n"
        time.sleep(seconds)  # a slow Kubo


def test_rpc_2_long_lists_may_take_long(peer_on, kubo):
    """I4: Go gives up after ipfs_request_timeout, and never sees what is missing. C11."""
    peer = peer_on(lambda c: c["cluster"].update(pin_recover_interval="1s"), ipfs_request_timeout="500ms")
    post(peer, f"/pins/{CID}")
    peer.wait_status(CID)
    whole = kubo.answers["pin/ls"]
    others = [{"Cid": raw_cid(bytes([i])), "Type": "recursive"} for i in range(15)]

    def list_slowly(query):
        return whole(query) if "arg" in query else (200, slowly(others if query["type"] == "recursive" else []))

    kubo.answers["pin/ls"] = list_slowly
    kubo.pinned.clear()
    until(lambda: CID in kubo.pinned, "what Kubo has lost is pinned again")


def test_rpc_2_sync_compares_with_kubo(peer_on, kubo):
    """C11"""
    peer = peer_on()
    post(peer, f"/pins/{CID}")
    peer.wait_status(CID)
    kubo.pinned.clear()
    for _ in range(2):
        answer = post(peer, "/pins/sync")
        assert answer.status in (200, 204), answer.body
    until(lambda: CID in kubo.pinned, "it is pinned again")


def test_rpc_2_swarm_peers(peer_on, kubo):
    """rest-5.5: links of the IPFS nodes in the graph."""
    peer = peer_on()
    kubo.answers["swarm/peers"] = lines({"Peers": [{"Peer": PEER}]})
    until(lambda: list(get(peer, "/health/graph").json["ipfs_links"].values()) == [[PEER]], "the links of the IPFS node", 40)


def test_rest_5_5_gc_errors_without_a_cid(peer_on, kubo):
    peer = peer_on()
    kubo.answers["repo/gc"] = lines({"Error": "bad"})
    assert post(peer, "/ipfs/gc").json["peer_map"][peer.id]["keys"] == [{"key": None, "error": "bad"}]
    assert ask(peer.proxy, "POST", "/api/v0/repo/gc?stream-errors=true").objects == [{"Key": None, "Error": "bad"}]
