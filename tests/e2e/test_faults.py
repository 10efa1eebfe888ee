"""Crashes and full disks: what was acknowledged is there, complete, and nothing else is corrupt."""
import os
import random
import shutil
import subprocess
import threading
import time

import pytest
from content import add_bytes, fetch, random_bytes

ROUNDS = 20


def load(peer, seed, stop, acknowledged, errors):
    """Adds and pins until `stop`; remembers what was acknowledged."""
    rng = random.Random(str(seed))
    count = 0
    while not stop.is_set():
        size = rng.choice([10, 1000, 5000, 300_000, 6_000_000])
        key = (seed, count, size)
        try:
            cid = add_bytes(peer, random_bytes(size, key))["cid"]
        except Exception:  # the peer died under it: not acknowledged
            return
        acknowledged.append((cid, key))
        count += 1


def test_kill_9_loses_nothing_acknowledged(new_peer):
    peer = new_peer()
    rng = random.Random(4)
    acknowledged, errors = [], []
    for round_number in range(ROUNDS):
        stop = threading.Event()
        threads = [threading.Thread(target=load, args=(peer, (round_number, t), stop, acknowledged, errors)) for t in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(rng.uniform(0.02, 0.8))  # the moment of the crash, not a wait for anything
        peer.kill()
        stop.set()
        for thread in threads:
            thread.join()
        peer.start()
        allocated = {p["cid"] for p in peer.lines("GET", "/allocations")}
        missing = [cid for cid, _ in acknowledged if cid not in allocated]
        assert not missing, f"round {round_number}: {missing}"
    assert len(acknowledged) > ROUNDS
    for cid, (seed, count, size) in acknowledged:
        peer.wait_status(cid)
        assert fetch(f"{peer.gateway}/ipfs/{cid}") == random_bytes(size, (seed, count, size))
    peer.stop()
    peer.service("repo", "verify")


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(folder)],
                                                   capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("needs root and mount for a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_said_and_recovered_from(new_peer, small_disk):
    peer = new_peer(start=False)
    shutil.move(peer.folder, small_disk / "peer")
    peer.folder = small_disk / "peer"
    peer.edit(lambda c: c["ipfs_connector"]["embedded"].update(reserve="32MiB", gc_high_water=0))
    peer.start()
    kept = add_bytes(peer, random_bytes(1_000_000, "kept"))["cid"]
    refusal = None
    for i in range(60):
        try:
            add_bytes(peer, random_bytes(16_000_000, i), query="stream-channels=false")
        except (AssertionError, OSError) as error:
            refusal = str(error)
            break
    assert refusal and ("disk" in refusal or "space" in refusal), refusal
    assert peer.request("GET", "/id")[0] == 200
    assert fetch(f"{peer.gateway}/ipfs/{kept}") == random_bytes(1_000_000, "kept")
    for pin in peer.lines("GET", "/allocations"):
        if pin["cid"] != kept:
            assert peer.json("DELETE", f"/pins/{pin['cid']}")[0] == 200
            peer.wait_status(pin["cid"], "unpinned")
    assert peer.json("POST", "/ipfs/gc", timeout=120)[0] == 200
    deadline = time.monotonic() + 60
    while True:
        try:
            again = add_bytes(peer, random_bytes(1_000_000, "again"))["cid"]
            break
        except (AssertionError, OSError):
            assert time.monotonic() < deadline, "no add was taken after space had returned"
            time.sleep(0.2)
    peer.wait_status(again)
