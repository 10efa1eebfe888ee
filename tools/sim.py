#!/usr/bin/env python3
"""./dev sim: the simulations of some rooms, with the committed seeds or others; a failure names its seed."""
import argparse
import os
import subprocess
import sys

from test import JOBS, ROOT, SANITIZERS

SIMULATIONS = {
    "cluster": "Seeds/ClusterSimSlice.*",
    "consensus": "RaftChaos.*:RaftConsensus.NoAcknowledgedWriteIsLostWhereverThePowerIsCut",
    "state": "Seeds/*",
    "tracker": "TrackerProperty.EndsWhereTheStateEnds",
    "ipfs": "Seeds/*",
}


def main():
    parser = argparse.ArgumentParser(prog="./dev sim", description=__doc__)
    parser.add_argument("--seeds", type=int, metavar="N", help="so many of each simulation")
    parser.add_argument("--from", type=int, dest="first", metavar="S", help="the first of them")
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=" ".join(SIMULATIONS))
    arguments = parser.parse_args()
    for room in arguments.rooms:
        if room not in SIMULATIONS:
            parser.error(f"no simulation is named {room}; there are: {' '.join(SIMULATIONS)}")
    if (arguments.seeds is not None and arguments.seeds < 1) or (arguments.first is not None and arguments.first < 0):
        parser.error("--seeds is at least 1, --from at least 0")
    rooms = arguments.rooms or list(SIMULATIONS)
    programs = {room: "sim_test" if room == "cluster" else f"{room}_test" for room in rooms}
    build = ROOT / "build/asan"
    if not (build / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "asan"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", build, "-j", JOBS, "--quiet", *programs.values()], check=True)
    environment = {**os.environ, **SANITIZERS["asan"]}
    if arguments.seeds is not None:
        environment["SIM_SEEDS"] = str(arguments.seeds)
    if arguments.first is not None:
        environment["SIM_FROM"] = str(arguments.first)
    failed = 0
    for room in rooms:
        print(f"== {room}", flush=True)
        program = build / "bin" / programs[room]
        failed += subprocess.run([program, "--gtest_brief=1", f"--gtest_filter={SIMULATIONS[room]}"], env=environment).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
