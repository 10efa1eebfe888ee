"""Who gets into a cluster, who is kept out, how peers find each other again, and how they leave."""
import contextlib
import re
import signal

import pytest
from content import add_bytes, fetch, random_bytes
from peer import Cluster, Peer, at_once, free_port, until


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two peers, for the tests that leave them as they were."""
    with Cluster(tmp_path_factory.mktemp("pair")) as cluster:
        cluster.grow(2)
        yield cluster


@contextlib.contextmanager
def outsider(folder, **env):
    with Peer(folder, env={"CLUSTER_SECRET": "aa" * 32, "CLUSTER_PEERNAME": "outsider", **env}).init() as peer:
        yield peer


def last_line(refused):
    assert refused.returncode == 1, (refused.returncode, refused.stderr)
    return [line for line in refused.stderr.splitlines() if line.strip()][-1]


def same_two(pair):
    return all(len(peer.lines("GET", "/peers")) == 2 for peer in pair)


def test_two_peers_know_each_others_metrics_and_have_no_alerts(pair):
    for peer in pair:
        metrics = until(lambda: len(peer.json("GET", "/monitor/metrics/ping")[1]) == 2, f"{peer.name} has heard both", 10)
        assert metrics and peer.json("GET", "/health/alerts") == (200, [])


def test_another_secret_is_refused_and_said(pair, tmp_path):
    with outsider(tmp_path / "stranger", CLUSTER_SECRET="bb" * 32) as stranger:
        for _ in range(10):  # the end of a program that hardly began is a race of its own
            line = last_line(stranger.service("daemon", "--bootstrap", pair[0].address, check=False, timeout=60))
            assert "secret" in line and "join" in line and "UN" not in line, line
        assert same_two(pair)
        # Said on both sides, not for each try.
        assert 1 <= len(re.findall("most likely because the cluster secrets differ", pair[0].log)) < 10


def test_the_data_of_another_cluster_is_refused(pair, tmp_path):
    with outsider(tmp_path / "other") as other:
        other.start()
        cid = add_bytes(other, b"of another cluster")["cid"]
        other.stop()
        other.start("--bootstrap", pair[0].address, wait=False)
        until(lambda: not other.running, "it ends", 15)
        assert other.process.returncode == 1
        assert "another cluster" in other.log_tail(1) or "pinset of its own" in other.log_tail(1), other.log_tail()
        assert same_two(pair) and pair[0].json("GET", f"/allocations/{cid}")[0] == 404
        other.start()  # what it had is untouched
        assert other.json("GET", f"/allocations/{cid}")[0] == 200


def test_the_data_of_another_cluster_is_no_way_in_without_bootstrap_either(pair, tmp_path):
    with outsider(tmp_path / "other") as other:
        (other.folder / "peerstore").write_text(pair[0].address + "\n")
        other.start()
        cid = add_bytes(other, b"of a lone cluster")["cid"]
        assert len(other.lines("GET", "/peers")) == 1 and same_two(pair)
        assert pair[0].json("GET", f"/allocations/{cid}")[0] == 404


def test_bootstrap_waits_for_a_dead_address_and_says_why(new_cluster):
    cluster = new_cluster(1)
    address = cluster[0].address
    cluster[0].stop()
    (second,) = cluster.make(1)
    second.start("--bootstrap", address, wait=False)
    until(lambda: "waiting to be let in: " in second.log, "it says that it waits")
    (why,) = re.findall("waiting to be let in: (.*)", second.log)
    assert "Connection refused" in why, why
    assert second.request("GET", "/readyz")[0] == 503
    cluster[0].start()
    second.wait_ready()
    cluster.wait_settled()


def test_bootstrap_on_a_member_is_a_restart(pair):
    cid = add_bytes(pair[1], b"kept over a restart")["cid"]
    for address in (pair[0].address, pair[1].address):
        pair[1].stop()
        pair[1].start("--bootstrap", address)
        until(pair.all_see_all, "both see both")
    assert pair[1].json("GET", f"/allocations/{cid}")[0] == 200
    assert pair[1].log.count("joined the cluster") == 1 and same_two(pair)


def test_a_new_name_is_told_to_all(pair):
    pair[1].stop()
    pair[1].edit(lambda c: c["cluster"].update(peername="renamed"))
    del pair[1].env["CLUSTER_PEERNAME"]
    pair[1].start()
    for peer in pair:
        until(lambda: "renamed" in {item["peername"] for item in peer.lines("GET", "/peers")}, f"{peer.name} knows it")
    pair[1].env["CLUSTER_PEERNAME"] = "n1"
    pair[1].stop()
    pair[1].start()


def move_ports(peer):
    address = f"/ip4/127.0.0.1/tcp/{free_port()}"
    peer.edit(lambda c: c["cluster"].update(listen_multiaddress=[address]))


def test_all_addresses_change_over_a_restart_of_all(new_cluster):
    cluster = new_cluster(3)
    cid = add_bytes(cluster[0], b"before the move")["cid"]
    for how in ("bootstrap", "peerstore"):
        at_once(Peer.stop, cluster)
        for peer in cluster:
            move_ports(peer)
        if how == "bootstrap":
            at_once(lambda peer: peer.start("--bootstrap", cluster[0].address), cluster)
        else:
            for peer in cluster[1], cluster[2]:
                (peer.folder / "peerstore").write_text(cluster[0].address + "\n")
            cluster.restart_all()
        until(cluster.all_see_all, f"all see all by {how}", 60)
        for peer in cluster:
            for item in peer.lines("GET", "/peers"):
                assert item["addresses"] == [cluster.named(item["id"]).address]
            assert peer.json("GET", f"/allocations/{cid}")[0] == 200
        add_bytes(cluster[2], how.encode())
    cluster.wait_equal()


def test_the_address_of_one_changes(new_cluster):
    cluster = new_cluster(3)
    for peer in cluster.others(cluster.leader())[0], cluster.leader():
        peer.stop()
        move_ports(peer)
        peer.start()
        until(cluster.all_see_all, "all see all")
    at_once(Peer.kill, cluster)
    cluster.restart_all()
    until(cluster.all_see_all, "all see all after a crash of all")


# --- leaving


def copies(count):
    return lambda config: config["cluster"].update(replication_factor_min=count, replication_factor_max=count)


def rejoin(cluster, peer):
    peer.start("--bootstrap", cluster.others(peer)[0].address)
    cluster.wait_settled()


def wait_left(cluster, peer):
    """Until the removed peer has ended by itself, and the others know only each other."""
    until(lambda: not peer.running, f"{peer.name} ends by itself")
    assert peer.process.returncode == 0, peer.log_tail()
    assert "was removed from the cluster" in peer.log
    assert not (peer.folder / "raft").exists() and (peer.folder / "raft.old.0").exists()
    until(cluster.all_see_all, "the others see only each other")


def test_a_removed_peer_gives_its_copies_away_first_and_can_come_back(new_cluster):
    cluster = new_cluster(3, copies(2))
    contents = {}
    for i in range(20):
        data = random_bytes(2000 + i, f"moved {i}")
        contents[add_bytes(cluster[i % 3], data)["cid"]] = data
    gone = cluster.others(cluster.leader())[0]
    cluster.leader().ctl("peers", "rm", gone.id)
    for pin in cluster.leader().lines("GET", "/allocations"):
        assert set(pin["allocations"]) == {peer.id for peer in cluster if peer is not gone}, pin
    wait_left(cluster, gone)
    for peer in cluster.running:
        for cid, data in contents.items():
            assert peer.json("GET", f"/pins/{cid}?local=true")[1]["peer_map"][peer.id]["status"] == "pinned"
            assert fetch(f"{peer.gateway}/ipfs/{cid}") == data
    rejoin(cluster, gone)
    cluster.wait_equal()
    until(cluster.metrics_are_there, "it is counted again")
    assert add_bytes(gone, b"after it came back")["cid"]


def test_a_peer_removed_while_it_was_away_learns_it_and_can_come_back(new_cluster):
    cluster = new_cluster(3)
    away = cluster.others(cluster.leader())[0]
    away.kill()
    status, answer = cluster.leader().json("DELETE", f"/peers/{away.id}?force=true")
    assert status in (200, 204), answer
    away.start(wait=False)
    until(lambda: not away.running, "it ends", 20)
    wait_left(cluster, away)
    rejoin(cluster, away)


def test_a_leader_can_be_removed_by_itself(new_cluster):
    cluster = new_cluster(3)
    cid = add_bytes(cluster[0], b"outlives the leader")["cid"]
    leader = cluster.leader()
    status, answer = leader.json("DELETE", f"/peers/{leader.id}")
    assert status in (200, 204), answer
    wait_left(cluster, leader)
    for peer in cluster.running:
        assert peer.json("POST", f"/pins/{cid}?name=written-after")[0] == 200
    rejoin(cluster, leader)
    cluster.wait_equal()


def test_a_removal_that_would_break_the_minimum_is_refused_unless_forced(new_cluster):
    cluster = new_cluster(3, copies(3))
    cid = add_bytes(cluster[0], b"three copies")["cid"]
    stays = cluster.others(cluster.leader())[0]
    status, answer = cluster.leader().json("DELETE", f"/peers/{stays.id}", timeout=60)
    assert status == 409 and cid in answer["message"] and "force" in answer["message"], (status, answer)
    refused = cluster.leader().ctl("peers", "rm", stays.id, check=False)
    assert refused.returncode == 2 and cid in refused.stdout
    assert stays.running and cluster.all_see_all()
    assert set(stays.json("GET", f"/allocations/{cid}")[1]["allocations"]) == {peer.id for peer in cluster}
    assert add_bytes(stays, b"it takes part as before")["cid"]
    status, answer = cluster.leader().json("DELETE", f"/peers/{stays.id}?force=true")
    assert status in (200, 204), (status, answer)
    wait_left(cluster, stays)
    assert cluster.running[0].json("POST", f"/pins/{cid}?name=again&replication-min=1&replication-max=2")[0] == 200


def test_an_unknown_peer_cannot_be_removed(pair):
    status, answer = pair[0].json("DELETE", "/peers/12D3KooWNSNw45RsAQQLfN887YARULnU7DSEX5aERCFEcuhqJX34")
    assert status == 404 and "12D3KooWNSNw45RsAQQLfN887YARULnU7DSEX5aERCFEcuhqJX34" in answer["message"]
    assert pair[0].json("DELETE", "/peers/nobody")[0] == 400
    assert same_two(pair)


def test_the_last_peer_cannot_be_removed(new_cluster):
    cluster = new_cluster(2)
    status, answer = cluster[0].json("DELETE", f"/peers/{cluster[1].id}")
    assert status in (200, 204), answer
    wait_left(cluster, cluster[1])
    for force in ("", "?force=true"):
        status, answer = cluster[0].json("DELETE", f"/peers/{cluster[0].id}{force}")
        assert status == 409 and "1-peer cluster" in answer["message"], (status, answer)
    assert cluster[0].running and add_bytes(cluster[0], b"still here")["cid"]


def test_a_peer_removed_while_it_stood_still_learns_it_and_ends(new_cluster):
    cluster = new_cluster(4)
    still = next(peer for peer in cluster if cluster.roles()[peer.name] == "agent")
    still.process.send_signal(signal.SIGSTOP)
    status, answer = cluster.leader().json("DELETE", f"/peers/{still.id}?force=true", timeout=90)
    assert status in (200, 204), answer
    still.process.send_signal(signal.SIGCONT)
    wait_left(cluster, still)
