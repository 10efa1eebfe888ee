#!/usr/bin/env python3
"""./dev bench NAME…|all: measures the release build from outside; one JSON line each.

Names: add-large add-small add-memory pin-rate state-import list-stream start status-1m idle http tls reads events; of three
peers:
cluster-join cluster-pins cluster-bulk cluster-latency cluster-pinned cluster-add cluster-failover cluster-failover-100k
cluster-election cluster-agents (with 32 agents).
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import fixtures as fx  # noqa: E402
import cluster  # noqa: E402
import reads  # noqa: E402
from fixtures import MIB, MILLION, report  # noqa: E402

_million = None


def million_peer():
    """A stopped peer with 1 M pins, imported once a run."""
    global _million
    if _million is None:
        folder = fx.fresh("million")
        peer = fx.peer_in(folder)
        peer.service("state", "import", "--force", str(fx.export_file(MILLION, 3)), timeout=600)
        _million = peer
    return _million


def add_large():
    folder = fx.fresh("add-large")
    source = fx.random_file(folder / "1GiB", 1 << 30)
    dd = fx.dd_mb_per_s(source, folder / "copy")
    with fx.peer_in(folder).start() as peer:
        seconds, _ = fx.timed(peer.ctl, "add", "-Q", str(source), timeout=600)
        rate = source.stat().st_size / seconds / 1e6
        report("add-large", rate, "MB/s", round(0.7 * dd, 1), f"dd conv=fdatasync {dd:.0f} MB/s", ratio_to_dd=round(rate / dd, 2),
               sha256_mb_per_s=round(fx.sha256_mb_per_s()), peak_mib=round(fx.memory_mib(peer, "VmHWM")))
        peer.stop()
    shutil.rmtree(folder)


def kubo_add_rate(tree, folder, count):
    """`ipfs add -r` of a real Kubo without a daemon, files a second; None where it is not built."""
    if not fx.kubo_binary():
        return None
    env = {"IPFS_PATH": str(folder / "kubo"), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run([fx.kubo_binary(), "init", "--profile=test"], env=env, check=True, capture_output=True)
    seconds, _ = fx.timed(subprocess.run, [fx.kubo_binary(), "add", "-r", "-Q", str(tree)], env=env, check=True, capture_output=True)
    return count / seconds


def add_small():
    count = 10_000
    folder = fx.fresh("add-small")
    tree = fx.small_files(folder / "tree", count)
    kubo = kubo_add_rate(tree, folder, count)
    with fx.peer_in(folder).start() as peer:
        seconds, _ = fx.timed(peer.ctl, "add", "-r", "-Q", str(tree), timeout=600)
        report("add-small", count / seconds, "files/s", 20_000, f"ipfs add {kubo:.0f} files/s" if kubo else "no Kubo built",
               ratio_to_kubo=round(count / seconds / kubo, 1) if kubo else None)
        script = fx.wrk_script(folder, "add.lua", SEED=time.time_ns())
        rate, errors, _ = fx.wrk(peer.api, script, connections=16, seconds=5)
        report("add-parallel", rate, "adds/s", 5_000, "16 connections, 1 KiB each, synced before the answer", errors=errors)
        peer.stop()
    shutil.rmtree(folder)


def add_memory():
    folder = fx.fresh("add-memory")
    source = fx.random_file(folder / "10GiB", 10 << 30)
    with fx.peer_in(folder).start() as peer:
        seconds, _ = fx.timed(peer.ctl, "add", "-Q", str(source), timeout=1200)
        report("add-memory", fx.memory_mib(peer, "VmHWM"), "MiB", 300, "peak resident while 10 GiB are added",
               mb_per_s=round(source.stat().st_size / seconds / 1e6))
        peer.stop()
    shutil.rmtree(folder)


def cid_file(folder, cids):
    path = folder / "cids"
    path.write_text("\n".join(cids) + "\n")
    return path


def pin_rate():
    folder = fx.fresh("pin-rate")
    count = 300_000
    peer = fx.peer_in(folder)
    peer.service("state", "import", "--force", str(fx.export_file(count)), timeout=600)
    cids = cid_file(folder, (fx.cid_of(i) for i in range(count)))
    with peer.start():
        script = fx.wrk_script(folder, "pins.lua", FILE=cids, METHOD="POST", QUERY="?replication=1&name=again")
        rate, errors, p99 = fx.wrk(peer.api, script, connections=64, seconds=8, latency=True)
        idle_rate, _, _ = fx.wrk(peer.api + "/id", connections=64, seconds=3)
        report("pin-rate-accepted", rate, "pins/s", 20_000, f"GET /id {idle_rate:.0f}/s in the same run", p99_ms=p99, errors=errors)
        peer.stop()
    shutil.rmtree(folder)

    folder = fx.fresh("pin-rate-pinned")
    tree = fx.small_files(folder / "tree", 60_000)
    with fx.peer_in(folder).start() as peer:
        out = peer.ctl("add", "-r", "-q", "--no-pin", "--cid-version=1", str(tree), timeout=600).stdout.split()
        cids = cid_file(folder, out[:60_000])
        script = fx.wrk_script(folder, "pins.lua", FILE=cids, METHOD="POST", QUERY="")
        start = time.perf_counter()
        rate, errors, _ = fx.wrk(peer.api, script, connections=64, seconds=5)
        wanted = int(peer.request("GET", "/allocations?count=true")[2].split(b":")[1].split(b"}")[0])
        while len(peer.lines("GET", "/pins?filter=pinning,pin_queued,pin_error&limit=1")) > 0:
            time.sleep(0.01)
        seconds = time.perf_counter() - start
        report("pin-rate-pinned", wanted / seconds, "pins/s", 10_000, f"accepted {rate:.0f}/s meanwhile", pins=wanted, errors=errors)
        peer.stop()
    shutil.rmtree(folder)


def state_import():
    source = fx.export_file(MILLION, 3)
    folder = fx.fresh("state-import")
    peer = fx.peer_in(folder)
    seconds, _ = fx.timed(peer.service, "state", "import", "--force", str(source), timeout=600)
    size = source.stat().st_size / 1e6
    report("state-import", MILLION / seconds, "pins/s", 80_000, f"sha256 of one core {fx.sha256_mb_per_s():.0f} MB/s",
           mb_per_s=round(size / seconds))
    seconds, out = fx.timed(peer.service, "state", "export", "--file", str(folder / "out"), timeout=600)
    report("state-export", MILLION / seconds, "pins/s", None, None)
    shutil.rmtree(folder)


def stream(url):
    """(seconds to the first byte, seconds in all, bytes, lines)."""
    start = time.perf_counter()
    with urllib.request.urlopen(url, timeout=600) as answer:
        first = answer.read(1)
        first_at = time.perf_counter() - start
        size, lines = 1, 0
        while piece := answer.read(1 << 20):
            size += len(piece)
            lines += piece.count(b"\n")
    assert first == b"{"
    return first_at, time.perf_counter() - start, size, lines


def list_stream():
    with million_peer().start(timeout=120) as peer:
        fx.settle(peer)
        first, whole, size, lines = stream(peer.api + "/allocations")
        assert lines == MILLION, lines
        report("list-allocations", lines / whole, "pins/s", 400_000, f"{size / whole / 1e6:.0f} MB/s over HTTP", first_byte_ms=round(first * 1e3, 1))
        fx.reset_peak(peer)
        first, whole, size, lines = stream(peer.api + "/pins")
        assert lines == MILLION, lines
        report("list-pins-whole", whole, "s", 4, f"{size / whole / 1e6:.0f} MB/s over HTTP")
        report("list-pins-first-byte", first * 1e3, "ms", 20, None)
        report("list-pins-peak", fx.memory_mib(peer, "VmHWM"), "MiB", 250, "peak resident while GET /pins of 1 M runs")
        peer.stop()


def start_seconds(peer):
    seconds, _ = fx.timed(peer.start, timeout=120)
    return seconds


def start():
    folder = fx.fresh("start")
    with fx.peer_in(folder) as peer:
        start_seconds(peer)
        peer.stop()
        times = []
        for _ in range(5):
            times.append(start_seconds(peer))
            peer.stop()
        report("start-empty", sorted(times)[2], "s", 0.2, "median of 5, exec to readyz 200")
    with million_peer() as peer:
        start_seconds(peer)
        peer.stop()
        report("start-1m-clean", start_seconds(peer), "s", 0.5, "after a clean stop")
        cids = cid_file(fx.WORK, (fx.cid_of(i) for i in range(100_000)))
        script = fx.wrk_script(fx.WORK, "pins.lua", FILE=cids, METHOD="POST", QUERY="?replication=1&name=again")
        fx.wrk(peer.api, script, connections=64, seconds=5)
        peer.kill()
        report("start-1m-kill-9", start_seconds(peer), "s", 2, "after kill -9 under 5 s of writes")
        peer.stop()


def status_1m():
    with million_peer().start(timeout=120) as peer:
        fx.settle(peer)
        cids = cid_file(fx.WORK, (fx.cid_of(i * 197 % MILLION) for i in range(200_000)))
        script = fx.wrk_script(fx.WORK, "pins.lua", FILE=cids, METHOD="GET", QUERY="")
        one, errors, p99 = fx.wrk(peer.api, script, connections=1, seconds=3, latency=True)
        report("status-1m-p99", p99, "ms", 0.5, f"{one:.0f} requests/s on one connection", errors=errors)
        rate, errors, _ = fx.wrk(peer.api, script, connections=16, seconds=5)
        report("status-1m-rate", rate, "requests/s", 20_000, "16 connections", errors=errors)
        pages = []
        for _ in range(50):
            seconds, _ = fx.timed(peer.request, "GET", "/pins?limit=100&filter=error")
            pages.append(seconds * 1e3)
        report("status-1m-error-page", sorted(pages)[25], "ms", 20, "median of 50")
        peer.stop()
        state = fx.disk_bytes(peer.folder / "state") / MILLION
        report("disk-per-pin", state, "bytes", 300, "state/ after import and a clean stop, 3 allocations a pin")


def idle():
    folder = fx.fresh("idle")
    with fx.peer_in(folder).start() as peer:
        before = fx.cpu_seconds(peer)
        time.sleep(10)
        report("idle-resident", fx.memory_mib(peer), "MiB", 48, f"{(fx.cpu_seconds(peer) - before) * 10:.1f} % of a core")
        peer.stop()
    with million_peer().start(timeout=120) as peer:
        time.sleep(2)
        report("idle-resident-1m", fx.memory_mib(peer), "MiB", 200, "after start with 1 M pins")
        peer.stop()


def http():
    folder = fx.fresh("http")
    count = 300_000
    with fx.peer_in(folder).start() as peer:
        rate, errors, p99 = fx.wrk(peer.api + "/id", connections=64, seconds=5, latency=True)
        report("http-id", rate, "requests/s", 30_000, "wrk, 64 connections, on the same cores", p99_ms=p99, errors=errors)
        lines = folder / "lines"
        lines.write_text("".join(f'{{"cid":"{fx.cid_of(i)}","name":"bulk {i}"}}\n' for i in range(count)))
        start = time.perf_counter()
        answer = subprocess.run(["curl", "-sS", "-T", str(lines), "-X", "POST", f"{peer.api}/pins"], capture_output=True,
                                text=True, check=True).stdout
        seconds = time.perf_counter() - start
        assert answer.count("\n") == count and '"code"' not in answer, answer[-300:]
        report("http-bulk", count / seconds, "pins/s", 30_000, "one POST /pins of 300,000 lines; nobody has the content")
        cids = cid_file(folder, (fx.cid_of(i) for i in range(count)))
        script = fx.wrk_script(folder, "pins.lua", FILE=cids, METHOD="GET", QUERY="")
        rate, errors, p99 = fx.wrk(peer.api, script, connections=64, seconds=5, latency=True)
        report("http-pin-status-busy", rate, "requests/s", None, "the same while the peer looks for the content of all of them", p99_ms=p99,
               errors=errors)
        fx.settle(peer, 600)
        rate, errors, p99 = fx.wrk(peer.api, script, connections=64, seconds=5, latency=True)
        report("http-pin-status", rate, "requests/s", 20_000, "GET /pins/{cid} of 300,000 pins, 64 connections", p99_ms=p99, errors=errors)
        peer.stop()
    shutil.rmtree(folder)


def handshakes(address, pid, seconds=5):
    """(handshakes a second by two clients on the same cores, ms of processor time that the server `pid` spent on each)."""
    before = fx.process_cpu_seconds(pid)
    clients = [subprocess.Popen(["openssl", "s_time", "-connect", address, "-new", "-time", str(seconds)], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
    made = [re.search(r"(\d+) connections in [\d.]+ real", client.communicate()[0]) for client in clients]
    assert all(made), "openssl s_time counted nothing"
    count = sum(int(one.group(1)) for one in made)
    return count / seconds, 1000 * (fx.process_cpu_seconds(pid) - before) / count


def tls():
    folder = fx.fresh("tls")
    key, certificate = folder / "server.key", folder / "server.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
                   capture_output=True, check=True)
    reference = f"127.0.0.1:{fx.free_port()}"
    with subprocess.Popen(["openssl", "s_server", "-accept", reference, "-key", str(key), "-cert", str(certificate), "-quiet", "-www"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as openssl:
        try:
            fx.wait_until(lambda: subprocess.run(["curl", "-sfko", "/dev/null", f"https://{reference}/"]).returncode == 0, 30)
            plain, plain_ms = handshakes(reference, openssl.pid)
        finally:
            openssl.kill()
    peer = fx.peer_in(folder)
    peer.edit(lambda c: c["api"]["restapi"].update(ssl_cert_file=str(certificate), ssl_key_file=str(key)))
    with peer.start(wait=False):
        address = peer.api.partition("://")[2]
        ready = ["curl", "-sfk", f"https://{address}/readyz"]
        fx.wait_until(lambda: subprocess.run(ready, capture_output=True).returncode == 0, 30)
        rate, each_ms = handshakes(address, peer.process.pid)
        report("tls-handshakes", rate, "handshakes/s", 1_000, f"openssl s_server, asked by the same two clients: {plain:.0f}/s",
               peer_ms_each=round(each_ms, 3), openssl_ms_each=round(plain_ms, 3))
        peer.stop()
    shutil.rmtree(folder)


BENCHES = {"add-large": add_large, "add-small": add_small, "add-memory": add_memory, "pin-rate": pin_rate,
           "state-import": state_import, "list-stream": list_stream, "start": start, "status-1m": status_1m,
           "idle": idle, "http": http, "tls": tls, "reads": lambda: reads.reads(million_peer), "events": reads.events, **cluster.BENCHES}


def main():
    names = sys.argv[1:]
    if not names or "-h" in names or "--help" in names:
        print(__doc__.strip())
        return 0 if names else 2
    unknown = [n for n in names if n != "all" and n not in BENCHES]
    if unknown:
        print(f"no benchmark is named {', '.join(unknown)}; there are: {' '.join(BENCHES)}", file=sys.stderr)
        return 2
    fx.raise_file_limit()
    failed = 0
    for name in BENCHES if "all" in names else names:
        try:
            BENCHES[name]()
        except (AssertionError, OSError, RuntimeError, TimeoutError, subprocess.SubprocessError, json.JSONDecodeError) as error:
            failed += 1
            print(json.dumps({"bench": name, "error": f"{type(error).__name__}: {error}", "stderr": getattr(error, "stderr", None)}), flush=True)
    shutil.rmtree(fx.WORK / "million", ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
