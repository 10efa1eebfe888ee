"""Peers killed and restarted under load: what was acknowledged is there on all, once, and nothing else."""
import http.client
import random
import signal
import threading
import time

import pytest
from content import add_bytes, fetch, random_bytes, raw_cid
from peer import until

FAILURES = (OSError, AssertionError, ValueError, http.client.HTTPException)


class Load:
    """Clients that pin, rename, unpin and add through random running peers, and remember what each answer promised.

    A key belongs to one client. After a request that failed nobody knows what became of it: the key may then be as
    before or as asked for, and is left alone. `after`: an earlier load on the same cluster, whose promises hold on."""

    def __init__(self, cluster, seed=1, clients=4, retries=0, after=None):
        self.cluster = cluster
        self.retries = retries
        self.stop = threading.Event()
        # cid -> the names that it may have; None = not pinned
        self.may_be = after.may_be if after else {}
        self.contents = after.contents if after else {}
        self.failed = after.failed if after else []
        self.acknowledged = []
        self.threads = [threading.Thread(target=self.run, args=(random.Random(f"{seed} {i}"), f"{seed}-{i}"))
                        for i in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def run(self, rng, client):
        count = 0
        while not self.stop.is_set():
            count += 1
            name = f"{client}-{count}"
            if rng.random() < 0.2:
                self.add(rng, name)
                continue
            cid = raw_cid(name.encode())
            steps = [f"/pins/{cid}?name={name}", f"/pins/{cid}?name={name}-again", None][:rng.randint(1, 3)]
            names = [name, f"{name}-again", None]
            self.may_be[cid] = {None}
            for step, after in zip(steps, names):
                self.may_be[cid] = self.may_be[cid] | {after}
                method, path = ("POST", step) if step else ("DELETE", f"/pins/{cid}")
                key = {"Idempotency-Key": f"{name}-{after}"}
                if not self.try_it(rng, lambda peer: self.ask(peer, method, path, key)):
                    break
                self.may_be[cid] = {after}

    def add(self, rng, name):
        data = random_bytes(rng.choice([10, 1000, 400_000]), name)
        added = []
        if self.try_it(rng, lambda peer: added.append(add_bytes(peer, data, query=f"name={name}")["cid"])):
            self.may_be[added[0]] = {name}
            self.contents[added[0]] = data
        else:
            self.may_be.update({cid: {None, name} for cid in added})

    def ask(self, peer, method, path, headers):
        status, answer = peer.json(method, path, headers=headers, timeout=40)
        assert status == 200, (peer.name, method, path, status, answer)

    def try_it(self, rng, request):
        tried, errors = None, []
        for _ in range(1 + self.retries):
            choice = self.cluster.others(tried) or self.cluster.peers
            tried = rng.choice(choice)
            try:
                request(tried)
                self.acknowledged.append(tried.name)
                return True
            except FAILURES as error:
                errors.append(f"{tried.name}: {error!r}")
        self.failed.append(errors)
        time.sleep(0.02)
        return False

    def wait_acknowledged(self, more, timeout=30):
        wanted = len(self.acknowledged) + more
        until(lambda: len(self.acknowledged) >= wanted, f"{more} more writes are accepted ({self.failed[-3:]})", timeout)

    def check(self, read=10):
        """Everything is as promised on all running peers."""
        pins = self.cluster.wait_equal()
        unknown_adds = {pin["name"]: cid for cid, pin in pins.items() if cid not in self.may_be}
        wrong = {}
        for cid, names in list(self.may_be.items()):
            name = pins[cid]["name"] if cid in pins else None
            if name not in names:
                wrong[cid] = (name, names)
        assert not wrong, f"{len(wrong)} of {len(self.may_be)} are not as acknowledged: {dict(list(wrong.items())[:5])}"
        names = [pin["name"] for pin in pins.values() if pin["name"]]
        assert len(names) == len(set(names)), "something was done twice"
        assert len(unknown_adds) <= len(self.failed), unknown_adds
        sample = random.Random(1).sample(sorted(self.contents), min(read, len(self.contents)))
        until(lambda: all(status == "pinned" for cid in sample for status in self.statuses(cid)), "all is fetched", 60)
        for cid in sample:
            for peer in self.cluster.running:
                assert fetch(f"{peer.gateway}/ipfs/{cid}") == self.contents[cid], (peer.name, cid)

    def statuses(self, cid):
        info = self.cluster.running[0].json("GET", f"/pins/{cid}")[1]
        return [item["status"] for item in info["peer_map"].values()]


def test_writes_go_on_within_seconds_when_the_leader_is_killed(new_cluster):
    cluster = new_cluster(3)
    with Load(cluster) as load:
        load.wait_acknowledged(100)
        leader = cluster.leader()
        leader.kill()
        killed = time.monotonic()
        load.wait_acknowledged(8, 10)  # more than there are clients: some were asked for after the kill
        print(f"8 writes {time.monotonic() - killed:.2f} s after the leader was killed")
        load.wait_acknowledged(100)
        assert cluster.leader() not in (None, leader)
        leader.start()
        load.wait_acknowledged(100)
    until(cluster.all_see_all, "all see all")
    load.check()


def test_all_killed_at_once_have_all_that_was_acknowledged(new_cluster):
    cluster = new_cluster(3)
    with Load(cluster) as load:
        load.wait_acknowledged(200)
        for peer in cluster:
            peer.process.kill()
    for peer in cluster:
        peer.process.wait()
    cluster.restart_all()
    until(cluster.all_see_all, "all see all")
    load.check()
    with Load(cluster, seed=2, after=load) as more:
        more.wait_acknowledged(50)
    more.check()


def test_a_rolling_restart_fails_no_client_that_retries_once(new_cluster):
    cluster = new_cluster(3)
    with Load(cluster, retries=1) as load:
        load.wait_acknowledged(50)
        for peer in [*cluster.others(cluster.leader()), cluster.leader()]:
            assert peer.stop(signal.SIGTERM)[0] == 0
            load.wait_acknowledged(20)
            peer.start()
            until(cluster.all_see_all, "all see all")
            load.wait_acknowledged(20)
    assert load.failed == []
    load.check()


@pytest.mark.faults
def test_50_kills_of_random_peers_under_load_lose_and_double_nothing(new_cluster):
    cluster = new_cluster(3)
    rng = random.Random(5)
    load = None
    for number in range(50):
        with Load(cluster, seed=f"round{number}", after=load) as load:
            load.wait_acknowledged(rng.randint(5, 60))
            victim = rng.choice([cluster.leader() or cluster[0], *cluster])
            victim.kill()
            load.wait_acknowledged(rng.randint(1, 30))
            victim.start()
            load.wait_acknowledged(10)
        load.check(read=2)
    until(cluster.all_see_all, "all see all")
    load.check(read=100)
    print(f"{len(load.may_be)} keys, {len(load.failed)} requests failed")
    for peer in cluster:
        assert peer.stop()[0] == 0
        peer.service("repo", "verify")
