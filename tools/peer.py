"""A peer or a cluster of them as real processes, for tools/run.py, tests/e2e and bench: init, daemon, ctl, stop."""
import concurrent.futures
import datetime
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("IPFS_CLUSTER_BIN", ROOT / "build/release/bin"))


SECRET = "aa" * 32


def until(condition, what, timeout=30, pause=0.05):
    """Asks `condition` again and again until it gives something true, and returns that. What it asserts, or peers that do
    not answer, count as "not yet"."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            value, last = condition(), None
            if value:
                return value
        except (AssertionError, OSError, http.client.HTTPException) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}" + (f" ({last})" if last else "")) from last
        time.sleep(pause)


def always(condition, seconds, pause=0.1):
    """Asserts `condition` again and again for so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition()
        time.sleep(pause)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Peer:
    """One peer in `folder`. All its listeners are on loopback and on free ports unless `ports` says otherwise."""

    def __init__(self, folder, env=None, ipfs="embedded", log=None, log_level=None):
        self.folder = pathlib.Path(folder)
        self.log_path = pathlib.Path(log) if log else self.folder.with_suffix(".log")
        self.process = None
        self.program = BIN / "ipfs-cluster-service"
        self.ipfs = ipfs
        self.prefix = ()  # of the daemon's command line
        self.log_level = ("--loglevel", log_level) if log_level else ()
        self.env = {**{k: v for k, v in os.environ.items() if not k.startswith("CLUSTER_")}, **(env or {})}

    def service(self, *args, check=True, **kwargs):
        return subprocess.run([self.program, "--config", self.folder, *args], env=self.env, text=True,
                              capture_output=True, check=check, timeout=kwargs.pop("timeout", 300), **kwargs)

    def init(self, *args):
        self.service("init", "--force", "--ipfs", self.ipfs, "--randomports", *args)
        self.edit(lambda c: c["cluster"].update(listen_multiaddress=[
            a.replace("0.0.0.0", "127.0.0.1") for a in as_list(c["cluster"]["listen_multiaddress"])]))
        return self

    def edit(self, change):
        """Applies `change` to the parsed service.json."""
        path = self.folder / "service.json"
        config = json.loads(path.read_text())
        change(config)
        path.write_text(json.dumps(config, indent=2) + "\n")

    @property
    def id(self):
        return json.loads((self.folder / "identity.json").read_text())["id"]

    @property
    def name(self):
        return self.folder.name

    @property
    def ports(self):
        """Those that --randomports chose."""
        return {port for port in re.findall(r"/tcp/(\d+)", (self.folder / "service.json").read_text()) if int(port) >= 10000}

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def address(self):
        """Where other peers reach it, for --bootstrap."""
        return f"{as_list(self.config['cluster']['listen_multiaddress'])[0]}/p2p/{self.id}"

    @property
    def config(self):
        return json.loads((self.folder / "service.json").read_text())

    def _http(self, multiaddress):
        host, port = re.match(r"/ip4/([^/]+)/tcp/(\d+)", multiaddress).groups()
        return f"http://{host}:{port}"

    @property
    def api_multiaddress(self):
        return as_list(self.config["api"]["restapi"]["http_listen_multiaddress"])[0]

    @property
    def api(self):
        return self._http(self.api_multiaddress)

    @property
    def proxy_multiaddress(self):
        return as_list(self.config["api"]["ipfsproxy"]["listen_multiaddress"])[0]

    @property
    def proxy(self):
        return self._http(self.proxy_multiaddress)

    @property
    def gateway(self):
        return self._http(as_list(self.config["api"]["gateway"]["http_listen_multiaddress"])[0])

    def start(self, *args, wait=True, timeout=60, prefix=None):
        prefix = self.prefix if prefix is None else prefix
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [*prefix, self.program, "--config", self.folder, *self.log_level, "daemon", *args],
            env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        if wait:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=60):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the peer ended with {self.process.returncode}:\n{self.log_tail()}")
            try:
                with urllib.request.urlopen(self.api + "/readyz", timeout=5):
                    return self
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.005)
        raise TimeoutError(f"the peer was not ready after {timeout} s:\n{self.log_tail()}")

    def log_tail(self, lines=30):
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def ctl(self, *args, check=True, timeout=300, **kwargs):
        return subprocess.run([BIN / "ipfs-cluster-ctl", "--host", self.api_multiaddress, *args], env=self.env, text=True,
                              capture_output=True, check=check, timeout=timeout, **kwargs)

    def request(self, method, path, body=None, headers=None, timeout=60):
        """(status, headers, body) of one REST call."""
        request = urllib.request.Request(self.api + path, data=body, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def json(self, method, path, body=None, headers=None, timeout=60):
        status, _, text = self.request(method, path, body, headers, timeout)
        return status, json.loads(text) if text else None

    def lines(self, method, path, timeout=60):
        """The objects of a streamed answer."""
        status, _, text = self.request(method, path, timeout=timeout)
        assert status in (200, 204), (status, text)
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    def wait_status(self, cid, wanted="pinned", timeout=60):
        """Waits until the one peer's status of `cid` is `wanted`; returns the item."""
        deadline = time.monotonic() + timeout
        while True:
            _, info = self.json("GET", f"/pins/{cid}")
            item = next(iter(info["peer_map"].values()))
            if item["status"] == wanted:
                return item
            if time.monotonic() > deadline:
                raise TimeoutError(f"{cid} is {item['status']} ({item['error']}), not {wanted}")
            time.sleep(0.02)

    def stop(self, sig=signal.SIGTERM, timeout=30):
        """Ends the daemon; returns its exit code and the seconds it took."""
        if not self.process or self.process.poll() is not None:
            return self.process.returncode if self.process else None, 0.0
        start = time.monotonic()
        self.process.send_signal(sig)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        return code, time.monotonic() - start

    def kill(self):
        return self.stop(signal.SIGKILL)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running:
            self.kill()


ANY_CID = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"


class Cluster:
    """Peers with one secret, named n0, n1, …, in `folder`. `change` is applied to the service.json of each."""

    LOG_LEVEL = "info,raft:debug,restapilog:warn"  # leader() and the voters are read from the log

    def __init__(self, folder, change=None, secret=SECRET):
        self.folder = pathlib.Path(folder)
        self.change = change
        self.secret = secret
        self.peers = []

    def __iter__(self):
        return iter(self.peers)

    def __getitem__(self, i):
        return self.peers[i]

    def __len__(self):
        return len(self.peers)

    def make(self, count):
        """More peers, made but not started."""
        names = [f"n{i}" for i in range(len(self), len(self) + count)]
        new = [Peer(self.folder / name, env={"CLUSTER_SECRET": self.secret, "CLUSTER_PEERNAME": name},
                    log_level=self.LOG_LEVEL) for name in names]
        self.peers += new
        at_once(Peer.init, new)
        for i, peer in enumerate(self.peers):  # chosen at the same time, two can have the same port
            while any(peer.ports & other.ports for other in self.peers[:i]):
                peer.init()
        if self.change:
            for peer in new:
                peer.edit(self.change)
        return new

    def grow(self, count):
        """`count` peers more, started; returns when all see all and the voters are settled."""
        new = self.make(count)
        rest = new
        if new[0] is self[0]:
            new[0].start()
            rest = new[1:]
        at_once(lambda peer: peer.start("--bootstrap", self[0].address), rest)
        self.wait_settled()
        return new

    @property
    def running(self):
        return [peer for peer in self if peer.running]

    def others(self, *peers):
        return [peer for peer in self.running if peer not in peers]

    def named(self, peer_id):
        return next(peer for peer in self if peer.id == peer_id)

    def leader(self):
        """Who became leader last, or None when that peer does not run."""
        # A peer that has set its data aside has left the incarnation that it led.
        logs = [(peer, peer.log.rsplit("were set aside as", 1)[-1]) for peer in self]
        times = [(line.split("\t")[0], peer) for peer, log in logs for line in log.splitlines() if "became leader at term" in line]
        last = max(times, key=lambda item: datetime.datetime.fromisoformat(item[0]))[1] if times else None
        return last if last and last.running else None

    def roles(self):
        """What each running peer is to the log, as the leader says: leader, voter, standby or agent, by name."""
        leader = self.leader()
        return {item["peername"]: item["standing"]["role"] for item in leader.lines("GET", "/peers")
                if item.get("standing")} if leader else {}

    def voters_are(self, count):
        return sum(role in ("leader", "voter") for role in self.roles().values()) == count

    def all_see_all(self):
        ids = sorted(peer.id for peer in self.running)
        for peer in self.running:
            seen = peer.lines("GET", "/peers")
            assert sorted(item["id"] for item in seen) == ids, (peer.name, seen)
            assert not [item for item in seen if item["error"]], (peer.name, seen)
        return True

    def metrics_are_there(self):
        """The leader allocates nothing to a peer whose metrics it has not heard."""
        _, preview = self.leader().json("POST", f"/pins/{ANY_CID}?dry-run=true&replication=1")
        why = {item["peer"]: item["reason"] for item in preview["peers"]}
        return all("no valid metric" not in why.get(peer.id, "no valid metric") for peer in self.running)

    def wait_settled(self, voters=None):
        """Until all running peers see all of them, and, when they were just made, the log is on all that vote."""
        until(self.all_see_all, "all peers see all", 60)
        if voters is None and len(self.running) == len(self):
            voters = len(self) - (1 - len(self) % 2)
        if voters:
            until(lambda: self.voters_are(voters), f"there are {voters} voters", 60)
        until(self.metrics_are_there, "the leader has heard the metrics of all")

    def restart_all(self, *args):
        at_once(lambda peer: peer.start(*args), self.peers)

    def wait_equal(self, timeout=60):
        """Until the pinset is the same on all running peers; returns it by CID."""

        def same():
            lists = [peer.lines("GET", "/allocations") for peer in self.running]
            for peer, pins in zip(self.running, lists):
                assert len(pins) == len({pin["cid"] for pin in pins}), f"{peer.name} lists a pin twice"
            sets = [{pin["cid"]: pin for pin in pins} for pins in lists]
            for peer, pins in zip(self.running[1:], sets[1:]):
                differ = {cid for cid in pins.keys() | sets[0].keys() if pins.get(cid) != sets[0].get(cid)}
                assert not differ, f"{peer.name} and {self.running[0].name} differ in {len(differ)}: {sorted(differ)[:3]}"
            return sets or None

        return until(same, "the pinset is the same on all", timeout)[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for peer in self.running:
            peer.process.send_signal(signal.SIGCONT)
            peer.kill()


def make_cluster(folder, count, change=None):
    """A running cluster of `count` peers; end it with `with` or __exit__()."""
    cluster = Cluster(folder, change)
    try:
        cluster.grow(count)
    except BaseException:
        cluster.__exit__()
        raise
    return cluster


def at_once(action, items):
    """action(item) for all, in threads; raises the first error after all have ended."""
    items = list(items)
    if not items:
        return []
    with concurrent.futures.ThreadPoolExecutor(len(items)) as pool:
        return [done.result() for done in [pool.submit(action, item) for item in items]]


def as_list(value):
    return value if isinstance(value, list) else [value]
