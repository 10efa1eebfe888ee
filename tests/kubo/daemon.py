#!/usr/bin/env python3
"""A real Kubo daemon for tests: its own repository, loopback addresses on free ports, no contact with the network.

    with KuboDaemon(tmpdir) as kubo:
        kubo.api_multiaddr   # "/ip4/127.0.0.1/tcp/41234", as in service.json
        kubo.gateway_url     # "http://127.0.0.1:41235"
        kubo.rpc("pin/ls", arg=cid)["Keys"]
        kubo.ipfs("add", "-Q", path)

`python3 tests/kubo/daemon.py --print` runs one until Ctrl-C. The program is built by tests/kubo/build.sh.
"""

import argparse
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 20


def binary():
    """Path of the Kubo program: $KUBO_BINARY, else the one that build.sh left here."""
    path = pathlib.Path(os.environ.get("KUBO_BINARY", HERE / "ipfs"))
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run tests/kubo/build.sh")
    return str(path)


def _stop_with_parent():
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def build():
    """Builds the program unless it is there; says in one line why that could not be done, or None."""
    if "KUBO_BINARY" in os.environ or (HERE / "ipfs").exists():
        return None
    built = subprocess.run([HERE / "build.sh"], capture_output=True, text=True)
    return None if built.returncode == 0 else f"the real Kubo could not be built: {built.stderr.strip().splitlines()[-1:]}"


class KuboDaemon:
    """Created and started by the constructor; a context manager. `offline` leaves out the swarm as well. `config` are
    dotted keys of Kubo's configuration that go over the ones here. restart() keeps repository, identity and addresses."""

    def __init__(self, tmpdir, offline=False, config=None):
        self.repo = pathlib.Path(tmpdir) / "kubo"
        self.log_path = self.repo.with_name("kubo.log")
        self.offline = offline
        self._process = None
        self._env = {**os.environ, "IPFS_PATH": str(self.repo), "IPFS_TELEMETRY": "off"}
        self.ipfs("init", "--profile=test,server")
        self._configure({
            "Bootstrap": [],
            "AutoConf.Enabled": False,
            "AutoTLS.Enabled": False,
            "Routing.Type": "none",
            "DNS.Resolvers": {},
            "Routing.DelegatedRouters": [],
            "Ipns.DelegatedPublishers": [],
            "Addresses.API": "/ip4/127.0.0.1/tcp/0",
            "Addresses.Gateway": "/ip4/127.0.0.1/tcp/0",
            "Addresses.Swarm": ["/ip4/127.0.0.1/tcp/0"],
            "Addresses.NoAnnounce": [],  # with the next line: two of them may be connected over loopback
            "Swarm.AddrFilters": [],
            "Version.SwarmCheckEnabled": False,
            **(config or {}),
        })
        self.start()

    def start(self):
        for name in ("api", "gateway"):
            (self.repo / name).unlink(missing_ok=True)
        args = [binary(), "daemon"] + (["--offline"] if self.offline else [])
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(args, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             preexec_fn=_stop_with_parent)
        try:
            self.api_multiaddr = self._wait_for("its API address", lambda: (self.repo / "api").read_text().strip())
            self.api_url = _url(self.api_multiaddr)
            self.peer_id = self._wait_for("an answer of its API", lambda: self.rpc("id")["ID"])
            self.gateway_url = self._wait_for("its gateway", lambda: (self.repo / "gateway").read_text().strip())
        except BaseException:
            self.stop()
            raise
        # The next start shall have the same addresses.
        self._configure({"Addresses.API": self.api_multiaddr, "Addresses.Gateway": _multiaddr(self.gateway_url)})

    def stop(self):
        """Ends the daemon; does nothing when it has ended already."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self):
        """Ends it as a power cut would."""
        self._process.kill()
        self._process.wait()
        self._process = None

    def restart(self):
        self.stop()
        self.start()

    @property
    def pid(self):
        return self._process.pid

    def rpc(self, command, data=None, headers=None, timeout=60, **params):
        """POST /api/v0/COMMAND; the answer's JSON object, or the list of them when it is a stream, or its bytes."""
        query = urllib.parse.urlencode({k.replace("_", "-"): str(v).lower() if isinstance(v, bool) else v
                                        for k, v in params.items()}, doseq=True)
        request = urllib.request.Request(f"{self.api_url}/api/v0/{command}?{query}", data=data or b"", method="POST",
                                         headers=headers or {})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            body = answer.read()
            if not answer.headers.get("Content-Type", "").startswith("application/json"):
                return body
        objects = [json.loads(line) for line in body.splitlines() if line.strip()]
        return objects[0] if len(objects) == 1 else objects

    def ipfs(self, *args, input=None):
        """Runs the command line on this repository (through the daemon once it runs); its standard output."""
        done = subprocess.run([binary(), *args], env=self._env, input=input, capture_output=True, timeout=300)
        if done.returncode != 0:
            raise RuntimeError(f"ipfs {' '.join(args)}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _configure(self, keys):
        path = self.repo / "config"
        config = json.loads(path.read_text())
        for dotted, value in keys.items():
            *parents, last = dotted.split(".")
            section = config
            for name in parents:
                if not isinstance(section.get(name), dict):
                    section[name] = {}
                section = section[name]
            section[last] = value
        path.write_text(json.dumps(config, indent=2))

    def _wait_for(self, what, attempt):
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while True:
            try:
                if value := attempt():
                    return value
            except (OSError, KeyError, ValueError):
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = self.log_path.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"Kubo ended or took too long: no sign of {what}\n{tail}")
            time.sleep(0.02)


def _url(multiaddr):
    _, _, host, _, port = multiaddr.split("/")
    return f"http://{host}:{port}"


def _multiaddr(url):
    parts = urllib.parse.urlsplit(url)
    return f"/ip4/{parts.hostname}/tcp/{parts.port}"


def main():
    parser = argparse.ArgumentParser(description="Run a Kubo daemon for tests until Ctrl-C.")
    parser.add_argument("--print", action="store_true", help="print its addresses as one JSON line (always done)")
    parser.add_argument("--offline", action="store_true", help="without swarm")
    parser.add_argument("--dir", help="keep the repository here (default: a temporary directory, removed at the end)")
    args = parser.parse_args()
    tmpdir = args.dir or tempfile.mkdtemp(prefix="kubo-")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with KuboDaemon(tmpdir, offline=args.offline) as kubo:
            print(json.dumps({"api_multiaddr": kubo.api_multiaddr, "api_url": kubo.api_url, "gateway": kubo.gateway_url,
                              "peer_id": kubo.peer_id, "repo": str(kubo.repo), "pid": kubo.pid}), flush=True)
            signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        if not args.dir:
            shutil.rmtree(tmpdir, ignore_errors=True)


if __name__ == "__main__":
    main()
