"""Benchmarks of three peers on one machine, all on loopback and one disk."""
import concurrent.futures
import contextlib
import shutil
import statistics
import subprocess
import time
import urllib.error
import urllib.request

import fixtures as fx
from fixtures import MIB, MILLION, report
from peer import Cluster, at_once, make_cluster


@contextlib.contextmanager
def peers(name, count=3, change=None):
    folder = fx.fresh(name)
    with make_cluster(folder, count, change) as cluster:
        yield cluster
    shutil.rmtree(folder)


def post(peer, cid, query=""):
    request = urllib.request.Request(f"{peer.api}/pins/{cid}{query}", method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status


def count(peer):
    return peer.json("GET", "/allocations?count=true")[1]["count"]


def cluster_pins():
    with peers("cluster-pins", change=lambda c: c["cluster"].update(repin={"grace": "1h"})) as cluster:
        cids = cluster.folder / "cids"
        cids.write_text("\n".join(fx.cid_of(i) for i in range(400_000)) + "\n")
        for name, peer in (("leader", cluster.peers[0]), ("follower", cluster.peers[1])):
            script = fx.wrk_script(cluster.folder, "pins.lua", FILE=cids, METHOD="POST", QUERY=f"?replication=1&name={name}")
            rate, errors, p99 = fx.wrk(peer.api, script, connections=64, seconds=8, latency=True)
            report(f"cluster-pins-{name}", rate, "pins/s", 8_000, "64 connections, on disk at a majority", p99_ms=p99, errors=errors)


def cluster_bulk():
    """Pins as lines of one request, through the leader and through a follower, in turns of two requests."""
    number = 200_000
    with peers("cluster-bulk", change=lambda c: c["cluster"].update(repin={"grace": "1h"})) as cluster:
        for turn, (name, peer) in enumerate((("leader", cluster.peers[0]), ("follower", cluster.peers[1]))):
            body = cluster.folder / "lines"
            body.write_text("".join(f'{{"cid":"{fx.cid_of(turn * number + i)}","name":"bulk {i}","replication_factor_min":1,'
                                    f'"replication_factor_max":1}}\n' for i in range(number)))
            start = time.perf_counter()
            answer = subprocess.run(["curl", "-sS", "-T", str(body), "-X", "POST", f"{peer.api}/pins"], capture_output=True,
                                    text=True, check=True)
            seconds = time.perf_counter() - start
            lines = answer.stdout.splitlines()
            bad = [line for line in lines if '"code"' in line]
            assert len(lines) == number and not bad, (len(lines), lines[-1:], bad[:1])
            report(f"cluster-bulk-{name}", number / seconds, "pins/s", 15_000, "one request of 200,000 lines, on disk at a majority")


def cluster_latency():
    with peers("cluster-latency") as cluster:
        follower = cluster.peers[1]
        times = []
        for i in range(200):
            start = time.perf_counter()
            post(follower, fx.cid_of(i), "?replication=1")
            times.append((time.perf_counter() - start) * 1000)
            time.sleep(0.01)
        report("cluster-forwarded-write", statistics.median(times), "ms", 5, "p50 on an idle cluster, one at a time",
               p99_ms=round(sorted(times)[197], 3))
        start = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda i: post(cluster.peers[i % 3], fx.cid_of(1000 + i), "?replication=1"), range(100)))
        fx.wait_until(lambda: all(count(p) == 300 for p in cluster.peers), 30, pause=0.002)
        report("cluster-burst-visible", time.perf_counter() - start, "s", 0.2, "100 pins posted through three peers, on every peer")


def cluster_pinned():
    with peers("cluster-pinned") as cluster:
        tree = fx.small_files(cluster.folder / "tree", 10_000)
        for peer in cluster.peers:
            peer.ctl("add", "-r", "-q", "--no-pin", "--cid-version=1", str(tree), timeout=600)
        out = cluster.peers[0].ctl("add", "-r", "-q", "--no-pin", "--cid-version=1", str(tree), timeout=600).stdout.split()
        cids = cluster.folder / "cids"
        cids.write_text("\n".join(out[:10_000]) + "\n")
        script = fx.wrk_script(cluster.folder, "pins.lua", FILE=cids, METHOD="POST", QUERY="")
        start = time.perf_counter()
        fx.wrk(cluster.peers[0].api, script, connections=64, seconds=3)
        wanted = count(cluster.peers[0])
        unfinished = "/pins?local=true&filter=pinning,pin_queued,pin_error&limit=1"
        fx.wait_until(lambda: all(count(p) == wanted and not p.lines("GET", unfinished) for p in cluster.peers), 120)
        report("cluster-pinned", wanted / (time.perf_counter() - start), "pins/s", 2_500, "accepted and pinned on all three, content present", pins=wanted)


def cluster_add():
    with peers("cluster-add") as cluster:
        path = fx.random_file(cluster.folder / "big", 1024 * MIB)
        dd = fx.dd_mb_per_s(path, cluster.folder / "copy")
        start = time.perf_counter()
        cid = cluster.peers[0].ctl("add", "-Q", str(path), timeout=600).stdout.strip()
        acknowledged = time.perf_counter() - start
        fx.wait_until(lambda: all(i["status"] == "pinned" for i in cluster.peers[0].json("GET", f"/pins/{cid}")[1]["peer_map"].values()), 300)
        total = time.perf_counter() - start
        report("cluster-add", 1024 * MIB / 1e6 / total, "MB/s", 100, "1 GiB, until three copies are pinned, three stores on one disk",
               acknowledged_mb_s=round(1024 * MIB / 1e6 / acknowledged, 1), dd_mb_s=round(dd, 1))


def cluster_failover():
    change = lambda c: c["cluster"].update(repin={"grace": "0s"}, replication_factor_min=2, replication_factor_max=2)  # noqa: E731
    with peers("cluster-failover", change=change) as cluster:
        first, second = cluster.peers[0], cluster.peers[1]
        ids = {p: p.json("GET", "/id")[1]["id"] for p in cluster.peers}
        for i in range(100):
            post(first, fx.cid_of(i), f"?user-allocations={ids[first]},{ids[second]}")
        second.kill()
        start = time.perf_counter()
        fx.wait_until(lambda: sum(ids[cluster.peers[2]] in pin["allocations"] for pin in first.lines("GET", "/allocations")) == 100, 60, pause=0.02)
        report("cluster-failover", time.perf_counter() - start, "s", 10, "from kill -9 of a holder until its 100 pins are allocated again")


def cluster_failover_100k():
    """Pins without content: what is measured is the deciding, not the copying."""
    number = 100_000
    change = lambda c: c["cluster"].update(repin={"grace": "0s"}, replication_factor_min=2, replication_factor_max=2)  # noqa: E731
    with peers("cluster-failover-100k", change=change) as cluster:
        leader = cluster.leader()
        dead, third = cluster.others(leader)
        body = cluster.folder / "lines"
        body.write_text("".join(f'{{"cid":"{fx.cid_of(i)}","replication_factor_min":2,"replication_factor_max":2,'
                                f'"user_allocations":["{leader.id}","{dead.id}"]}}\n' for i in range(number)))
        answer = subprocess.run(["curl", "-sS", "-T", str(body), "-X", "POST", f"{leader.api}/pins"], capture_output=True,
                                text=True, check=True)
        lines = answer.stdout.splitlines()
        bad = [line for line in lines if '"code"' in line]
        assert len(lines) == number and not bad, (len(lines), lines[-1:], bad[:1])
        held = sum(sorted(pin["allocations"]) == sorted([leader.id, dead.id]) for pin in leader.lines("GET", "/allocations"))
        assert held == number, f"{held} of {number} are where they were asked for"
        is_down = f"the peer {dead.id} ({dead.name}) is down"
        dead.kill()
        start = time.perf_counter()
        fx.wait_until(lambda: is_down in leader.log, 60)
        detected = time.perf_counter() - start
        fx.wait_until(lambda: leader.json("GET", "/movements?limit=1")[1]["under_way"] >= number, 300)
        seconds = time.perf_counter() - start
        placed = sum(third.id in pin["allocations"] for pin in third.lines("GET", "/allocations", timeout=300))
        assert placed == number, f"{placed} of {number} have a new holder"
        report("cluster-failover-100k", seconds, "s", round(detected + 10, 1),
               "from kill -9 of a holder until new holders of its 100,000 pins are in the log; the target is detection + 10 s",
               detected_s=round(detected, 2), decided_s=round(seconds - detected, 2))


def processor_share(peer, seconds=10):
    """Of a core, over so long."""
    before, start = fx.cpu_seconds(peer), time.perf_counter()
    time.sleep(seconds)
    return (fx.cpu_seconds(peer) - before) / (time.perf_counter() - start)


def cluster_agents():
    """What idle agents cost the leader. Raft's heartbeats go to at most eight of them in a round, and more than twelve tell
    the voters of themselves in turns, so what one more costs is measured between 16 and 32."""
    wanted = 200
    with peers("cluster-agents") as cluster:
        leader = cluster.leader()
        fx.settle(leader)
        shares = {0: processor_share(leader)}
        for agents in (16, 32):
            new = cluster.make(agents - max(shares))
            for agent in new:
                agent.edit(lambda c: c["cluster"].update(role="agent"))
            for first in range(0, len(new), 4):  # more starts at once would only wait for each other
                at_once(lambda agent: agent.start("--bootstrap", cluster[0].address, timeout=300), new[first:first + 4])
            fx.wait_until(lambda: list(cluster.roles().values()).count("agent") == agents and cluster.voters_are(3), 120, pause=1)
            time.sleep(10)  # what follows a join has ended
            shares[agents] = processor_share(leader)
            assert cluster.leader() is leader and len(cluster.roles()) == agents + 3
        each = max(0.0, shares[32] - shares[16]) / 16
        report("cluster-agents", 100 * (shares[32] + (wanted - 32) * each), "% of a core", 5,
               f"processor time of an idle leader of 3 voters and {wanted} agents, extrapolated from 16 and 32 real ones",
               percent_with={n: round(100 * share, 2) for n, share in shares.items()}, each_percent=round(100 * each, 4))


def cluster_election():
    with peers("cluster-election") as cluster:
        times = []
        for round_number in range(5):
            # Which one leads is not known from outside: the victims go round.
            victim = cluster.peers[round_number % 3]
            victim.kill()
            start = time.perf_counter()
            leader = next(p for p in cluster.peers if p is not victim)
            while True:
                try:
                    post(leader, fx.cid_of(round_number), "?replication=1")
                    break
                except (urllib.error.HTTPError, OSError):
                    time.sleep(0.005)
            times.append(time.perf_counter() - start)
            victim.start()
            time.sleep(1)
        report("cluster-election", max(times), "s", 2, "longest of 5 kills of one peer after another until a write is accepted", all=[round(t, 3) for t in times])


def cluster_join():
    folder = fx.fresh("cluster-join")
    with Cluster(folder) as cluster:
        (first,) = cluster.make(1)
        first.service("state", "import", "--force", str(fx.export_file(MILLION)), timeout=600)
        first.start(timeout=120)
        fx.settle(first)
        (second,) = cluster.make(1)
        start = time.perf_counter()
        second.start("--bootstrap", first.address, timeout=300)
        seconds = time.perf_counter() - start
        assert count(second) == MILLION
        size = fx.disk_bytes(second.folder / "state")
        dd = fx.dd_mb_per_s(fx.random_file(folder / "sample", size), folder / "copy")
        report("cluster-join", seconds, "s", 10, f"dd of as many bytes {size / 1e6 / dd:.2f} s",
               state_mb=round(size / 1e6), what="start of a new peer until it is ready with 1 M pins")
        cluster.grow(1)
        status_page(cluster)
    shutil.rmtree(folder)


def status_page(cluster):
    """At 1 M pins, of which the other peers hold the copies."""
    times = []
    for peer in cluster.peers:
        for _ in range(20):
            start = time.perf_counter()
            page = peer.lines("GET", "/pins?filter=remote&limit=100")
            times.append((time.perf_counter() - start) * 1e3)
            assert len(page) == 100, page
    report("cluster-status-page", statistics.median(times), "ms", 50, "page of 100 of a filtered status at 1 M pins, all peers up",
           peers=len(cluster.peers), longest_ms=round(max(times), 1))


BENCHES = {"cluster-join": cluster_join, "cluster-pins": cluster_pins, "cluster-bulk": cluster_bulk, "cluster-latency": cluster_latency, "cluster-pinned": cluster_pinned,
           "cluster-add": cluster_add, "cluster-failover": cluster_failover, "cluster-failover-100k": cluster_failover_100k,
           "cluster-election": cluster_election, "cluster-agents": cluster_agents}
