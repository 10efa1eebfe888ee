"""Fixtures of tests/e2e and tests/compat."""
import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS.parent / "tools"), str(TESTS / "kubo"), str(TESTS / "e2e")]
from peer import Cluster, Peer, make_cluster  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--faults", action="store_true", help="long fault runs too")


def pytest_configure(config):
    config.addinivalue_line("markers", "faults: long fault runs (./dev test --all)")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--faults"):
        return
    for item in items:
        if item.get_closest_marker("faults"):
            item.add_marker(pytest.mark.skip(reason="long fault run: ./dev test --all"))


@pytest.fixture
def new_peer(tmp_path):
    """A function that makes peers in this test's folder; they are stopped when it ends."""
    peers = []

    def make(name="peer", start=True, **kwargs):
        peer = Peer(tmp_path / name, **kwargs).init()
        peers.append(peer)
        return peer.start() if start else peer

    yield make
    for peer in peers:
        if peer.process and peer.process.poll() is None:
            peer.kill()


@pytest.fixture(scope="module")
def kubo(tmp_path_factory):
    """A real Kubo daemon (tests/kubo)."""
    from daemon import KuboDaemon, build

    why = build()
    if why:
        pytest.skip(why)
    with KuboDaemon(tmp_path_factory.mktemp("kubo")) as daemon:
        yield daemon


@pytest.fixture
def peer(new_peer):
    """A running peer with its embedded node."""
    return new_peer()


@pytest.fixture(scope="module")
def shared_peer(tmp_path_factory):
    """One peer for the tests of a module that leave it as it was."""
    with Peer(tmp_path_factory.mktemp("shared") / "peer").init() as peer:
        yield peer.start()


@pytest.fixture
def new_cluster(tmp_path, request):
    """A function that makes clusters (count, change=None) in this test's folder; all are killed when it ends."""
    clusters = []

    def make(count, change=None):
        cluster = Cluster(tmp_path / f"cluster{len(clusters)}", change)
        cluster.folder.mkdir()
        clusters.append(cluster)
        if count:
            cluster.grow(count)
        return cluster

    yield make
    for cluster in clusters:
        cluster.__exit__()


@pytest.fixture(scope="module")
def three_peers(tmp_path_factory):
    """A cluster of three with copies on all, for the tests of a module that leave it as it was."""
    with make_cluster(tmp_path_factory.mktemp("three"), 3) as cluster:
        yield cluster
