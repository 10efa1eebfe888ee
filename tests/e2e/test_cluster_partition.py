"""Peers that reach each other late, in part or not at all: each in a network namespace of its own. Needs root."""
import concurrent.futures
import contextlib
import ctypes
import fcntl
import os
import queue
import random
import select
import struct
import subprocess
import threading
import time

import pytest
from content import add_bytes, fetch, random_bytes, raw_cid
from peer import Cluster, at_once, until

pytestmark = pytest.mark.faults


def ip(*args, check=True):
    return subprocess.run(["ip", *args], check=check, capture_output=True, text=True)


class Network:
    """For each peer a namespace with a way to the tests (10.78.i.2) and one to the other peers (10.77.0.i).

    The latter is a hub in this process, which delays and drops what it is told to."""

    TAP = struct.pack("16sH22x", b"data", 0x0002 | 0x1000)  # IFF_TAP | IFF_NO_PI
    TUNSETIFF = 0x400454CA
    CLONE_NEWNET = 0x40000000

    def __init__(self, tag):
        self.tag = tag
        self.names, self.taps = [], []
        self.dropped = set()  # (from, to)
        self.delay, self.loss = 0.0, 0.0  # seconds one way, share
        self.waiting = queue.PriorityQueue()
        self.ended = False
        self.threads = [threading.Thread(target=self.deliver, daemon=True)]
        self.threads[0].start()

    def add(self):
        i = len(self.names)
        name = f"{self.tag}n{i}"
        ip("netns", "add", name)
        self.names.append(name)
        ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", f"{name}m", "type", "veth", "peer", "name", "tests", "netns", name)
        ip("addr", "add", f"10.78.{i}.1/30", "dev", f"{name}m")
        ip("link", "set", f"{name}m", "up")
        ip("-n", name, "addr", "add", f"10.78.{i}.2/30", "dev", "tests")
        ip("-n", name, "link", "set", "tests", "up")
        at_once(self.open_tap, [name])
        ip("-n", name, "addr", "add", f"10.77.0.{i + 1}/24", "dev", "data")
        ip("-n", name, "link", "set", "data", "up")
        self.threads.append(threading.Thread(target=self.take, args=(i,), daemon=True))
        self.threads[-1].start()
        return name, f"10.77.0.{i + 1}", f"10.78.{i}.2"

    def open_tap(self, name):
        """In a thread of its own, which moves into the namespace."""
        with open(f"/run/netns/{name}") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), self.CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        tap = os.open("/dev/net/tun", os.O_RDWR)
        self.taps.append(tap)
        fcntl.ioctl(tap, self.TUNSETIFF, self.TAP)

    def take(self, sender):
        rng = random.Random(sender)
        number = 0
        while not self.ended:
            if not select.select([self.taps[sender]], [], [], 0.2)[0]:
                continue
            frame = os.read(self.taps[sender], 65536)
            number += 1
            for to in range(len(self.taps)):
                if to != sender and (sender, to) not in self.dropped and rng.random() >= self.loss:
                    self.waiting.put((time.monotonic() + self.delay, number, sender, to, frame))

    def deliver(self):
        while not self.ended:
            try:
                due, *_, to, frame = self.waiting.get(timeout=0.2)
            except queue.Empty:
                continue
            time.sleep(max(0.0, due - time.monotonic()))  # the next one is due later
            with contextlib.suppress(OSError):
                os.write(self.taps[to], frame)

    def cut(self, i):
        self.dropped |= {pair for other in range(len(self.taps)) for pair in ((i, other), (other, i))}

    def cut_one_way(self, sender, to):
        self.dropped.add((sender, to))

    def heal(self):
        self.dropped = set()

    def remove(self):
        self.ended = True
        for thread in self.threads:
            thread.join()
        for tap in self.taps:
            os.close(tap)
        for name in self.names:
            ip("link", "del", f"{name}m", check=False)  # a namespace goes later than its name
            ip("netns", "del", name, check=False)


@pytest.fixture
def network():
    if os.geteuid() != 0:
        pytest.skip("needs root for network namespaces")
    made = Network(f"c{os.getpid() % 10000}")
    try:
        made.add()
    except (OSError, subprocess.CalledProcessError) as error:
        made.remove()
        pytest.skip(f"needs network namespaces and taps: {getattr(error, 'stderr', error)}")
    made.remove()
    made = Network(made.tag)
    yield made
    made.remove()


@contextlib.contextmanager
def cluster_in(network, folder, count):
    with Cluster(folder) as cluster:
        for peer in cluster.make(count):
            name, data, tests = network.add()
            peer.prefix = ("ip", "netns", "exec", name)

            def change(config):
                config["cluster"]["listen_multiaddress"] = [f"/ip4/{data}/tcp/9096"]
                config["api"]["restapi"]["http_listen_multiaddress"] = f"/ip4/{tests}/tcp/9094"
                config["api"]["gateway"]["http_listen_multiaddress"] = f"/ip4/{tests}/tcp/8080"

            peer.edit(change)
        cluster[0].start()
        at_once(lambda peer: peer.start("--bootstrap", cluster[0].address), cluster.peers[1:])
        cluster.wait_settled()
        yield cluster


@pytest.mark.parametrize("which", ["a follower", "the leader"])
def test_a_peer_that_is_cut_off_refuses_writes_and_the_others_go_on(network, tmp_path, which):
    with cluster_in(network, tmp_path, 3) as cluster:
        before = add_bytes(cluster[0], b"before the partition")["cid"]
        for peer in cluster:
            until(lambda: peer.json("GET", f"/pins/{before}?local=true")[1]["peer_map"][peer.id]["status"] == "pinned",
                  f"{peer.name} has the first pin")
        alone = cluster.leader() if which == "the leader" else cluster.others(cluster.leader())[0]
        others = cluster.others(alone)
        cut = cluster.peers.index(alone)
        network.cut(cut)
        started = time.monotonic()
        until(lambda: others[0].json("POST", f"/pins/{raw_cid(b'majority')}?name=majority")[0] == 200, "writes go on", 20)
        print(f"writes go on after {time.monotonic() - started:.2f} s")

        def refused(i):
            cid = raw_cid(b"minority %d" % i)
            status, answer = alone.json("POST", f"/pins/{cid}?name=minority{i}", timeout=90)
            return status, answer, cid

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            refusals = list(pool.map(refused, range(4)))
        for status, answer, _ in refusals:
            assert status in (503, 504), (status, answer)
            unknown = status == 504 and "outcome" in answer["message"]  # it was on its way to the leader when the line went dead
            assert unknown or all(peer.id in answer["message"] for peer in others), answer
        status, answer, cid = refused(99)
        assert status == 503 and "nothing was written" in answer["message"], answer
        refusals.append((status, answer, cid))
        # What it has it still tells.
        assert alone.json("GET", f"/allocations/{before}")[0] == 200 and alone.lines("GET", "/allocations")
        info = alone.json("GET", f"/pins/{before}")[1]
        assert info["peer_map"][alone.id]["status"] == "pinned"
        assert {info["peer_map"][peer.id]["status"] for peer in others} == {"cluster_error"}
        data = random_bytes(500_000, "added by the majority")
        cid = add_bytes(others[1], data)["cid"]
        assert {alert["peer"] for alert in until(lambda: others[0].json("GET", "/health/alerts")[1], "an alert")} == {alone.id}
        network.heal()
        until(cluster.all_see_all, "all see all", 60)
        pins = cluster.wait_equal()
        assert {before, cid, raw_cid(b"majority")} <= set(pins)
        assert not [c for _, answer, c in refusals if "nothing was written" in answer["message"] and c in pins]
        until(lambda: alone.json("GET", f"/pins/{cid}?local=true")[1]["peer_map"][alone.id]["status"] == "pinned",
              "it has what was added meanwhile", 60)
        assert fetch(f"{alone.gateway}/ipfs/{cid}") == data
        assert alone.json("POST", f"/pins/{raw_cid(b'healed')}")[0] == 200
        cluster.wait_equal()


def test_300_ms_between_all_peers_and_lost_packets_lose_nothing(network, tmp_path):
    with cluster_in(network, tmp_path, 3) as cluster:
        network.delay, network.loss = 0.15, 0.005
        until(lambda: cluster[0].json("POST", f"/pins/{raw_cid(b'slow 0')}?name=slow0")[0] == 200, "writes go on", 30)
        acknowledged = {raw_cid(b"slow 0"): "slow0"}

        def post(i):
            cid = raw_cid(b"slow %d" % i)
            status, answer = cluster[i % 3].json("POST", f"/pins/{cid}?name=slow{i}", timeout=90)
            assert status == 200, (status, answer)
            assert cluster[i % 3].json("GET", f"/allocations/{cid}")[0] == 200
            return cid, f"slow{i}"

        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            acknowledged.update(pool.map(post, range(1, 60)))
        print(f"59 pins from 6 clients in {time.monotonic() - started:.1f} s")
        data = random_bytes(2_000_000, "over a slow line")
        cid = add_bytes(cluster[1], data)["cid"]
        pins = cluster.wait_equal(120)
        assert {c: pins[c]["name"] for c in acknowledged} == acknowledged
        until(lambda: cluster[2].json("GET", f"/pins/{cid}?local=true")[1]["peer_map"][cluster[2].id]["status"] == "pinned",
              "the content has arrived", 120)
        assert fetch(f"{cluster[2].gateway}/ipfs/{cid}") == data
        until(cluster.all_see_all, "all see all")
        assert not [alert for alert in cluster[0].json("GET", "/health/alerts")[1] if "ended_at" not in alert]


def links(peer):
    return {i: set(to) for i, to in peer.json("GET", "/health/graph")[1]["cluster_links"].items()}


def pin_through(peer, what, timeout=60):
    cid = raw_cid(what.encode())
    return until(lambda: peer.json("POST", f"/pins/{cid}?name={what}", timeout=90)[0] == 200, f"{peer.name}: {what}", timeout)


def test_a_dead_link_stops_nobody_but_who_hears_no_leader(network, tmp_path):
    with cluster_in(network, tmp_path, 3) as cluster:
        leader = cluster.leader()
        one, other = cluster.others(leader)
        place = cluster.peers.index
        network.cut_one_way(place(one), place(other))  # which ends their connections in both directions
        for peer in cluster:
            pin_through(peer, f"followers-{peer.name}")
        until(lambda: links(leader) == {leader.id: {one.id, other.id}, one.id: {leader.id}, other.id: {leader.id}},
              "the graph shows the dead link", 60)
        network.heal()
        until(cluster.all_see_all, "all see all", 60)
        network.cut_one_way(place(leader), place(one))
        for peer in leader, other:
            pin_through(peer, f"leader-{peer.name}")
        status, answer = one.json("POST", f"/pins/{raw_cid(b'hears no leader')}", timeout=90)
        assert status == 200 or (status in (503, 504) and answer["message"]), (status, answer)
        network.heal()
        until(cluster.all_see_all, "all see all", 60)
        pin_through(one, "healed")
        cluster.wait_equal()
