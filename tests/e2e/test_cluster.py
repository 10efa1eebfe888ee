"""Three peers that are well: each sees all, each takes writes, all have the content."""
import concurrent.futures
import json
import time

import pytest
from content import add_blocks, add_bytes, fetch, random_bytes
from peer import until


def ids(peers):
    return {peer.id for peer in peers}


def statuses(info):
    return {peer: item["status"] for peer, item in info["peer_map"].items()}


def allocation(peer, cid):
    status, pin = peer.json("GET", f"/allocations/{cid}")
    assert status == 200, pin
    return pin


def pinned_on_all(cluster, cid):
    wanted = dict.fromkeys(ids(cluster), "pinned")
    return until(lambda: statuses(cluster[0].json("GET", f"/pins/{cid}")[1]) == wanted, f"{cid} is pinned on all", 60)


def post_pins(peers, cids):
    """Pins all at once, in turn through `peers`, each read at once from the peer that took it; what was refused."""

    def post(i):
        peer = peers[i % len(peers)]
        status, answer = peer.json("POST", f"/pins/{cids[i]}?name=p{i}")
        if status != 200:
            return peer.name, status, answer
        status, answer = peer.json("GET", f"/allocations/{cids[i]}")
        return None if status == 200 and answer["name"] == f"p{i}" else (peer.name, "not there", status, answer)

    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        return [refused for refused in pool.map(post, range(len(cids))) if refused]


def test_every_peer_knows_all_by_name(three_peers):
    for peer in three_peers:
        seen = {item["id"]: item for item in peer.lines("GET", "/peers")}
        assert {i: item["peername"] for i, item in seen.items()} == {p.id: p.name for p in three_peers}
        for item in seen.values():
            assert set(item["cluster_peers"]) == ids(three_peers) and item["ipfs"]["id"] and not item["error"]
            others = {address.rsplit("/", 1)[1] for address in item["cluster_peers_addresses"]}
            assert others == ids(three_peers) - {item["id"]}
        out = peer.ctl("peers", "ls").stdout
        for other in three_peers:
            assert f"{other.id} | {other.name} | Sees 2 other peers" in out and other.address in out


def test_a_pin_posted_to_any_is_on_all(three_peers):
    for i, peer in enumerate(three_peers):
        (cid,) = add_blocks(peer, [random_bytes(100, f"any {i}")])
        assert peer.json("POST", f"/pins/{cid}?name=any{i}&meta-k=v")[0] == 200
        for other in three_peers:
            pin = until(lambda: allocation(other, cid), f"{other.name} has the pin")
            assert (pin["name"], pin["metadata"], pin["allocations"]) == (f"any{i}", {"k": "v"}, [])
        pinned_on_all(three_peers, cid)
        other = three_peers[(i + 1) % 3]
        assert other.json("DELETE", f"/pins/{cid}")[0] == 200
        for each in three_peers:
            until(lambda: each.json("GET", f"/allocations/{cid}")[0] == 404, f"the pin is gone on {each.name}")


def test_content_added_on_one_is_readable_on_all(three_peers):
    for i, peer in enumerate(three_peers):
        data = random_bytes(1_500_000, f"content {i}")
        cid = add_bytes(peer, data)["cid"]
        pinned_on_all(three_peers, cid)
        for other in three_peers:
            assert other.json("GET", f"/pins/{cid}?local=true")[1]["peer_map"][other.id]["status"] == "pinned"
            assert fetch(f"{other.gateway}/ipfs/{cid}") == data


def test_status_and_lists_agree_on_all(three_peers):
    cid = add_bytes(three_peers[1], b"status of all", query="name=everywhere")["cid"]
    pinned_on_all(three_peers, cid)
    for peer in three_peers:
        info = until(lambda: peer.json("GET", f"/pins/{cid}")[1], "a status")
        assert statuses(info) == dict.fromkeys(ids(three_peers), "pinned")
        names = {item["peername"] for item in info["peer_map"].values()}
        assert names == {p.name for p in three_peers} and info["name"] == "everywhere"
        (listed,) = [item for item in peer.lines("GET", "/pins") if item["cid"] == cid]
        assert statuses(listed) == statuses(info)
        assert cid not in json.dumps(peer.lines("GET", "/pins?filter=error,queued"))
        out = peer.ctl("status", cid).stdout
        assert out.startswith(f"{cid} | everywhere:\n") and out.count(" : PINNED | ") == 3
        assert f"{cid} | everywhere | PIN | Repl. Factor: -1 | Allocations: [everywhere]" in peer.ctl("pin", "ls").stdout


def test_metrics_of_all_are_known_to_all(three_peers):
    for peer in three_peers:
        for name in ("ping", "freespace", "reposize", "numpin", "pinqueue"):
            metrics = until(lambda: known_of_all(peer, name, three_peers), f"{name} of all on {peer.name}")
            assert all(m["valid"] and m["expire"] > time.time() * 1e9 for m in metrics), metrics
        pings = {m["peer"]: json.loads(m["value"]) for m in peer.json("GET", "/monitor/metrics/ping")[1]}
        assert {i: ping["peer_name"] for i, ping in pings.items()} == {p.id: p.name for p in three_peers}
        out = peer.ctl("health", "metrics").stdout.splitlines()
        assert {"ping", "freespace", "numpin"} <= set(out)
        assert all(f"{p.id} | freespace: " in peer.ctl("health", "metrics", "freespace").stdout for p in three_peers)


def known_of_all(peer, name, cluster):
    metrics = peer.json("GET", f"/monitor/metrics/{name}")[1]
    return metrics if {m["peer"] for m in metrics} == ids(cluster) and len(metrics) == len(cluster) else None


def test_the_graph_is_complete_and_nobody_is_alarmed(three_peers):
    for peer in three_peers:
        graph = until(lambda: complete_graph(peer, three_peers), f"a complete graph on {peer.name}")
        assert graph["cluster_id"] == peer.id
        assert graph["id_to_peername"] == {p.id: p.name for p in three_peers}
        assert set(graph["cluster_to_ipfs"]) == ids(three_peers) and len(set(graph["cluster_to_ipfs"].values())) == 3
        assert [alert for alert in peer.json("GET", "/health/alerts")[1] if "ended_at" not in alert] == []
        dot = peer.ctl("health", "graph").stdout
        assert all(f"C{i} -> T{j}" in dot or f"T{i} -> C{j}" in dot or f"T{i} -> T{j}" in dot
                   for i in range(3) for j in range(3) if i != j), dot


def complete_graph(peer, cluster):
    graph = peer.json("GET", "/health/graph")[1]
    links = {i: set(to) for i, to in graph["cluster_links"].items()}
    return graph if links == {i: ids(cluster) - {i} for i in ids(cluster)} else None


def test_each_reads_its_own_writes_among_100_parallel_pins_through_all(three_peers):
    cids = add_blocks(three_peers[0], [random_bytes(50, f"own {i}") for i in range(100)])
    assert post_pins(three_peers.peers, cids) == []
    for peer in three_peers:
        until(lambda: set(cids) <= {pin["cid"] for pin in peer.lines("GET", "/allocations")}, f"all are on {peer.name}")
    until(lambda: set(cids) <= {item["cid"] for item in three_peers[2].lines("GET", "/pins?filter=pinned")
                                if len(item["peer_map"]) == 3}, "all are pinned on all")


@pytest.mark.parametrize("through", [0, 1])
def test_a_burst_of_100_pins_is_on_every_peer_soon(three_peers, through):
    cids = add_blocks(three_peers[2], [random_bytes(50, f"burst {through} {i}") for i in range(100)])
    start = time.monotonic()
    assert post_pins([three_peers[through]], cids) == []
    posted = time.monotonic()
    for peer in three_peers:
        until(lambda: set(cids) <= {pin["cid"] for pin in peer.lines("GET", "/allocations")}, f"all are on {peer.name}", 5,
              pause=0.01)
    print(f"posted in {posted - start:.2f} s, visible on all {time.monotonic() - posted:.2f} s later")
    for peer in three_peers:
        until(lambda: set(cids) <= {i["cid"] for i in peer.lines("GET", "/pins?filter=pinned&local=true")},
              f"all are pinned on {peer.name}", 30)


def test_the_gateway_serves_what_only_another_peer_has(three_peers):
    data = random_bytes(700_000, "elsewhere")
    cid = add_bytes(three_peers[0], data, query="replication-min=1&replication-max=1")["cid"]
    for peer in three_peers:
        assert fetch(f"{peer.gateway}/ipfs/{cid}") == data, peer.name


def test_a_dry_run_says_who_would_get_a_pin_and_why(three_peers):
    cid = add_bytes(three_peers[0], b"to be looked at", query="no-pin=true")["cid"]
    ids = {peer.id for peer in three_peers}
    for peer in three_peers:
        status, answer = peer.json("POST", f"/pins/{cid}?dry-run=true&replication-min=2&replication-max=2")
        assert status == 200 and answer["dry_run"], answer
        chosen = [item["peer"] for item in answer["peers"] if item["chosen"]]
        assert sorted(chosen) == answer["pin"]["allocations"] and len(chosen) == 2
        assert {item["peer"] for item in answer["peers"]} == ids and all(item["reason"] for item in answer["peers"])
        out = peer.ctl("pin", "add", "--dry-run", "--replication", "1", cid).stdout
        assert "nothing was pinned" in out and out.count("    + 12D3") == 1 and out.count("    - 12D3") == 2, out
        status, answer = peer.json("POST", f"/pins/{cid}?dry-run=true")
        assert status == 200 and all(item["chosen"] for item in answer["peers"]) and answer["pin"]["allocations"] == []
        status, answer = peer.json("POST", f"/pins/{cid}?dry-run=true&replication=4")
        assert status == 409 and "not enough peers" in answer["message"], (status, answer)
        assert peer.json("GET", f"/allocations/{cid}")[0] == 404


def test_peers_ls_says_how_each_peer_stands(three_peers):
    for peer in three_peers:
        until(lambda: all(item["standing"]["lag"] == 0 for item in peer.lines("GET", "/peers")), f"{peer.name} sees no lag", 10)
        standings = [item["standing"] for item in peer.lines("GET", "/peers")]
        assert sorted(s["role"] for s in standings) == ["leader", "voter", "voter"], standings
        assert all(s["health"] == "up" and s["free_bytes"] > 0 for s in standings), standings
        out = peer.ctl("peers", "ls").stdout
        assert out.count("  > Role: voter | Health: up | Lag: 0 entries | Free: ") == 2, out
