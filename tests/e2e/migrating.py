"""What a Go ipfs-cluster leaves behind: its folder and what its `state export` writes."""
import hashlib
import json
import pathlib

from peer import ROOT, Peer, as_list, free_port

FIXTURES = ROOT / "src/config/testdata"


def go_pin(cid, allocations=(), mode="recursive", name="", factors=None, **more):
    """A line of `state export`, with every field that Go writes."""
    low, high = factors or ((len(allocations),) * 2 if allocations else (-1, -1))
    return {"replication_factor_min": low, "replication_factor_max": high, "name": name, "mode": mode, "shard_size": 0,
            "user_allocations": None, "expire_at": "0001-01-01T00:00:00Z", "metadata": None, "pin_update": None,
            "origins": [], "cid": cid, "type": "pin", "allocations": list(allocations),
            "max_depth": 0 if mode == "direct" else -1, "reference": None, "timestamp": "2023-05-04T03:02:01Z", **more}


def write_export(path, pins):
    path.write_text("".join(json.dumps(pin) + "\n" for pin in pins))
    return path


def go_folder(folder, kubo, fixture="go-1.1.6-crdt.json", change=None):
    """A configuration folder as the Go program's `init` makes it, with free ports on loopback."""
    folder = pathlib.Path(folder)
    Peer(folder.with_name(folder.name + "-key")).init()
    folder.mkdir()
    (folder / "identity.json").write_text((folder.with_name(folder.name + "-key") / "identity.json").read_text())
    (folder / "peerstore").write_text("")
    (folder / "pebble").mkdir()
    (folder / "pebble" / "000001.log").write_bytes(b"not for anybody else")
    config = json.loads((FIXTURES / fixture).read_text())
    loopback = lambda: f"/ip4/127.0.0.1/tcp/{free_port()}"  # noqa: E731
    config["cluster"]["listen_multiaddress"] = [loopback(), "/ip4/127.0.0.1/udp/9096/quic"]
    config["api"] = {"restapi": {**config["api"].get("restapi", {}), "http_listen_multiaddress": loopback()}}
    config["ipfs_connector"]["ipfshttp"]["node_multiaddress"] = kubo.api_multiaddr
    if change:
        change(config)
    (folder / "service.json").write_text(json.dumps(config, indent=2) + "\n")
    return folder


def id_of(folder):
    return json.loads((folder / "identity.json").read_text())["id"]


def fingerprint(folder):
    """Of every file in it, with its mode and time."""
    return {str(path.relative_to(folder)): (path.stat().st_mode, path.stat().st_mtime_ns,
                                            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
            for path in sorted(folder.rglob("*"))}


def received(kubo):
    """Blocks that this Kubo has had from others."""
    return kubo.rpc("stats/bitswap")["BlocksReceived"]


__all__ = ["FIXTURES", "as_list", "fingerprint", "go_folder", "go_pin", "id_of", "received", "write_export"]
