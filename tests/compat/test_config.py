"""config.md: service.json, identity.json and CLUSTER_* variables. README.md lists the rows that src/config's tests prove."""
import http.server
import json
import re
import stat
import threading

import pytest
from peer import Peer, free_port

DEFAULTS = {
    "cluster": {"leave_on_shutdown": False, "listen_multiaddress": "/ip4/0.0.0.0/tcp/9096", "announce_multiaddress": [],
                "no_announce_multiaddress": [], "dial_peer_timeout": "3s", "pin_recover_interval": "12m0s",
                "replication_factor_min": -1, "replication_factor_max": -1, "monitor_ping_interval": "15s", "peer_addresses": []},
    "consensus.raft": {"init_peerset": [], "backups_rotate": 6},
    "api.restapi": {"http_listen_multiaddress": "/ip4/127.0.0.1/tcp/9094", "read_timeout": "0s", "read_header_timeout": "5s",
                    "write_timeout": "0s", "idle_timeout": "2m0s", "max_header_bytes": 4096, "basic_auth_credentials": None,
                    "http_log_file": "", "headers": {}, "cors_allowed_origins": ["*"], "cors_allowed_methods": ["GET"],
                    "cors_allowed_headers": [],
                    "cors_exposed_headers": ["Content-Type", "X-Stream-Output", "X-Chunked-Output", "X-Content-Length"],
                    "cors_allow_credentials": True, "cors_max_age": "0s"},
    "api.ipfsproxy": {"listen_multiaddress": "/ip4/127.0.0.1/tcp/9095", "node_multiaddress": "/ip4/127.0.0.1/tcp/5001", "log_file": "",
                      "read_timeout": "0s", "read_header_timeout": "5s", "write_timeout": "0s", "idle_timeout": "1m0s",
                      "max_header_bytes": 4096},
    "ipfs_connector.ipfshttp": {"node_multiaddress": "/ip4/127.0.0.1/tcp/5001", "connect_swarms_delay": "30s",
                                "ipfs_request_timeout": "5m0s", "pin_timeout": "2m0s", "unpin_timeout": "3h0m0s",
                                "repogc_timeout": "24h0m0s"},
    "pin_tracker.stateless": {"concurrent_pins": 10, "priority_pin_max_age": "24h0m0s", "priority_pin_max_retries": 5},
    "monitor.pubsubmon": {},
    "allocator.balanced": {"allocate_by": ["tag:group", "freespace"]},
    "informer.disk": {"metric_ttl": "30s", "metric_type": "freespace"},
    "informer.tags": {"metric_ttl": "30s", "tags": {"group": "default"}},
    "informer.pinqueue": {"metric_ttl": "30s", "weight_bucket_size": 100000},
    "observations.metrics": {"enable_stats": False, "prometheus_endpoint": "/ip4/127.0.0.1/tcp/8888"},
}
DEFAULTS["api.pinsvcapi"] = {**DEFAULTS["api.restapi"], "http_listen_multiaddress": "/ip4/127.0.0.1/tcp/9097"}
# What init writes otherwise than Go.
OTHERWISE = {
    "cluster": {"disable_repinning": False},  # Go: true
    "consensus.raft": {"wait_for_leader_timeout": "30s", "election_timeout": "500ms"},  # Go: 15s, 1s
}

# A whole configuration as Go 1.1 writes it for raft: every key.
GO_RAFT = {
    "cluster": {
        "peername": "go", "secret": "ab" * 32, "leave_on_shutdown": False,
        "listen_multiaddress": ["/ip4/0.0.0.0/tcp/9096", "/ip4/0.0.0.0/udp/9096/quic"], "announce_multiaddress": [],
        "no_announce_multiaddress": [], "enable_relay_hop": True,
        "connection_manager": {"high_water": 400, "low_water": 100, "grace_period": "2m0s"},
        "resource_manager": {"enabled": True, "memory_limit_bytes": 0, "file_descriptors_limit": 0},
        "pubsub": {"seen_messages_ttl": "30m0s", "heartbeat_interval": "10s", "d_factor": 4, "history_gossip": 2, "history_length": 6,
                   "flood_publish": False},
        "dial_peer_timeout": "3s", "state_sync_interval": "5m0s", "pin_recover_interval": "12m0s", "replication_factor_min": -1,
        "replication_factor_max": -1, "monitor_ping_interval": "15s", "peer_watch_interval": "5s", "mdns_interval": "10s",
        "pin_only_on_trusted_peers": False, "pin_only_on_untrusted_peers": False, "disable_repinning": True, "peer_addresses": []},
    "consensus": {"raft": {
        "init_peerset": [], "wait_for_leader_timeout": "15s", "network_timeout": "10s", "commit_retries": 1,
        "commit_retry_delay": "200ms", "backups_rotate": 6, "heartbeat_timeout": "1s", "election_timeout": "1s", "commit_timeout": "50ms",
        "max_append_entries": 64, "trailing_logs": 10240, "snapshot_interval": "2m0s", "snapshot_threshold": 8192,
        "leader_lease_timeout": "500ms"}},
    "api": {"ipfsproxy": DEFAULTS["api.ipfsproxy"], "pinsvcapi": DEFAULTS["api.pinsvcapi"], "restapi": DEFAULTS["api.restapi"]},
    "ipfs_connector": {"ipfshttp": {**DEFAULTS["ipfs_connector.ipfshttp"], "informer_trigger_interval": 0}},
    "pin_tracker": {"stateless": DEFAULTS["pin_tracker.stateless"]},
    "monitor": {"pubsubmon": {"check_interval": "15s"}},
    "allocator": {"balanced": DEFAULTS["allocator.balanced"]},
    "informer": {"disk": DEFAULTS["informer.disk"], "pinqueue": DEFAULTS["informer.pinqueue"], "tags": DEFAULTS["informer.tags"]},
    "observations": {"metrics": {"enable_stats": False, "prometheus_endpoint": "/ip4/127.0.0.1/tcp/8888", "reporting_interval": "30s"},
                     "tracing": {"enable_tracing": False, "jaeger_agent_endpoint": "/ip4/0.0.0.0/udp/6831", "sampling_prob": 0.3,
                                 "service_name": "cluster-daemon"}},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder that init made for a Kubo, without random ports."""
    peer = Peer(tmp_path_factory.mktemp("config") / "peer")
    peer.service("init", "--ipfs", "kubo")
    return peer


def section(config, path):
    for name in path.split("."):
        config = config[name]
    return config


@pytest.fixture
def checked(tmp_path):
    """A function: what `config check` says about a configuration, changed by `change` (path: value or None = without)."""

    def check(change=None, env=None, config=GO_RAFT):
        peer = Peer(tmp_path / "checked", env=env)
        if not peer.folder.exists():
            Peer(peer.folder).service("init", "--ipfs", "embedded")
        config = json.loads(json.dumps(config))
        for path, value in (change or {}).items():
            *parents, key = path.split(".")
            at = section(config, ".".join(parents)) if parents else config
            at.pop(key, None)
            if value is not None:
                at[key] = value
        (peer.folder / "service.json").write_text(json.dumps(config))
        done = peer.service("config", "check", check=False)
        return done.returncode, done.stdout + done.stderr

    return check


# --- 1: the file


def test_config_1_form(made):
    text = (made.folder / "service.json").read_text()
    assert text == json.dumps(made.config, indent=2) + "\n"
    assert stat.S_IMODE((made.folder / "service.json").stat().st_mode) == 0o600
    order = ["cluster", "consensus", "api", "ipfs_connector", "pin_tracker", "monitor", "allocator", "informer", "observations"]
    assert list(made.config) == order
    for name in order[1:]:
        assert list(made.config[name]) == sorted(made.config[name])


@pytest.mark.parametrize("path", [pytest.param(path, id=f"config-2-{path}") for path in DEFAULTS])
def test_defaults(made, path):
    written = section(made.config, path)
    assert {key: written.get(key, "missing") for key in DEFAULTS[path]} == DEFAULTS[path]
    assert {key: written[key] for key in OTHERWISE.get(path, {})} == OTHERWISE.get(path, {})
    assert set(written) - set(DEFAULTS[path]) - set(OTHERWISE.get(path, {})) - {"peername", "secret"} == set()


def test_config_2_1_secret(made, tmp_path):
    assert re.fullmatch("[0-9a-f]{64}", made.config["cluster"]["secret"])
    other = Peer(tmp_path / "other")
    other.service("init", "--ipfs", "kubo")
    assert other.config["cluster"]["secret"] != made.config["cluster"]["secret"]


def test_config_1_gos_file_is_read_as_it_is(checked):
    """Every key of a Go peer with raft, without a word about any but what is dangerous in it."""
    code, said = checked()
    assert code == 0, said
    assert "unknown" not in said and "no effect" not in said, said


@pytest.mark.parametrize("change,said", [
    pytest.param({"cluster.peername": 5}, "cluster.peername: expected a text", id="config-2.1-peername"),
    pytest.param({"cluster.secret": "abcd"}, "cluster.secret: a secret has 32 bytes", id="config-2.1-secret"),
    pytest.param({"cluster.secret": "xy" * 32}, "cluster.secret: ", id="config-2.1-secret-hex"),
    pytest.param({"cluster.listen_multiaddress": []}, "cluster.listen_multiaddress is undefined", id="config-2.1-listen"),
    pytest.param({"cluster.replication_factor_min": 3, "cluster.replication_factor_max": 2},
                 "cluster.replication_factor_min is larger than max", id="config-2.1-factors"),
    pytest.param({"cluster.replication_factor_min": -1, "cluster.replication_factor_max": 2},
                 "cluster.replication_factor_min and max must be -1 when one of them is", id="config-2.1-factors-one"),
    pytest.param({"cluster.replication_factor_min": -2, "cluster.replication_factor_max": 2}, "cluster.replication_factor_min: too low",
                 id="config-2.1-factors-wrong"),
    pytest.param({"cluster.replication_factor_min": 2}, "cluster.replication_factor_min is larger than max", id="config-2.1-factors-min-only"),
    pytest.param({"cluster.replication_factor_min": -2, "cluster.replication_factor_max": -2}, "cluster.replication_factor_min: too low",
                 id="config-2.1-factors-both-wrong"),
    pytest.param({"cluster.replication_factor_max": -2}, "cluster.replication_factor_max: too low", id="config-2.1-factors-max-wrong"),
    pytest.param({"cluster.announce_multiaddress": "x"}, "cluster.announce_multiaddress: ", id="config-2.1-announce"),
    pytest.param({"cluster.no_announce_multiaddress": ["x"]}, "cluster.no_announce_multiaddress: ", id="config-2.1-no-announce"),
    pytest.param({"cluster.peerstore_file": "a/b"}, "cluster.peerstore_file must be a file name", id="config-2.1-peerstore"),
    pytest.param({"cluster.pin_recover_interval": "0s"}, "cluster.pin_recover_interval: too low", id="config-2.1-recover-0"),
    pytest.param({"cluster.dial_peer_timeout": "0s"}, "cluster.dial_peer_timeout: too low", id="config-2.1-dial"),
    pytest.param({"cluster.monitor_ping_interval": "-1s"}, "cluster.monitor_ping_interval: too low", id="config-2.1-ping"),
    pytest.param({"cluster.pin_recover_interval": "soon"}, "cluster.pin_recover_interval: ", id="config-2.1-recover"),
    pytest.param({"cluster.peer_addresses": ["/ip4/1.2.3.4/tcp/9096"]}, "cluster.peer_addresses", id="config-2.1-peer-addresses"),
    pytest.param({"consensus.raft": None}, "could not determine the consensus component", id="config-1-no-consensus"),
    pytest.param({"consensus.crdt": {}}, "could not determine the consensus component", id="config-1-two-consensus"),
    pytest.param({"consensus": {"crdt": {}}}, "ipfs-cluster-service migrate", id="config-2.2-crdt"),
    pytest.param({"cluster": None}, "there is no cluster section", id="config-1-no-cluster"),
    pytest.param({"informer": None}, "no informers are passed", id="config-1-no-informer"),
    pytest.param({"consensus.raft.wait_for_leader_timeout": "0s"}, "raft.wait_for_leader_timeout: too low", id="config-2.3-leader"),
    pytest.param({"consensus.raft.wait_for_leader_timeout": "x"}, "raft.wait_for_leader_timeout: invalid duration",
                 id="config-2.3-duration"),  # Go: a warning, and the default
    pytest.param({"consensus.raft.election_timeout": "0s"}, "raft.election_timeout: too low", id="config-2.3-election"),
    pytest.param({"consensus.raft.init_peerset": ["x"]}, "raft.init_peerset: ", id="config-2.3-init-peerset"),
    pytest.param({"consensus.raft.backups_rotate": 0}, "raft.backups_rotate: too low", id="config-2.3-backups"),
    pytest.param({"api.restapi.max_header_bytes": 100}, "restapi.max_header_bytes: too low: it must be at least 4096",
                 id="config-2.4-headers"),
    pytest.param({"api.restapi.basic_auth_credentials": {}}, "restapi.basic_auth_credentials", id="config-2.4-credentials"),
    pytest.param({"api.restapi.ssl_cert_file": "a.pem"}, "ssl_", id="config-2.4-cert-without-key"),
    pytest.param({"api.restapi.read_timeout": "-1s"}, "restapi.read_timeout: too low", id="config-2.4-read-timeout"),
    *[pytest.param({f"api.{api}.{key}": "-1s"}, f"{api}.{key}: too low", id=f"config-{number}-{api}-{key}")
      for number, api in (("2.4", "restapi"), ("2.4", "pinsvcapi"), ("2.5", "ipfsproxy"))
      for key in ("read_header_timeout", "write_timeout", "idle_timeout")],
    pytest.param({"api.restapi.ssl_key_file": "a.pem"}, "restapi.ssl_", id="config-2.4-key-without-cert"),
    pytest.param({"api.pinsvcapi.basic_auth_credentials": {}}, "pinsvcapi.basic_auth_credentials", id="config-2.4-pinsvcapi-credentials"),
    pytest.param({"api.restapi.cors_max_age": "-1s"}, "restapi.cors_max_age: too low", id="config-2.4-cors-max-age"),
    pytest.param({"api.pinsvcapi.max_header_bytes": 100}, "pinsvcapi.max_header_bytes", id="config-2.4-pinsvcapi"),
    pytest.param({"api.ipfsproxy.max_header_bytes": 100}, "ipfsproxy.max_header_bytes", id="config-2.5-headers"),
    pytest.param({"api.ipfsproxy.node_multiaddress": "x"}, "ipfsproxy.node_multiaddress", id="config-2.5-node"),
    pytest.param({"api.ipfsproxy.extract_headers_ttl": "-1s"}, "ipfsproxy.extract_headers_ttl: too low", id="config-2.5-headers-ttl"),
    pytest.param({"ipfs_connector.ipfshttp.node_multiaddress": "x"}, "ipfshttp.node_multiaddress", id="config-2.6-node"),
    pytest.param({"ipfs_connector.ipfshttp.connect_swarms_delay": "-1s"}, "ipfshttp.connect_swarms_delay: too low", id="config-2.6-swarms"),
    *[pytest.param({f"ipfs_connector.ipfshttp.{key}": "-1s"}, f"ipfshttp.{key}: too low", id=f"config-2.6-{key}")
      for key in ("ipfs_request_timeout", "pin_timeout", "unpin_timeout", "repogc_timeout")],
    pytest.param({"ipfs_connector.ipfshttp.pin_timeout": "x"}, "ipfshttp.pin_timeout", id="config-2.6-pin-timeout"),
    pytest.param({"pin_tracker.stateless.concurrent_pins": 0}, "stateless.concurrent_pins: too low", id="config-2.7-concurrent"),
    pytest.param({"pin_tracker.stateless.priority_pin_max_retries": 0}, "stateless.priority_pin_max_retries: too low",
                 id="config-2.7-retries"),
    pytest.param({"pin_tracker.stateless.priority_pin_max_age": "-1s"}, "stateless.priority_pin_max_age: too low", id="config-2.7-age"),
    pytest.param({"informer.disk.metric_ttl": "0s"}, "disk.metric_ttl: too low", id="config-2.10-disk-ttl"),
    pytest.param({"informer.disk.metric_type": "x"}, "disk.metric_type", id="config-2.10-disk-type"),
    pytest.param({"informer.tags.metric_ttl": "0s"}, "tags.metric_ttl: too low", id="config-2.10-tags-ttl"),
    pytest.param({"informer.tags.tags": {"a": 1}}, "tags.tags: a: expected a text", id="config-2.10-tags"),
    pytest.param({"informer.pinqueue.metric_ttl": "x"}, "pinqueue.metric_ttl", id="config-2.10-pinqueue-ttl"),
    pytest.param({"informer.pinqueue.weight_bucket_size": -1}, "pinqueue.weight_bucket_size: too low", id="config-2.10-pinqueue-bucket"),
    pytest.param({"informer": {"numpin": {}}}, "no informers are passed", id="config-2.10-numpin-alone"),
    pytest.param({"observations.metrics.prometheus_endpoint": "x"}, "metrics.prometheus_endpoint", id="config-2.11-endpoint"),
])
def test_what_is_wrong_is_said(checked, change, said):
    code, text = checked(change)
    assert code == 1 and said in text, text


# Keys whose absence is an error in Go, or another value than the default that init writes.
@pytest.mark.parametrize("path", [pytest.param(path, id=f"config-missing-{path}") for path in (
    "cluster.listen_multiaddress", "cluster.secret", "cluster.peername", "cluster.disable_repinning", "cluster.replication_factor_min",
    "ipfs_connector.ipfshttp.node_multiaddress", "informer.disk.metric_ttl", "informer.disk.metric_type", "informer.tags.metric_ttl",
    "informer.pinqueue.metric_ttl", "monitor.pubsubmon.check_interval", "observations.metrics.prometheus_endpoint",
    "observations.tracing.jaeger_agent_endpoint", "consensus.raft.commit_retries", "api.restapi.max_header_bytes",
    "api.restapi.http_listen_multiaddress", "allocator")])
def test_missing_keys_are_defaults(checked, path):
    """G1: in Go some of these are errors."""
    code, text = checked({path: None})
    assert code == 0, text


@pytest.mark.parametrize("change,said", [
    pytest.param({"cluster.replication_factor_mim": 2}, 'unknown key "cluster.replication_factor_mim" is ignored: did you mean '
                 '"replication_factor_min"?', id="config-1-unknown-key"),
    pytest.param({"informer.nonsense": {}}, "unknown section", id="config-1-unknown-section"),
    pytest.param({"cluster.pubsub": {"d_factor": 9}}, "cluster.pubsub.d_factor has no effect", id="config-2.1-pubsub"),
    pytest.param({"cluster.state_sync_interval": "1m"}, "cluster.state_sync_interval has no effect", id="config-2.1-state-sync"),
    pytest.param({"cluster.pin_only_on_trusted_peers": True}, "cluster.pin_only_on_trusted_peers has no effect", id="config-2.1-trusted"),
    pytest.param({"consensus.raft.snapshot_interval": "1m"}, "consensus.raft.snapshot_interval has no effect", id="config-2.3-pace"),
    pytest.param({"api.restapi.libp2p_listen_multiaddress": "/ip4/127.0.0.1/tcp/9999"}, "libp2p_listen_multiaddress has no effect",
                 id="config-2.4-libp2p"),
    pytest.param({"pin_tracker.stateless.max_pin_queue_size": 5}, "max_pin_queue_size has no effect", id="config-2.7-queue"),
    pytest.param({"monitor.pubsubmon.check_interval": "1s"}, "check_interval has no effect", id="config-2.8-check"),
    pytest.param({"observations.tracing.enable_tracing": True}, "tracing is not offered", id="config-2.11-tracing"),
    pytest.param({"datastore": {"pebble": {"pebble_options": {"cache_size_bytes": 1}}}}, "datastore", id="config-2.12-pebble"),
    *[pytest.param({"datastore": {name: {}}}, f"the section datastore.{name} has no effect", id=f"config-2.12-{name}")
      for name in ("badger3", "badger", "leveldb")],
    pytest.param({"monitor.monbasic": {}}, "the section monitor.monbasic has no effect", id="config-1-monbasic"),
    pytest.param({"informer.numpin": {"metric_ttl": "10s"}}, "the section informer.numpin has no effect", id="config-2.10-numpin"),
])
def test_what_is_not_used_is_said(checked, change, said):
    """G6: Go ignores it in silence."""
    code, text = checked(change)
    assert code == 0 and said in text, text


@pytest.mark.parametrize("path,value", [pytest.param(path, value, id=f"config-{number}-{path}") for number, path, value in (
    ("2.1", "cluster.connection_manager.high_water", 1), ("2.1", "cluster.connection_manager.low_water", 1),
    ("2.1", "cluster.connection_manager.grace_period", "1s"), ("2.1", "cluster.resource_manager.enabled", False),
    ("2.1", "cluster.resource_manager.memory_limit_bytes", 1), ("2.1", "cluster.resource_manager.file_descriptors_limit", 1),
    ("2.1", "cluster.pubsub.seen_messages_ttl", "1s"), ("2.1", "cluster.pubsub.heartbeat_interval", "1s"),
    ("2.1", "cluster.pubsub.history_gossip", 1), ("2.1", "cluster.pubsub.history_length", 1),
    ("2.1", "cluster.pubsub.flood_publish", True), ("2.1", "cluster.peer_watch_interval", "1s"),
    ("2.1", "cluster.pin_only_on_untrusted_peers", True), ("2.3", "consensus.raft.network_timeout", "1s"),
    ("2.3", "consensus.raft.commit_retries", 2), ("2.3", "consensus.raft.commit_retry_delay", "1s"),
    ("2.3", "consensus.raft.datastore_namespace", "/x"), ("2.3", "consensus.raft.heartbeat_timeout", "2s"),
    ("2.3", "consensus.raft.commit_timeout", "1s"), ("2.3", "consensus.raft.max_append_entries", 1),
    ("2.3", "consensus.raft.trailing_logs", 1), ("2.3", "consensus.raft.snapshot_threshold", 1),
    ("2.3", "consensus.raft.leader_lease_timeout", "1s"), ("2.4", "api.restapi.id", "x"), ("2.4", "api.restapi.private_key", "x"),
    ("2.4", "api.pinsvcapi.libp2p_listen_multiaddress", "/ip4/1.2.3.4/tcp/1"),
    ("2.6", "ipfs_connector.ipfshttp.informer_trigger_interval", 5))])
def test_keys_without_effect(checked, path, value):
    """G8"""
    code, text = checked({path: value})
    assert code == 0 and f"{path} has no effect: " in text, text


@pytest.mark.parametrize("change", [
    pytest.param({"cluster.enable_relay_hop": False, "cluster.mdns_interval": "0s", "cluster.id": "x", "cluster.private_key": "x",
                  "observations.metrics.reporting_interval": "2s", "observations.tracing.jaeger_agent_endpoint": "/ip4/1.2.3.4/udp/1",
                  "observations.tracing.sampling_prob": 1, "observations.tracing.service_name": "x"}, id="config-2-without-a-word"),
    pytest.param({"api.restapi.headers": {"X-A": "one"}, "api.restapi.cors_allowed_headers": "X-A"}, id="config-2.4-text-or-list"),
    pytest.param({"api.restapi.read_header_timeout": "0s", "api.restapi.idle_timeout": "0s"}, id="config-2.4-no-timeouts"),
    pytest.param({"api.ipfsproxy.extract_headers_ttl": "0s"}, id="config-2.5-headers-for-ever"),
    pytest.param({"ipfs_connector.ipfshttp.node_multiaddress": "/unix/run/kubo.sock"}, id="config-2.6-unix"),
    pytest.param({"ipfs_connector.ipfshttp.connect_swarms_delay": "0s"}, id="config-2.6-no-swarms"),
    pytest.param({"informer.pinqueue.weight_bucket_size": 0}, id="config-2.10-pinqueue-no-bucket"),
    *[pytest.param({name: None}, id=f"config-1-no-{name}") for name in ("pin_tracker", "monitor", "api", "ipfs_connector")],
    pytest.param({"cluster.listen_multiaddress": "/ip4/127.0.0.1/tcp/9096"}, id="config-1-string-or-array"),
    pytest.param({"cluster.dial_peer_timeout": ""}, id="config-1-empty-duration"),
    pytest.param({"cluster.dial_peer_timeout": "1h2m3s500ms"}, id="config-1-duration"),
    pytest.param({"cluster.replication_factor_min": 0, "cluster.replication_factor_max": 0}, id="config-2.1-factors-0"),
    pytest.param({"api.restapi.max_header_bytes": 0}, id="config-2.4-max-header-0"),
    pytest.param({"state": {}}, id="config-1-state"),
    pytest.param({"observations": None}, id="config-1-no-observations"),
])
def test_what_is_taken(checked, change):
    code, text = checked(change)
    assert code == 0 and "no effect" not in text, text


@pytest.mark.parametrize("text,said", [
    pytest.param("// mine\n{}", "syntax error at line 1", id="config-1-comment"),
    pytest.param("{} {}", "more after the end of the JSON value", id="config-1-two-values"),
    pytest.param("[]", "not a JSON object", id="config-1-no-object"),
])
def test_only_json(made, tmp_path, text, said):
    peer = Peer(tmp_path)
    (tmp_path / "service.json").write_text(text)
    done = peer.service("config", "check", check=False)
    assert done.returncode == 1 and said in done.stdout + done.stderr, done


# --- 3: the identity


def test_config_3_identity(made):
    path = made.folder / "identity.json"
    identity = json.loads(path.read_text())
    assert path.read_text() == json.dumps(identity, indent=4) + "\n" or path.read_text() == json.dumps(identity, indent=4)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(identity) == ["id", "private_key"]
    assert identity["id"].startswith("12D3KooW") and identity["private_key"].startswith("CAES")  # Ed25519


def test_config_3_an_id_of_another_key(new_peer, tmp_path):
    peer, other = new_peer(start=False), new_peer("other", start=False)
    identity = json.loads((peer.folder / "identity.json").read_text())
    (peer.folder / "identity.json").write_text(json.dumps({**identity, "id": other.id}))
    refused = peer.service("daemon", check=False)
    assert refused.returncode == 1 and "identity" in refused.stderr


# --- 4: the environment


@pytest.mark.parametrize("name,value,path,wanted", [
    pytest.param("CLUSTER_PEERNAME", "named", "cluster.peername", "named", id="config-4-peername"),
    pytest.param("CLUSTER_SECRET", "cd" * 32, "cluster.secret", "cd" * 32, id="config-4-secret"),
    pytest.param("CLUSTER_REPLICATIONFACTORMIN", "0x2", "cluster.replication_factor_min", 2, id="config-4-hexadecimal"),
    pytest.param("CLUSTER_REPLICATIONFACTORMAX", "010", "cluster.replication_factor_max", 8, id="config-4-octal"),
    pytest.param("CLUSTER_MONITORPINGINTERVAL", "3s", "cluster.monitor_ping_interval", "3s", id="config-4-duration"),
    pytest.param("CLUSTER_DISABLEREPINNING", "T", "cluster.disable_repinning", True, id="config-4-bool"),
    pytest.param("CLUSTER_FOLLOWERMODE", "1", "cluster.follower_mode", True, id="config-4-omitted-key"),
    pytest.param("CLUSTER_LISTENMULTIADDRESS", "/ip4/127.0.0.1/tcp/1,/ip4/127.0.0.1/tcp/2", "cluster.listen_multiaddress",
                 ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2"], id="config-4-list"),
    pytest.param("CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS", "/ip4/127.0.0.1/tcp/3", "api.restapi.http_listen_multiaddress",
                 "/ip4/127.0.0.1/tcp/3", id="config-4-restapi"),
    pytest.param("CLUSTER_RESTAPI_BASICAUTHCREDENTIALS", "a:b,c:d", "api.restapi.basic_auth_credentials", {"a": "b", "c": "d"},
                 id="config-4-map"),
    pytest.param("CLUSTER_RESTAPI_CORSALLOWEDORIGINS", "http://a,http://b", "api.restapi.cors_allowed_origins", ["http://a", "http://b"],
                 id="config-4-origins"),
    pytest.param("CLUSTER_IPFSHTTP_NODEMULTIADDRESS", "/dns4/kubo/tcp/5001", "ipfs_connector.ipfshttp.node_multiaddress",
                 "/dns4/kubo/tcp/5001", id="config-4-ipfshttp"),
    pytest.param("CLUSTER_IPFSHTTP_REPOGCTIMEOUT", "1h", "ipfs_connector.ipfshttp.repogc_timeout", "1h0m0s", id="config-4-repogc"),
    pytest.param("CLUSTER_IPFSPROXY_NODEMULTIADDRESS", "/dns4/kubo/tcp/5001", "api.ipfsproxy.node_multiaddress", "/dns4/kubo/tcp/5001",
                 id="config-4-ipfsproxy"),
    pytest.param("CLUSTER_IPFSPROXY_NODEHTTPS", "true", "api.ipfsproxy.node_https", True, id="config-4-node-https"),
    pytest.param("CLUSTER_BALANCED_ALLOCATEBY", "freespace", "allocator.balanced.allocate_by", ["freespace"], id="config-4-balanced"),
    pytest.param("CLUSTER_TAGS_TAGS", "zone:a,rack:1", "informer.tags.tags", {"rack": "1", "zone": "a"}, id="config-4-tags"),
    pytest.param("CLUSTER_RAFT_INITPEERSET", "", "consensus.raft.init_peerset", [], id="config-4-empty"),
])
def test_init_keeps_variables(tmp_path, name, value, path, wanted):
    """They are written by init as they count at each start."""
    peer = Peer(tmp_path / "peer", env={name: value})
    both = {"CLUSTER_REPLICATIONFACTORMIN": "CLUSTER_REPLICATIONFACTORMAX", "CLUSTER_REPLICATIONFACTORMAX": "CLUSTER_REPLICATIONFACTORMIN"}
    if name in both:
        peer.env[both[name]] = value
    peer.service("init", "--ipfs", "kubo")
    assert section(peer.config, path) == wanted


@pytest.mark.parametrize("env,code,said", [
    pytest.param({"CLUSTER_REPLICATIONFACTORMIN": "two"}, 1, 'CLUSTER_REPLICATIONFACTORMIN: "two" is not a whole number', id="config-4-number"),
    pytest.param({"CLUSTER_FOLLOWERMODE": "yes"}, 1, "CLUSTER_FOLLOWERMODE: ", id="config-4-not-a-bool"),
    pytest.param({"CLUSTER_DIALPEERTIMEOUT": "3"}, 1, "CLUSTER_DIALPEERTIMEOUT: ", id="config-4-not-a-duration"),
    pytest.param({"CLUSTER_MONITOR_PING_INTERVAL": "3s"}, 0, "unknown variable CLUSTER_MONITOR_PING_INTERVAL is ignored: did you mean "
                 "CLUSTER_MONITORPINGINTERVAL?", id="config-4-separators"),
    pytest.param({"CLUSTER_PEBBLE_PEBBLEOPTIONS_CACHESIZEBYTES": "1"}, 0, "CLUSTER_PEBBLE_PEBBLEOPTIONS_CACHESIZEBYTES has no",
                 id="config-4-without-effect"),
    pytest.param({"CLUSTER_PEERNAME": "x"}, 0, "", id="config-4-good"),
    pytest.param({"CLUSTER_REPLICATIONFACTORMIN": ""}, 1, "CLUSTER_REPLICATIONFACTORMIN: ", id="config-4-empty-number"),
    pytest.param({"CLUSTER_LISTENMULTIADDRESS": ""}, 1, "cluster.listen_multiaddress is undefined", id="config-4-empty-list"),
    pytest.param({"CLUSTER_SECRET": ""}, 0, "cluster.secret is empty", id="config-4-empty-text"),
    pytest.param({"CLUSTER_TAGS_TAGS": "zone"}, 1, "CLUSTER_TAGS_TAGS: ", id="config-4-no-map"),
    *[pytest.param({name: "1"}, 0, f"the variable {name} has no effect: ", id=f"config-4-{name}") for name in (
        "CLUSTER_CONNECTIONMANAGER_HIGHWATER", "CLUSTER_RESOURCEMANAGER_ENABLED", "CLUSTER_PUBSUB_DFACTOR", "CLUSTER_CRDT_TRUSTEDPEERS",
        "CLUSTER_CRDT_BATCHING_MAXBATCHSIZE", "CLUSTER_NUMPIN_METRICTTL", "CLUSTER_BADGER_BADGEROPTIONS_COMPACTL0ONCLOSE",
        "CLUSTER_BADGER3_GCINTERVAL", "CLUSTER_LEVELDB_LEVELDBOPTIONS_NOSYNC")],
])
def test_variables_that_are_wrong(checked, env, code, said):
    got, text = checked(env=env)
    assert got == code and said in text, text


# --- sections that are not there, and a remote source: whole peers


def test_config_1_what_has_no_section_does_not_start(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: (c["api"].pop("ipfsproxy"), c["api"].pop("pinsvcapi"), c["informer"].pop("tags"), c["informer"].pop("pinqueue")))
    peer.edit(lambda c: c["allocator"]["balanced"].update(allocate_by=["freespace"]))
    peer.env["CLUSTER_PINSVCAPI_HTTPLISTENMULTIADDRESS"] = f"/ip4/127.0.0.1/tcp/{free_port()}"  # switches nothing on
    peer.start()
    assert {"freespace"} <= set(peer.json("GET", "/monitor/metrics")[1])
    assert not [name for name in peer.json("GET", "/monitor/metrics")[1] if name.startswith("tag:")]
    listening = {line.split()[1].split(":")[1] for line in open("/proc/net/tcp").readlines()[1:] if line.split()[3] == "0A"}
    port = int(peer.env["CLUSTER_PINSVCAPI_HTTPLISTENMULTIADDRESS"].rsplit("/", 1)[1])
    assert f"{port:04X}" not in listening


def test_config_1_the_environment_goes_over_the_file(new_peer):
    peer = new_peer(start=False, env={"CLUSTER_PEERNAME": "of the environment"})
    peer.edit(lambda c: c["cluster"].update(peername="of the file"))
    peer.start()
    assert peer.json("GET", "/id")[1]["peername"] == "of the environment"


class Source(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = self.server.answers.get(self.path, (404, b"nothing here"))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def source():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Source) as server:
        server.answers = {}
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        server.url = f"http://127.0.0.1:{server.server_port}"
        yield server
        server.shutdown()
        thread.join()


def test_config_1_source(new_peer, source):
    peer = new_peer(start=False)
    config = peer.config
    source.answers = {"/service.json": (200, json.dumps(config).encode()), "/again": (200, b'{"source":"http://127.0.0.1:1/"}')}
    (peer.folder / "service.json").write_text(json.dumps({"source": f"{source.url}/missing"}))
    refused = peer.service("daemon", check=False)
    assert refused.returncode == 1 and "unsuccessful request (404): nothing here" in refused.stderr
    (peer.folder / "service.json").write_text(json.dumps({"source": f"{source.url}/again"}))
    refused = peer.service("daemon", check=False)
    assert refused.returncode == 1 and "source" in refused.stderr
    (peer.folder / "service.json").write_text(json.dumps({"source": "http://127.0.0.1:1/x"}))
    refused = peer.service("daemon", check=False)
    assert refused.returncode == 1 and "could not fetch configuration from source: http://127.0.0.1:1/x" in refused.stderr
    (peer.folder / "service.json").write_text(json.dumps({"source": f"{source.url}/service.json"}))
    peer.start(wait=False)
    (peer.folder / "service.json").write_text(json.dumps(config))  # for this test's own use of it
    peer.wait_ready()
    assert peer.json("GET", "/id")[1]["peername"] == config["cluster"]["peername"]
