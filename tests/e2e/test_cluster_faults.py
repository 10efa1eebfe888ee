"""Peers that stand still and disks that are full: they are named, the others go on, and nobody has to help afterwards."""
import json
import os
import re
import signal
import subprocess
import time

import pytest
from content import add_bytes, fetch, random_bytes, raw_cid
from peer import until

STILL = [pytest.param(15, id="15s"), pytest.param(60, id="a-minute", marks=pytest.mark.faults)]


def chosen(cluster, which):
    """The peer that is meant, and the others."""
    leader = cluster.leader()
    peer = leader if which == "the leader" else cluster.others(leader)[0]
    return peer, cluster.others(peer)


def pin(peer, name, timeout=60):
    """Pins a CID of which nobody has the content; returns it."""
    cid = raw_cid(name.encode())
    status, answer = peer.json("POST", f"/pins/{cid}?name={name}", timeout=timeout)
    assert status == 200, (peer.name, name, status, answer)
    return cid


def local(peer, cid):
    return peer.json("GET", f"/pins/{cid}?local=true")[1]["peer_map"][peer.id]


def wait_pinned(peers, cids, timeout=60):
    for peer in peers:
        for cid in cids:
            until(lambda: local(peer, cid)["status"] == "pinned", f"{cid} is pinned on {peer.name}", timeout)


def wait_open_alerts(peer, wanted):
    """Until it has an alert about exactly these peers."""
    until(lambda: {alert["peer"] for alert in peer.json("GET", "/health/alerts")[1] if "ended_at" not in alert} == wanted,
          f"{peer.name} has alerts about {wanted}", 60)


@pytest.mark.parametrize("seconds", STILL)
@pytest.mark.parametrize("which", ["a follower", "the leader"])
def test_a_peer_that_stands_still_is_named_and_completes_by_itself(new_cluster, which, seconds):
    cluster = new_cluster(3)
    before = add_bytes(cluster[0], b"before")["cid"]
    wait_pinned(cluster, [before])
    still, others = chosen(cluster, which)
    end = time.monotonic() + seconds
    still.process.send_signal(signal.SIGSTOP)
    try:
        named = until(lambda: pin(others[0], "first"), "writes go on", 20)
        added = [add_bytes(others[i % 2], random_bytes(200_000, f"meanwhile {i}"))["cid"] for i in range(2)]
        wait_pinned(others, added)
        for peer in others:
            shown = peer.json("GET", f"/pins/{before}")[1]["peer_map"]
            assert shown[still.id]["status"] == "cluster_error" and shown[still.id]["error"], shown
            assert {shown[other.id]["status"] for other in others} == {"pinned"}, shown
            (said,) = [item for item in peer.lines("GET", "/peers") if item["error"]]
            assert said["id"] == still.id and said["peername"] == still.name, said
            wait_open_alerts(peer, {still.id})
        written, slowest = [named], 0.0
        while time.monotonic() < end:
            started = time.monotonic()
            written.append(pin(others[len(written) % 2], f"still-{len(written)}"))
            assert fetch(f"{others[len(written) % 2].gateway}/ipfs/{before}") == b"before"
            slowest = max(slowest, time.monotonic() - started)
        assert still.process.poll() is None
    finally:
        still.process.send_signal(signal.SIGCONT)
    print(f"{len(written)} writes meanwhile, the slowest with a read {slowest:.2f} s")
    assert slowest < 5
    until(cluster.all_see_all, "all see all", 60)
    wait_pinned([still], added)
    for i, cid in enumerate(added):
        assert fetch(f"{still.gateway}/ipfs/{cid}") == random_bytes(200_000, f"meanwhile {i}")
    assert {before, *added, *written} <= set(cluster.wait_equal())
    for peer in cluster:
        wait_open_alerts(peer, set())
    pin(still, "again")


class Disk:
    """A file system of its own for one folder of a peer."""

    def __init__(self, mount, bytes):
        self.mount = mount
        mount.mkdir()
        mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={bytes}", "tmpfs", str(mount)],
                                                       capture_output=True).returncode == 0
        if not mounted:
            pytest.skip("needs root and mount for a small file system")

    def hold(self, peer, folder):
        """Of a peer that has not been started yet."""
        (self.mount / "data").mkdir()
        (peer.folder / folder).symlink_to(self.mount / "data")

    def fill(self):
        with open(self.mount / "ballast", "ab", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(1 << 20))
            except OSError:
                pass

    def is_full(self):
        return os.statvfs(self.mount).f_bavail == 0

    def free(self):
        (self.mount / "ballast").unlink()


@pytest.fixture
def new_disk(tmp_path):
    disks = []

    def make(bytes=700 << 20):
        disks.append(Disk(tmp_path / f"disk{len(disks)}", bytes))
        return disks[-1]

    yield make
    for disk in disks:
        subprocess.run(["umount", "-l", str(disk.mount)], check=True)


FOLDERS = ("raft", "state", "ipfs")


@pytest.fixture
def on_small_disks(new_cluster, new_disk):
    """Three peers whose log, state and blocks are each on a disk of their own: (cluster, {(peer, folder): disk})."""
    cluster = new_cluster(0)
    disks = {}
    for peer in cluster.make(3):
        peer.edit(lambda c: c["ipfs_connector"]["embedded"].update(reserve="32MiB", gc_high_water=0))
        for folder in FOLDERS:
            disks[peer, folder] = new_disk()
            disks[peer, folder].hold(peer, folder)
    cluster[0].start()
    for peer in cluster.peers[1:]:
        peer.start("--bootstrap", cluster[0].address)
    cluster.wait_settled()
    return cluster, disks


def write_much(peer, tag, count=2000):
    """Pins of about 8 KB each, 16 MB in one request; the CIDs that were acknowledged, and the errors."""
    cids = [raw_cid(f"{tag} {i}".encode()) for i in range(count)]
    lines = (json.dumps({"cid": cid, "name": f"{tag}-{i}", "metadata": {"much": f"{i:06}" * 1300}}) for i, cid in enumerate(cids))
    status, _, text = peer.request("POST", "/pins", "".join(line + "\n" for line in lines).encode(), timeout=300)
    answers = [json.loads(line) for line in text.splitlines()]
    assert status == 200, (status, text[:500])
    return [a["cid"] for a in answers if "code" not in a], [a for a in answers if "code" in a]


@pytest.mark.parametrize("folder", ["raft", "state"])
@pytest.mark.parametrize("which", ["a follower", "the leader"])
def test_a_full_disk_of_log_or_state_stops_only_its_peer(on_small_disks, which, folder):
    cluster, disks = on_small_disks
    contents = {}
    for i in range(3):
        data = random_bytes(5000, f"before {i}")
        contents[add_bytes(cluster[i], data)["cid"]] = data
    wait_pinned(cluster, contents)
    full, others = chosen(cluster, which)
    disk = disks[full, folder]
    disk.fill()
    log_before = len(full.log)
    acknowledged = set(contents)
    # What was reserved on the disk before is still there to be written.
    for i in range(20):
        acknowledged |= set(write_much(others[i % 2], f"much{i}")[0])
        said = re.search(r"the log stops: (.*the disk is full.*)", full.log[log_before:])
        if said:
            break
    assert said, f"{full.name} took {len(acknowledged)} writes without a word:\n{full.log_tail()}"
    until(lambda: cluster.leader() in others, f"one of the others leads ({cluster.leader()})", 30)
    # The others go on, at once for followers.
    for i in range(10):
        acknowledged.add(until(lambda: pin(others[i % 2], f"while-full-{i}"), "the others accept writes", 30))
    data = random_bytes(300_000, "while full")
    contents[cid := add_bytes(others[0], data)["cid"]] = data
    acknowledged.add(cid)
    wait_pinned(others, [cid])
    # The peer itself opens its data again and again, and goes on with what room that makes. A state needs none for small
    # writes: they are in the log.
    def is_refused():
        disk.fill()
        cid = raw_cid(b"at the full one %d" % len(acknowledged))
        status, answer = full.json("POST", f"/pins/{cid}", timeout=90)
        if status == 200:
            acknowledged.add(cid)
            return folder == "state"
        return "the disk is full" in answer["message"]

    until(is_refused, "it refuses writes and says why", 60)
    for cid in sorted(contents)[:2]:
        if full.json("GET", f"/allocations/{cid}")[0] == 200:
            assert fetch(f"{full.gateway}/ipfs/{cid}") == contents[cid]
    disk.free()
    until(cluster.all_see_all, "all see all", 60)
    pins = cluster.wait_equal(180)
    assert acknowledged <= set(pins), f"{len(acknowledged - set(pins))} of {len(acknowledged)} acknowledged are lost"
    wait_pinned([full], contents, 120)
    for cid, data in contents.items():
        assert fetch(f"{full.gateway}/ipfs/{cid}") == data
    until(lambda: pin(full, "there-is-space"), "it takes writes again", 60)


@pytest.mark.parametrize("which", ["a follower", "the leader"])
def test_a_full_disk_of_blocks_is_said_of_each_pin_and_pinned_later(on_small_disks, which):
    cluster, disks = on_small_disks
    kept = random_bytes(400_000, "kept")
    before = add_bytes(cluster[0], kept)["cid"]
    wait_pinned(cluster, [before])
    full, others = chosen(cluster, which)
    disk = disks[full, "ipfs"]
    disk.fill()
    contents = {}
    for i in range(4):
        data = random_bytes(2_000_000, f"full {i}")
        contents[add_bytes(others[i % 2], data)["cid"]] = data
    wait_pinned(others, contents)
    for cid in contents:
        said = until(lambda: (shown := others[0].json("GET", f"/pins/{cid}")[1]["peer_map"])[full.id]["status"] != "pinned"
                     and "full" in shown[full.id]["error"] + shown[full.id].get("reason", "") and shown[full.id],
                     f"{full.name} says that its disk is full", 60)
    print(f"full blocks of {which}: {said}")
    status, answer = full.json("POST", f"/pins/{raw_cid(b'written')}?name=written")
    assert status == 200, "its log and its state have room"
    with pytest.raises((AssertionError, OSError)) as refusal:
        add_bytes(full, random_bytes(3_000_000, "refused"), query="local=true&stream-channels=false")
    print(f"an add there: {refusal.value}")
    assert fetch(f"{full.gateway}/ipfs/{before}") == kept

    def only_one_has_no_space():
        free = {item["id"]: item["standing"].get("free_bytes", 0) for item in others[0].lines("GET", "/peers")}
        assert free[full.id] < 100 << 20 < min(free[peer.id] for peer in others), free
        return True

    until(only_one_has_no_space, "peers ls shows it", 60)
    disk.free()
    wait_pinned([full], contents, 180)
    for cid, data in contents.items():
        assert fetch(f"{full.gateway}/ipfs/{cid}") == data
    cluster.wait_equal()
