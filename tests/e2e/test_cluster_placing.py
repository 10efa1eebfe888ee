"""Which peers get copies, as the configuration says: informers, spread over zones, a rebalance when a peer joins."""
import re

from content import add_bytes, random_bytes
from peer import always, until
from test_cluster_failover import a_holder, add_pins, allocations, wait_down, whole


def metrics(peer, name):
    """{peer id: value} of those that are valid."""
    return {m["peer"]: m["value"] for m in peer.json("GET", f"/monitor/metrics/{name}")[1]}


def holders(cluster, cid):
    """Who is to hold it."""
    return allocations(cluster, {cid: None})[cid]


def test_round_trips_and_bandwidth_are_metrics_that_can_decide(new_cluster):
    def change(config):
        config["cluster"].update(replication_factor_min=2, replication_factor_max=2)
        config["informer"].update(rtt={"metric_ttl": "4s"}, bandwidth={"metric_ttl": "4s", "weight_bucket_bytes": 1})
        config["allocator"]["balanced"]["allocate_by"] = ["rtt"]

    cluster = new_cluster(3, change)
    ids = {peer.id for peer in cluster}
    for peer in cluster:
        trips = until(lambda: metrics(peer, "rtt").keys() == ids and metrics(peer, "rtt"), f"round trips on {peer.name}")
        assert all(0 < int(micros) < 5_000_000 for micros in trips.values()), trips
        until(lambda: metrics(peer, "bandwidth").keys() == ids, f"bandwidths on {peer.name}")
    cid = add_bytes(cluster[0], random_bytes(3_000_000, "traffic"))["cid"]
    until(lambda: sum(int(rate) for rate in metrics(cluster[2], "bandwidth").values()) > 100_000, "the add is seen")
    until(lambda: set(metrics(cluster[2], "bandwidth").values()) == {"0"}, "and that it has ended")
    assert len(holders(cluster, cid)) == 2
    shown = cluster[0].ctl("pin", "add", "--dry-run", add_bytes(cluster[0], b"look", query="no-pin=true")["cid"]).stdout
    assert "rtt=" in shown, shown


def in_two_zones(cluster, rules):
    """Four more peers: n0 and n1 in the zone a, the others in b."""
    for i, peer in enumerate(cluster.make(4)):

        def change(config, zone="aabb"[i]):
            config["cluster"].update(replication_factor_min=2, replication_factor_max=2)
            config["cluster"]["repin"] = {"grace": "0s"}
            config["informer"]["tags"]["tags"] = {"group": "default", "zone": zone}
            config["allocator"]["balanced"]["spread"] = rules

        peer.edit(change)
    cluster[0].start()
    for peer in cluster.peers[1:]:
        peer.start("--bootstrap", cluster[0].address)
    cluster.wait_settled()
    return {peer.id: peer.config["informer"]["tags"]["tags"]["zone"] for peer in cluster}


def zones_of(zones, allocated):
    return sorted(zones[peer] for peer in allocated)


def test_copies_keep_to_a_hard_rule_whatever_happens(new_cluster):
    cluster = new_cluster(0)
    zones = in_two_zones(cluster, ["zone:hard"])
    contents = add_pins(cluster, "zones", count=12)
    apart = lambda: all(zones_of(zones, held) == ["a", "b"] for held in allocations(cluster, contents).values())  # noqa: E731
    assert apart(), allocations(cluster, contents)
    cid = next(iter(contents))
    chosen = holders(cluster, cid)
    shown = cluster[0].ctl("pin", "add", "--dry-run", "--replication", "2", add_bytes(
        cluster[0], b"other", query="no-pin=true")["cid"]).stdout
    assert shown.count("has a copy already, at 12D3KooW") == 2 and "zone=a" in shown and "zone=b" in shown, shown
    for arguments in (["--dry-run"], []):  # a third zone is not there
        refused = cluster[1].ctl("pin", "add", *arguments, "--replication", "3", cid, check=False)
        assert refused.returncode != 0, refused
        assert "zone: 1 of the 3 domains that are needed are missing" in refused.stdout + refused.stderr, refused
    assert holders(cluster, cid) == chosen

    dead, _ = a_holder(cluster, contents)
    dead.kill()
    wait_down(cluster, dead)
    until(lambda: whole(cluster, contents), "the copies are made again", 60)
    assert apart(), allocations(cluster, contents)
    dead.start()
    cluster.wait_settled()
    share = lambda: sum(dead.id in held for held in allocations(cluster, contents).values())  # noqa: E731
    until(lambda: cluster[0].json("POST", "/rebalance")[0] == 200 and share() > 3, "the one that is back gets copies", 60, 0.5)
    until(lambda: cluster[0].json("GET", "/movements")[1]["under_way"] == 0, "all movements have ended", 60)
    until(lambda: whole(cluster, contents), "the copies are even")
    assert apart(), allocations(cluster, contents)
    assert share() > 3


def test_a_soft_rule_gives_way(new_cluster):
    cluster = new_cluster(0)
    zones = in_two_zones(cluster, ["zone"])
    contents = add_pins(cluster, "soft", count=6)
    assert all(zones_of(zones, held) == ["a", "b"] for held in allocations(cluster, contents).values())
    three = add_bytes(cluster[0], b"three", query="replication-min=3&replication-max=3")["cid"]
    assert zones_of(zones, holders(cluster, three)) in (["a", "a", "b"], ["a", "b", "b"])


def test_a_copy_that_is_replaced_stays_until_the_other_is_there(new_cluster):
    def change(config):
        config["cluster"].update(replication_factor_min=1, replication_factor_max=1)
        config["cluster"]["blocks"] = {"send_per_second": "1MB"}

    cluster = new_cluster(3, change)
    old, new, other = cluster
    cid = add_bytes(old, random_bytes(3_000_000, "replaced"), query=f"user-allocations={old.id}")["cid"]
    assert holders(cluster, cid) == {old.id}
    status, pin = other.json("POST", f"/pins/{cid}?user-allocations={new.id}")
    assert status == 200 and set(pin["allocations"]) == {old.id, new.id}, pin
    shown = other.ctl("movements", "ls").stdout
    assert old.id in shown and "goes when the copies that replace it are there" in shown, shown
    assert other.json("POST", f"/pins/{cid}?user-allocations={new.id}")[0] == 200  # again, meanwhile
    has = lambda peer: peer.json("GET", f"/pins/{cid}?local=true")[1]["peer_map"][peer.id]["status"] == "pinned"  # noqa: E731
    assert has(old) and not has(new)
    until(lambda: not has(old), "the old copy goes", pause=0.01)
    assert has(new) and holders(cluster, cid) == {new.id}
    until(lambda: other.json("GET", "/movements")[1] == {"paused": False, "under_way": 0, "moves": []}, "nothing is left")


def test_copies_that_are_too_many_go_at_once_and_those_of_dead_peers_first(new_cluster):
    cluster = new_cluster(3, lambda config: config["cluster"].update(disable_repinning=True))
    cid = add_bytes(cluster[0], b"three", query="replication-min=1&replication-max=3")["cid"]
    dead = cluster.others(cluster.leader())[0]
    dead.kill()
    wait_down(cluster, dead)
    one = cluster.running[0]
    status, pin = one.json("POST", f"/pins/{cid}?replication-min=1&replication-max=2")
    assert status == 200 and set(pin["allocations"]) == {peer.id for peer in cluster.running}, pin
    assert one.json("GET", "/movements")[1]["under_way"] == 0
    assert len(one.json("POST", f"/pins/{cid}?replication-min=1&replication-max=1")[1]["allocations"]) == 1


def test_a_peer_that_joins_gets_its_share(new_cluster):
    def change(config):
        config["cluster"].update(replication_factor_min=2, replication_factor_max=2)
        config["cluster"]["repin"] = {"rebalance_on_join": True, "moves_per_second": 2}

    cluster = new_cluster(3, change)
    contents = add_pins(cluster, "share", count=24)
    assert cluster[0].ctl("movements", "pause").returncode == 0
    # The three have just joined too: what began for them ends first.
    until(lambda: cluster[0].json("GET", "/movements")[1]["under_way"] == 0, "nothing moves")
    before = allocations(cluster, contents)
    (new,) = cluster.grow(1)
    always(lambda: allocations(cluster, contents) == before, 2)
    first = cluster.leader()  # the next one knows that a peer has joined
    first.stop()
    until(lambda: cluster.leader() not in (None, first), "another leads")
    first.start()
    cluster.wait_settled(voters=0)
    assert allocations(cluster, contents) == before
    assert cluster[0].ctl("movements", "resume").returncode == 0
    shown = rf"{new.name}\b.* joined the cluster: evens out the loads"  # others may have joined just before
    until(lambda: re.search(shown, cluster[1].ctl("movements", "ls").stdout), "the movements are shown")
    held = lambda: sum(new.id in peers for peers in allocations(cluster, contents).values())  # noqa: E731
    until(lambda: held() >= 10 and whole(cluster, contents), "its share of 48 copies is there", 60)
    until(lambda: cluster[0].json("GET", "/movements")[1]["under_way"] == 0, "all movements have ended")
    done = rf"{new.name}\b.* joined the cluster: nothing to do"
    until(lambda: any(re.search(done, peer.log) for peer in cluster.running), "it is done", 60)
    after = allocations(cluster, contents)
    always(lambda: allocations(cluster, contents) == after, 2)
    for peer in cluster:
        assert 10 <= sum(peer.id in peers for peers in after.values()) <= 14, after
