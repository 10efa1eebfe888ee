"""Requests to the REST API, and what its objects are made of."""
from asking import ask
from content import multipart, raw_cid

CID = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq"  # nobody has it
CID_V1 = raw_cid(b"compat")
PEER = "12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M"  # nobody is it
ZERO_TIME = "0001-01-01T00:00:00Z"

PIN_FIELDS = ["replication_factor_min", "replication_factor_max", "name", "mode", "shard_size", "user_allocations", "expire_at",
              "metadata", "pin_update", "origins", "cid", "type", "allocations", "max_depth", "reference", "timestamp"]
STATUS_FIELDS = ["cid", "name", "allocations", "origins", "created", "metadata", "peer_map"]
ID_FIELDS = ["id", "addresses", "cluster_peers", "cluster_peers_addresses", "version", "commit", "rpc_protocol_version", "error",
             "ipfs", "peername"]
METRIC_FIELDS = ["name", "peer", "value", "expire", "valid", "weight", "partitionable", "received_at"]


def get(peer, path, **headers):
    return ask(peer.api, "GET", path, headers=headers)


def post(peer, path, body=None, **headers):
    return ask(peer.api, "POST", path, body, headers)


def delete(peer, path):
    return ask(peer.api, "DELETE", path)


def add(peer, query="", parts=(("a", "text/plain", b"compat"),)):
    kind, body = multipart(parts)
    return post(peer, f"/add?{query}", body, **{"Content-Type": kind})
