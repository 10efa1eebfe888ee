"""Two copies on three peers: what happens to copies when their holder dies, returns, or is told to stay."""
import time

import pytest
from content import add_bytes, fetch, random_bytes
from peer import Peer, always, at_once, until

PINS = 20


def copies(count, grace, repin=True):
    def change(config):
        config["cluster"].update(replication_factor_min=count, replication_factor_max=count, disable_repinning=not repin)
        config["cluster"]["repin"] = {"grace": grace}

    return change


def add_pins(cluster, tag, copies=2, count=PINS):
    """{cid: content} with complete copies, added through all peers in turn."""
    contents = {}
    for i in range(count):
        data = random_bytes(3000 + i, f"{tag} {i}")
        contents[add_bytes(cluster[i % len(cluster)], data, query=f"name={tag}{i}")["cid"]] = data
    until(lambda: whole(cluster, contents, copies), "all copies of all", 60)
    return contents


def allocations(cluster, contents):
    listed = {pin["cid"]: set(pin["allocations"]) for pin in cluster.running[0].lines("GET", "/allocations")}
    assert contents.keys() <= listed.keys(), "not all is visible yet"
    return {cid: listed[cid] for cid in contents}


def holders(cluster, cid):
    """Whose own word is that they have it."""
    infos = [(peer, peer.json("GET", f"/pins/{cid}?local=true")[1]) for peer in cluster.running]
    return {peer.id for peer, info in infos if info["peer_map"][peer.id]["status"] == "pinned"}


def whole(cluster, contents, copies=2):
    """Each has so many allocations, all of them running peers, and exactly those have it."""
    running = {peer.id for peer in cluster.running}
    for cid, allocated in allocations(cluster, contents).items():
        assert len(allocated) == copies and allocated <= running, (cid, allocated)
        assert holders(cluster, cid) == allocated, (cid, allocated)
    return True


def a_holder(cluster, contents):
    """The peer that holds most, without the leader, and what it holds."""
    held = {peer: [cid for cid, allocated in allocations(cluster, contents).items() if peer.id in allocated]
            for peer in cluster.others(cluster.leader())}
    return max(held.items(), key=lambda item: len(item[1]))


def alarmed_about(peer):
    """Of whom `peer` says at this time that something is wrong with it."""
    return {alert["peer"] for alert in peer.json("GET", "/health/alerts")[1] if "ended_at" not in alert}


def wait_down(cluster, peer):
    for other in cluster.running:
        until(lambda: peer.id in alarmed_about(other), f"{other.name} has an alert about {peer.name}")
    until(lambda: any(f"the peer {peer.id} ({peer.name}) is down" in other.log for other in cluster.running), "it is down")


def test_copies_are_made_elsewhere_and_given_up_by_their_holder_when_it_returns(new_cluster):
    cluster = new_cluster(3, copies(2, "0s"))
    contents = add_pins(cluster, "moved")
    dead, theirs = a_holder(cluster, contents)
    one, other = cluster.others(dead)
    dead.kill()
    info = one.json("GET", f"/pins/{theirs[0]}")[1]
    assert info["peer_map"][dead.id]["status"] == "cluster_error" and info["peer_map"][dead.id]["error"]
    assert info["peer_map"][dead.id]["peername"] == dead.name
    listed = {i["cid"]: i["peer_map"] for i in other.lines("GET", "/pins?filter=cluster_error")}
    assert set(theirs) <= set(listed) and all(listed[cid][dead.id]["status"] == "cluster_error" for cid in theirs)
    until(lambda: whole(cluster, contents), "the copies of the dead peer are elsewhere", 60)
    wait_down(cluster, dead)
    for cid, data in contents.items():
        for peer in cluster.running:
            assert fetch(f"{peer.gateway}/ipfs/{cid}") == data
    dead.start()
    until(lambda: whole(cluster, contents), "the peer that returned has given up what moved", 60)
    cluster.wait_equal()
    for peer in cluster:
        until(lambda: not alarmed_about(peer), f"the alert has ended on {peer.name}")
        assert peer.lines("GET", "/pins?filter=error,cluster_error") == []


def test_a_peer_that_returns_within_the_grace_keeps_its_copies(new_cluster):
    cluster = new_cluster(4, copies(3, "5m"))  # a last copy would not wait for the grace
    contents = add_pins(cluster, "kept", 3)
    before = allocations(cluster, contents)
    dead, _ = a_holder(cluster, contents)
    dead.kill()
    wait_down(cluster, dead)
    always(lambda: allocations(cluster, contents) == before, 2)
    dead.start()
    until(cluster.all_see_all, "all see all")
    until(lambda: whole(cluster, contents, 3), "the copies are where they were")
    assert allocations(cluster, contents) == before
    assert not any("copies are made elsewhere" in peer.log for peer in cluster)


def health(cluster, of):
    return next(item["standing"]["health"] for item in cluster.running[0].lines("GET", "/peers") if item["id"] == of.id)


def test_a_drained_peer_that_dies_is_said_to_be_silent(new_cluster):
    cluster = new_cluster(3, copies(2, "1h"))
    drained = cluster.others(cluster.leader())[0]
    drained.ctl("peers", "drain", drained.id)
    until(lambda: health(cluster, drained) == "draining", "it is drained")
    drained.kill()
    until(lambda: health(cluster, drained) == "draining, suspected to be down", "its silence is seen")
    drained.start()
    until(lambda: health(cluster, drained) == "draining", "it is drained still")
    drained.ctl("peers", "drain", "--undo", drained.id)
    until(lambda: health(cluster, drained) == "up", "it takes part again")


def test_nothing_moves_when_repinning_is_disabled(new_cluster):
    cluster = new_cluster(3, copies(2, "0s", repin=False))
    contents = add_pins(cluster, "stays")
    before = allocations(cluster, contents)
    dead, _ = a_holder(cluster, contents)
    dead.kill()
    wait_down(cluster, dead)
    always(lambda: allocations(cluster, contents) == before, 2)
    dead.start()
    until(cluster.all_see_all, "all see all")
    until(lambda: whole(cluster, contents), "the copies are where they were")
    assert allocations(cluster, contents) == before
    assert not any("copies are made elsewhere" in peer.log for peer in cluster)


def test_copies_are_allocated_as_soon_as_the_peers_are_ready(new_cluster):
    """On a busy machine a metric can come later than a starting peer waits for it: then within seconds."""
    cluster = new_cluster(3, copies(2, "5m"))
    for _ in range(2):
        at_once(Peer.stop, cluster)
        cluster.restart_all()
        contents = until(lambda: add_pins(cluster, "at-once", count=3), "copies are allocated", 15)
        assert whole(cluster, contents)


def test_movements_can_be_paused_by_any_peer_and_stay_so(new_cluster):
    cluster = new_cluster(5, copies(2, "0s"))
    contents = add_pins(cluster, "paused", count=10)
    assert cluster[0].ctl("movements", "pause").returncode == 0
    before = allocations(cluster, contents)
    dead = cluster.leader()  # the pause holds for the next one
    dead.kill()
    wait_down(cluster, dead)
    shown = cluster.running[0].json("GET", "/movements")[1]
    assert shown == {"paused": True, "under_way": 0, "moves": []}
    always(lambda: allocations(cluster, contents) == before, 3)
    status, answer = cluster.running[1].json("POST", "/rebalance")
    assert status == 409 and "paused" in answer["message"], answer
    assert cluster.running[1].json("POST", "/rebalance?dry-run=true")[0] == 200
    assert "no new ones begin: paused" in cluster.running[0].ctl("movements", "ls").stdout
    assert cluster.running[1].ctl("movements", "resume").returncode == 0
    until(lambda: whole(cluster, contents), "the copies are made elsewhere", 60)
    until(lambda: cluster.running[0].json("GET", "/movements")[1] == {"paused": False, "under_way": 0, "moves": []},
          "all movements have ended")


def test_movements_begin_at_a_bounded_rate(new_cluster):
    def change(config):
        copies(2, "0s")(config)
        config["cluster"]["repin"]["moves_per_second"] = 2

    cluster = new_cluster(3, change)
    contents = add_pins(cluster, "slowly", count=16)
    holder, held = a_holder(cluster, contents)
    holder.kill()
    wait_down(cluster, holder)
    begun = lambda: sum(holder.id not in allocated or len(allocated) > 2  # noqa: E731
                        for allocated in allocations(cluster, {cid: contents[cid] for cid in held}).values())
    first, start = begun(), time.monotonic()
    while (now := begun()) < len(held):
        assert now - first <= 4 + 2.5 * (time.monotonic() - start)
        time.sleep(0.1)
    until(lambda: whole(cluster, contents), "the copies are made elsewhere", 60)
