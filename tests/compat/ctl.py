"""Runs of ipfs-cluster-ctl."""
import re
import subprocess

from peer import BIN

CID = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq"  # nobody has it
PEER = "12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M"  # nobody is it
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
DATE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


def ctl(*args, env=None, timeout=60):
    """Without a peer."""
    return subprocess.run([BIN / "ipfs-cluster-ctl", *args], capture_output=True, text=True, timeout=timeout, env=env)


def stdout(peer, *args):
    done = peer.ctl(*args)
    assert done.stderr == "", done.stderr
    return done.stdout


def match(pattern, text):
    assert re.fullmatch(pattern, text), text
    return True
