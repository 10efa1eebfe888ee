"""ipfs-cluster-ctl against a real peer: terminals, tables, waiting, events that go on, sources and addresses."""
import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
import urllib.request

import pytest
from content import raw_cid
from peer import BIN, until
from terminal import on_terminal, without_colours

CTL = BIN / "ipfs-cluster-ctl"
MISSING = raw_cid(b"nobody has this")


def ctl_on_terminal(peer, *args, **kwargs):
    return on_terminal([CTL, "--host", peer.api_multiaddress, *args], **kwargs)


@pytest.fixture(scope="module")
def pins(shared_peer):
    """A pin that is there and one that cannot be, with a name that would clear the screen."""
    data = shared_peer.folder.parent / "data"
    data.write_bytes(b"some content")
    there = shared_peer.ctl("add", "-Q", "--name", "a-name-that-is-so-long-that-no-column-takes-it-whole", data).stdout.strip()
    shared_peer.ctl("pin", "add", "--ns", "--name", "\x1b[2Jwiped", MISSING)
    shared_peer.wait_status(there)
    return there


def test_text_is_the_same_on_a_terminal_but_for_colours(shared_peer, pins):
    plain = shared_peer.ctl("status", pins).stdout
    code, shown, _ = ctl_on_terminal(shared_peer, "status", pins)
    assert code == 0 and "\x1b[32mPINNED\x1b[0m" in shown and without_colours(shown) == plain
    for args, env in ((["--no-color"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})):
        assert ctl_on_terminal(shared_peer, *args, "status", pins, env=env)[1] == plain
    assert ctl_on_terminal(shared_peer, "status", pins, env={"NO_COLOR": ""})[1] == shown  # empty is as if it were not set
    assert "\x1b" not in ctl_on_terminal(shared_peer, "--enc=json", "status", pins)[1]
    _, _, wrong = ctl_on_terminal(shared_peer, "status", "nonsense")
    assert wrong.startswith("\x1b[31merror\x1b[0m parsing cid: ")


def test_a_name_cannot_command_the_terminal(shared_peer, pins):
    assert "\x1b[2Jwiped" in shared_peer.ctl("pin", "ls", MISSING).stdout  # byte for byte, as Go prints it
    for args in ([], ["--table"]):
        _, shown, _ = ctl_on_terminal(shared_peer, "--no-color", "pin", "ls", *args)
        assert "\x1b" not in shown and "\ufffd[2Jwiped" in shown


@pytest.mark.parametrize("columns", [80, 110, 160])
@pytest.mark.parametrize("command", [["pin", "ls"], ["status"], ["peers", "ls"], ["health", "metrics", "freespace"]])
def test_tables_fit(shared_peer, pins, command, columns):
    code, shown, _ = ctl_on_terminal(shared_peer, "--no-color", *command, "--table", columns=columns)
    lines = shown.splitlines()
    assert code == 0 and len(lines) >= 2 and re.match(r"(CID|NAME|PEER) ", lines[0]), shown
    assert max(len(line) for line in lines) <= columns, shown
    whole = shared_peer.ctl(*command, "--table").stdout  # no terminal: nothing is cut
    assert "…" not in whole and len(whole.splitlines()) == len(lines)


class SlowPeer(http.server.BaseHTTPRequestHandler):
    """Its pins are there when their status was asked for the fourth time."""

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.server.asked = 0
        self.answer({"cid": MISSING, "replication_factor_min": 2})

    def do_GET(self):
        self.server.asked += 1
        second = "pinned" if self.server.asked == 4 else "pinning"
        self.answer({"cid": MISSING, "name": "", "peer_map": {"a": {"status": "pinned"}, "b": {"status": second, "bytes": 2000}}})

    def log_message(self, *_):
        pass


def test_waiting_shows_how_far_it_is_on_a_terminal_only():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), SlowPeer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        args = [CTL, "--host", f"/ip4/127.0.0.1/tcp/{server.server_port}", "pin", "add", "--wait", MISSING]
        code, out, err = on_terminal(args, stdout=False)
        assert code == 0 and out.count(": PINNED |") == 2 and "\x1b" not in out, out
        line = "\r\x1b[K1 of 2 peers: pinned; 1 pinning, 2.0 kB"
        assert err == 3 * line + "\r\x1b[K", repr(err)  # and taken away
        plain = subprocess.run(args, capture_output=True, text=True, check=True)
        assert plain.stdout == out and plain.stderr == ""
        server.shutdown()


def test_export_and_import_show_progress_on_a_terminal_only(shared_peer, new_peer, pins, tmp_path):
    peer = new_peer(start=False)
    export = tmp_path / "pins"
    export.write_text("".join(json.dumps(pin) + "\n" for pin in shared_peer.lines("GET", "/allocations")))
    service = [peer.program, "--config", peer.folder, "state"]
    code, out, err = on_terminal([*service, "import", "--force", export], env=peer.env)
    assert code == 0 and out == "" and "\r\x1b[K2 pins, 100 % of the file\r\x1b[K" in err, err
    code, out, err = on_terminal([*service, "export", "--file", tmp_path / "again"], env=peer.env)
    assert code == 0 and out == "" and re.search(r"\r\x1b\[K\d pins\r\x1b\[Kexported 2 pins", err), err
    code, out, err = on_terminal([*service, "export"], env=peer.env)
    assert len(out.splitlines()) == 2 and "\x1b" not in err, err  # not between the pins
    assert "\r" not in peer.service("state", "export").stderr


def test_a_follower_of_events_comes_back(new_peer):
    peer = new_peer()
    follower = subprocess.Popen([CTL, "--host", peer.api_multiaddress, "events", "--follow", "--type", "pin"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said = []
        readers = [threading.Thread(target=lambda stream=stream: said.extend(stream), daemon=True)
                   for stream in (follower.stdout, follower.stderr)]
        for reader in readers:
            reader.start()

        def lines_with(text):
            return [line for line in said if text in line]

        n = iter(range(1000))

        def pinned_is_told(count):
            """It may have begun to listen only after the first ones."""
            if len(lines_with("PIN")) < count:
                peer.ctl("pin", "add", "--ns", raw_cid(b"event %d" % next(n)))
            return len(lines_with("PIN")) >= count

        until(lambda: pinned_is_told(1), "the first event", 30, pause=0.3)
        peer.kill()
        until(lambda: lines_with("the connection is lost"), "the loss is said")
        peer.start()
        until(lambda: lines_with("the connection is back"), "the return is said", 60)
        told = len(lines_with("PIN"))
        peer.ctl("pin", "add", "--ns", raw_cid(b"after it"))
        until(lambda: len(lines_with("PIN")) > told, "events go on")
        assert len(lines_with("the connection is lost")) == len(lines_with("the connection is back")) == 1, said
        positions = [line.split(" | ")[1] for line in lines_with("PIN")]
        assert len(set(positions)) == len(positions), said  # none twice
        assert follower.poll() is None
    finally:
        follower.kill()
        follower.wait()
        for reader in readers:
            reader.join(10)


def test_config_says_what_is_used(shared_peer):
    env = {**shared_peer.env, "CLUSTER_CREDENTIALS": "ann:hush"}
    said = subprocess.run([CTL, "--host", shared_peer.api_multiaddress, "--force-http", "config"], env=env, text=True,
                          capture_output=True, check=True)
    assert f"API: {shared_peer.api}\n" in said.stdout and "basic-auth: ann:(hidden) [$CLUSTER_CREDENTIALS]\n" in said.stdout
    assert "hush" not in said.stdout + said.stderr
    settings = json.loads(shared_peer.ctl("--enc=json", "config").stdout)
    assert settings["endpoints"] == [shared_peer.api] and settings["settings"]["timeout"] == {"value": "0", "from": "default"}


def test_all_claims(shared_peer):
    cid = raw_cid(b"asked for by a user")
    pinsvc = shared_peer.config["api"]["pinsvcapi"]["http_listen_multiaddress"]
    pinsvc = pinsvc if isinstance(pinsvc, str) else pinsvc[0]
    request = urllib.request.Request(f"{shared_peer._http(pinsvc)}/pins", data=json.dumps({"cid": cid}).encode(), method="POST",
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer)["pin"]["cid"] == cid
    refused = shared_peer.ctl("pin", "rm", "--ns", cid, check=False)
    assert refused.returncode == 2 and "Code: 409" in refused.stdout, refused
    assert cid in shared_peer.ctl("pin", "rm", "--ns", "--all-claims", cid).stdout
    assert shared_peer.json("GET", f"/allocations/{cid}")[0] == 404


def test_sources(shared_peer, tmp_path):
    (tmp_path / "remote").write_bytes(b"from a server")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        added = shared_peer.ctl("add", "--raw-leaves", "--cid-version", "1", f"{url}/remote?x=1", "-", input="from a pipe").stdout
        assert re.search(f"added {raw_cid(b'from a server')} (.*/)?remote\n", added), added
        assert re.search(f"added {raw_cid(b'from a pipe')} (.*/)?stdin\n", added), added
        gone = shared_peer.ctl("add", f"{url}/not-there", check=False)
        assert gone.returncode == 1 and "404" in gone.stdout, gone
        server.shutdown()
    alone = shared_peer.ctl("add", "--cid-version", "1", "-", input="from a pipe").stdout
    assert alone == f"added {raw_cid(b'from a pipe')} stdin\n"


def test_addresses(new_peer, tmp_path):
    """HTTPS with a certificate of its own, a unix socket, and the next address where one is dead."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key", "-out", tmp_path / "cert",
                    "-subj", "/CN=cluster", "-days", "2"], check=True, capture_output=True)
    plain, tls = new_peer("plain", start=False), new_peer("tls", start=False)
    socket = tmp_path / "socket"
    plain.edit(lambda c: c["api"]["restapi"].update(http_listen_multiaddress=[plain.api_multiaddress, f"/unix{socket}"]))
    tls.edit(lambda c: c["api"]["restapi"].update(ssl_cert_file=str(tmp_path / "cert"), ssl_key_file=str(tmp_path / "key"),
                                                  basic_auth_credentials={"ann": "a"}))
    plain.start()
    tls.start(wait=False)

    def ctl(*args):
        return subprocess.run([CTL, *args], text=True, capture_output=True, timeout=60)

    assert plain.id in ctl("--host", f"/unix{socket}", "id").stdout
    assert plain.id in ctl("--host", f"/ip4/127.0.0.1/tcp/1,{plain.api_multiaddress}", "id").stdout
    assert plain.id in ctl("--host", plain.api_multiaddress.replace("/ip4/127.0.0.1", "/dns4/localhost"), "id").stdout

    unchecked = ["--host", tls.api_multiaddress, "--no-check-certificate"]
    until(lambda: ctl(*unchecked, "--basic-auth", "ann:a", "id").returncode == 0, "it answers", 60)
    refused = ctl("--host", tls.api_multiaddress, "-s", "id")
    assert refused.returncode == 1 and "Code: 0" in refused.stdout and "certificate" in refused.stdout, refused
    known = ctl(*unchecked, "--basic-auth", "ann:a", "id")
    assert tls.id in known.stdout and "HTTPS is used" in known.stderr
    assert "Code: 401" in ctl(*unchecked, "-s", "id").stdout
    assert ctl(*unchecked, "--basic-auth", "ann:a", "--force-http", "id").returncode != 0
