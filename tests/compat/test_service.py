"""service-cli.md, part A: ipfs-cluster-service. README.md lists the rows that other tests prove."""
import json
import os
import pwd
import re
import signal
import stat
import subprocess

import pytest
from content import add_bytes, fetch, raw_cid
from peer import Peer, until

PEER = "12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M"
ADDRESS = f"/ip4/192.0.2.1/tcp/9096/p2p/{PEER}"
CID = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq"
PIN = {"cid": CID, "name": "kept", "type": "pin", "max_depth": -1, "replication_factor_min": -1, "replication_factor_max": -1}


@pytest.fixture
def folder(tmp_path):
    """A peer whose folder is not there yet."""
    return Peer(tmp_path / "peer")


@pytest.fixture
def made(folder):
    folder.service("init", "--ipfs", "embedded", "--randomports")
    return folder


@pytest.fixture
def with_pin(made):
    made.service("state", "import", "--force", input=json.dumps(PIN))
    return made


def pins(peer):
    return [json.loads(line) for line in peer.service("state", "export").stdout.splitlines()]


# --- A1: options


@pytest.mark.parametrize("args,code,out", [
    pytest.param([], 1, "NAME:", id="service-A1-no-command"),
    pytest.param(["nonsense"], 1, "NAME:", id="service-A1-unknown-command"),
    pytest.param(["--help"], 0, "NAME:", id="service-A1-help"),
    pytest.param(["-h"], 0, "NAME:", id="service-A1-h"),
    pytest.param(["--nonsense"], 1, "Incorrect Usage. flag provided but not defined: -nonsense\n", id="service-A1-unknown-flag"),
    pytest.param(["init", "--nonsense"], 1, "Incorrect Usage: flag provided but not defined: -nonsense\n",
                 id="service-A1-unknown-flag-of-a-command"),
    pytest.param(["--force", "--debug", "-d", "-f", "version"], 0, "1.1.6", id="service-A1-flags"),
    pytest.param(["--loglevel", "INFO,restapi:DEBUG,cluster:warn", "version"], 0, "1.1.6", id="service-A1-loglevel"),
    pytest.param(["-l", "error", "version"], 0, "1.1.6", id="service-A1-l"),
    pytest.param(["-l", "critical", "version"], 0, "1.1.6", id="service-A1-loglevel-of-the-help"),  # V4: Go takes them and forgets them
])
def test_command_line(folder, args, code, out):
    """V3: unknown flags end with 1, in Go with 0. What was mistyped is named on the standard error beside the help."""
    done = folder.service(*args, check=False)
    hint = "No help topic for 'nonsense'\n" if args == ["nonsense"] else ""
    assert (done.returncode, done.stderr) == (code, hint) and done.stdout.startswith(out), done
    assert not folder.folder.exists()


@pytest.mark.parametrize("name", [pytest.param(name, id=f"service-A1-component-{name}") for name in (
    "cluster", "restapi", "restapilog", "pinsvcapi", "pinsvcapilog", "ipfsproxy", "ipfsproxylog", "ipfshttp", "monitor", "dsstate", "raft",
    "crdt", "pintracker", "diskinfo", "tags", "apitypes", "config", "shardingdags", "singledags", "adder", "optracker", "pstoremgr",
    "allocator", "service", "p2p-gorpc", "swarm2", "libp2p-raft", "raftlib", "badger", "badger3", "pebble")])
def test_log_components_of_go_are_known(folder, name):
    assert folder.service("--loglevel", f"{name}:debug", "version").stderr == ""


@pytest.mark.parametrize("level", ["loud", "restapi:loud", "restapi:debug:x"], ids=lambda level: f"service-A1-bad-loglevel-{level}")
def test_bad_log_levels(folder, level):
    done = folder.service("--loglevel", level, "version", check=False)
    assert done.returncode == 1 and done.stderr.startswith("error setting log levels: ")


@pytest.fixture(scope="module")
def warned(tmp_path_factory):
    """A peer whose configuration makes each command write one line of the component config, at the level warn."""
    peer = Peer(tmp_path_factory.mktemp("warned") / "peer").init()
    peer.edit(lambda c: c["cluster"].update(nonsense=1))
    return peer


@pytest.mark.parametrize("args,env,said", [
    pytest.param([], {}, True, id="service-A1-logs-by-default"),
    *(pytest.param(["-l", level], {}, True, id=f"service-A1-level-{level}")
      for level in ("debug", "INFO", "info", "WARN", "notice", "warning")),
    *(pytest.param(["-l", level], {}, False, id=f"service-A1-level-{level}")
      for level in ("error", "ERROR", "critical", "dpanic", "panic", "FATAL")),
    pytest.param(["--loglevel", "error,config:warn"], {}, True, id="service-A1-level-of-a-component"),
    pytest.param(["--loglevel", "info,config:error"], {}, False, id="service-A1-less-of-a-component"),
    pytest.param([], {"IPFS_CLUSTER_LOG_LEVEL": "error"}, False, id="service-A1-IPFS_CLUSTER_LOG_LEVEL"),
    pytest.param(["-l", "info"], {"IPFS_CLUSTER_LOG_LEVEL": "error"}, True, id="service-A1-flag-over-variable"),
    pytest.param(["-l", "error", "--debug"], {}, True, id="service-A1-debug"),
    pytest.param(["-l", "error", "-d"], {}, True, id="service-A1-d"),
    pytest.param([], {"GOLOG_LOG_LEVEL": "error"}, False, id="service-A1-GOLOG_LOG_LEVEL"),
])
def test_log_levels(warned, monkeypatch, args, env, said):
    """On the standard error."""
    monkeypatch.setattr(warned, "env", {**warned.env, **env})
    done = warned.service(*args, "state", "export")
    assert ("\tWARN\tconfig\t" in done.stderr) == said and done.stdout == "", done


@pytest.mark.parametrize("env,stream,pattern", [
    pytest.param({"GOLOG_LOG_FMT": "json"}, "stderr", r'^{"ts":.*"WARN".*}$', id="service-A1-GOLOG_LOG_FMT-json"),
    pytest.param({"IPFS_LOGGING_FMT": "json"}, "stderr", r'^{"ts":.*"WARN".*}$', id="service-A1-IPFS_LOGGING_FMT-json"),
    pytest.param({"GOLOG_LOG_FMT": "nocolor"}, "stderr", r"^[\d-]{10}T\S+\tWARN\tconfig\t", id="service-A1-nocolor"),
    pytest.param({"GOLOG_OUTPUT": "stdout"}, "stdout", r"\tWARN\t", id="service-A1-GOLOG_OUTPUT"),
])
def test_form_and_place_of_logs(warned, monkeypatch, env, stream, pattern):
    monkeypatch.setattr(warned, "env", {**warned.env, **env})
    assert re.search(pattern, getattr(warned.service("state", "export"), stream), re.M)


def test_service_a1_folder(folder, tmp_path):
    """--config, -c, IPFS_CLUSTER_PATH, $HOME/.ipfs-cluster."""
    folder.env["HOME"] = str(tmp_path / "home")
    (tmp_path / "home").mkdir()

    def init(*args, **env):
        return subprocess.run([folder.program, *args, "init", "--ipfs", "embedded"], env={**folder.env, **env}, capture_output=True, text=True,
                              check=True, timeout=60, cwd=tmp_path)

    init()
    assert (tmp_path / "home/.ipfs-cluster/service.json").exists()
    init(IPFS_CLUSTER_PATH=str(tmp_path / "variable"))
    assert (tmp_path / "variable/service.json").exists()
    init("-c", "relative", IPFS_CLUSTER_PATH=str(tmp_path / "other"))
    assert (tmp_path / "relative/service.json").exists() and not (tmp_path / "other").exists()
    # Without $HOME it is that of the user.
    done = subprocess.run([folder.program, "config", "check"], env={"PATH": "/usr/bin"}, capture_output=True, text=True,
                          timeout=60)
    assert f"{pwd.getpwuid(os.getuid()).pw_dir}/.ipfs-cluster/service.json" in done.stdout + done.stderr


def test_service_a6_version(folder):
    version = folder.service("version").stdout
    assert re.fullmatch(r"1\.1\.6\S*\n", version)
    assert folder.service("--version").stdout == folder.service("-v").stdout == f"ipfs-cluster-service version {version}"


# --- A2, A3: init


def test_service_a2_files(folder):
    done = folder.service("init", "--ipfs", "embedded")
    assert done.stdout == ""
    for line in (f"configuration written to {folder.folder}/service.json.", f"new identity written to {folder.folder}/identity.json",
                 f"new empty peerstore written to {folder.folder}/peerstore."):
        assert line in done.stderr.splitlines()
    assert stat.S_IMODE(folder.folder.stat().st_mode) == 0o700
    for name in ("service.json", "identity.json"):
        assert stat.S_IMODE((folder.folder / name).stat().st_mode) == 0o600
    assert (folder.folder / "peerstore").read_bytes() == b""


def test_service_a2_what_a_daemon_leaves(new_cluster):
    """The daemon does not write service.json; the peerstore has the other peers at a clean end."""
    cluster = new_cluster(2)
    peer, other = cluster
    before = (peer.folder / "service.json").read_bytes()
    assert peer.stop()[0] == 0
    assert (peer.folder / "service.json").read_bytes() == before
    lines = (peer.folder / "peerstore").read_text().splitlines()
    assert lines and all(re.fullmatch(rf"/\S+/p2p/{other.id}", line) for line in lines), lines
    for name in ("raft", "state", "cluster.lock"):
        assert (peer.folder / name).exists()
    # Comments in it are passed over.
    (peer.folder / "peerstore").write_text("# a comment\n\n" + "\n".join(lines) + "\n")
    peer.start()


def test_service_a2_a_peer_that_was_never_ready_leaves_the_peerstore(new_peer):
    peer = new_peer(start=False)
    text = f"# a comment\n/ip4/127.0.0.1/tcp/1/p2p/{PEER}\n"
    (peer.folder / "peerstore").write_text(text)
    peer.start("--bootstrap", f"/ip4/127.0.0.1/tcp/1/p2p/{PEER}", wait=False)
    until(lambda: "waiting to be let in" in peer.log, "it asks to join")
    assert peer.stop()[0] == 0 and (peer.folder / "peerstore").read_text() == text


@pytest.mark.parametrize("answer,overwritten", [
    pytest.param("y\n", True, id="service-A3-yes"), pytest.param("n\n", False, id="service-A3-no"),
    pytest.param("\n", False, id="service-A3-empty"), pytest.param("what\ny\n", True, id="service-A3-second-try"),
    pytest.param("a\nb\nc\ny\n", False, id="service-A3-three-tries"), pytest.param("", False, id="service-A3-no-answer")])
def test_init_asks_before_it_overwrites(made, answer, overwritten):
    before = made.config["cluster"]["secret"]
    identity = (made.folder / "identity.json").read_bytes()
    done = made.service("init", "--ipfs", "embedded", input=answer, check=False)
    assert done.stderr.startswith("The configuration file will be overwritten. Continue? [y/n]: ")
    assert (made.config["cluster"]["secret"] != before) == overwritten
    assert (made.folder / "identity.json").read_bytes() == identity  # never
    if answer in ("n\n", "\n", "y\n"):
        assert done.returncode == 0


def test_service_a1_the_global_force_is_of_no_effect(made):
    before = made.config
    assert "Continue?" in made.service("--force", "init", "--ipfs", "embedded", input="n\n").stderr
    assert made.config == before


def test_service_a3_force(made):
    before = made.config["cluster"]["secret"]
    for flag in ("--force", "-f"):
        done = made.service("init", flag, "--ipfs", "embedded")
        assert "Continue?" not in done.stderr and made.config["cluster"]["secret"] != before
        assert re.fullmatch("[0-9a-f]{64}", made.config["cluster"]["secret"])


def test_service_a3_peers(folder):
    addresses = [ADDRESS, "/dns4/b.example/tcp/9096/p2p/QmWATWQ7fVPP2EFGu71UkfnqhYXDYH566qy47CnJDgvs8u"]
    for some in (addresses, addresses[:1]):
        done = folder.service("init", "-f", "--ipfs", "embedded", "--peers", ",".join(some))
        assert f"peerstore written to {folder.folder}/peerstore with {len(some)} entries." in done.stderr
        assert (folder.folder / "peerstore").read_text().splitlines() == some
        assert sorted(folder.config["consensus"]["raft"]["init_peerset"]) == sorted(a.rsplit("/", 1)[1] for a in some)
    folder.service("init", "-f", "--ipfs", "embedded")
    assert (folder.folder / "peerstore").read_bytes() == b""  # always written anew


def test_service_a3_custom_secret(folder):
    """Over what the environment says."""
    folder.env["CLUSTER_SECRET"] = "cd" * 32
    for flag in ("-s", "--custom-secret"):
        folder.service("init", "-f", "--ipfs", "embedded", flag, input="ef" * 32 + "\n")
        assert folder.config["cluster"]["secret"] == "ef" * 32


def test_service_a3_random_ports(folder):
    folder.service("init", "--ipfs", "kubo", "--randomports")
    text = (folder.folder / "service.json").read_text()
    ports = [port for port in ("9094", "9095", "9096", "9097") if f"/tcp/{port}" in text]
    assert ports == [] and "/tcp/5001" in text


def test_service_a3_identity_of_the_environment(folder, tmp_path):
    other = Peer(tmp_path / "other")
    other.service("init", "--ipfs", "embedded")
    identity = json.loads((other.folder / "identity.json").read_text())
    folder.env.update(CLUSTER_ID=identity["id"], CLUSTER_PRIVATEKEY=identity["private_key"])
    folder.service("init", "--ipfs", "embedded")
    assert json.loads((folder.folder / "identity.json").read_text()) == identity


def test_service_a3_a_bad_identity_of_the_environment_changes_nothing(folder):
    folder.env.update(CLUSTER_ID="12D3KooW", CLUSTER_PRIVATEKEY="CAIS")
    refused = folder.service("init", "--ipfs", "embedded", check=False)
    assert refused.returncode == 1 and "error generating an identity" in refused.stderr, refused
    assert list(folder.folder.iterdir()) == []


@pytest.mark.parametrize("args,code,said", [
    pytest.param(["--consensus", "raft"], 0, "", id="service-A3-raft"),
    pytest.param(["--consensus", "crdt"], 1, "crdt consensus is not offered", id="service-A3-crdt"),  # Go's default
    pytest.param(["--consensus", "paxos"], 1, "", id="service-A3-another-consensus"),
    pytest.param(["--datastore", "pebble"], 0, "", id="service-A3-pebble"),
    pytest.param(["--datastore", "badger3"], 0, "", id="service-A3-badger3"),
    pytest.param(["--datastore", "badger"], 0, "", id="service-A3-badger"),
    pytest.param(["--datastore", "leveldb"], 0, "", id="service-A3-leveldb"),
    pytest.param(["--datastore", "tape"], 1, "", id="service-A3-another-datastore"),
    pytest.param(["--peers", "/ip4/192.0.2.1/tcp/9096"], 1, "", id="service-A3-peers-without-id"),
    pytest.param(["http://127.0.0.1:1/service.json"], 0, "", id="service-A3-source"),
    pytest.param(["-s", "http://127.0.0.1:1/service.json"], 0, "", id="service-A3-source-without-a-secret"),
])
def test_init_choices(folder, args, code, said):
    done = folder.service("init", "--ipfs", "embedded", *args, check=False, input="")
    assert done.returncode == code and said in done.stderr, done
    for name in ("service.json", "identity.json", "peerstore"):
        assert (folder.folder / name).exists() == (code == 0), name
    if args[-1].startswith("http"):
        assert folder.config == {"source": args[-1]}
    elif code == 0:
        assert "datastore" not in folder.config


# --- A4: daemon


def test_service_a4_ready_and_signals(new_peer):
    peer = new_peer()
    assert "** IPFS Cluster is READY **" in peer.log
    assert peer.stop(signal.SIGINT)[0] == 0


def test_service_a4_three_signals(new_peer):
    """The first begins the end, the second is a warning, the third ends it at once."""
    peer = new_peer()
    peer.process.send_signal(signal.SIGSTOP)  # so that they come together
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        peer.process.send_signal(number)
    peer.process.send_signal(signal.SIGCONT)
    assert peer.process.wait(30) == 1
    assert peer.log.count(": shutting down") == 1 and "shutting down already" in peer.log


def test_service_a4_flags(new_peer):
    peer = new_peer(start=False)
    peer.start("--upgrade", "--tracing", "--no-trust", "--stats")
    host, port = peer.config["observations"]["metrics"]["prometheus_endpoint"].split("/")[2::2]
    text = fetch(f"http://{host}:{port}/metrics").decode()
    for name in ("ipfscluster_pins", "ipfscluster_pins_pin_queued", "ipfscluster_pins_pinning", "ipfscluster_pins_pin_error",
                 "ipfscluster_pins_ipfs_pins", "ipfscluster_blocks_put",
                 "ipfscluster_blocks_added_size", "ipfscluster_blocks_added", "ipfscluster_blocks_put_errors", "ipfscluster_informer_disk",
                 "ipfscluster_pins_pin_add", "ipfscluster_pins_pin_add_errors"):
        assert re.search(rf"^{name}(_total)?(\{{.*\}})? ", text, re.M), name
    # And beyond Go's:
    value = {name: float(number) for name, number in re.findall(r"^(ipfscluster_\S+) (\S+)$", text, re.M)}
    assert value["ipfscluster_raft_leader"] == 1 and value["ipfscluster_raft_term"] >= 1 and value["ipfscluster_movements"] == 0
    assert value["ipfscluster_applied_index"] > 0 and 'ipfscluster_disk_bytes{folder="state"}' in value
    assert value["ipfscluster_oldest_pending_operation_seconds"] == 0
    peer.ctl("pin", "add", "--wait", peer.ctl("add", "-Q", "--no-pin", __file__).stdout.strip())
    figures = lambda: dict(re.findall(r"^(ipfscluster_\S+) (\S+)$", fetch(f"http://{host}:{port}/metrics").decode(), re.M))  # noqa: E731
    until(lambda: float(figures()["ipfscluster_feed_lag"]) == 0, "the tracker has taken up all")
    assert float(figures()["ipfscluster_pins_pin_add"]) >= 1


def test_service_a4_leave(new_cluster):
    """--leave and leave_on_shutdown: it is a member no more, its log is set aside, and it comes back with --bootstrap."""
    cluster = new_cluster(3)
    peer, rest = cluster[2], cluster[:2]
    assert peer.stop()[0] == 0
    peer.start("--leave")
    assert peer.stop()[0] == 0
    until(lambda: all(len(other.lines("GET", "/peers")) == 2 for other in rest), "two are left")
    assert (peer.folder / "raft.old.0").exists() and not (peer.folder / "raft").exists()
    peer.start("--bootstrap", rest[0].address)
    until(lambda: all(len(other.lines("GET", "/peers")) == 3 for other in rest), "it is there again")


def test_service_a4_bootstrap_short(new_peer):
    peer = new_peer(start=False)
    done = peer.service("daemon", "-j", "/ip4/127.0.0.1/tcp/9096", check=False)
    assert done.returncode == 1 and "/p2p/" in done.stderr


# --- A5: state


def test_service_a5_export(with_pin, tmp_path):
    text = with_pin.service("state", "export").stdout
    assert text.count("\n") == 1 and json.loads(text)["name"] == "kept"
    for flag in ("--file", "-f"):
        done = with_pin.service("state", "export", flag, str(tmp_path / "out"))
        assert done.stdout == "" and (tmp_path / "out").read_text() == text


@pytest.mark.parametrize("answer,replaced", [pytest.param("y\n", True, id="service-A5-import-yes"),
                                             pytest.param("n\n", False, id="service-A5-import-no"),
                                             pytest.param("", False, id="service-A5-import-no-answer")])
def test_import_asks(with_pin, tmp_path, answer, replaced):
    (tmp_path / "state").write_text(json.dumps({**PIN, "name": "other"}))
    done = with_pin.service("state", "import", str(tmp_path / "state"), input=answer, check=False)
    assert "The pinset (state) of this peer will be replaced. Continue? [y/n]:" in done.stdout + done.stderr
    assert [pin["name"] for pin in pins(with_pin)] == ["other" if replaced else "kept"]


def test_service_a5_import_of_stdin(made):
    done = made.service("state", "import", "-f", input=json.dumps(PIN))
    assert "reading from stdin, Ctrl-D to finish" in done.stdout + done.stderr
    assert [pin["cid"] for pin in pins(made)] == [CID]


@pytest.mark.parametrize("args,wanted", [
    pytest.param([], {"replication_factor_min": -1, "replication_factor_max": -1, "allocations": []}, id="service-A5-import-as-it-is"),
    pytest.param(["--replication-min", "1", "--replication-max", "3"], {"replication_factor_min": 1, "replication_factor_max": 3},
                 id="service-A5-import-factors"),
    pytest.param(["--rmin", "2", "--rmax", "2"], {"replication_factor_min": 2, "replication_factor_max": 2}, id="service-A5-import-rmin"),
    pytest.param(["--rmin", "0", "--rmax=-5"], {"replication_factor_min": -1, "replication_factor_max": -1},
                 id="service-A5-import-not-above-0"),
    pytest.param(["--allocations", PEER], {"allocations": []}, id="service-A5-import-allocations-of-everywhere"),  # kept in Go, of no use
    pytest.param(["--allocations", PEER, "--rmin=1", "--rmax=1"], {"allocations": [PEER]}, id="service-A5-import-allocations"),
    pytest.param(["--allocs", PEER, "--rmin", "1", "--rmax", "1"], {"allocations": [PEER], "replication_factor_min": 1},
                 id="service-A5-import-allocs"),
])
def test_import_options(made, args, wanted):
    made.service("state", "import", "--force", *args, input=json.dumps(PIN))
    (pin,) = pins(made)
    assert {key: pin[key] for key in wanted} == wanted


@pytest.mark.parametrize("args,doing", [
    pytest.param(["import", "-f", "/nowhere/x"], "opening file", id="service-A5-import-no-file"),
    pytest.param(["import", "-f", "--allocs", f"{PEER},x"], "decoding allocations",
                 id="service-A5-import-bad-allocations"),
    pytest.param(["export", "-f", "/nowhere/x"], "creating file", id="service-A5-export-no-folder"),
])
def test_state_commands_that_fail(with_pin, args, doing):
    done = with_pin.service("state", *args, check=False, input="")
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.startswith(f"error {doing}: "), done
    assert [pin["name"] for pin in pins(with_pin)] == ["kept"]


def test_service_a5_a_bad_import_changes_nothing(with_pin):
    """S8: in Go the old state is gone by then."""
    done = with_pin.service("state", "import", "-f", input=json.dumps({**PIN, "name": "new"}) + '\n{"cid":1}\n', check=False)
    assert done.returncode == 1 and "line 2" in done.stderr
    assert [pin["name"] for pin in pins(with_pin)] == ["kept"]


@pytest.mark.parametrize("answer,gone", [pytest.param("y\n", True, id="service-A5-cleanup-yes"), pytest.param("n\n", False, id="service-A5-cleanup-no")])
def test_cleanup(with_pin, answer, gone):
    done = with_pin.service("state", "cleanup", input=answer)
    assert "The peer state will be removed.  Existing pins may be lost. Continue? [y/n]:" in done.stdout + done.stderr
    assert len(pins(with_pin)) == (0 if gone else 1)


def test_service_a5_cleanup_keeps_backups_of_the_log(new_peer):
    peer = new_peer()
    add_bytes(peer, b"compat")
    peer.stop()
    peer.service("state", "cleanup", "--force")
    assert (peer.folder / "raft.old.0").exists() and not (peer.folder / "raft").exists()
    assert pins(peer) == []


def test_service_a5_cleanup_with_the_blocks(new_peer):
    """Additive: --blocks."""
    peer = new_peer()
    cid = add_bytes(peer, b"removed with the state")["cid"]
    assert fetch(f"{peer.gateway}/ipfs/{cid}") == b"removed with the state"
    peer.stop()
    blocks = peer.folder / "ipfs"
    assert any(blocks.iterdir())
    assert "no other peer has" in peer.service("state", "cleanup", "--blocks", input="n\n").stderr
    assert any(blocks.iterdir())
    peer.service("state", "cleanup", "--blocks", "--force")
    assert not blocks.exists() or not any(blocks.iterdir())
    peer.start()
    assert peer.lines("GET", "/allocations") == []
    assert add_bytes(peer, b"and it goes on")["cid"] != cid


def test_service_a5_blocks_of_kubo_are_not_ours_to_remove(made):
    made.edit(lambda c: c.update(ipfs_connector={"ipfshttp": {"node_multiaddress": "/ip4/127.0.0.1/tcp/5001"}}))
    done = made.service("state", "cleanup", "--blocks", "--force", check=False)
    assert done.returncode == 1 and "ipfs repo gc" in done.stderr


def test_service_a5_an_import_names_holders_that_are_no_members(with_pin):
    """Additive: Go imports them in silence."""
    strangers = ["12D3KooWBhMbLvQrXr6Nb4Eh5wHGiNJGnyxn4yrBmB1qtDzWvCfL", "QmWATWQ7fVPP2EFGu71UkfnqhYXDYH566qy47CnJDgvs8u"]
    lines = [{**PIN, "allocations": [strangers[0], with_pin.id]}, {**PIN, "cid": raw_cid(b"of both"), "allocations": strangers}]
    for pin in lines:
        pin.update(replication_factor_min=1, replication_factor_max=2)
    done = with_pin.service("state", "import", "-f", input="".join(json.dumps(pin) + "\n" for pin in lines))
    assert f"  {strangers[0]}: 2 pins" in done.stderr and f"  {strangers[1]}: 1 pins" in done.stderr and with_pin.id not in done.stderr
    assert {p for pin in pins(with_pin) for p in pin["allocations"]} == {*strangers, with_pin.id}
    done = with_pin.service("state", "import", "-f", "--allocs", with_pin.id, input="".join(json.dumps(pin) + "\n" for pin in lines))
    assert "no members" not in done.stderr
    assert {p for pin in pins(with_pin) for p in pin["allocations"]} == {with_pin.id}


def test_service_a5_pins_of_a_peer_that_never_comes_are_given_to_others_on_request(new_peer):
    """As the import says."""
    peer = new_peer()
    cid = add_bytes(peer, b"was held by a stranger")["cid"]
    peer.stop()
    pin = {**PIN, "cid": cid, "replication_factor_min": 1, "replication_factor_max": 1, "allocations": [PEER]}
    assert f"{PEER}: 1 pins" in peer.service("state", "import", "-f", input=json.dumps(pin)).stderr
    peer.start()
    assert peer.json("GET", f"/allocations/{cid}")[1]["allocations"] == [PEER]
    peer.ctl("peers", "rm", "--ban", PEER)
    until(lambda: peer.json("GET", f"/allocations/{cid}")[1]["allocations"] == [peer.id], "another holder", 60)
    peer.wait_status(cid)


@pytest.mark.parametrize("args", [["info"], ["dot"], ["dot", "--file", "x"], ["mark-dirty"], ["mark-clean"]],
                         ids=lambda args: f"service-A5-crdt-{'-'.join(args)}")
def test_crdt_commands(made, args):
    done = made.service("state", "crdt", *args, check=False)
    assert (done.returncode, done.stderr) == (
        1, "error : crdt subcommands can only be run on peers initialized with crdt consensus\n")


@pytest.mark.parametrize("args", [["state", "export"], ["state", "import", "-f"], ["state", "cleanup", "-f"], ["daemon"],
                                  ["init", "-f", "--ipfs", "embedded"]], ids=lambda args: f"service-A2-lock-{'-'.join(args[:2])}")
def test_a_running_peer_has_the_lock(shared_peer, args):
    done = shared_peer.service(*args, check=False, input="")
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"error obtaining execution lock: lock {shared_peer.folder}/cluster.lock: someone else has the lock. If no other ipfs-cluster-service "
        f"process is running, remove {shared_peer.folder}/cluster.lock, or make sure that the config folder is writable for the user running "
        "ipfs-cluster-service.\n")
    assert shared_peer.json("GET", "/id")[0] == 200


def test_service_a5_cleanup_of_blocks_that_never_were(tmp_path):
    peer = Peer(tmp_path / "peer").init()
    done = peer.service("state", "cleanup", "--force", "--blocks", check=False)
    assert done.returncode == 0, done.stderr
