"""A peer whose IPFS node is a real Kubo daemon (built by tests/kubo/build.sh)."""
import os
import re
import signal
import time

import pytest
from content import add_bytes, fetch, random_bytes, write_tree
from peer import until

NOWHERE = "bafkreiemqpndzewx4bioklzfvhtiegsfny5fxuc3nkjk2vmcpjxiammsti"


@pytest.fixture
def kubo_peer(new_peer, kubo):
    peer = new_peer(start=False, ipfs="kubo")
    peer.edit(lambda c: c["ipfs_connector"]["ipfshttp"].update(node_multiaddress=kubo.api_multiaddr))
    return peer.start()


def test_add_pin_and_unpin_on_kubo(kubo_peer, kubo):
    cid = add_bytes(kubo_peer, random_bytes(700_000, "kubo"), query="name=on-kubo")["cid"]
    kubo_peer.wait_status(cid)
    assert cid in kubo.ipfs("pin", "ls", "--type=recursive", "--quiet")
    assert kubo.rpc("cat", arg=cid) == random_bytes(700_000, "kubo")
    kubo_peer.json("DELETE", f"/pins/{cid}")
    kubo_peer.wait_status(cid, "unpinned")
    assert cid not in kubo.ipfs("pin", "ls", "--type=recursive", "--quiet")


def test_what_waits_for_content_gets_old_in_the_metrics(new_peer, kubo):
    peer = new_peer(start=False, ipfs="kubo")
    peer.edit(lambda c: c["ipfs_connector"]["ipfshttp"].update(node_multiaddress=kubo.api_multiaddr))
    peer.start("--stats")
    endpoint = peer._http(peer.config["observations"]["metrics"]["prometheus_endpoint"])

    def oldest():
        return float(re.search(r"^ipfscluster_oldest_pending_operation_seconds (\S+)$", fetch(endpoint + "/metrics").decode(), re.M)[1])

    assert oldest() == 0
    peer.json("POST", f"/pins/{NOWHERE}")
    peer.wait_status(NOWHERE, "pinning")
    first = until(oldest, "it is seen")
    until(lambda: oldest() > first, "it gets older")
    peer.json("DELETE", f"/pins/{NOWHERE}")
    until(lambda: oldest() == 0, "nothing is under way")


def test_direct_pins_are_seen(kubo_peer, kubo):
    cid = kubo.ipfs("add", "-Q", "--pin=false", input=b"direct").strip()
    kubo_peer.json("POST", f"/pins/{cid}?mode=direct")
    kubo_peer.wait_status(cid)
    assert cid in kubo.ipfs("pin", "ls", "--type=direct", "--quiet")
    assert [p["status"] for i in kubo_peer.lines("GET", "/pins") for p in i["peer_map"].values()] == ["pinned"]


def test_what_kubo_has_lost_is_pinned_again_and_what_is_not_ours_is_named(kubo_peer, kubo):
    lost, strange = (add_bytes(kubo_peer, text)["cid"] for text in (b"lost by Kubo", b"nobody's pin"))
    assert kubo_peer.json("DELETE", f"/pins/{strange}")[0] == 200
    until(lambda: strange not in kubo.ipfs("pin", "ls", "--type=recursive"), "it is unpinned")
    kubo.ipfs("pin", "add", strange)
    kubo.ipfs("pin", "rm", lost)
    for _ in range(2):  # the second looks where the first has left its files
        named = {one["cid"] for one in kubo_peer.lines("POST", "/pins/sync")}
        assert strange in named, named
    until(lambda: lost in kubo.ipfs("pin", "ls", "--type=recursive"), "it is pinned again", 30)
    assert strange in kubo.ipfs("pin", "ls", "--type=recursive")  # it may be somebody else's
    kubo.ipfs("pin", "rm", strange)


def test_id_names_kubos_peer(kubo_peer, kubo):
    assert kubo_peer.json("GET", "/id")[1]["ipfs"]["id"] == kubo.peer_id


@pytest.fixture
def mixed(new_cluster, kubo):
    """Two peers with their embedded nodes and one on Kubo, which knows no other IPFS node."""
    cluster = new_cluster(2)
    (on_kubo,) = cluster.make(1)
    on_kubo.edit(lambda c: c.update(ipfs_connector={"ipfshttp": {"node_multiaddress": kubo.api_multiaddr}}))
    on_kubo.start("--bootstrap", cluster[0].address)
    cluster.wait_settled()
    return cluster


def pinned_on_all(cluster, cid):
    for peer in cluster:
        until(lambda: peer.json("GET", f"/pins/{cid}?local=true")[1]["peer_map"][peer.id]["status"] == "pinned",
              f"{cid} is pinned on {peer.name}", 60)


def test_kubo_gets_what_only_embedded_nodes_have(mixed, kubo, tmp_path):
    folder = tmp_path / "tree"
    folder.mkdir()
    write_tree(folder)
    # --local: the blocks are here only until the others fetch them.
    root = mixed[0].ctl("add", "-r", "-Q", "--local", "--cid-version=1", str(folder)).stdout.strip()
    pinned_on_all(mixed, root)
    assert root in kubo.ipfs("pin", "ls", "--type=recursive", "--quiet")
    assert kubo.rpc("cat", arg=root + "/big") == (folder / "big").read_bytes()
    # A part that is missing is found, wherever in the DAG.
    assert mixed[2].json("DELETE", f"/pins/{root}")[0] == 200
    until(lambda: root not in kubo.ipfs("pin", "ls", "--type=recursive", "--quiet"), "it is unpinned on Kubo")
    leaf = kubo.ipfs("refs", "-r", "-u", root).split()[-1]
    kubo.ipfs("block", "rm", leaf)
    root2 = mixed[1].ctl("add", "-r", "-Q", "--local", "--cid-version=1", str(folder)).stdout.strip()
    assert root2 == root
    pinned_on_all(mixed, root)


def test_embedded_nodes_get_what_only_kubo_has(mixed, kubo):
    data = random_bytes(1_200_000, "only on kubo")
    cid = kubo.ipfs("add", "-Q", "--pin=false", "--cid-version=1", input=data).strip()
    assert mixed[0].json("POST", f"/pins/{cid}")[0] == 200
    pinned_on_all(mixed, cid)
    for peer in mixed.peers[:2]:
        assert fetch(f"{peer.gateway}/ipfs/{cid}") == data


def test_an_add_goes_to_kubo_and_embedded_nodes_at_once(mixed, kubo):
    for i, peer in enumerate(mixed):
        added = add_bytes(peer, random_bytes(900_000, f"mixed {i}"))
        assert "left_behind" not in added
        assert kubo.rpc("cat", arg=added["cid"]) == random_bytes(900_000, f"mixed {i}")
        pinned_on_all(mixed, added["cid"])


def test_what_no_peer_has_is_said(mixed):
    cid = "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"
    assert mixed[0].json("POST", f"/pins/{cid}")[0] == 200
    first = mixed[0]
    error = until(lambda: first.json("GET", f"/pins/{cid}?local=true")[1]["peer_map"][first.id]["error"], "an error is there")
    assert "cluster peers: not on any peer" in error
    assert first.json("DELETE", f"/pins/{cid}")[0] == 200


def test_the_kubos_of_a_cluster_are_connected(new_cluster, kubo, tmp_path):
    from daemon import KuboDaemon

    with KuboDaemon(tmp_path) as other:
        cluster = new_cluster(0)
        for peer, node in zip(cluster.make(2), (kubo, other)):
            peer.edit(lambda c, node=node: c.update(ipfs_connector={"ipfshttp": {
                "node_multiaddress": node.api_multiaddr, "connect_swarms_delay": "1s"}}))
        cluster[0].start()
        cluster[1].start("--bootstrap", cluster[0].address)
        until(lambda: other.peer_id in kubo.ipfs("swarm", "peers") and kubo.peer_id in other.ipfs("swarm", "peers"),
              "the two IPFS nodes know each other", 40)
        links = cluster[0].json("GET", "/health/graph")[1]["ipfs_links"]
        assert other.peer_id in links[kubo.peer_id] and kubo.peer_id in links[other.peer_id], links


def slowly(config):
    """What other peers get from this one takes a moment."""
    config["cluster"]["blocks"] = {"send_per_second": "4MB"}


def local(peer, cid):
    return peer.json("GET", f"/pins/{cid}?local=true")[1]["peer_map"][peer.id]


@pytest.mark.parametrize("seconds", [pytest.param(15, id="15s"), pytest.param(60, id="a-minute", marks=pytest.mark.faults)])
def test_a_kubo_that_stands_still_in_the_middle_of_a_pin_is_named_and_the_pin_completes(new_cluster, kubo, seconds):
    cluster = new_cluster(2, slowly)
    (on_kubo,) = cluster.make(1)
    on_kubo.edit(lambda c: c.update(ipfs_connector={"ipfshttp": {"node_multiaddress": kubo.api_multiaddr}}))
    on_kubo.start("--bootstrap", cluster[0].address)
    cluster.wait_settled()
    data = random_bytes(24_000_000, f"still {seconds}")
    cid = add_bytes(cluster[0], data, query="local=true&cid-version=1")["cid"]
    until(lambda: local(on_kubo, cid)["status"] == "pinning", "Kubo pins")
    end = time.monotonic() + seconds
    os.kill(kubo.pid, signal.SIGSTOP)
    try:
        assert local(on_kubo, cid)["status"] == "pinning"
        until(lambda: [item["id"] for item in cluster[0].lines("GET", "/peers") if item["ipfs"]["error"]] == [on_kubo.id],
              "its node is named among the peers", 40)
        until(lambda: local(cluster[1], cid)["status"] == "pinned", "the others pin", 60)
        added = add_bytes(cluster[1], random_bytes(100_000, f"while still {seconds}"))["cid"]
        for peer in cluster.peers[:2]:
            until(lambda: local(peer, added)["status"] == "pinned", f"{peer.name} pins", 20)
        shown = None
        while shown is None or time.monotonic() < end:
            shown = cluster[0].json("GET", f"/pins/{cid}")[1]["peer_map"][on_kubo.id]
            assert shown["status"] in ("pinning", "pin_queued", "pin_error") and (shown["error"] or shown["reason"]), shown
            assert not cluster[0].lines("GET", "/pins?filter=cluster_error"), "the peer itself is well"
            time.sleep(0.2)  # between two looks
    finally:
        os.kill(kubo.pid, signal.SIGCONT)
    pinned_on_all(cluster, cid)
    pinned_on_all(cluster, added)
    assert kubo.rpc("cat", arg=cid) == data
    until(lambda: not [item for item in cluster[0].lines("GET", "/peers") if item["ipfs"]["error"]], "no node is named any more")


@pytest.mark.parametrize("dies", ["the old holder", "the new holder"])
@pytest.mark.parametrize("to", ["Kubo", "embedded"])
def test_a_movement_between_the_kinds_survives_the_death_of_a_peer(new_cluster, kubo, to, dies):
    def change(config):
        slowly(config)
        config["cluster"].update(replication_factor_min=2, replication_factor_max=2, repin={"grace": "0s"})

    cluster = new_cluster(2, change)
    (on_kubo,) = cluster.make(1)
    on_kubo.edit(lambda c: c.update(ipfs_connector={"ipfshttp": {"node_multiaddress": kubo.api_multiaddr}}))
    on_kubo.start("--bootstrap", cluster[0].address)
    cluster.wait_settled()
    keeps, old, new = cluster.peers if to == "Kubo" else (cluster[0], on_kubo, cluster[1])
    contents = {}
    for i in range(16):
        data = random_bytes(1_000_000, f"moved to {to}, {dies} {i}")
        contents[add_bytes(keeps, data, query=f"cid-version=1&user-allocations={keeps.id},{old.id}")["cid"]] = data

    def allocated():
        return {pin["cid"]: set(pin["allocations"]) for pin in keeps.lines("GET", "/allocations")}

    def held_by(peer):
        return {cid for cid in contents if local(peer, cid)["status"] == "pinned"}

    assert all(holders == {keeps.id, old.id} for holders in allocated().values()), allocated()
    until(lambda: held_by(old) == held_by(keeps) == set(contents), "all copies are made", 60)
    assert keeps.json("POST", f"/peers/{old.id}/replace?with={new.id}")[0] in (200, 202)
    until(lambda: 2 <= len(held_by(new)) < len(contents), "the movement is under way", 60, pause=0.02)
    dead = old if dies == "the old holder" else new
    dead.kill()
    assert keeps.json("GET", "/movements")[1]["under_way"] > 0, "it died in the middle"
    if dies == "the old holder":
        until(lambda: all(holders == {keeps.id, new.id} for holders in allocated().values()), "the others have all copies", 90)
    first = next(iter(contents))
    until(lambda: keeps.json("POST", f"/pins/{first}?name=renamed", timeout=60)[0] == 200, "writes go on", 30)
    dead.start()
    until(cluster.all_see_all, "all see all", 60)
    until(lambda: all(holders == {keeps.id, new.id} for holders in allocated().values()), "all has moved", 120)
    until(lambda: held_by(new) == held_by(keeps) == set(contents) and not held_by(old), "all copies are where they belong", 60)
    until(lambda: keeps.json("GET", "/movements")[1]["under_way"] == 0, "nothing is under way")
    for cid, data in contents.items():
        assert (kubo.rpc("cat", arg=cid) if to == "Kubo" else fetch(f"{new.gateway}/ipfs/{cid}")) == data
    at_kubo = set(kubo.ipfs("pin", "ls", "--type=recursive", "--quiet").split())
    assert contents.keys() <= at_kubo if to == "Kubo" else not contents.keys() & at_kubo
    cluster.wait_equal()
