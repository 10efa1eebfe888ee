"""Data that an older or a newer program has written: opened, upgraded with a backup, or refused in one sentence."""
import hashlib
import json
import pathlib
import re
import subprocess
import tarfile

import pytest
from content import add_bytes, fetch
from peer import BIN, Peer, free_port
from terminal import on_terminal

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
NEXT = BIN / "ipfs-cluster-service-next"
FACTS = json.loads((FIXTURES / "older_peer.json").read_text())


@pytest.fixture
def older_peer(tmp_path):
    """The peer of tests/fixtures, not started, on ports that are free here."""
    with tarfile.open(FIXTURES / "older_peer.tar.xz") as tar:
        tar.extractall(tmp_path, filter="data")
    with Peer(tmp_path / "older_peer", env={"CLUSTER_SECRET": "aa" * 32}) as peer:
        path = peer.folder / "service.json"
        path.write_text(re.sub(r"/tcp/(?!5001)\d{5}", lambda _: f"/tcp/{free_port()}", path.read_text()))
        yield peer


def versions(peer):
    """{what: (found, this program's)}"""
    lines = (re.match(r"(.*): (.*), this program: (\d+)$", line) for line in peer.service("state", "version").stdout.splitlines())
    return {match[1]: (match[2], match[3]) for match in lines}


def refused(peer, *args):
    """The one sentence with which a daemon ends that cannot start."""
    done = subprocess.run([peer.program, "--config", peer.folder, "daemon", *args], env=peer.env,
                          text=True, capture_output=True, timeout=60)
    assert done.returncode == 1 and done.stdout == "", done
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error ")]
    return line


def files_of(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != "LOCK"}


def holds_what_it_held(peer):
    assert peer.lines("GET", "/allocations") == FACTS["pins"]
    for cid, status in FACTS["statuses"].items():
        peer.wait_status(cid, status)
    assert {item["cid"] for item in peer.lines("GET", "/pins")} == set(FACTS["statuses"])
    peer.wait_status(FACTS["gone"], "unpinned")
    for cid, digest in FACTS["content"].items():
        assert hashlib.sha256(fetch(f"{peer.gateway}/ipfs/{cid}")).hexdigest() == digest
    return True


def test_an_older_peer_goes_on(older_peer):
    assert versions(older_peer) == {"state": ("1", "1"), "raft": ("1", "1"), "local": ("1", "1"), "ipfs": ("1", "1"),
                                    "apply version": ("1", "3")}
    older_peer.start()
    assert holds_what_it_held(older_peer)
    cid = add_bytes(older_peer, b"written by the program of today")["cid"]
    older_peer.wait_status(cid)
    older_peer.stop()
    older_peer.start()
    older_peer.wait_status(cid)


def test_a_new_peer_has_the_formats_of_its_program(new_peer):
    peer = new_peer(start=False)
    assert {found for found, _ in versions(peer).values()} == {"none yet"}
    assert "nothing to upgrade" in peer.service("state", "upgrade").stderr
    peer.start("--upgrade")
    peer.stop()
    assert all(found == known for found, known in versions(peer).values())


def test_older_data_is_upgraded_with_a_backup(older_peer):
    older_peer.program = NEXT
    before = files_of(older_peer.folder / "local")
    line = refused(older_peer)
    assert "/local has format 1" in line and "state upgrade" in line and "--upgrade" in line
    done = older_peer.service("state", "upgrade")
    backup = older_peer.folder / "upgrade.old.0"
    assert done.stderr.endswith(f"local: format 1 is now 2.\nwhat was there before is in {backup}.\n")
    assert [path.name for path in backup.iterdir()] == ["local"]
    kept = files_of(backup / "local")
    assert {name: kept[name] for name in before if name.endswith(".sst")} == {
        name: digest for name, digest in before.items() if name.endswith(".sst")}
    assert versions(older_peer)["local"] == ("2", "2")
    assert "nothing to upgrade" in older_peer.service("state", "upgrade").stderr
    older_peer.start()
    assert holds_what_it_held(older_peer)


def test_an_upgrade_on_a_terminal_says_what_it_does(older_peer):
    code, _, said = on_terminal([NEXT, "--config", older_peer.folder, "state", "upgrade"], env=older_peer.env)
    assert code == 0, said
    assert "\033[Kcopying local" in said and "\033[Klocal: format 1 becomes 2: " in said
    assert "local: format 1 is now 2.\n" in said


def test_a_daemon_upgrades_before_it_starts_when_it_is_told_to(older_peer):
    older_peer.program = NEXT
    older_peer.start("--upgrade")
    assert holds_what_it_held(older_peer)
    assert (older_peer.folder / "upgrade.old.0" / "local").is_dir()
    older_peer.stop()
    older_peer.start("-u")  # does no harm
    assert not (older_peer.folder / "upgrade.old.1").exists()


def test_newer_data_is_refused(older_peer):
    today, older_peer.program = older_peer.program, NEXT
    older_peer.service("state", "upgrade")
    older_peer.program = today
    assert versions(older_peer)["local"] == ("2", "1")
    line = refused(older_peer)
    assert f"{older_peer.folder}/local has format 2" in line and "no newer one than 1" in line
    assert "local has format 2" in refused(older_peer, "--upgrade")
    upgrade = older_peer.service("state", "upgrade", check=False)
    assert upgrade.returncode == 1 and "local has format 2" in upgrade.stderr
