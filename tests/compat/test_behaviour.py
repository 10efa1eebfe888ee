"""behaviour.md: what none of the other references' tests shows. README.md names those that show the rest."""
import json

import pytest
from asking import ask
from content import add_bytes
from peer import until
from rest import CID, delete, get, post
from scripted_kubo import PEER, error, lines

FOLLOWS = "this peer is configured to be in follower mode. Write operations are disabled"


@pytest.fixture(scope="module")
def with_follower(tmp_path_factory):
    """A cluster of two, the second of which follows; both hold one pin."""
    from peer import Cluster

    with Cluster(tmp_path_factory.mktemp("follower")) as cluster:
        cluster.grow(1)
        (follower,) = cluster.make(1)
        follower.edit(lambda c: c["cluster"].update(follower_mode=True))
        follower.start("--bootstrap", cluster[0].address)
        cluster.wait_settled()
        cid = add_bytes(cluster[0], b"for the follower too")["cid"]
        follower.wait_status(cid)
        yield cluster[0], follower, cid


def test_behaviour_3_a_follower_tells_of_itself_only(with_follower):
    _, follower, cid = with_follower
    (listed,) = get(follower, "/pins").objects
    for info in (get(follower, f"/pins/{cid}").json, listed, post(follower, f"/pins/{cid}/recover").json):
        assert (info["cid"], list(info["peer_map"])) == (cid, [follower.id])
    assert post(follower, "/pins/recover").status == 204


def test_behaviour_3_a_follower_publishes_metrics_and_collects_garbage(with_follower):
    leader, follower, _ = with_follower
    assert follower.id in [metric["peer"] for metric in get(leader, "/monitor/metrics/freespace").json]
    assert sorted(post(follower, "/ipfs/gc").json["peer_map"]) == sorted([leader.id, follower.id])


def test_behaviour_3_a_follower_refuses_writes_of_all_apis(with_follower):
    leader, follower, cid = with_follower
    for command in (f"pin/add?arg={CID}", f"pin/rm?arg={cid}"):
        answer = ask(follower.proxy, "POST", f"/api/v0/{command}")
        assert answer.status == 500 and json.loads(answer.body)["Message"] == FOLLOWS
    service = follower._http(follower.config["api"]["pinsvcapi"]["http_listen_multiaddress"])
    answer = ask(service, "POST", "/pins", json.dumps({"cid": CID}).encode(), {"Content-Type": "application/json"})
    assert answer.status == 409 and answer.json["error"]["details"] == FOLLOWS
    assert [pin["cid"] for pin in get(leader, "/allocations").objects] == [cid]


@pytest.mark.parametrize("stat,tags,missing", [
    pytest.param(None, {"group": "a"}, set(), id="behaviour-4-all"),
    pytest.param(None, {}, {"tag:group"}, id="behaviour-4-no-tags"),
    pytest.param(error("down"), {"group": "a"}, {"freespace", "reposize"}, id="behaviour-4-no-kubo"),
    pytest.param(lines({"RepoSize": 9, "StorageMax": 9}), {"group": "a"}, {"freespace"}, id="behaviour-4-full"),
])
def test_metrics_that_say_nothing_are_not_published(new_peer, scripted_kubo, stat, tags, missing):
    if stat:
        scripted_kubo.answers["repo/stat"] = stat
    peer = new_peer(start=False, ipfs="kubo")
    peer.edit(lambda c: (c["ipfs_connector"]["ipfshttp"].update(node_multiaddress=scripted_kubo.address),
                         c["informer"]["tags"].update(tags=tags)))
    peer.start()
    wanted = {"freespace", "reposize", "tag:group", "pinqueue", "numpin", "ping"} - missing
    until(lambda: scripted_kubo.of("repo/stat") and set(get(peer, "/monitor/metrics").json) == wanted, f"there are {wanted}")


def test_behaviour_4_a_ping_keeps_the_kubo_that_is_down(new_peer, scripted_kubo):
    peer = new_peer(start=False, ipfs="kubo")
    peer.edit(lambda c: (c["ipfs_connector"]["ipfshttp"].update(node_multiaddress=scripted_kubo.address),
                         c["cluster"].update(monitor_ping_interval="1s")))
    peer.start()
    until(lambda: get(peer, "/id").json["ipfs"].get("id") == PEER, "it is known")
    scripted_kubo.answers["id"] = error("down")
    until(lambda: get(peer, "/id").json["ipfs"]["error"], "it is down", 40)
    since = get(peer, "/monitor/metrics/ping").json[0]["received_at"]
    until(lambda: get(peer, "/monitor/metrics/ping").json[0]["received_at"] > since, "there is a newer ping")
    ping = json.loads(get(peer, "/monitor/metrics/ping").json[0]["value"])
    assert ping["ipfs_id"] == PEER and ping["ipfs_addresses"] == [f"/ip4/10.9.8.7/tcp/4001/p2p/{PEER}"]


def test_behaviour_5_alerts_go_on_without_repinning(new_cluster):
    """In Go the first one ends them (C1)."""
    cluster = new_cluster(2, lambda c: c["cluster"].update(disable_repinning=True))
    watcher, other = cluster

    def pings():
        alerts = [alert for alert in get(watcher, "/health/alerts").json if alert["name"] == "ping"]
        assert {alert["peer"] for alert in alerts} <= {other.id}
        return alerts

    def open_alerts():
        return [alert for alert in pings() if "ended_at" not in alert]

    for _ in range(2):
        other.kill()
        until(open_alerts, "its silence is an alert")
        other.start()
        until(lambda: not open_alerts(), "the alert ends")
    assert sum(alert.get("times", 1) for alert in pings()) == 2


def test_behaviour_15_garbage_of_all_at_once(new_cluster, scripted_kubo):
    """C22: in Go one peer after the other."""

    def collect(_):
        until(lambda: len(scripted_kubo.of("repo/gc")) == 2, "both are asked")
        return lines({"Key": {"/": CID}})

    cluster = new_cluster(2, lambda c: c.update(ipfs_connector={"ipfshttp": {"node_multiaddress": scripted_kubo.address}}))
    scripted_kubo.answers["repo/gc"] = collect
    collected = post(cluster[0], "/ipfs/gc").json["peer_map"]
    assert [one["keys"] for one in collected.values()] == [[{"key": CID}]] * 2


def test_behaviour_3_a_follower_changes_peers(follower):
    """C21: clients may rely on it."""
    assert post(follower, "/peers", json.dumps({"peer_id": PEER}).encode()).status == 200
    assert delete(follower, f"/peers/{PEER}").error[0] == 404
