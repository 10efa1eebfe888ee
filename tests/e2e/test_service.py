"""ipfs-cluster-service as a service: what it tells systemd, signals, locks, the first peers of a cluster, time limits."""
import fcntl
import http.client
import json
import re
import signal
import socket
import time

import pytest
from content import raw_cid
from peer import Peer, at_once, free_port, until


class Manager:
    """What systemd is to a service: a socket that gets its news."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.heard = []

    def wait_for(self, news, count=1, timeout=60):
        self.socket.settimeout(timeout)
        while self.heard.count(news) < count:
            self.heard.append(self.socket.recv(4096).decode())

    def close(self):
        self.socket.close()


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.close()


def test_systemd_is_told(new_peer, manager):
    peer = new_peer(start=False, env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "400000"})
    peer.start(wait=False)
    manager.wait_for("READY=1")
    assert peer.json("GET", "/id")[0] == 200  # ready means ready
    alive = manager.heard.count("WATCHDOG=1")
    manager.wait_for("WATCHDOG=1", alive + 3)
    peer.process.send_signal(signal.SIGSTOP)  # nothing is said while it stands still
    until(lambda: f"{peer.process.pid} (" in open(f"/proc/{peer.process.pid}/stat").read()
          and ") T " in open(f"/proc/{peer.process.pid}/stat").read(), "the peer stands still")
    manager.socket.setblocking(False)
    try:
        while True:
            manager.heard.append(manager.socket.recv(4096).decode())
    except BlockingIOError:
        pass
    manager.socket.settimeout(1.5)
    with pytest.raises(TimeoutError):
        manager.socket.recv(4096)
    peer.process.send_signal(signal.SIGCONT)
    manager.wait_for("WATCHDOG=1", manager.heard.count("WATCHDOG=1") + 1)
    peer.process.terminate()
    manager.wait_for("STOPPING=1")
    assert peer.process.wait(30) == 0
    assert manager.heard.count("READY=1") == manager.heard.count("STOPPING=1") == 1


def test_a_watchdog_for_another_process_is_none_of_ours(new_peer, manager):
    peer = new_peer(env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
    manager.wait_for("READY=1")
    peer.process.terminate()
    manager.wait_for("STOPPING=1")
    assert "WATCHDOG=1" not in manager.heard


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda sig: sig.name)
def test_a_signal_ends_it_cleanly(new_peer, sig):
    peer = new_peer()
    assert peer.stop(sig)[0] == 0
    assert "shutting down" in peer.log and "the peer has ended" in peer.log


def test_a_folder_that_a_go_peer_uses_is_left_alone(new_peer):
    peer = new_peer(start=False)
    path = peer.folder / "cluster.lock"
    with open(path, "w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as the Go program takes it
        for args in (("daemon",), ("state", "export"), ("state", "cleanup", "-f"), ("init", "--force", "--ipfs", "embedded")):
            refused = peer.service(*args, check=False)
            assert refused.returncode == 1
            assert refused.stderr == (
                f"error obtaining execution lock: lock {path}: someone else has the lock. If no other ipfs-cluster-service "
                f"process is running, remove {path}, or make sure that the config folder is writable for the user running "
                "ipfs-cluster-service.\n")
    peer.start()


def test_peers_that_are_named_at_init_become_one_cluster(tmp_path):
    """consensus.raft.init_peerset: nobody is told to --bootstrap."""
    peers = [Peer(tmp_path / f"p{i}", env={"CLUSTER_SECRET": "bb" * 32}).init() for i in range(3)]
    while len(set.union(*(peer.ports for peer in peers))) < sum(len(peer.ports) for peer in peers):
        for peer in peers:
            peer.init()
    for peer in peers:
        others = [other for other in peers if other is not peer]
        peer.edit(lambda c: c["consensus"]["raft"].update(init_peerset=[other.id for other in others]))
        (peer.folder / "peerstore").write_text("".join(other.address + "\n" for other in others))
    try:
        at_once(lambda peer: peer.start(), peers)
        for peer in peers:
            assert {member["id"] for member in peer.lines("GET", "/peers")} == {member.id for member in peers}
        cid = raw_cid(b"in one cluster")
        assert peers[0].json("POST", f"/pins/{cid}")[0] == 200
        until(lambda: all(peer.json("GET", f"/allocations/{cid}")[0] == 200 for peer in peers), "all have the pin")
        peers[2].stop()
        peers[2].start()  # and again without a word
    finally:
        for peer in peers:
            peer.kill()


def connection(peer):
    host, port = re.match(r"http://([^:]+):(\d+)", peer.api).groups()
    return http.client.HTTPConnection(host, int(port), timeout=30)


def test_a_request_that_takes_too_long_is_ended(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: c["api"]["restapi"].update(read_timeout="1s"))
    peer.start()
    slow = connection(peer)
    slow.putrequest("POST", "/pins")
    slow.putheader("Transfer-Encoding", "chunked")
    slow.endheaders()
    begin = time.monotonic()
    with pytest.raises(OSError):  # bytes come all the time: only the whole takes too long
        while time.monotonic() - begin < 30:
            slow.send(b"1\r\n \r\n")
            time.sleep(0.1)
    assert peer.json("GET", "/id")[0] == 200


def test_no_announce_hides_addresses(new_peer):
    peer = new_peer(start=False)
    port = free_port()
    peer.edit(lambda c: c["cluster"].update(
        announce_multiaddress=[f"/ip4/10.1.2.3/tcp/{port}", f"/ip4/192.0.2.7/tcp/{port}", f"/ip4/192.0.2.8/tcp/{port}"],
        no_announce_multiaddress=["/ip4/10.0.0.0/ipcidr/8", f"/ip4/192.0.2.8/tcp/{port}"]))
    peer.start()
    assert peer.json("GET", "/id")[1]["addresses"] == [f"/ip4/192.0.2.7/tcp/{port}/p2p/{peer.id}"]


def test_config_check_and_docs(new_peer):
    peer = new_peer(start=False)
    assert peer.service("config", "check").stdout.endswith("nothing to say against it\n")
    peer.edit(lambda c: c["api"]["restapi"].update(http_listen_multiaddress="/ip4/0.0.0.0/tcp/9094", read_time="1s"))
    said = peer.service("config", "check").stdout
    assert 'unknown key "api.restapi.read_time" is ignored: did you mean "read_timeout"?' in said
    assert "without basic_auth_credentials anybody" in said
    peer.edit(lambda c: c["cluster"].update(dial_peer_timeout=3))
    wrong = peer.service("config", "check", check=False)
    assert wrong.returncode == 1
    assert "cluster.dial_peer_timeout: expected a duration like" in wrong.stderr


def test_logs_go_where_gos_variables_say(new_peer, tmp_path):
    peer = new_peer(env={"GOLOG_FILE": str(tmp_path / "log.json"), "GOLOG_LOG_FMT": "json",
                         "IPFS_CLUSTER_LOG_LEVEL": "error,dsstate:info,service:info"})
    peer.stop()
    lines = [json.loads(line) for line in (tmp_path / "log.json").read_text().splitlines()]
    assert any(line["msg"] == "** IPFS Cluster is READY **" for line in lines)
    assert {line["logger"] for line in lines if line["level"] == "INFO"} <= {"service", "state"}
    assert peer.log == ""
