"""ctl-cli.md, sections 1, 2, 6 and 7: options, exit codes, JSON, help. README.md lists the rows that src/cmd/ctl's own tests prove."""
import json
import re
import signal
import socket
import subprocess
import threading

import pytest
from content import add_bytes, raw_cid
from ctl import CID, PEER, ctl, match, stdout
from peer import BIN, free_port

# --- 1: options


@pytest.mark.parametrize("args", [
    pytest.param(["-l", "HOST", "version"], id="ctl-1-l"),
    pytest.param(["--host=HOST", "version"], id="ctl-1-equals"),
    pytest.param(["-host", "HOST", "version"], id="ctl-1-one-dash"),
    pytest.param(["--host", "HOST", "--https=false", "version"], id="ctl-1-bool-false"),
    pytest.param(["--host", "HOST", "--timeout", "10", "-t", "10", "version"], id="ctl-1-timeout"),
    pytest.param(["--host", "/ip4/127.0.0.1/tcp/1,HOST", "version"], id="ctl-1-the-next-host"),
    pytest.param(["--host", "/dns4/localhost/tcp/PORT", "version"], id="ctl-1-dns4"),
    pytest.param(["--host", "/dns/localhost/tcp/PORT", "version"], id="ctl-1-dns"),
    pytest.param(["--host", "HOST", "--force-http", "--basic-auth", "a:b", "version"], id="ctl-1-force-http"),
    pytest.param(["--host", "HOST", "--secret", "ab" * 32, "version"], id="ctl-1-secret"),
    pytest.param(["--host", "HOST", "--encoding", "text", "--no-check-certificate", "version"], id="ctl-1-encoding"),
])
def test_global_options(shared_peer, args):
    address = shared_peer.api_multiaddress
    done = ctl(*[a.replace("HOST", address).replace("PORT", address.rsplit("/", 1)[1]) for a in args])
    assert (done.returncode, done.stdout) == (0, stdout(shared_peer, "version")), done.stderr


@pytest.mark.parametrize("args", [
    pytest.param(["status", "CID", "--local"], id="ctl-1-behind-the-argument"),
    pytest.param(["status", "--local", "CID"], id="ctl-1-before-the-argument"),
    pytest.param(["status", "-local=true", "CID"], id="ctl-1-local-true"),
])
def test_options_of_commands_stand_anywhere(shared_peer, pinned, args):
    assert stdout(shared_peer, *[a.replace("CID", pinned) for a in args]).startswith(pinned)


def test_ctl_1_unix_socket(tmp_path, shared_peer):
    """/unix/<path>, here through a relay to the peer."""
    path = tmp_path / "api"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def relay():
            client, _ = listener.accept()
            host, port = shared_peer.api.removeprefix("http://").split(":")
            with client, socket.create_connection((host, int(port))) as server:
                server.sendall(client.recv(65536))
                client.sendall(server.recv(65536))

        thread = threading.Thread(target=relay)
        thread.start()
        done = ctl("--host", f"/unix{path}", "version")
        thread.join()
    assert (done.returncode, done.stdout) == (0, stdout(shared_peer, "version")), done.stderr


def test_ctl_1_libp2p_hosts_are_not_offered():
    done = ctl("--host", f"/ip4/127.0.0.1/tcp/9096/p2p/{PEER}", "id")
    assert done.returncode == 1 and done.stderr.startswith("error creating API client: ") and "libp2p" in done.stderr


def test_ctl_1_credentials_of_the_environment(shared_peer):
    """CLUSTER_CREDENTIALS implies HTTPS, as --basic-auth."""
    done = ctl("--host", shared_peer.api_multiaddress, "id", env={"CLUSTER_CREDENTIALS": "a:b", "PATH": "/usr/bin"})
    assert done.returncode == 1 and "HTTPS" in done.stderr and "Code: 0" in done.stdout
    done = ctl("--host", shared_peer.api_multiaddress, "-f", "version", env={"CLUSTER_CREDENTIALS": "a:b", "PATH": "/usr/bin"})
    assert done.returncode == 0


@pytest.mark.parametrize("args", [["--version"], ["-v"]], ids=["ctl-1-version", "ctl-1-v"])
def test_version(shared_peer, args):
    """7: the same numbers as the service's."""
    match(r"ipfs-cluster-ctl version 1\.1\.6\S*\n", ctl(*args).stdout)
    service = shared_peer.service("--version").stdout
    assert ctl(*args).stdout.split()[-1] == service.split()[-1]


# --- 2: exit codes and errors


@pytest.fixture(scope="module")
def silent():
    """An API that takes connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield f"/ip4/127.0.0.1/tcp/{listener.getsockname()[1]}"


NOT_FOUND = "An error occurred:\n  Code: 404\n  Message: pin is not part of the pinset\n"


def test_ctl_2_errors_of_the_api(shared_peer):
    done = shared_peer.ctl("pin", "rm", CID, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, NOT_FOUND, "")
    done = shared_peer.ctl("--enc=json", "pin", "ls", CID, check=False)
    assert (done.returncode, done.stdout) == (2, '{\n    "code": 404,\n    "message": "pin is not part of the pinset"\n}\n')


def test_ctl_2_nobody_answers(silent):
    done = ctl("--host", f"/ip4/127.0.0.1/tcp/{free_port()}", "id")
    assert done.returncode == 1 and done.stdout.startswith("An error occurred:\n  Code: 0\n  Message: ")
    done = ctl("--host", silent, "--timeout", "1", "id")
    assert done.returncode == 1 and done.stdout.startswith("An error occurred:\n  Code: 0\n  Message: ")
    done = ctl("--enc=json", "--host", silent, "--timeout", "1", "id")
    assert json.loads(done.stdout)["code"] == 0


@pytest.mark.parametrize("args,code,out,err", [
    pytest.param(["--enc", "xml", "id"], 1, "", "error : unsupported encoding\n", id="ctl-2-encoding"),
    pytest.param(["--host", "x", "id"], 1, "", "error parsing host multiaddress: ", id="ctl-2-host"),
    pytest.param(["--secret", "x", "id"], 1, "", "error parsing secret: ", id="ctl-2-secret"),
    pytest.param(["--secret", "abcd", "id"], 1, "", "error parsing secret: ", id="ctl-2-short-secret"),
    pytest.param(["peers", "rm", "x"], 1, "", "error parsing peer ID: ", id="ctl-2-peer"),
    pytest.param(["pin", "add", "x"], 1, "", "error parsing cid: ", id="ctl-2-cid"),
    pytest.param(["pin", "rm", "x"], 1, "", "error parsing cid: ", id="ctl-2-cid-rm"),
    pytest.param(["pin", "update", CID, "x"], 1, "", "error parsing cid: ", id="ctl-2-cid-update"),
    pytest.param(["status", "x"], 1, "", "error parsing cid: ", id="ctl-2-cid-status"),
    pytest.param(["recover", "x"], 1, "", "error parsing cid: ", id="ctl-2-cid-recover"),
    pytest.param(["pin", "ls", "x"], 1, "", "error parsing cid: ", id="ctl-2-cid-ls"),
    pytest.param(["pin", "update", "x", CID], 1, "", "error parsing from Cid: ", id="ctl-2-from"),
    pytest.param(["pin", "add", "--expire-in", "soon", CID], 1, "", "error parsing expire-in: ", id="ctl-2-expire-in"),
    pytest.param(["pin", "add", "--metadata", "x", CID], 1, "",
                 "error parsing metadata: metadata were not in the format key=value\n", id="ctl-2-metadata"),
    pytest.param(["pin", "add", "--allocations", "x", CID], 1, "", "error decoding allocations: ", id="ctl-2-allocations"),
    pytest.param(["status", "--filter", "x"], 1, "", "error parsing filter flag: invalid filter name\n", id="ctl-2-filter"),
    pytest.param(["health", "graph", "-f", "/nowhere/x"], 1, "", "error creating output file: ", id="ctl-2-file"),
    pytest.param(["add"], 1, "", "error : need at least one path\n", id="ctl-3.1-no-path"),
    pytest.param(["add", "-w", "--format", "car", "/etc/hostname"], 1, "", "error : ", id="ctl-3.1-wrapped-car"),
    pytest.param(["add", "/etc"], 1, "", "error ", id="ctl-3.1-folder-without-r"),
    pytest.param(["--nonsense"], 1, "Incorrect Usage. flag provided but not defined: -nonsense\n", "", id="ctl-2-global-flag"),
    pytest.param(["id", "--nonsense"], 1, "Incorrect Usage: flag provided but not defined: -nonsense\n", "", id="ctl-2-flag"),
    pytest.param(["pin", "nonsense"], 3, "", "No help topic for 'nonsense'\n", id="ctl-2-subcommand"),
    pytest.param(["nonsense"], 3, "", "No help topic for 'nonsense'\n", id="ctl-2-command"),
    pytest.param([], 0, "NAME:\n", "", id="ctl-2-nothing"),
])
def test_exit_codes(shared_peer, args, code, out, err):
    done = shared_peer.ctl(*args, check=False)
    assert done.returncode == code, done
    assert done.stdout.startswith(out) and (out or not done.stdout), done.stdout
    assert done.stderr.startswith(err) and (err or not done.stderr), done.stderr
    assert shared_peer.lines("GET", "/allocations") == []


def test_ctl_2_ctrl_c():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        host = f"/ip4/127.0.0.1/tcp/{listener.getsockname()[1]}"
        process = subprocess.Popen([BIN / "ipfs-cluster-ctl", "--host", host, "id"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        listener.settimeout(30)
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)  # it waits for the answer now
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (125, "") and err, (out, err)


# --- 6: JSON


@pytest.mark.parametrize("args,path", [
    pytest.param(["id"], "/id", id="ctl-6-id"),
    pytest.param(["version"], "/version", id="ctl-6-version"),
    pytest.param(["pin", "ls", "CID"], "/allocations/CID", id="ctl-6-pin-ls"),
])
def test_json_is_the_apis(shared_peer, pinned, args, path):
    text = stdout(shared_peer, "--enc=json", *[a.replace("CID", pinned) for a in args])
    assert text == json.dumps(shared_peer.json("GET", path.replace("CID", pinned))[1], indent=4) + "\n"


@pytest.mark.parametrize("args", [pytest.param(args, id=f"ctl-6-{'-'.join(args)}") for args in (["pin", "ls"], ["status"], ["peers", "ls"])])
def test_json_streams_are_no_arrays(three_peers, args):
    peer = three_peers[0]
    cids = [add_bytes(peer, f"json {i}".encode())["cid"] for i in range(2)]
    try:
        text = stdout(peer, "--enc=json", *args)
        decoder, items = json.JSONDecoder(), []
        while text.strip():
            item, end = decoder.raw_decode(text := text.lstrip())
            items.append(item)
            text = text[end:]
        assert len(items) >= 2 and all(isinstance(item, dict) for item in items)
    finally:
        for cid in cids:
            peer.request("DELETE", f"/pins/{cid}")


# --- 7: help


@pytest.mark.parametrize("args", [["--help"], ["-h"], ["help"], ["h"]], ids=lambda args: f"ctl-7-{args[0]}")
def test_help(args):
    done = ctl(*args)
    assert done.returncode == 0
    for word in ("USAGE", "COMMANDS", "GLOBAL OPTIONS"):
        assert re.search(rf"^{word}", done.stdout, re.M)


def test_ctl_7_commands():
    paths = ctl("commands").stdout.splitlines()
    go = ["id", "peers", "peers ls", "peers rm", "add", "pin", "pin add", "pin rm", "pin update", "pin ls", "status", "recover", "version",
          "health", "health graph", "health metrics", "health alerts", "health bandwidth", "ipfs", "ipfs gc", "commands"]
    assert {f"ipfs-cluster-ctl {path}" for path in go} <= set(paths)
    for path in paths:
        done = ctl(*path.split()[1:], "--help")
        assert done.returncode == 0 and max(map(len, done.stdout.splitlines())) <= 120, path


def test_ctl_3_raw_cids_are_taken(shared_peer):
    """A CID of version 1 of raw content."""
    cid = raw_cid(b"nobody has this")
    assert shared_peer.ctl("pin", "add", "--ns", cid).stdout.startswith(cid)
    shared_peer.ctl("pin", "rm", "-w", cid)
