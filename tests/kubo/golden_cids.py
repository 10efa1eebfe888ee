#!/usr/bin/env python3
"""What a real Kubo answers to `add` of generated inputs: writes src/importer/testdata/kubo_cids.tsv, or with --check
compares that file with what Kubo answers now. Needs tests/kubo/ipfs (build.sh)."""

import argparse
import difflib
import hashlib
import json
import pathlib
import sys
import tempfile
import urllib.parse

from daemon import KuboDaemon

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "src/importer/testdata/kubo_cids.tsv"
HEADER = """\
# What Kubo 0.42.0 answers to `add` (only-hash) with these inputs; written by tests/kubo/golden_cids.py, read by
# src/importer/kubo_cids_test.cpp. Fields are separated by tabs; a record is an `add` line, its parts in the order of the
# upload, and the answer, in its order:
#   add   CHUNKER CID-VERSION RAW-LEAVES HASH WRAP
#   file  NAME SIZE SEED           content: block i of 64 bytes is SHA-512(SEED, i), both 8 bytes big-endian; SIZE bytes
#   files PREFIX COUNT SIZE SEED   COUNT times `file`, all of the same content, named PREFIX0000000, PREFIX0000001, ...
#   dir   NAME
#   link  NAME TARGET
#   =     NAME CID SIZE            cumulative size; lines whose name begins with a PREFIX of `files` are left out
"""


def content(size, seed):
    front = seed.to_bytes(8, "big")
    sha512 = hashlib.sha512
    return b"".join(sha512(front + i.to_bytes(8, "big")).digest() for i in range((size + 63) // 64))[:size]


class Record:
    def __init__(self, chunker="size-262144", version=0, raw=0, hash="sha2-256", wrap=0, parts=()):
        self.options = (chunker, version, raw, hash, wrap)
        self.parts = parts

    def lines(self, answers):
        hidden = tuple(part[1] for part in self.parts if part[0] == "files")
        yield "\t".join(map(str, ("add", *self.options)))
        for part in self.parts:
            yield "\t".join(map(str, part))
        for name, cid, size in answers:
            if not (hidden and name.startswith(hidden)):
                yield f"=\t{name}\t{cid}\t{size}"

    def body(self, boundary):
        out = []

        def put(name, kind, data):
            out.append(b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\nContent-Type: %s\r\n\r\n'
                       % (boundary, urllib.parse.quote_plus(name).encode(), kind))
            out.append(data)
            out.append(b"\r\n")

        for kind, name, *more in self.parts:
            if kind == "file":
                put(name, b"application/octet-stream", content(*more))
            elif kind == "files":
                data = content(*more[1:])
                for i in range(more[0]):
                    put(f"{name}{i:07}", b"application/octet-stream", data)
            elif kind == "dir":
                put(name, b"application/x-directory", b"")
            elif kind == "link":
                put(name, b"application/symlink", more[0].encode())
        out.append(b"--%s--\r\n" % boundary)
        return b"".join(out)

    def ask(self, kubo):
        chunker, version, raw, hash, wrap = self.options
        boundary = b"0123456789abcdef-boundary"
        body = self.body(boundary)
        answers = kubo.rpc("add", data=body, headers={"Content-Type": b"multipart/form-data; boundary=" + boundary},
                           timeout=600, chunker=chunker, cid_version=version, raw_leaves=bool(raw), hash=hash,
                           wrap_with_directory=bool(wrap), only_hash=True, pin=False, progress=False)
        if not isinstance(answers, list):
            answers = [answers]
        return [(a["Name"], a["Hash"], a["Size"]) for a in answers]


VARIANTS = [(0, 0), (0, 1), (1, 0), (1, 1)]  # CID version, raw leaves
SHA512_V1 = ("size-262144", 1, 1, "sha2-512")


def file_records():
    seed = 0

    def one(size, chunker, variants=VARIANTS, hash="sha2-256"):
        nonlocal seed
        for version, raw in variants:
            seed += 1
            yield Record(chunker, version, raw, hash, parts=[("file", "file", size, seed)])

    for chunk in (16, 64, 1024):  # around the borders of chunk, one node, two levels
        for size in (0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 174 * chunk - 1, 174 * chunk, 174 * chunk + 1,
                     175 * chunk, 348 * chunk + 1):
            yield from one(size, f"size-{chunk}")
    for off in (-1, 0, 1, 17):  # around the border of three levels
        yield from one(174 * 174 * 16 + off, "size-16")
    for off in (-1, 0, 1):
        yield from one(174 * 174 * 64 + off, "size-64", [(0, 0), (1, 1)])
    yield from one(174 * 174 * 1024 + 1, "size-1024", [(0, 0)])
    for size in (173, 174, 175, 174 * 174, 174 * 174 + 1):
        yield from one(size, "size-1", [(0, 0), (1, 1)])
    for size in (999, 1000, 1001, 173_999, 174_000, 174_001):
        yield from one(size, "size-1000", [(0, 0), (1, 1)])
    for size in (0, 1, 127, 128, 262_143, 262_144, 262_145, 524_288, 1_048_577):
        yield from one(size, "size-262144")
    yield from one(174 * 262_144 + 1, "size-262144", [(0, 0)])
    yield from one(50 * 1024 * 1024 + 12_345, "size-262144", [(1, 1)])
    yield from one(2_096_897, "size-2096896")
    yield from one(1_048_577, "size-1048576", [(0, 0), (1, 1)])
    for hash in ("sha2-512", "sha3-224", "sha3-256", "sha3-384", "sha3-512", "blake2b-256", "blake2b-512", "blake2s-256"):
        for size in (0, 100, 174 * 64 + 1):
            yield from one(size, "size-64", [(1, 0), (1, 1)], hash)
    for size in (0, 100):
        yield from one(size, "size-262144", [(1, 0), (1, 1)], "identity")


def tree_records():
    nested = [("dir", "d"), ("file", "d/a", 10, 1), ("dir", "d/b"), ("file", "d/b/c", 300_000, 2), ("dir", "d/b/e"),
              ("dir", "d/b/e/empty"), ("file", "d/z", 0, 3)]
    implied = [("file", "d/x/1", 5, 1), ("file", "d/y/2", 6, 2), ("file", "d/x/3", 7, 3), ("file", "d/0", 8, 4)]
    unicode = [("file", "dé/grüße.txt", 11, 1), ("file", "dé/日本語/файл", 12, 2), ("file", "dé/a b%20+c&d=\"e\".txt", 13, 3),
               ("file", "dé/🎉", 14, 4), ("file", "dé/e\u0301", 15, 5), ("file", "dé/\u00e9", 16, 6)]
    order = [("file", f"d/{name}", 9, 1) for name in ("a", "B", "a.b", "a-b", "ab", "A", "a0", "_", "~", "ä", "10", "9")]
    order += [("file", "d/a.dir/x", 9, 1), ("file", "d/a+dir/x", 9, 1)]
    links = [("link", "d/up", "../x"), ("link", "d/abs", "/etc/hosts"), ("file", "d/file", 3, 1), ("link", "d/ünï", "zïel/日本"),
             ("link", "d/sub/same", "../file")]
    deep = [("file", "/".join(["d"] * 40), 3, 1), ("file", "/".join(["d"] * 20 + ["f"]), 4, 2)]
    wide = [("files", "d/f", 300, 33, 1), ("file", "d/other", 3, 2)]
    trees = [[("dir", "empty")], nested, implied, unicode, order, links, deep, wide,
             [("file", "d/big", 700_000, 1), ("file", "d/small", 7, 2), ("file", "d/copy", 700_000, 1)]]
    for parts in trees:
        for version, raw in VARIANTS:
            for wrap in (0, 1):
                yield Record(version=version, raw=raw, wrap=wrap, parts=parts)
    yield Record(*SHA512_V1, parts=nested)
    yield Record("size-1000", 1, 0, "blake2b-256", 1, nested + [("link", "l", "d")])
    yield Record(chunker="size-64", parts=nested)

    several = [("file", "one", 3, 1), ("file", "two/x", 4, 2), ("file", "two/sub/y", 5, 3), ("link", "three", "one"),
               ("file", "four/z", 6, 4), ("dir", "five")]
    single = [[("file", "name.bin", 1000, 1)], [("file", "größe 🎉", 0, 1)], [("link", "link", "target")],
              [("link", "link", "zïel/" + "x" * 100)], several, several + [("file", "last", 9, 9)],
              [("file", "same", 9, 1), ("file", "same2", 9, 1)]]
    for parts in single:
        for version, raw in ((0, 0), (1, 1)):
            for wrap in (0, 1):
                yield Record(version=version, raw=raw, wrap=wrap, parts=parts)

    # The largest directory that Kubo does not shard: names and CIDs of exactly 256 KiB.
    name_bytes = 8
    for version, raw, cid_bytes in ((0, 0, 34), (1, 1, 36)):
        entries = (256 * 1024) // (name_bytes + cid_bytes) - 1
        rest = 256 * 1024 - entries * (name_bytes + cid_bytes) - cid_bytes
        yield Record(version=version, raw=raw, parts=[("files", "d/f", entries, 3, 1), ("file", "d/" + "r" * rest, 3, 2)])


def golden(kubo):
    out = [HEADER]
    count = 0
    for record in [*file_records(), *tree_records()]:
        out.append("\n".join(record.lines(record.ask(kubo))) + "\n")
        count += 1
    return "\n".join(out), count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed file, write nothing")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as tmpdir, KuboDaemon(tmpdir, offline=True) as kubo:
        text, count = golden(kubo)
    if args.check:
        diff = list(difflib.unified_diff(GOLDEN.read_text().splitlines(), text.splitlines(), "committed", "kubo", lineterm=""))
        print("\n".join(diff[:100]) if diff else f"{count} inputs: equal to what Kubo answers")
        return 1 if diff else 0
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(text)
    print(f"{count} inputs written to {GOLDEN}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
