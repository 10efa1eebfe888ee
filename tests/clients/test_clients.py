"""Programs of other projects that talk to a cluster, as their package managers install them, each through its own types.

docs/clients.md says what works with which.
"""
import base64
import json
import subprocess
import urllib.parse
import urllib.request

import installed
import pytest
from content import add_bytes, random_bytes
from peer import as_list

EMPTY_FOLDER = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
NOBODY_HAS = "bafkreiemqpndzewx4bioklzfvhtiegsfny5fxuc3nkjk2vmcpjxiammsti"
REST_CLIENTS = {"ipfs-cluster-api": installed.node, "nftstorage-ipfs-cluster": installed.node,
                "asyncipfscluster": installed.python}
PROXY_CLIENTS = {"kubo-rpc-client": installed.node, "go-ipfs-api": installed.go}


def a_car(peer, label):
    """A CAR of a file that no peer has (any more)."""
    cid = add_bytes(peer, random_bytes(5000, label), query="cid-version=1&chunker=size-1000")["cid"]
    with urllib.request.urlopen(f"{peer.gateway}/ipfs/{cid}?format=car") as answer:
        data = answer.read()
    peer.json("DELETE", f"/pins/{cid}")
    return {"cid": cid, "base64": base64.b64encode(data).decode()}


def setting_of(peers):
    """What a client's program is told."""
    peer = peers[0]
    url = urllib.parse.urlsplit(peer.api)
    pinning = peer._http(as_list(peer.config["api"]["pinsvcapi"]["http_listen_multiaddress"])[0])
    return {
        "api": {"href": peer.api, "hostname": url.hostname, "port": url.port}, "proxy": peer.proxy, "pinning": pinning,
        "ids": [p.id for p in peers], "names": [peer.json("GET", "/id")[1]["peername"] for peer in peers],
        "missing": NOBODY_HAS, "empty": EMPTY_FOLDER, "kubo": peer.ipfs == "kubo",
        "origin": f"/ip4/127.0.0.1/tcp/4001/p2p/{peer.id}"}


def run(command, setting):
    done = subprocess.run([*command, json.dumps(setting)], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 0 and done.stdout.endswith("all passed\n"), done.stdout + done.stderr


@pytest.mark.parametrize("client", REST_CLIENTS)
def test_one_peer(one_peer, client):
    run(REST_CLIENTS[client](client), {**setting_of([one_peer]), "car": a_car(one_peer, client)})


@pytest.mark.parametrize("client", REST_CLIENTS)
def test_three_peers(three_peers, client):
    run(REST_CLIENTS[client](client), {**setting_of(three_peers), "car": a_car(three_peers[1], client)})


@pytest.mark.parametrize("client", PROXY_CLIENTS)
def test_the_proxy_over_the_embedded_node(one_peer, client):
    run(PROXY_CLIENTS[client](client), setting_of([one_peer]))


@pytest.mark.parametrize("client", PROXY_CLIENTS)
def test_the_proxy_over_a_kubo(kubo_peer, client):
    run(PROXY_CLIENTS[client](client), setting_of([kubo_peer]))
