"""Which peers get copies, as the configuration says: informers, spread over zones, a rebalance when a peer joins."""
from content import add_bytes, random_bytes
from peer import until


def metrics(peer, name):
    """{peer id: value} of those that are valid."""
    return {m["peer"]: m["value"] for m in peer.json("GET", f"/monitor/metrics/{name}")[1]}


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
    assert len(cluster[1].json("GET", f"/allocations/{cid}")[1]["allocations"]) == 2
    shown = cluster[0].ctl("pin", "add", "--dry-run", add_bytes(cluster[0], b"look", query="no-pin=true")["cid"]).stdout
    assert "rtt=" in shown, shown
    until(lambda: sum(int(rate) for rate in metrics(cluster[2], "bandwidth").values()) > 100_000, "the add is seen")
    until(lambda: set(metrics(cluster[2], "bandwidth").values()) == {"0"}, "and that it has ended")
