"""Pins of the types that make a sharded pin."""
from content import raw_cid

# One pin of each type of the Go program, for import; nobody has their content.
TYPED = {
    "pin": {"type": "pin", "name": "data", "max_depth": -1},
    "meta-pin": {"type": "meta-pin", "name": "big", "max_depth": 0, "reference": raw_cid(b"clusterdag-pin")},
    "clusterdag-pin": {"type": "clusterdag-pin", "name": "big-clusterDAG", "max_depth": 0, "reference": raw_cid(b"meta-pin")},
    "shard-pin": {"type": "shard-pin", "name": "big-shard-0", "max_depth": 1, "shard_size": 1000},
}
for kind, pin in TYPED.items():
    pin.update(cid=raw_cid(kind.encode()), replication_factor_min=-1, replication_factor_max=-1)
