"""Moving in from Go ipfs-cluster with a real Kubo, as docs/migrating.md says it; adopting what a Kubo has."""
import json

import pytest
from content import random_bytes
from migrating import FIXTURES, fingerprint, go_folder, go_pin, id_of, received, write_export
from peer import Peer, until


@pytest.fixture
def new_kubo(tmp_path):
    """A function that makes Kubos, each with its own repository."""
    from daemon import KuboDaemon, build

    why = build()
    if why:
        pytest.skip(why)
    running = []

    def make(name="kubo"):
        (tmp_path / name).mkdir()
        running.append(KuboDaemon(tmp_path / name))
        return running[-1]

    yield make
    for kubo in running:
        kubo.stop()


@pytest.fixture
def moved(tmp_path):
    """A function: migrates into a folder of that name and returns its peer, not started."""
    peers = []

    def make(name, *args):
        peer = Peer(tmp_path / name, ipfs="kubo")
        peers.append(peer)
        peer.migrated = peer.service("migrate", *args).stderr
        return peer

    yield make
    for peer in peers:
        peer.kill()


def add(kubo, *names, pin="true"):
    """Files of several blocks, pinned."""
    return [kubo.ipfs("add", "-Q", f"--pin={pin}", "--cid-version=1", input=random_bytes(600_000, name)).strip()
            for name in names]


def pins_of(kubo):
    return {kind: set(kubo.ipfs("pin", "ls", f"--type={kind}", "--quiet").split()) for kind in ("recursive", "direct")}


def statuses(peer, pin):
    return peer.json("GET", f"/pins/{pin}")[1]["peer_map"]


def test_every_pin_stays_where_it_is(tmp_path, new_kubo, moved):
    kubo = new_kubo()
    everywhere, named = add(kubo, "everywhere", "named")
    (direct,) = add(kubo, "direct", pin="false")
    kubo.ipfs("pin", "add", "--recursive=false", direct)
    old = go_folder(tmp_path / "old", kubo)
    export = write_export(tmp_path / "export", [
        go_pin(everywhere), go_pin(direct, mode="direct"),
        go_pin(named, [id_of(old)], name="named", metadata={"a": "b"}, expire_at="2199-01-01T00:00:00Z")])
    before, held, objects = fingerprint(old), pins_of(kubo), kubo.rpc("repo/stat")["NumObjects"]

    refused = Peer(old).service("daemon", check=False)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1 and '"ipfs-cluster-service migrate"' in refused.stderr
    (old / "cluster.lock").unlink()

    dry = Peer(tmp_path / "new").service("migrate", "--dry-run", str(old), str(export))
    assert "3 pins" in dry.stderr and not (tmp_path / "new").exists()
    peer = moved("new", str(old), str(export))
    assert "every peer may vote" in peer.migrated and "3 pins" in peer.migrated
    assert fingerprint(old) == before
    peer.start()
    assert peer.json("GET", "/id")[1]["id"] == id_of(old)
    for cid in (everywhere, named, direct):
        peer.wait_status(cid)
    pins = {pin["cid"]: pin for pin in peer.lines("GET", "/allocations")}
    assert pins[named]["name"] == "named" and pins[named]["metadata"] == {"a": "b"}
    assert pins[named]["expire_at"] == "2199-01-01T00:00:00Z" and pins[named]["allocations"] == [id_of(old)]
    assert pins[direct]["mode"] == "direct"
    assert received(kubo) == 0 and kubo.rpc("repo/stat")["NumObjects"] == objects
    assert pins_of(kubo) == held
    # What goes out again is what came in.
    peer.stop()
    out = [json.loads(line) for line in peer.service("state", "export").stdout.splitlines()]
    assert sorted(out, key=lambda pin: pin["cid"]) == sorted(map(json.loads, export.read_text().splitlines()),
                                                            key=lambda pin: pin["cid"])


def test_a_cluster_with_trusted_peers(tmp_path, new_kubo, moved):
    """One peer that others trust, and one that only holds content: each keeps what its own Kubo has."""
    kubos = [new_kubo("kubo0"), new_kubo("kubo1")]
    folders = [go_folder(tmp_path / f"old{i}", kubo) for i, kubo in enumerate(kubos)]
    trusted, other = map(id_of, folders)
    for folder in folders:
        config = json.loads((folder / "service.json").read_text())
        config["consensus"]["crdt"]["trusted_peers"] = [trusted]
        (folder / "service.json").write_text(json.dumps(config))
    here, there = add(kubos[0], "here")[0], add(kubos[1], "there")[0]
    export = write_export(tmp_path / "export", [go_pin(here, [trusted]), go_pin(there, [other])])

    refused = Peer(tmp_path / "n1").service("migrate", str(folders[1]), str(export), check=False)
    assert refused.returncode == 1 and "becomes an agent" in refused.stderr and not (tmp_path / "n1").exists()
    first = moved("n0", str(folders[0]), str(export)).start()
    second = moved("n1", str(folders[1]), "--bootstrap", first.address).start()
    until(lambda: statuses(first, here)[trusted]["status"] == "pinned", "the trusted peer has its pin", 60)
    until(lambda: statuses(first, there)[other]["status"] == "pinned", "the other peer has its pin", 60)
    roles = {peer["id"]: peer["standing"]["role"] for peer in first.lines("GET", "/peers")}
    assert roles == {trusted: "leader", other: "agent"}
    status, answer = second.json("POST", f"/pins/{here}")
    assert status >= 400, answer
    assert [received(kubo) for kubo in kubos] == [0, 0]
    assert {pin["cid"]: pin["allocations"] for pin in first.lines("GET", "/allocations")} == {here: [trusted], there: [other]}
    second.stop()  # it is a member now: it needs nothing to come back
    assert not (tmp_path / "n1" / "raft.rejoin").exists()
    second.start()


BAD_LINES = {
    "garbage": ("no json\n", "line 2"),
    "half an object": ('{"cid": "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"', "line 2"),
    "the cid of old versions": ('{"cid": {"/": "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"}}\n', "line 2: cid"),
    "no cid": ("{}\n", "line 2: cid"),
    "a wrong cid": ('{"cid": "Qmwrong"}\n', "line 2: cid"),
    "a type of numbers": ('{"cid": "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", "type": 2}\n', "line 2: type"),
    "a wrong allocation": ('{"cid": "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", "allocations": ["Qm"]}\n',
                           "line 2: allocations"),
}


@pytest.mark.parametrize("line,said", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_export_changes_nothing(tmp_path, line, said):
    class NoKubo:
        api_multiaddr = "/ip4/127.0.0.1/tcp/1"

    old = go_folder(tmp_path / "old", NoKubo)
    export = tmp_path / "export"
    export.write_text(json.dumps(go_pin("bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4")) + "\n" + line)
    before = fingerprint(old)
    refused = Peer(tmp_path / "new").service("migrate", str(old), str(export), check=False)
    assert refused.returncode == 1
    assert f"error importing {export}: {said}" in refused.stderr, refused.stderr
    assert not (tmp_path / "new").exists() and fingerprint(old) == before


@pytest.mark.parametrize("fixture", sorted(path.name for path in FIXTURES.glob("go-*-crdt.json")) + ["go-0.12-follower.json"])
def test_files_of_several_versions(tmp_path, moved, new_kubo, fixture):
    kubo = new_kubo()
    old = go_folder(tmp_path / "old", kubo, fixture=fixture, change=lambda c: c["cluster"].update(peer_addresses=[]))
    (cid,) = add(kubo, "one")
    peer = moved("new", str(old), str(write_export(tmp_path / "export", [go_pin(cid)])), "--role", "voter").start()
    peer.wait_status(cid)
    checked = peer.service("config", "check")
    assert "unknown" not in checked.stdout


def test_an_old_raft_peer_with_its_identity_in_service_json(tmp_path, moved, new_kubo):
    kubo = new_kubo()
    old = go_folder(tmp_path / "old", kubo, fixture="go-0.9-raft.json")
    (old / "identity.json").unlink()
    identity = json.loads((old / "service.json").read_text())["cluster"]["id"]
    (cid,) = add(kubo, "one")
    export = write_export(tmp_path / "export", [go_pin(cid, [identity])])
    peer = moved("new", str(old), str(export)).start()
    assert peer.json("GET", "/id")[1]["id"] == identity and identity.startswith("Qm")
    peer.wait_status(cid)


def test_adopting_what_kubo_has(tmp_path, new_kubo, moved):
    kubo = new_kubo()
    known, *others = add(kubo, "known", "b", "c")
    (direct,) = add(kubo, "d", pin="false")
    kubo.ipfs("pin", "add", "--recursive=false", direct)
    old = go_folder(tmp_path / "old", kubo)
    peer = moved("new", str(old), str(write_export(tmp_path / "export", [go_pin(known, name="mine")])))
    stopped = peer.service("adopt", check=False)
    assert stopped.returncode == 1 and "the peer does not run" in stopped.stderr
    peer.start()
    extra = sum(1 for kind in pins_of(kubo).values() for _ in kind) - 4  # what every new Kubo holds
    dry = peer.service("adopt", "--dry-run").stderr
    assert f"Kubo holds {3 + extra} recursive and 1 direct pins." in dry
    assert f"1 are in the pinset already, {3 + extra} would be adopted." in dry
    assert [pin["cid"] for pin in peer.lines("GET", "/allocations")] == [known]

    assert f"1 are in the pinset already, {3 + extra} were adopted." in peer.service("adopt").stderr
    pins = {pin["cid"]: pin for pin in peer.lines("GET", "/allocations")}
    assert set(pins) == set.union(*pins_of(kubo).values())
    assert pins[known]["name"] == "mine" and pins[known]["replication_factor_min"] == -1
    for cid in (*others, direct):
        assert pins[cid]["allocations"] == [peer.id] and pins[cid]["replication_factor_max"] == 1
        peer.wait_status(cid)
    assert pins[direct]["mode"] == "direct"
    assert f"{4 + extra} are in the pinset already, 0 were adopted." in peer.service("adopt").stderr
    assert received(kubo) == 0


def test_an_embedded_node_has_nothing_to_adopt(peer):
    refused = peer.service("adopt", check=False)
    assert refused.returncode == 1 and "the embedded one" in refused.stderr
