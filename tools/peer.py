"""A peer as a real process, for tools/run.py, tests/e2e and bench: init, daemon, ctl, stop."""
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


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Peer:
    """One peer in `folder`. All its listeners are on loopback and on free ports unless `ports` says otherwise."""

    def __init__(self, folder, env=None, ipfs="embedded", log=None):
        self.folder = pathlib.Path(folder)
        self.log_path = pathlib.Path(log) if log else self.folder.with_suffix(".log")
        self.process = None
        self.ipfs = ipfs
        self.env = {**{k: v for k, v in os.environ.items() if not k.startswith("CLUSTER_")}, **(env or {})}

    def service(self, *args, check=True, **kwargs):
        return subprocess.run([BIN / "ipfs-cluster-service", "--config", self.folder, *args], env=self.env, text=True,
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
    def gateway(self):
        return self._http(as_list(self.config["api"]["gateway"]["http_listen_multiaddress"])[0])

    def start(self, *args, wait=True, timeout=60, prefix=()):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([*prefix, BIN / "ipfs-cluster-service", "--config", self.folder, "daemon", *args],
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

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.kill()


def as_list(value):
    return value if isinstance(value, list) else [value]
