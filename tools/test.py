#!/usr/bin/env python3
"""./dev test: unit and simulation tests with sanitizers, then whole programs. Ends with `N passed, N failed`."""
import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOBS = str(os.cpu_count() or 2)
# What the programs of a preset run with. The system's libraries keep what they allocate at start; only our own leaks count.
SANITIZERS = {
    "asan": {"ASAN_OPTIONS": "detect_stack_use_after_return=0", "UBSAN_OPTIONS": "print_stacktrace=1",
             "LSAN_OPTIONS": f"suppressions={ROOT}/tools/lsan.supp:print_suppressions=0"},
    "tsan": {"TSAN_OPTIONS": f"suppressions={ROOT}/tools/tsan.supp halt_on_error=1"},
}
ROOM = 6 << 30  # bytes that a build and the tests' folders take at most
totals = {"passed": 0, "failed": 0, "skipped": 0}


def step(title):
    print(f"\n== {title}", flush=True)


def run(*command, **kwargs):
    return subprocess.run([str(c) for c in command], cwd=ROOT, **kwargs).returncode


def count(xml):
    """Adds the cases of one JUnit or gtest file; prints what failed or was skipped."""
    for case in ElementTree.parse(xml).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            totals["failed"] += 1
            print(f"FAILED  {name}")
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            totals["skipped"] += 1
            why = case.find("skipped")
            print(f"skipped {name}: {why.get('message', '') if why is not None else ''}")
        else:
            totals["passed"] += 1


def fail(what):
    totals["failed"] += 1
    print(f"FAILED  {what}", flush=True)


def unit(preset, only):
    step(f"unit and simulation tests, {preset} build")
    build = ROOT / "build" / preset
    if not (build / "build.ninja").exists() and run("cmake", "--preset", preset, stdout=subprocess.DEVNULL):
        return fail(f"configuring {preset}")
    targets = [f"{name}_test" for name in only] or ["unit_tests"]
    if run("ninja", "-C", build, "-j", JOBS, "--quiet", *targets):
        return fail(f"building {preset}")
    results = build / "results"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir()
    names = only or sorted(p.name.removesuffix("_test") for p in (build / "bin").glob("*_test"))
    expression = "^(" + "|".join(names) + ")(_[0-9])?$"  # a room's tests may be spread over several runs
    code = run("ctest", "--test-dir", build, "-j", JOBS, "-R", expression, "--output-on-failure", "--no-tests=error",
               "--timeout", "900", env={**os.environ, **SANITIZERS[preset]})
    for name in names:
        if not (results / f"{name}.xml").exists():
            fail(f"{name}_test ({preset}) ended without a result")
        for xml in (results / f"{name}.xml", *results.glob(f"{name}_[0-9].xml")):
            if xml.exists():
                count(xml)
    if code and not totals["failed"]:
        fail(f"ctest ({preset})")


def check_room():
    """Says at once what would otherwise be hundreds of failures that look like the product's."""
    for folder in (ROOT, pathlib.Path(tempfile.gettempdir())):
        free = shutil.disk_usage(folder).free
        if free < ROOM:
            fail(f"{folder} has {free >> 20} MiB free, the tests need up to {ROOM >> 20} MiB")
    return not totals["failed"]


def programs(arguments):
    step("whole programs, release build")
    build = ROOT / "build/release"
    if not (build / "build.ninja").exists() and run("cmake", "--preset", "release", stdout=subprocess.DEVNULL):
        return fail("configuring release")
    if run("ninja", "-C", build, "-j", JOBS, "--quiet", "ipfs-cluster-service", "ipfs-cluster-service-next",
           "ipfs-cluster-ctl"):
        return fail("building release")
    for folder in ("tests/e2e", "tests/compat", "tests/clients"):
        xml = build / f"{pathlib.Path(folder).name}.xml"
        xml.unlink(missing_ok=True)
        # The folders of tests that passed go at once: a run leaves gigabytes of databases otherwise.
        run(sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", "-o", "tmp_path_retention_policy=failed",
            "-o", "tmp_path_retention_count=1", f"--junitxml={xml}", folder, *arguments)
        if xml.exists():
            count(xml)
        else:
            fail(f"{folder} ended without a result")


def fuzz(seconds):
    step(f"fuzzing, {seconds} s a target")
    build = ROOT / "build/fuzz"
    if run("cmake", "--preset", "fuzz", stdout=subprocess.DEVNULL) or run("ninja", "-C", build, "-j", JOBS, "--quiet", "fuzzers"):
        return fail("building the fuzz targets")

    def one(target):
        corpus = ROOT / "tests/fuzz/corpus" / target.name.removesuffix("_fuzz")
        work = build / "corpus" / target.name
        work.mkdir(parents=True, exist_ok=True)
        seeds = [corpus] if corpus.exists() else []
        with open(build / f"{target.name}.log", "w+") as log:
            code = run(target, work, *seeds, f"-max_total_time={seconds}", "-verbosity=0", f"-artifact_prefix={build}/",
                       stdout=log, stderr=subprocess.STDOUT)
            log.seek(0)
            print(("passed  " if code == 0 else "FAILED  ") + target.name + ("" if code == 0 else "\n" + log.read()), flush=True)
        return code

    with concurrent.futures.ThreadPoolExecutor(int(JOBS)) as pool:
        for code in pool.map(one, sorted((build / "bin").glob("*_fuzz"))):
            totals["passed" if code == 0 else "failed"] += 1


def main():
    parser = argparse.ArgumentParser(prog="./dev test", description=__doc__)
    parser.add_argument("--all", action="store_true", help="also the thread sanitizer, long fuzzing and fault runs")
    parser.add_argument("--no-programs", action="store_true", help="only the unit and simulation tests")
    parser.add_argument("names", nargs="*", help="only these rooms' tests, for example: state tracker")
    arguments = parser.parse_args()
    start = time.monotonic()
    (ROOT / "build").mkdir(exist_ok=True)
    if check_room():
        unit("asan", arguments.names)
        if not arguments.names and not arguments.no_programs:
            programs(["--faults"] if arguments.all else [])
        if arguments.all:
            unit("tsan", arguments.names)
            fuzz(300)
    elif not arguments.names:
        print("\nnot run: thread sanitizer, long fuzzing, fault runs (./dev test --all)")
    print(f"\n{time.monotonic() - start:.0f} s")
    print(f"{totals['passed']} passed, {totals['failed']} failed" + (f", {totals['skipped']} skipped" if totals["skipped"] else ""))
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
