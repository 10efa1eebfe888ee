"""Backup and restore of whole peers, as docs/operations.md says it, and what becomes of a log that is put back as it was."""
import shutil
import subprocess

import pytest
from content import add_bytes, fetch
from peer import at_once, until


@pytest.fixture
def cluster(new_cluster):
    return new_cluster(3)


def back_up(peer, to):
    """The peer is stopped meanwhile."""
    peer.stop()
    subprocess.run(["cp", "-a", peer.folder, to], check=True)
    peer.start()


def put_back(peer, backup):
    """The machine is lost; the folder comes from the backup."""
    peer.kill()
    shutil.rmtree(peer.folder)
    subprocess.run(["cp", "-a", backup, peer.folder], check=True)


def holds(peer, cids):
    for cid in cids:
        peer.wait_status(cid)
        assert fetch(f"{peer.gateway}/ipfs/{cid}")
    return True


def test_one_peer_of_a_living_cluster(cluster, tmp_path):
    peer, backup = cluster[2], tmp_path / "backup"
    before = add_bytes(cluster[0], b"before the backup")["cid"]
    cluster.wait_equal()
    peer.wait_status(before)
    back_up(peer, backup)
    cluster.wait_settled(voters=0)
    after = add_bytes(cluster[0], b"after the backup")["cid"]
    put_back(peer, backup)

    peer.service("state", "cleanup", "--force")
    assert (peer.folder / "raft.old.0" / "state").is_dir()
    peer.start("--bootstrap", cluster[0].address)
    cluster.wait_settled(voters=0)
    assert set(cluster.wait_equal()) == {before, after}
    assert holds(peer, [before, after])
    add_bytes(peer, b"as good as any")
    cluster.wait_equal()


def test_a_whole_cluster(cluster, tmp_path):
    kept = [add_bytes(peer, f"kept by {peer.name}".encode())["cid"] for peer in cluster]
    cluster.wait_equal()
    for peer in cluster:
        back_up(peer, tmp_path / peer.name)
        cluster.wait_settled(voters=0)
        kept.append(add_bytes(peer, f"after the backup of {peer.name}".encode())["cid"])
    for peer in cluster:
        put_back(peer, tmp_path / peer.name)
    newest, others = cluster[2], cluster.peers[:2]

    newest.service("state", "recover", "--force")
    newest.start()
    assert {pin["cid"] for pin in newest.lines("GET", "/allocations")} == set(kept[:5])  # the last came after all backups
    for peer in others:
        peer.start(wait=False)
    for peer in others:
        until(lambda: "joining the cluster's later incarnation" in peer.log, f"{peer.name} joins anew", 60)
        peer.wait_ready()
    cluster.wait_settled(voters=0)
    assert set(cluster.wait_equal()) == set(kept[:5])
    for peer in cluster:
        assert holds(peer, kept[:3])


def test_an_old_copy_of_a_log_is_told_from_the_log(cluster, tmp_path):
    peer, backup = cluster[2], tmp_path / "backup"
    add_bytes(cluster[0], b"before the backup")
    cluster.wait_equal()
    back_up(peer, backup)
    cluster.wait_settled(voters=0)
    after = add_bytes(peer, b"after the backup")["cid"]
    cluster.wait_equal()
    put_back(peer, backup)

    peer.start(wait=False)
    assert peer.process.wait(60) == 1
    last = peer.log.splitlines()[-1]
    assert last.startswith("error ") and "is an old copy" in last and "state cleanup" in last
    assert {pin["cid"] for pin in cluster[0].lines("GET", "/allocations")} >= {after}

    peer.service("state", "cleanup", "--force")
    peer.start("--bootstrap", cluster[0].address)
    cluster.wait_settled(voters=0)
    assert after in cluster.wait_equal()


def test_an_old_copy_is_told_when_all_have_been_restarted_since(cluster, tmp_path):
    peer, backup = cluster[1], tmp_path / "backup"
    add_bytes(cluster[0], b"before the backup")
    cluster.wait_equal()
    back_up(peer, backup)
    cluster.wait_settled(voters=0)
    add_bytes(peer, b"after the backup")
    cluster.wait_equal()
    starts = peer.log.count("** IPFS Cluster is READY **")
    until(lambda: peer.log.count("the cluster knows of this start") == starts, "the start is known")
    at_once(lambda each: each.stop(), cluster)
    put_back(peer, backup)
    for each in cluster:
        each.start(wait=False)
    assert peer.process.wait(60) == 1
    assert "is an old copy" in peer.log.splitlines()[-1]
    for each in cluster.running:
        each.wait_ready()
    add_bytes(cluster[0], b"the others go on")
