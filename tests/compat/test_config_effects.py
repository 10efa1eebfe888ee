"""config.md: what keys of service.json and their variables do. What a value is checked for: test_config.py."""
import http.client
import socket

import pytest
from asking import ask
from peer import Peer
from rest import CID, get, post
from test_config import section

# Another value than the default for each key that is used.
LISTENER = {"read_timeout": "1m0s", "read_header_timeout": "2s", "write_timeout": "3m0s", "idle_timeout": "4m0s",
            "max_header_bytes": 5000}
API = {**LISTENER, "ssl_cert_file": "a.crt", "ssl_key_file": "a.key", "basic_auth_credentials": {"a": "b"},
       "http_log_file": "access.log", "headers": {"X-A": ["b"]},
       "cors_allowed_origins": ["http://a", "http://b"], "cors_allowed_methods": ["PUT"], "cors_allowed_headers": ["X-B"],
       "cors_exposed_headers": ["X-C"], "cors_allow_credentials": False, "cors_max_age": "1h0m0s"}
ID = "12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M"
OTHER = {
    "cluster": {"peername": "named", "secret": "cd" * 32, "leave_on_shutdown": True,
                "listen_multiaddress": "/ip4/127.0.0.1/tcp/9196",
                "announce_multiaddress": ["/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/tcp/2"],
                "no_announce_multiaddress": "/ip4/10.0.0.0/ipcidr/8", "dial_peer_timeout": "4s", "pin_recover_interval": "1h0m0s",
                "replication_factor_min": 2, "replication_factor_max": 3, "monitor_ping_interval": "3s",
                "disable_repinning": True, "follower_mode": True, "peerstore_file": "known",
                "peer_addresses": f"/ip4/1.2.3.4/tcp/9096/p2p/{ID}"},
    "consensus.raft": {"data_folder": "log", "init_peerset": [ID], "wait_for_leader_timeout": "7s", "backups_rotate": 2,
                       "election_timeout": "2s"},
    "api.restapi": {**API, "http_listen_multiaddress": "/ip4/127.0.0.1/tcp/9194"},
    "api.pinsvcapi": {**API, "http_listen_multiaddress": ["/ip4/127.0.0.1/tcp/9197", "/ip4/127.0.0.1/tcp/9198"]},
    "api.ipfsproxy": {**LISTENER, "listen_multiaddress": "/ip4/127.0.0.1/tcp/9195",
                      "node_multiaddress": "/ip4/127.0.0.1/tcp/5101", "node_https": True, "log_file": "proxy.log", "extract_headers_extra": ["X-A", "X-B"],
                      "extract_headers_path": "/api/v0/id", "extract_headers_ttl": "1m0s"},
    "ipfs_connector.ipfshttp": {"node_multiaddress": "/unix/run/kubo.sock", "connect_swarms_delay": "1s",
                                "ipfs_request_timeout": "1m0s", "pin_timeout": "1m1s", "unpin_timeout": "1h0m0s",
                                "repogc_timeout": "2h0m0s", "unpin_disable": True},
    "pin_tracker.stateless": {"concurrent_pins": 3, "priority_pin_max_age": "1h0m0s", "priority_pin_max_retries": 2},
    "allocator.balanced": {"allocate_by": ["tag:zone", "reposize"]},
    "informer.disk": {"metric_ttl": "11s", "metric_type": "reposize"},
    "informer.tags": {"metric_ttl": "12s", "tags": {"rack": "1", "zone": "http://a"}},  # Go: no colon in values
    "informer.pinqueue": {"metric_ttl": "13s", "weight_bucket_size": 7},
    "observations.metrics": {"enable_stats": True, "prometheus_endpoint": "/ip4/127.0.0.1/tcp/8889"},
}


def as_variable(value):
    if isinstance(value, list):
        return ",".join(value)
    if isinstance(value, dict):
        return ",".join(f"{key}:{as_variable(one)}" for key, one in value.items())
    return str(value)


@pytest.fixture(scope="module")
def of_variables(tmp_path_factory):
    """What init writes when each key has its variable: the prefix of its section, then the key without underscores."""
    env = {}
    for path, keys in OTHER.items():
        prefix = "CLUSTER_" + (path.split(".")[1].upper() + "_" if "." in path else "")
        env.update({prefix + key.replace("_", "").upper(): as_variable(value) for key, value in keys.items()})
    peer = Peer(tmp_path_factory.mktemp("variables") / "peer", env=env)
    said = peer.service("init", "--ipfs", "kubo").stderr
    assert "unknown" not in said and "no effect" not in said
    return peer.config


@pytest.mark.parametrize("path", [pytest.param(path, id=f"config-4-each-key-of-{path}") for path in OTHER])
def test_every_key_has_its_variable(of_variables, path):
    written = section(of_variables, path)
    assert {key: written.get(key) for key in OTHER[path]} == OTHER[path]


def test_config_2_1_the_peer_has_the_hosts_name(tmp_path):
    peer = Peer(tmp_path / "peer")
    peer.service("init", "--ipfs", "kubo")
    assert peer.config["cluster"]["peername"] == socket.gethostname()


def test_config_2_3_folders(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: (c["consensus"]["raft"].update(data_folder="log"), c["cluster"].update(peerstore_file="known")))
    (peer.folder / "peerstore").unlink()
    peer.start()
    peer.stop()
    assert (peer.folder / "log").is_dir() and (peer.folder / "known").is_file()
    assert not (peer.folder / "raft").exists() and not (peer.folder / "peerstore").exists()


def test_config_2_4_an_empty_listener_is_none(new_peer):
    """G7"""
    peer = new_peer(start=False)
    peer.edit(lambda c: (c["api"]["pinsvcapi"].update(http_listen_multiaddress=""),
                         c["api"]["ipfsproxy"].update(listen_multiaddress=[])))
    peer.start()
    assert "gateway: /ip4/" in peer.log
    assert "pinning service: " not in peer.log and "IPFS proxy: " not in peer.log


@pytest.mark.parametrize("api", [pytest.param(api, id=f"config-2.4-certificate-of-{api}") for api in ("restapi", "pinsvcapi")])
def test_a_certificate_that_cannot_be_loaded_ends_it(new_peer, api):
    peer = new_peer(start=False)
    peer.edit(lambda c: c["api"][api].update(ssl_cert_file="none.crt", ssl_key_file="none.key"))
    done = peer.service("daemon", check=False, timeout=60)
    assert done.returncode == 1 and "none.crt" in done.stdout + done.stderr


def test_config_2_5_log_file(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: c["api"]["ipfsproxy"].update(log_file="proxy.log"))
    peer.start()
    assert ask(peer.proxy, "POST", "/api/v0/pin/ls").status == 200
    peer.stop()
    assert '"POST /api/v0/pin/ls HTTP/1.1" 200' in (peer.folder / "proxy.log").read_text()
    assert "/api/v0/pin/ls HTTP" not in peer.log


def test_config_2_10_metrics_are_valid_for_so_long(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: (c["cluster"].update(monitor_ping_interval="3s"), c["informer"]["disk"].update(metric_ttl="5s"),
                         c["informer"]["tags"].update(metric_ttl="7s"), c["informer"]["pinqueue"].update(metric_ttl="9s")))
    peer.start()
    seconds = {}
    for name in peer.json("GET", "/monitor/metrics")[1]:
        (metric,) = peer.json("GET", f"/monitor/metrics/{name}")[1]
        seconds[name] = (metric["expire"] - metric["received_at"]) / 1e9
    assert seconds == {"freespace": 5, "reposize": 5, "numpin": 5, "tag:group": 7, "pinqueue": 9, "ping": 6}


SERIES = ("ipfscluster_pins", "ipfscluster_pins_pin_queued", "ipfscluster_pins_pinning", "ipfscluster_pins_pin_error",
          "ipfscluster_pins_ipfs_pins", "ipfscluster_pins_pin_add", "ipfscluster_pins_pin_add_errors", "ipfscluster_blocks_put",
          "ipfscluster_blocks_put_errors", "ipfscluster_blocks_added", "ipfscluster_blocks_added_size", "ipfscluster_informer_disk")


def test_config_2_11_figures(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: c["observations"]["metrics"].update(enable_stats=True))
    peer.start()
    endpoint = peer._http(peer.config["observations"]["metrics"]["prometheus_endpoint"])
    names = {line.split(" ")[0].split("{")[0] for line in ask(endpoint, "GET", "/metrics").body.decode().splitlines()}
    assert set(SERIES) <= names and {name for name in names if name.startswith("process_")}
    # What shows the inside of a Go program is not there.
    for path in ("/debug/vars", "/debug/pprof/", "/debug/rpcz", "/debug/tracez"):
        assert ask(endpoint, "GET", path).status == 404


def test_config_2_11_no_figures_by_default(shared_peer):
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(shared_peer._http(shared_peer.config["observations"]["metrics"]["prometheus_endpoint"]), "GET", "/metrics")


def test_config_2_9_an_empty_allocate_by_is_the_default(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: c["allocator"]["balanced"].update(allocate_by=[]))
    peer.start()
    (reason,) = [one["reason"] for one in post(peer, f"/pins/{CID}?dry-run=true&replication=1").json["peers"]]
    assert "tag:group=default" in reason and "freespace=" in reason


def test_config_2_3_an_empty_data_folder_is_the_default(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: c["consensus"]["raft"].update(data_folder=""))
    peer.start()
    assert (peer.folder / "raft").is_dir() and not (peer.folder / "CURRENT").exists()


def test_config_2_1_an_empty_peername_is_the_default(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: c["cluster"].update(peername=""))
    peer.start()
    assert get(peer, "/id").json["peername"]


def test_config_check_knows_users_and_the_proxys_passwords(tmp_path):
    peer = Peer(tmp_path / "peer")
    peer.service("init", "--ipfs", "kubo")
    anywhere = "/ip4/0.0.0.0/tcp/1234"
    peer.edit(lambda c: (c["api"]["restapi"].update(http_listen_multiaddress=anywhere, users={"a": {"password": "x", "role": "admin"}}),
                         c["api"]["ipfsproxy"].update(listen_multiaddress=anywhere, basic_auth_credentials={"a": "b"})))
    said = peer.service("config", "check").stdout
    assert "without basic_auth_credentials" not in said and "knows no passwords" not in said
