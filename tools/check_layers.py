#!/usr/bin/env python3
"""Checks every #include of src/ against tools/layers.txt.

A folder may use itself, base, ipld and model (where their rank is lower), and the folders that its line names. From another
folder only front-door headers are included: a header directly in that folder (consensus/consensus.h), not one of its
subfolders, except by app/, which names implementations. config/ may use other folders' options.h.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
ALWAYS = {"base", "ipld", "model"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def read_table():
    table = {}
    for line in (ROOT / "tools/layers.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        head, _, uses = line.partition(":")
        rank, folder = head.split()
        table[folder] = (int(rank), uses.split())
    for folder, (rank, uses) in table.items():
        for other in uses:
            if other in ("*", "OPTIONS"):
                continue
            if other not in table:
                sys.exit(f"tools/layers.txt: {folder} names {other}, which is no folder")
            if table[other][0] >= rank and folder != "cmd":
                sys.exit(f"tools/layers.txt: {folder} (rank {rank}) may not use {other} (rank {table[other][0]})")
    return table


def is_test(path):
    """Tests build what they need from anything that is not above them."""
    return path.name.endswith("_test.cpp") or path.name.startswith("test_") or "testing" in path.parts


def problem(table, path, folder, include):
    target = include.split("/")[0]
    if target == folder or target not in table:  # itself, or a library
        return None
    rank, uses = table[folder]
    if is_test(path) and table[target][0] <= rank:
        return None
    allowed = "*" in uses or target in uses or (target in ALWAYS and table[target][0] < rank)
    if not allowed and "OPTIONS" in uses and include.endswith("/options.h"):
        allowed = True
    if not allowed:
        return f"{folder}/ may not use {target}/"
    deep = include.count("/") > 1
    if deep and folder != "app" and folder != "cmd":
        return f"{include} is inside {target}/; only its front-door headers are for others"
    return None


def main():
    table = read_table()
    failures = []
    count = 0
    for path in sorted(SRC.rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        folder = path.relative_to(SRC).parts[0]
        if folder not in table:
            failures.append(f"{path.relative_to(ROOT)}: folder {folder}/ is not in tools/layers.txt")
            continue
        for include in INCLUDE.findall(path.read_text()):
            count += 1
            what = problem(table, path, folder, include)
            if what:
                failures.append(f'{path.relative_to(ROOT)}: #include "{include}": {what}')
    for failure in failures:
        print(failure)
    print(f"layers: {count} includes checked, {len(failures)} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
