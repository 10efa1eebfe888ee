"""Two versions of the program in one cluster: it is upgraded peer by peer, and newer rules hold when all know them."""
import shutil

from content import add_bytes
from peer import until
from test_formats import NEXT, refused, versions

RAISED = "all peers know version 4 of the log's rules"


def raised(cluster):
    return any(RAISED in peer.log for peer in cluster)


def write_everywhere(cluster, text):
    """One pin by each running peer; they come to all."""
    factors = "replication-min=1&replication-max=2"
    cids = {add_bytes(peer, f"{text}, by {peer.name}".encode(), query=factors)["cid"] for peer in cluster.running}
    assert cids <= set(cluster.wait_equal())
    return cids


def upgrade(peer):
    peer.stop()
    peer.program = NEXT
    peer.start("--upgrade")


def test_a_rolling_upgrade_and_no_way_back(new_cluster, tmp_path):
    cluster = new_cluster(3)
    today = cluster[0].program
    cids = write_everywhere(cluster, "before")
    # The leader in the middle: each program leads the other for a while.
    order = sorted(cluster, key=lambda peer: peer is cluster.leader())
    order = [order[0], order[2], order[1]]
    for peer in order:
        assert not raised(cluster)
        upgrade(peer)
        cluster.wait_settled(voters=0)
        cids |= write_everywhere(cluster, f"{peer.name} is new")
    until(lambda: raised(cluster), "the rules are raised")
    cids |= write_everywhere(cluster, "all are new")
    assert "differs from this one's" not in "".join(peer.log for peer in cluster)

    # A program that does not know the rules takes no part any more, in any way.
    back, newcomer = order[0], cluster.make(1)[0]
    back.stop()
    member = cluster.others(back)[0]
    assert versions(back)["apply version"] == ("4", "4")
    back.program = today
    assert versions(back)["apply version"] == ("4", "3")
    before = {path.name for path in (back.folder / "raft").iterdir()}
    line = refused(back)
    assert "version 4 of the rules" in line and "use a newer program" in line
    assert {path.name for path in (back.folder / "raft").iterdir()} == before
    line = refused(newcomer, "--bootstrap", member.address)
    assert "version 4 of the rules" in line and "no newer one than 3" in line
    assert len(member.lines("GET", "/peers")) == 3
    newcomer.program = back.program = NEXT
    newcomer.start("--bootstrap", member.address)
    back.start()
    cluster.wait_settled(voters=0)
    assert cids <= set(cluster.wait_equal())


def test_a_peer_that_is_down_holds_the_rules_back(new_cluster):
    cluster = new_cluster(3)
    absent, others = cluster[2], cluster.peers[:2]
    write_everywhere(cluster, "before")
    absent.stop()
    for peer in others:
        upgrade(peer)
    write_everywhere(cluster, "two are new, one is down")
    assert not raised(cluster)
    absent.program = NEXT
    absent.start("--upgrade")
    until(lambda: raised(cluster), "the rules are raised")
    write_everywhere(cluster, "all are new")


def test_a_program_that_meets_the_newer_rules_in_the_log_ends(new_cluster):
    """A peer that was upgraded, was heard so, and came back as it was: the others need not wait for it."""
    cluster = new_cluster(4)  # the last to join has no vote: without it the others go on
    *stay, holds_back, back = cluster
    today = back.program
    write_everywhere(cluster, "before")
    for peer in (back, *stay):
        upgrade(peer)
    cluster.wait_settled(voters=0)
    for peer in stay:
        until(lambda: back.id in {metric["peer"] for metric in peer.json("GET", "/monitor/metrics/freespace")[1]},
              f"{peer.name} has heard the one that comes back")
    back.stop()
    # Downgraded by hand, with the table that the upgrade had kept.
    back.program = today
    shutil.rmtree(back.folder / "local")
    (back.folder / "upgrade.old.0" / "local").rename(back.folder / "local")
    assert not raised(cluster)
    stay[0].ctl("peers", "rm", "--force", holds_back.id, check=False)  # the leader may be gone before it answers
    until(lambda: raised(cluster), "the rules are raised")
    back.start(wait=False)
    assert back.process.wait(60) == 1
    assert "version 4 of the rules" in back.log.splitlines()[-1]
    holds_back.process.wait(60)
    write_everywhere(cluster, "without it")
