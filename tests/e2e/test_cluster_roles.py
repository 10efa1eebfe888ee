"""Who votes, who only follows, who may join, and who takes another's place."""
import json
import time

from content import add_bytes, fetch, random_bytes
from peer import Cluster, until


def one_copy(config):
    config["cluster"].update(replication_factor_min=1, replication_factor_max=1)


def make(folder, roles, change=None):
    """A cluster whose n-th peer is configured with the n-th role."""
    cluster = Cluster(folder)
    for n, role in enumerate(roles):
        [peer] = cluster.make(1)

        def configure(config, role=role):
            config["cluster"].update(role=role)
            if change:
                change(config)

        peer.edit(configure)
        peer.start(*([] if n == 0 else ["--bootstrap", cluster[0].address]))
    return cluster


def wait_roles(cluster, **wanted):
    until(lambda: cluster.roles() == wanted, f"the roles are {wanted}, now {cluster.roles()}", 30)


def test_a_director_alone_decides_and_agents_hold_content(tmp_path):
    with make(tmp_path, ["voter", "agent", "agent"]) as cluster:
        wait_roles(cluster, n0="leader", n1="agent", n2="agent")
        data = random_bytes(5000, "directed")
        cid = add_bytes(cluster[2], data)["cid"]
        until(lambda: fetch(f"{cluster[1].gateway}/ipfs/{cid}") == data, "an agent serves it")
        cluster[1].kill()
        cluster[2].kill()
        assert cluster[0].json("POST", f"/pins/{cid}?name=alone")[0] == 200, "agents are not asked"
        cluster[1].start()
        cluster[2].start()
        cluster[0].kill()
        status, answer = cluster[1].json("POST", f"/pins/{cid}?name=nobody", timeout=90)
        if status == 504:  # it was sent before the death was seen: nobody knows what became of it
            assert "a retry with the same idempotency key is safe" in answer["message"], answer
            status, answer = cluster[1].json("POST", f"/pins/{cid}?name=nobody", timeout=90)
        assert status == 503 and cluster[0].id in answer["message"], (status, answer)
        assert fetch(f"{cluster[2].gateway}/ipfs/{cid}") == data, "what is held is served without the director"
        cluster[0].start()
        until(lambda: cluster[1].json("POST", f"/pins/{cid}?name=again")[0] == 200, "it goes on")


def test_a_standby_is_promoted_by_command_with_the_master_alive_and_with_it_dead(tmp_path):
    with make(tmp_path, ["voter", "standby", "agent"]) as cluster:
        wait_roles(cluster, n0="leader", n1="standby", n2="agent")
        cid = add_bytes(cluster[0], b"of the first master")["cid"]
        cluster[2].ctl("peers", "role", cluster[1].id, "voter")
        cluster[2].ctl("peers", "role", cluster[0].id, "standby")
        wait_roles(cluster, n0="standby", n1="leader", n2="agent")
        assert cluster[0].json("POST", f"/pins/{cid}?name=second")[0] == 200
        cluster[0].stop()
        cluster[0].start()
        wait_roles(cluster, n0="standby", n1="leader", n2="agent")  # the configuration has not changed
        cluster[1].kill()  # the only voter
        cluster[0].stop()
        cluster[0].service("state", "recover", "--force")
        cluster[0].start()
        assert cluster[0].json("GET", f"/allocations/{cid}")[1]["name"] == "second"
        assert cluster[0].json("POST", f"/pins/{cid}?name=third")[0] == 200
        until(lambda: "agent" in cluster.roles().values(), "the agent has followed", 60)
        cluster[1].start()
        until(lambda: len(cluster.roles()) == 3, "the old master has followed", 60)
        assert cluster.wait_equal()[cid]["name"] == "third"


def test_a_standby_votes_while_a_voter_is_lost(tmp_path):
    with make(tmp_path, ["auto", "auto", "auto", "standby"],
              lambda config: config["cluster"].update(voter_grace="3s")) as cluster:
        until(lambda: sorted(cluster.roles().values()) == ["leader", "standby", "voter", "voter"], "three vote", 30)
        lost = cluster.others(cluster.leader(), cluster[3])[0]
        lost.kill()
        until(lambda: cluster.roles()["n3"] == "voter", "the standby votes", 30)
        time.sleep(1)  # until the voters of before are asked no more
        # Two of the three that vote now go on without the leader.
        cluster.leader().kill()
        cid = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
        until(lambda: cluster[3].json("POST", f"/pins/{cid}?name=goes-on", timeout=40)[0] == 200, "a write goes on", 40)
        for peer in cluster:
            if not peer.running:
                peer.start()
        until(lambda: cluster.roles().get("n3") == "standby", "it gives the vote back", 30)


def test_a_configured_role_that_changes_is_taken(tmp_path):
    with make(tmp_path, ["voter", "agent"]) as cluster:
        wait_roles(cluster, n0="leader", n1="agent")
        cluster[1].stop()
        cluster[1].edit(lambda config: config["cluster"].update(role="standby"))
        cluster[1].start()
        wait_roles(cluster, n0="leader", n1="standby")
        refused = cluster[1].ctl("peers", "role", cluster[0].id, "agent", check=False)
        assert refused.returncode == 2 and "nobody would vote" in refused.stdout + refused.stderr
        status, answer = cluster[0].json("POST", f"/peers/{cluster[0].id}/role?role=king")
        assert status == 400 and "king" in answer["message"]
        cluster[1].stop()
        cluster[1].edit(lambda config: config["cluster"].update(role="king"))
        refused = cluster[1].service("daemon", check=False)
        assert refused.returncode == 1 and "cluster.role" in refused.stderr and "standby" in refused.stderr


def test_joins_wait_for_approval_and_bans_hold(tmp_path):
    with Cluster(tmp_path, lambda config: config["cluster"].update(join="approve")) as cluster:
        [first] = cluster.make(1)
        first.start()
        [second] = cluster.make(1)
        second.start("--bootstrap", first.address, wait=False)
        until(lambda: f"peers add {second.id}" in first.log and f"peers add {second.id}" in second.log, "both say it", 20)
        assert len(first.lines("GET", "/peers")) == 1
        status, answer = first.json("POST", "/peers", json.dumps({"peer_id": second.id}).encode())
        assert (status, answer["id"]) == (200, second.id)
        second.wait_ready()
        until(cluster.all_see_all, "both see both")

        first.ctl("peers", "rm", "--ban", second.id)
        until(lambda: not second.running, "it was removed", 30)
        refused = second.service("daemon", "--bootstrap", first.address, check=False, timeout=60)
        assert refused.returncode == 1 and "was removed from this cluster" in refused.stderr, refused.stderr
        first.ctl("peers", "add", second.id)
        second.start("--bootstrap", first.address)
        until(cluster.all_see_all, "it is back")
        for body in (b"", b"{}", b'{"peer_id": 5}', b'{"peer_id": "x"}'):
            assert first.json("POST", "/peers", body)[0] == 400, body


def test_a_peer_is_replaced_by_another(new_cluster):
    cluster = new_cluster(4, one_copy)
    old, new = cluster.others(cluster.leader())[:2]
    contents = {}
    for i in range(30):
        data = random_bytes(1000 + i, f"replaced {i}")
        contents[add_bytes(cluster[i % 4], data, query=f"user-allocations={cluster[i % 4].id}")["cid"]] = data
    ask = lambda: {pin["cid"]: pin["allocations"] for pin in cluster.leader().lines("GET", "/allocations")}
    before = ask()
    on_old = {cid for cid, peers in before.items() if old.id in peers}
    assert on_old and len(on_old) < 30
    plan = json.loads(new.ctl("--enc", "json", "peers", "replace", "--dry-run", old.id, new.id).stdout)
    assert {move["cid"] for move in plan["moves"]} == on_old and {move["to"] for move in plan["moves"]} == {new.id}
    assert ask() == before, "a dry run moves nothing"
    cluster[0].ctl("peers", "replace", old.id, new.id)
    until(lambda: all(peers == [new.id] for cid, peers in ask().items() if cid in on_old), "its copies are on the new one")
    assert {cid: peers for cid, peers in ask().items() if cid not in on_old} == {
        cid: peers for cid, peers in before.items() if cid not in on_old}
    cluster.leader().ctl("peers", "rm", old.id)
    for cid, data in contents.items():
        assert fetch(f"{new.gateway}/ipfs/{cid}") == data
    refused = cluster.leader().ctl("peers", "replace", new.id, new.id, check=False)
    assert refused.returncode == 2 and "replace itself" in refused.stdout + refused.stderr
