"""What tests of several references share; the peers are those of tests/conftest.py."""
import http.server
import json
import pathlib
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from content import add_bytes  # noqa: E402
from peer import Peer  # noqa: E402
from rest import CID, add  # noqa: E402
from scripted_kubo import ScriptedKubo  # noqa: E402
from typed import TYPED  # noqa: E402


@pytest.fixture(scope="module")
def typed_peer(tmp_path_factory):
    """A running peer whose pinset is TYPED; its tests leave it so."""
    folder = tmp_path_factory.mktemp("typed")
    with Peer(folder / "peer").init() as peer:
        (folder / "state").write_text("".join(json.dumps(pin) + "\n" for pin in TYPED.values()))
        peer.service("state", "import", "--force", str(folder / "state"))
        yield peer.start()


@pytest.fixture(scope="module")
def follower(tmp_path_factory):
    """A running peer with follower_mode."""
    with Peer(tmp_path_factory.mktemp("follower") / "peer").init() as peer:
        peer.edit(lambda c: c["cluster"].update(follower_mode=True))
        yield peer.start()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A running peer whose REST API and pinning service have the user ann, and no lists for CORS."""
    def change(config):
        for section in (config["api"]["restapi"], config["api"]["pinsvcapi"]):
            for key in [key for key in section if key.startswith("cors_")]:
                del section[key]
            section.update(basic_auth_credentials={"ann": "secret"})
        config["api"]["pinsvcapi"].update(http_log_file="pinning.log", headers={"X-Own": ["one"]})

    with Peer(tmp_path_factory.mktemp("guarded") / "peer").init() as peer:
        peer.edit(change)
        (peer.folder / "pinning.log").write_text("what was there\n")
        yield peer.start()


@pytest.fixture
def unpin(shared_peer):
    """Afterwards nothing is pinned."""
    yield
    for pin in shared_peer.lines("GET", "/allocations"):
        shared_peer.json("DELETE", f"/pins/{pin['cid']}")


@pytest.fixture(scope="module")
def one_failing(tmp_path_factory):
    """A peer with a pin that is there and one that nobody has."""
    with Peer(tmp_path_factory.mktemp("failing") / "peer").init() as peer:
        peer.start()
        peer.wait_status(add(peer).objects[-1]["cid"])
        peer.json("POST", f"/pins/{CID}")
        peer.wait_status(CID, "pin_error")
        yield peer


@pytest.fixture
def pinned(shared_peer):
    """A CID with content, pinned as "docs" on the one peer."""
    cid = add_bytes(shared_peer, b"docs of compat", query="name=docs")["cid"]
    shared_peer.wait_status(cid)
    yield cid
    shared_peer.request("DELETE", f"/pins/{cid}")


@pytest.fixture
def here(shared_peer):
    """A CID with content that is not pinned."""
    cid = add_bytes(shared_peer, b"here of compat", query="no-pin=true")["cid"]
    yield cid
    shared_peer.request("DELETE", f"/pins/{cid}")


@pytest.fixture
def scripted_kubo():
    with ScriptedKubo() as kubo:
        yield kubo


@pytest.fixture
def serve():
    """A function that answers with a handler and returns the host."""
    servers = []

    def start(handler):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append((server, threading.Thread(target=server.serve_forever)))
        servers[-1][1].start()
        return f"/ip4/127.0.0.1/tcp/{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()
