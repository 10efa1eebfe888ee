"""Clients as their package managers install them, under build/tools/clients, once for each state of their lock file.

Each client has a folder here with its lock file and a program; the folder's name is the client's.
"""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = HERE.parent.parent / "build/tools/clients"
INSTALL_TIMEOUT_SECONDS = 540


def _run(command, cwd, env=None):
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=INSTALL_TIMEOUT_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")


@contextlib.contextmanager
def _locked():
    """Two test runs on one folder install one after the other."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    with open(TOOLS / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(name, files, install):
    """The folder of `name` as `install(source, target)` makes it from these `files`; what older ones made goes."""
    key = hashlib.sha256(b"\0".join((HERE / name / file).read_bytes() for file in files)).hexdigest()[:16]
    target = TOOLS / f"{name}-{key}"
    with _locked():
        if not (target / "installed").exists():
            for old in TOOLS.glob(f"{name}-????????????????"):
                shutil.rmtree(old)
            target.mkdir()
            install(HERE / name, target)
            (target / "installed").touch()
    return target


def node(name):
    """The command of the program with the npm packages of package-lock.json."""
    def install(source, target):
        for file in ("package.json", "package-lock.json"):
            shutil.copy(source / file, target)
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], target)

    target = _install(name, ["package.json", "package-lock.json"], install)
    # Node looks for packages beside the program.
    for program in (HERE / name / "main.mjs", HERE / "cases.mjs"):
        shutil.copy(program, target)
    return ["node", target / "main.mjs"]


def python(name):
    """The command of the program with the Python packages of requirements.txt."""
    def install(source, target):
        _run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
              "--root-user-action=ignore", "--target", target / "packages", "-r", source / "requirements.txt"], target)

    target = _install(name, ["requirements.txt"], install)
    return ["env", f"PYTHONPATH={target / 'packages'}", sys.executable, HERE / name / "main.py"]


def go(name):
    """The command of the program, built with the modules of go.sum."""
    def install(source, target):
        _run(["go", "build", "-trimpath", "-o", target / "main", "."], source,
             {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"})

    return [_install(name, ["go.mod", "go.sum", "main.go"], install) / "main"]
