import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("tools", "tests/kubo", "tests/e2e")]
from peer import Peer, make_cluster  # noqa: E402


@pytest.fixture(scope="session")
def one_peer(tmp_path_factory):
    """One peer with its embedded node."""
    with Peer(tmp_path_factory.mktemp("clients") / "peer").init() as peer:
        yield peer.start()


@pytest.fixture(scope="session")
def three_peers(tmp_path_factory):
    """A cluster with copies on all."""
    with make_cluster(tmp_path_factory.mktemp("clients"), 3) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def kubo_peer(tmp_path_factory):
    """One peer with a real Kubo."""
    from daemon import KuboDaemon, build

    why = build()
    if why:
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("clients")
    with KuboDaemon(folder) as kubo, Peer(folder / "peer", ipfs="kubo").init() as peer:
        peer.edit(lambda c: (c["ipfs_connector"]["ipfshttp"].update(node_multiaddress=kubo.api_multiaddr),
                             c["api"]["ipfsproxy"].update(node_multiaddress=kubo.api_multiaddr)))
        yield peer.start()
