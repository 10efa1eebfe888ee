"""Runs a page of docs/ as it is written: each ```sh block, in the page's order, on a machine of its own.

A machine is a network namespace with its own home folder, so that every port and path is the one that the page says. Machine
a is 192.0.2.1, b is 192.0.2.2 and so on; "```sh b" runs on b. A "```text" block that follows is what must be printed, where
"…" stands for any text in a line and a line of "…" for any lines. "<!-- sh … -->" runs and is not shown. In a block,
`12D3Koo…` behind an address of a machine stands for its peer's id, elsewhere for that of the machine that came last, and
`CLUSTER_SECRET=…` for the secret of machine a.

A daemon that a block starts goes on in the background, and the next line runs when it is ready (or has ended). Hidden blocks
end it with `stop-peer [SIGNAL]`, change its service.json with `change-config KEY JSON …`, and with NEEDS_KUBO `start-kubo` a real
Kubo (its repository is ~/kubo) and `make-go-folder` what the Go program leaves behind.
"""
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import time

from peer import BIN, ROOT

BLOCK = re.compile(r"^(?:```(?P<kind>sh|text)(?: (?P<on>[a-z]))?\n(?P<body>.*?)^```$"
                   r"|<!-- sh(?: (?P<hidden_on>[a-z]))?\n(?P<hidden>.*?)^-->$)", re.M | re.S)
BLOCK_TIMEOUT_SECONDS = 120
WRAPPER = r"""#!/bin/bash
# Daemons in the background, with their log in a file; all else as it is.
case " $* " in *" daemon "*) ;; *) exec {service} "$@" ;; esac
touch "$HOME/daemon.log"; before=$(wc -c <"$HOME/daemon.log")
{service} "$@" </dev/null >>"$HOME/daemon.log" 2>&1 &
echo $! >"$HOME/daemon.pid"
while ! tail -c +$((before + 1)) "$HOME/daemon.log" | grep -q "IPFS Cluster is READY"; do
  kill -0 $! 2>/dev/null || {{ tail -n 5 "$HOME/daemon.log" >&2; wait $!; exit; }}
  sleep 0.02
done
"""
STOP = """#!/bin/sh
kill ${1:--TERM} $(cat ~/daemon.pid)
while kill -0 $(cat ~/daemon.pid) 2>/dev/null; do sleep 0.02; done
"""

CHANGE_CONFIG = f"""#!{sys.executable}
import json, os, sys
path = os.path.expanduser("~/.ipfs-cluster/service.json")
with open(path) as file:
    config = json.load(file)
for name, value in zip(sys.argv[1::2], sys.argv[2::2]):
    *parents, last = name.split(".")
    at = config
    for parent in parents:
        at = at.setdefault(parent, {{}})
    at[last] = json.loads(value)
with open(path, "w") as file:
    json.dump(config, file, indent=2)
"""
START_KUBO = f"""#!/bin/sh
{sys.executable} {ROOT}/tests/kubo/daemon.py --dir ~ </dev/null >~/kubo.json 2>&1 &
until [ -s ~/kubo.json ]; do kill -0 $! || exit; sleep 0.02; done
"""
MAKE_GO_FOLDER = f"""#!/bin/sh -e
ipfs-cluster-service --config ~/.key init
mkdir ~/.ipfs-cluster
cp ~/.key/identity.json ~/.ipfs-cluster
sed "s,/ip4/127.0.0.1/tcp/5001,$(cat ~/kubo/api)," {ROOT}/src/config/testdata/go-1.1.6-crdt.json >~/.ipfs-cluster/service.json
"""
PROGRAMS = {"ipfs-cluster-service": WRAPPER.format(service=BIN / "ipfs-cluster-service"), "stop-peer": STOP,
            "change-config": CHANGE_CONFIG, "start-kubo": START_KUBO, "make-go-folder": MAKE_GO_FOLDER}
NEEDS_KUBO = ["pinning-service.md", "migrating.md"]


def blocks_of(text):
    """(line, machine, script, expected or None) of each block that runs."""
    found = []
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["kind"] == "text":
            found[-1] = (*found[-1][:3], match["body"])
        else:
            found.append((line, match["on"] or match["hidden_on"] or "a", match["body"] or match["hidden"], None))
    return found


def pattern_of(expected):
    """A regular expression for a ```text block."""
    out = ""
    for line in expected.splitlines():
        out += r"(?:.*\n)*?" if line.strip() == "…" else ".*?".join(map(re.escape, line.rstrip().split("…"))) + r"[ \t]*\n"
    return out


class Machine:
    """A network namespace at 192.0.2.`number` with a shell in its own home folder."""

    def __init__(self, folder, name, network, number):
        self.home = folder / name
        self.home.mkdir()
        self.namespace = f"{network}{name}"
        self.address = f"192.0.2.{number}"
        ip("netns", "add", self.namespace)
        ip("-n", self.namespace, "link", "set", "lo", "up")
        ip("link", "add", "eth0", "netns", self.namespace, "type", "veth", "peer", "name", f"to{name}", "netns", network)
        ip("-n", network, "link", "set", f"to{name}", "master", "hub", "up")
        ip("-n", self.namespace, "addr", "add", f"{self.address}/24", "dev", "eth0")
        ip("-n", self.namespace, "link", "set", "eth0", "up")
        programs = self.home / ".programs"
        programs.mkdir()
        for program, text in PROGRAMS.items():
            (programs / program).write_text(text)
            (programs / program).chmod(0o755)
        (programs / "ipfs-cluster-ctl").symlink_to(BIN / "ipfs-cluster-ctl")
        (programs / "ipfs").symlink_to(os.environ.get("KUBO_BINARY", ROOT / "tests/kubo/ipfs"))
        env = {k: v for k, v in os.environ.items() if not k.startswith(("CLUSTER_", "IPFS_"))}
        env |= {"HOME": str(self.home), "PATH": f"{programs}:{env['PATH']}", "CLUSTER_PEERNAME": name}
        (self.home / ".curlrc").write_text("silent\nshow-error\n")  # as on a terminal
        self.shell = subprocess.Popen(["ip", "netns", "exec", self.namespace, "bash", "--norc"], cwd=self.home, env=env,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    @property
    def config_folder(self):
        return self.home / ".ipfs-cluster"

    def run(self, script):
        """Sources `script`; returns what it printed. Any command that fails is an error."""
        path = self.home / ".block"
        path.write_text(script)
        self.shell.stdin.write(b"set -euo pipefail; . ./.block </dev/null; set +eu; cd ~; echo @@end\n")
        self.shell.stdin.flush()
        out, deadline = b"", time.monotonic() + BLOCK_TIMEOUT_SECONDS
        while not out.endswith(b"@@end\n"):
            ready, _, _ = select.select([self.shell.stdout], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(self.shell.stdout.fileno(), 65536) if ready else b""
            out += piece
            assert piece, f"{'a command failed' if ready else 'not done in time'}:\n{script}\nprinted:\n{out.decode()}"
        return out.removesuffix(b"@@end\n").decode()

    def end(self):
        for pid in ip("netns", "pids", self.namespace).stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.shell.wait()
        ip("netns", "del", self.namespace)


class Page:
    """with Page("quick-start.md", tmp_path) as page: page.run()"""

    def __init__(self, name, folder):
        self.name = name
        self.text = (ROOT / "docs" / name).read_text()
        self.folder = pathlib.Path(folder)
        self.network = f"page{os.getpid()}"
        self.machines = {}

    def __enter__(self):
        ip("netns", "add", self.network)
        ip("-n", self.network, "link", "add", "hub", "type", "bridge")
        ip("-n", self.network, "link", "set", "hub", "up")
        return self

    def __exit__(self, *_):
        for machine in self.machines.values():
            machine.end()
        ip("netns", "del", self.network)

    def machine(self, name):
        if name not in self.machines:
            self.machines[name] = Machine(self.folder, name, self.network, ord(name) - ord("a") + 1)
        return self.machines[name]

    def filled(self, script):
        """With the ids and the secret that this run has."""
        def identity(match):
            of = [m for m in self.machines.values() if not match[1] or f"/ip4/{m.address}/" in match[1]][-1]
            return (match[1] or "") + json.loads((of.config_folder / "identity.json").read_text())["id"]

        script = re.sub(r"(/ip4/[\d.]+/tcp/9096/p2p/)?12D3Koo…", identity, script)
        if "CLUSTER_SECRET=…" in script:
            config = json.loads((self.machine("a").config_folder / "service.json").read_text())
            script = script.replace("CLUSTER_SECRET=…", f"CLUSTER_SECRET={config['cluster']['secret']}")
        # The next line is for a peer that is ready.
        return re.sub(r"(ipfs-cluster-service .*\bdaemon\b.*?) &$", r"\1", script, flags=re.M)

    def run(self):
        blocks = blocks_of(self.text)
        assert blocks, f"{self.name} has no block to run"
        for line, machine, script, expected in blocks:
            printed = self.machine(machine).run(self.filled(script))
            if expected is not None:
                assert re.fullmatch(pattern_of(expected), printed), \
                    f"docs/{self.name}:{line} printed\n{printed}\nnot\n{expected}"


def ip(*args):
    return subprocess.run(["ip", *args], check=True, capture_output=True, text=True)


def why_not():
    """Why no page can be run here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    return None if shutil.which("ip") and shutil.which("curl") else "needs ip (iproute2) and curl"
