"""What the benchmarks share: content, pinsets, load by wrk, measurements of processes, reports."""
import base64
import hashlib
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from peer import Peer, free_port  # noqa: E402, F401

WORK = ROOT / "build/bench"
OTHER_PEER = "12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M"
MIB = 1 << 20
MILLION = 1_000_000


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{os.cpu_count()} cores, {model.group(1).strip() if model else platform.machine()}, {memory:.0f} GiB"


def report(bench, value, unit, target, reference=None, **more):
    """One JSON line. `target` is a number of the same unit, or null; `reference` says what was measured beside it."""
    print(json.dumps({"bench": bench, "value": round(value, 3), "unit": unit, "target": target, "reference": reference,
                      **more, "machine": machine()}), flush=True)


def fresh(name):
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def peer_in(folder, **kwargs):
    return Peer(folder / "peer", **kwargs).init()


def random_file(path, size):
    """Incompressible bytes, fast: a stream cipher over zeros."""
    key = hashlib.sha256(str(path.name).encode()).hexdigest()
    with open(path, "wb") as out:
        zeros = subprocess.Popen(["head", "-c", str(size), "/dev/zero"], stdout=subprocess.PIPE)
        subprocess.run(["openssl", "enc", "-aes-128-ctr", "-K", key[:32], "-iv", key[32:]], stdin=zeros.stdout, stdout=out, check=True)
        zeros.wait()
    return path


def timed(function, *args, **kwargs):
    start = time.perf_counter()
    result = function(*args, **kwargs)
    return time.perf_counter() - start, result


def dd_mb_per_s(source, target):
    """Plain copy of `source` with one fdatasync at its end, warm source."""
    subprocess.run(["cat", source], stdout=subprocess.DEVNULL, check=True)
    seconds, _ = timed(subprocess.run, ["dd", f"if={source}", f"of={target}", "bs=1M", "conv=fdatasync", "status=none"], check=True)
    pathlib.Path(target).unlink()
    return pathlib.Path(source).stat().st_size / seconds / 1e6


def sha256_mb_per_s():
    """One core's SHA-256."""
    block = b"x" * (64 << 20)
    seconds, _ = timed(lambda: [hashlib.sha256(block).digest() for _ in range(4)])
    return 4 * len(block) / seconds / 1e6


def cid_v1(digest, codec=0x55):
    return "b" + base64.b32encode(bytes([1, codec, 0x12, 32]) + digest).decode().lower().rstrip("=")


def cid_of(number):
    return cid_v1(hashlib.sha256(b"bench %d" % number).digest())


def pin_lines(count, allocation=OTHER_PEER):
    """A state export of `count` pins that another peer holds."""
    for i in range(count):
        yield ('{"replication_factor_min":1,"replication_factor_max":1,"name":"item-%07d","mode":"recursive","shard_size":0,'
               '"user_allocations":null,"expire_at":"0001-01-01T00:00:00Z","metadata":null,"pin_update":null,"origins":[],'
               '"cid":"%s","type":"pin","allocations":["%s"],"max_depth":-1,"reference":null,'
               '"timestamp":"2026-01-02T03:04:%02dZ"}\n' % (i, cid_of(i), allocation, i % 60))


def small_files(folder, count):
    """`count` files of 1 KiB in 100 folders."""
    for i in range(count):
        path = folder / f"{i % 100:02}" / f"{i:06}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%08d" % i + b"." * 1016)
    return folder


def wait_until(condition, seconds, pause=0.05):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(pause)


def export_file(count, allocations=1):
    """The file of pin_lines(count), kept between runs."""
    path = WORK / f"export-{count}-{allocations}.jsonl"
    if not path.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        others = [OTHER_PEER, "12D3KooWPA6ax6t3jqTyGq73Zm1RmwppYqxaXzrtarfcTWGp5Wzx", "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq"]
        with open(path.with_suffix(".part"), "w") as out:
            for line in pin_lines(count, '","'.join(others[:allocations])):
                out.write(line)
        path.with_suffix(".part").rename(path)
    return path


def wrk(url, script=None, connections=64, seconds=5, threads=1, latency=False):
    """(requests/s, answers that were no 2xx or 3xx, p99 in ms or None)."""
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
    command += ["--latency"] if latency else []
    command += ["-s", str(script)] if script else []
    out = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", out).group(1))
    errors = sum(int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", out))
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    scale = {"us": 1e-3, "ms": 1, "s": 1e3}
    return rate, errors, float(p99.group(1)) * scale[p99.group(2)] if p99 else None


def wrk_script(folder, name, **values):
    """A script of bench/lua with its @NAMES@ replaced."""
    text = (ROOT / "bench/lua" / name).read_text()
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    path = folder / name
    path.write_text(text)
    return path


def memory_mib(peer, field="VmRSS"):
    text = pathlib.Path(f"/proc/{peer.process.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", text).group(1)) / 1024


def reset_peak(peer):
    pathlib.Path(f"/proc/{peer.process.pid}/clear_refs").write_text("5")


def cpu_seconds(peer):
    return process_cpu_seconds(peer.process.pid)


def process_cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def settle(peer, seconds=60):
    """Waits until the peer rests: after an import its databases are sorted in the background."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = cpu_seconds(peer)
        time.sleep(1)
        if cpu_seconds(peer) - before < 0.05:
            return peer
    raise TimeoutError("the peer does not come to rest")


def disk_bytes(folder):
    return sum(f.stat().st_blocks * 512 for f in pathlib.Path(folder).rglob("*") if f.is_file())


def kubo_binary():
    path = ROOT / "tests/kubo/ipfs"
    return path if path.exists() else None


def raise_file_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
