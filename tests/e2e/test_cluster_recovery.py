"""After the loss of most peers, and after an import: one peer begins the cluster anew, the others take over its pinset."""
import json
import re

import pytest
from content import add_bytes, fetch
from peer import ANY_CID, at_once, until
from terminal import on_terminal


@pytest.fixture
def cluster(new_cluster):
    return new_cluster(3)


def wait_rejoined(cluster, peers):
    for peer in peers:
        until(lambda: "joining the cluster's later incarnation" in peer.log, f"{peer.name} sets its data aside", 60)
        assert "were set aside as" in peer.log
        peer.wait_ready()
    cluster.wait_settled(voters=3)


def test_one_peer_goes_on_after_the_loss_of_the_majority(cluster):
    survivor, lost, late = cluster[1], cluster[0], cluster[2]
    cids = [add_bytes(peer, f"before {peer.name}".encode())["cid"] for peer in cluster]
    cluster.wait_equal()
    late.stop()
    cids.append(add_bytes(survivor, b"while one is away")["cid"])
    lost.kill()
    survivor.kill()

    out = survivor.service("state", "recover", "--force")
    assert "incarnation 2 of the cluster begins with this peer: 4 pins." in out.stdout + out.stderr
    survivor.start()
    assert {pin["cid"] for pin in survivor.lines("GET", "/allocations")} == set(cids)
    cids.append(add_bytes(survivor, b"after the recovery")["cid"])  # it needs nobody

    for peer in (lost, late):  # as always, without a flag
        peer.start(wait=False)
    wait_rejoined(cluster, (lost, late))
    assert set(cluster.wait_equal()) == set(cids)
    for cid in cids:
        for peer in cluster:
            peer.wait_status(cid)
            assert fetch(f"{peer.gateway}/ipfs/{cid}")
    add_bytes(late, b"all is well again")
    cluster.wait_equal()


def test_recovery_can_be_repeated_and_needs_a_pinset(cluster, new_peer):
    survivor = cluster[2]
    cid = add_bytes(survivor, b"kept")["cid"]
    cluster.wait_equal()
    for peer in cluster:
        peer.kill()
    survivor.service("state", "recover", "--force")
    again = survivor.service("state", "recover", "--force")
    assert "incarnation 3" in again.stdout + again.stderr
    survivor.start()
    local = next(iter(survivor.json("GET", f"/pins/{cid}?local=true")[1]["peer_map"].values()))
    assert local["status"] == "pinned"
    empty = new_peer("empty", start=False)
    refused = empty.service("state", "recover", "--force", check=False)
    assert refused.returncode == 1 and "no pinset to recover" in refused.stderr


def test_a_recovery_on_a_terminal_says_how_far_it_is(cluster):
    survivor = cluster.leader()
    for peer in cluster.others(survivor):
        peer.kill()
    try:  # comes into its log, and nobody knows whether it holds
        survivor.request("POST", f"/pins/{ANY_CID}", timeout=3)
    except OSError:
        pass
    survivor.kill()
    code, _, said = on_terminal([survivor.program, "--config", survivor.folder, "state", "recover", "--force"], env=survivor.env)
    assert code == 0, said
    assert re.search(r"\033\[Kapplying the log: 0 of \d+ entries", said), said
    assert "whether they had been acknowledged is not known" in said


def test_a_running_majority_takes_over_an_imported_pinset(cluster, tmp_path):
    old = add_bytes(cluster[0], b"will be gone")["cid"]
    kept = add_bytes(cluster[1], b"will stay")["cid"]
    cluster.wait_equal()
    importer = cluster[2]
    importer.stop()
    exported = importer.service("state", "export").stdout
    assert {json.loads(line)["cid"] for line in exported.splitlines()} == {old, kept}
    source = tmp_path / "pins"
    source.write_text("".join(line + "\n" for line in exported.splitlines() if kept in line))
    importer.service("state", "import", "--force", str(source))
    importer.start()
    wait_rejoined(cluster, cluster.peers[:2])
    assert set(cluster.wait_equal()) == {kept}
    for peer in cluster:
        peer.wait_status(kept)


def test_a_peer_that_is_killed_between_setting_aside_and_joining_joins_at_its_next_start(cluster):
    cid = add_bytes(cluster[0], b"content")["cid"]
    cluster.wait_equal()
    at_once(lambda peer: peer.stop(), cluster)
    cluster[0].service("state", "recover", "--force")
    cluster[0].start()
    address = cluster[0].address
    other = cluster[1]
    other.start(wait=False)
    until(lambda: "were set aside as" in other.log, "it sets its data aside", 30, pause=0.001)
    other.kill()
    if (other.folder / "raft.rejoin").exists():
        assert address.split("/p2p/")[1] in (other.folder / "raft.rejoin").read_text()
    other.start()
    cluster[2].start(wait=False)
    wait_rejoined(cluster, (cluster[2],))
    for peer in cluster:
        peer.wait_status(cid)
    assert not (other.folder / "raft.rejoin").exists()
