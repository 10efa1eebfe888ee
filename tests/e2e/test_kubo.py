"""A peer whose IPFS node is a real Kubo daemon (built by tests/kubo/build.sh)."""
import pathlib
import subprocess

import pytest
from content import add_bytes, random_bytes

KUBO = pathlib.Path(__file__).resolve().parent.parent / "kubo"


@pytest.fixture(scope="module")
def kubo(tmp_path_factory):
    if not (KUBO / "ipfs").exists():
        built = subprocess.run([KUBO / "build.sh"], capture_output=True, text=True)
        if built.returncode != 0:
            pytest.skip(f"the real Kubo could not be built: {built.stderr.strip().splitlines()[-1:]}")
    from daemon import KuboDaemon

    with KuboDaemon(tmp_path_factory.mktemp("kubo")) as daemon:
        yield daemon


@pytest.fixture
def kubo_peer(new_peer, kubo):
    peer = new_peer(start=False, ipfs="kubo")
    peer.edit(lambda c: c["ipfs_connector"]["ipfshttp"].update(node_multiaddress=kubo.api_multiaddr))
    return peer.start()


def test_add_pin_and_unpin_on_kubo(kubo_peer, kubo):
    cid = add_bytes(kubo_peer, random_bytes(700_000, "kubo"), query="name=on-kubo")["cid"]
    kubo_peer.wait_status(cid)
    assert cid in kubo.ipfs("pin", "ls", "--type=recursive", "--quiet")
    assert kubo.rpc("cat", arg=cid) == random_bytes(700_000, "kubo")
    kubo_peer.json("DELETE", f"/pins/{cid}")
    kubo_peer.wait_status(cid, "unpinned")
    assert cid not in kubo.ipfs("pin", "ls", "--type=recursive", "--quiet")


def test_direct_pins_are_seen(kubo_peer, kubo):
    cid = kubo.ipfs("add", "-Q", "--pin=false", input=b"direct").strip()
    kubo_peer.json("POST", f"/pins/{cid}?mode=direct")
    kubo_peer.wait_status(cid)
    assert cid in kubo.ipfs("pin", "ls", "--type=direct", "--quiet")
    assert [p["status"] for i in kubo_peer.lines("GET", "/pins") for p in i["peer_map"].values()] == ["pinned"]


def test_id_names_kubos_peer(kubo_peer, kubo):
    assert kubo_peer.json("GET", "/id")[1]["ipfs"]["id"] == kubo.peer_id
