#!/usr/bin/env python3
"""./dev run: one peer under .run/ with real files; read one back; stay until Ctrl-C (--once: end with 0 or 1)."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from peer import BIN, ROOT, Peer  # noqa: E402

RUN = ROOT / ".run"
BIG_BYTES = 64 << 20


def say(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


def show(peer, *args):
    print("$ ipfs-cluster-ctl", *args, flush=True)
    subprocess.run([BIN / "ipfs-cluster-ctl", "--host", peer.api_multiaddress, *args], check=True)


def big_file(path):
    """64 MiB that no two runs of a machine share by chance, made from a counter."""
    with open(path, "wb") as out:
        block = b"".join(hashlib.sha256(b"ipfs-cluster run %d" % i).digest() for i in range(32768))
        for i in range(BIG_BYTES // len(block)):
            out.write(block[i:] + block[:i])


def read_back(peer, cid, original):
    digest, size = hashlib.sha256(), 0
    with urllib.request.urlopen(f"{peer.gateway}/ipfs/{cid}", timeout=120) as answer:
        while piece := answer.read(1 << 20):
            digest.update(piece)
            size += len(piece)
    equal = digest.digest() == hashlib.sha256(original.read_bytes()).digest()
    print(f"{peer.gateway}/ipfs/{cid}: {size} bytes, {'equal to the original' if equal else 'DIFFERENT from the original'}")
    return equal


def demonstrate(peer):
    say("Adding this project's docs/ and a file of 64 MiB")
    upload = RUN / "files"
    upload.mkdir()
    big = upload / "big.bin"
    big_file(big)
    show(peer, "add", "-r", "--name", "docs", str(ROOT / "docs"))
    show(peer, "add", "--name", "big", str(big))
    added = peer.ctl("add", "-Q", str(big)).stdout.strip()
    peer.wait_status(added, "pinned", timeout=60)
    say("Status")
    show(peer, "status")
    say("Reading the file back through the gateway")
    return read_back(peer, added, big)


def main():
    once = "--once" in sys.argv[1:]
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir()
    peer = Peer(RUN / "peer", log=RUN / "peer.log")
    say("A new peer with its own IPFS node")
    print("$ ipfs-cluster-service --config .run/peer init --ipfs embedded --randomports")
    peer.init()
    ok = False
    with peer:
        try:
            peer.start()
            show(peer, "id")
            ok = demonstrate(peer)
            if not once:
                say("The peer is running. Use it:")
                print(f"  build/release/bin/ipfs-cluster-ctl --host {peer.api_multiaddress} status\n"
                      f"  REST API  {peer.api}/id\n  gateway   {peer.gateway}/ipfs/<cid>\n"
                      f"  data      {peer.folder}\n  log       {peer.log_path}\nCtrl-C ends it.", flush=True)
                try:
                    peer.process.wait()
                except KeyboardInterrupt:
                    print()
            code, seconds = peer.stop(signal.SIGTERM)
            print(f"The peer ended with code {code} after {seconds:.1f} s.")
            ok = ok and code == 0
        except (subprocess.CalledProcessError, RuntimeError, TimeoutError, OSError, json.JSONDecodeError) as error:
            print(f"failed: {error}\n{getattr(error, 'stderr', '') or ''}\nlog of the peer:\n{peer.log_tail()}", file=sys.stderr)
            ok = False
    print("run: ok" if ok else "run: FAILED", flush=True)
    return 0 if ok else 1


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
