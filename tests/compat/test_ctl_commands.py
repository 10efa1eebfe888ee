"""ctl-cli.md, sections 3 to 5 and 8: the commands and their text. README.md lists the rows that src/cmd/ctl's own tests prove."""
import http.server
import json
import re
import subprocess

import pytest
from content import add_bytes, write_tree
from ctl import CID, DATE, PEER, TIME, match, stdout
from peer import BIN, until
from typed import TYPED

# --- 3, 5: commands and their text


def test_ctl_5_id(three_peers):
    peer = three_peers[0]
    info = peer.json("GET", "/id")[1]
    wanted = f"{peer.id} | {peer.name} | Sees 2 other peers\n  > Addresses:\n"
    wanted += "".join(f"    - {address}\n" for address in sorted(info["addresses"]))
    wanted += f"  > IPFS: {info['ipfs']['id']}\n" + "".join(f"    - {a}\n" for a in sorted(info["ipfs"]["addresses"] or []))
    assert stdout(peer, "id") == wanted


def test_ctl_5_peers_ls(three_peers):
    """As `id`, and a line besides on what each is to the cluster."""
    text = stdout(three_peers[0], "peers", "ls")
    for peer in three_peers:
        match(rf"(?s).*{peer.id} \| {peer.name} \| Sees 2 other peers\n  > Addresses:\n(    - /\S+/p2p/{peer.id}\n)+"
              r"  > IPFS: \S+\n(    - /\S+\n)*  > Role: .*", text)
    assert len(re.findall(r"^  > Role: \w+ \| Health: up \| Lag: \d+ entries \| Free: [\d.]+ [kMGT]?B$", text, re.M)) == 3


def test_ctl_5_version(shared_peer):
    assert stdout(shared_peer, "version") == shared_peer.json("GET", "/version")[1]["version"] + "\n"


def test_ctl_3_2_pin_add(shared_peer, here):
    """The status, as soon as it has settled."""
    text = stdout(shared_peer, "pin", "add", "--name", "a name", here)
    match(rf"{here} \| a name:\n    > {shared_peer.json('GET', '/id')[1]['peername']:<20} : (PINNED|PINNING|PIN_QUEUED) \| {TIME}"
          r" \| Attempts: \d+ \| Priority: (true|false)\n", text)
    shared_peer.wait_status(here)
    text = stdout(shared_peer, "pin", "rm", here)
    match(rf"{here}:\n    > .{{20,}} : (UNPINNED|UNPINNING|UNPIN_QUEUED) \| {TIME} \| Attempts: \d+ \| Priority: (true|false)\n", text)


@pytest.mark.parametrize("args,line", [
    pytest.param([], r"Repl\. Factor: -1 \| Allocations: \[everywhere\] \| Recursive \| Metadata: no \| Exp: ∞", id="ctl-3.2-add-plain"),
    pytest.param(["-n", "n"], r"Repl\. Factor: -1 .*", id="ctl-3.2-add-name"),
    pytest.param(["-r", "1"], r"Repl\. Factor: 1--1 \| Allocations: \[SELF\] \| Recursive \| Metadata: no \| Exp: ∞", id="ctl-3.2-add-r"),
    pytest.param(["--replication", "1", "--rmin", "7"], r"Repl\. Factor: 1--1 .*", id="ctl-3.2-add-replication-wins"),
    pytest.param(["--rmin", "1", "--rmax", "3"], r"Repl\. Factor: 1--3 .*", id="ctl-3.2-add-rmin-rmax"),
    pytest.param(["--replication-min=1", "--replication-max=2"], r"Repl\. Factor: 1--2 .*", id="ctl-3.2-add-replication-min"),
    pytest.param(["--allocs", "SELF", "-r", "1"], r"Repl\. Factor: 1--1 \| Allocations: \[SELF\] .*", id="ctl-3.2-add-allocs"),
    pytest.param(["--metadata", "a=b", "--metadata", "c=d"], r".* Metadata: yes \| Exp: ∞", id="ctl-3.2-add-metadata"),
    pytest.param(["--expire-in", "24h"], rf".* Exp: {DATE}", id="ctl-3.2-add-expire-in"),
])
@pytest.mark.parametrize("flag", ["--no-status", "--ns"])
def test_pin_add_without_status(shared_peer, here, flag, args, line):
    args = [a.replace("SELF", shared_peer.id) for a in args]
    text = stdout(shared_peer, "pin", "add", flag, *args, here)
    name = "n" if "-n" in args else ""
    match(rf"{here} \| {name} \| PIN \| {line.replace('SELF', shared_peer.id)} \| Added: {DATE}\n", text)
    assert stdout(shared_peer, "pin", "ls", here) == text


def test_ctl_3_2_direct(shared_peer, here):
    text = stdout(shared_peer, "pin", "add", "--ns", "--mode", "direct", here)
    match(rf"{here} \|  \| PIN-DIRECT \| Repl\. Factor: -1 \| Allocations: \[everywhere\] \| Direct \| .*\n", text)
    done = shared_peer.ctl("pin", "add", "--mode", "weird", here, check=False)
    assert done.returncode == 1 and done.stderr.startswith("error : ")


@pytest.mark.parametrize("form", [pytest.param(form, id=f"ctl-3.2-{form.split('C')[0].strip('/') or 'cid'}") for form in ("CID", "/ipfs/CID", "/ipld/CID")])
def test_what_can_be_pinned(shared_peer, here, form):
    assert stdout(shared_peer, "pin", "add", "--ns", form.replace("CID", here)).startswith(here)
    assert stdout(shared_peer, "pin", "rm", "--ns", form.replace("CID", here)).startswith(here)
    assert shared_peer.json("GET", f"/allocations/{here}")[0] == 404


def test_ctl_3_2_update(shared_peer, pinned, here):
    match(rf"{here} \| docs \| PIN \| .*\n", stdout(shared_peer, "pin", "update", "--no-status", pinned, here))
    match(rf"{here} \| new \| PIN \| .* Exp: {DATE} \| .*\n",
          stdout(shared_peer, "pin", "update", "--ns", "-n", "new", "--expire-in", "1h", pinned, f"/ipfs/{here}"))
    assert shared_peer.json("GET", f"/allocations/{here}")[1]["pin_update"] == pinned


def test_ctl_4_wait(shared_peer, here):
    text = stdout(shared_peer, "pin", "add", "--wait", "--wt", "30s", here)
    assert ": PINNED |" in text and shared_peer.json("GET", f"/pins/{here}")[1]["peer_map"][shared_peer.id]["status"] == "pinned"
    text = stdout(shared_peer, "pin", "rm", "-w", here)
    assert ": UNPINNED |" in text
    text = stdout(shared_peer, "pin", "add", "--ns", "-w", here)
    assert " | PIN | " in text
    text = stdout(shared_peer, "pin", "update", "-w", "--ns", here, here)
    assert " | PIN | " in text


def test_ctl_4_wait_for_what_fails(shared_peer):
    """L1: --wait-limit alone waits too, as Go's changelog says."""
    for args in (["--wait"], ["--wait-limit", "1"], ["--wl=1"]):
        done = shared_peer.ctl("pin", "add", *args, CID, check=False)
        assert (done.returncode, done.stderr) == (
            1, "error waiting for pin status: error has occurred while attempting to reach status: pinned\n"), args
    shared_peer.ctl("pin", "rm", "-w", CID)


def test_ctl_5_pin_ls_of_each_type(typed_peer):
    lines = dict(line.split(" | ", 1) for line in stdout(typed_peer, "pin", "ls").splitlines())
    for kind, depth in (("pin", "Recursive"), ("meta-pin", "Direct"), ("clusterdag-pin", "Direct"), ("shard-pin", "Recursive-1")):
        shown = kind.upper() + ("-DIRECT" if depth == "Direct" else "")
        match(rf"{TYPED[kind]['name']} \| {shown} \| Repl\. Factor: -1 \| Allocations: \[everywhere\] \| {depth}"
              r" \| Metadata: no \| Exp: ∞ \| Added: unknown", lines[TYPED[kind]["cid"]])


@pytest.mark.parametrize("value,count", [pytest.param("all", 4, id="ctl-3.3-all"), pytest.param("shard-pin", 1, id="ctl-3.3-shard"),
                                         pytest.param("pin,meta-pin", 2, id="ctl-3.3-two")])
def test_pin_ls_filters(typed_peer, value, count):
    assert len(stdout(typed_peer, "pin", "ls", "--filter", value).splitlines()) == count


def test_ctl_3_3_pin_ls_of_a_cid_has_no_filter(typed_peer):
    cid = TYPED["pin"]["cid"]
    assert stdout(typed_peer, "pin", "ls", "--filter", "shard-pin", cid).startswith(cid)


def test_ctl_3_3_status(three_peers):
    peer = three_peers[1]
    first, second = (add_bytes(peer, data, query=f"name=n{i}&replication=1")["cid"] for i, data in enumerate((b"status 0", b"status 1")))
    try:
        for cid in (first, second):
            until(lambda cid=cid: "pinned" in {i["status"] for i in peer.json("GET", f"/pins/{cid}")[1]["peer_map"].values()}, "it is pinned")
        ids = {p.id: p.name for p in three_peers}
        holder = peer.json("GET", f"/allocations/{first}")[1]["allocations"][0]
        lines = "".join(rf"    > {ids[i]:<20} : {'PINNED' if i == holder else 'REMOTE'} \| {TIME} \| Attempts: \d+ \| Priority: (true|false)\n"
                        for i in sorted(ids))
        match(rf"{first} \| n0:\n{lines}", stdout(peer, "status", first))
        both = stdout(peer, "status", first, second)
        assert both.index(first) < both.index(second) and both.count("\n") == 8
        assert {line.split(" ")[0] for line in stdout(peer, "status").splitlines() if line.endswith(":")} == {first, second}
        local = stdout(peer, "status", "--local", first)
        match(rf"{first} \| n0:\n    > {peer.name:<20} : .*\n", local)
        assert first in stdout(peer, "status", "--filter", "pinned,pin_error")
        assert first not in stdout(peer, "status", "--filter", "pin_error")
        assert stdout(peer, "status", "--filter", "pin_error", first).startswith(first)  # not with CIDs
    finally:
        for cid in (first, second):
            peer.request("DELETE", f"/pins/{cid}")


def test_ctl_3_3_recover(shared_peer, pinned):
    assert stdout(shared_peer, "recover") == ""
    shared_peer.json("POST", f"/pins/{CID}")
    shared_peer.wait_status(CID, "pin_error")
    assert stdout(shared_peer, "recover", "--local").startswith(f"{CID}:\n    > ")
    match(rf"(?s){pinned} \| docs:\n    > .* : PINNED \| .*\n", stdout(shared_peer, "recover", pinned))
    shared_peer.ctl("pin", "rm", "-w", CID)


def test_ctl_5_peers_rm(shared_peer):
    done = shared_peer.ctl("peers", "rm", PEER, check=False)
    assert done.returncode == 2 and done.stdout.startswith("An error occurred:\n  Code: 404\n")


def test_ctl_3_3_metrics(shared_peer):
    names = stdout(shared_peer, "health", "metrics").splitlines()
    assert {"ping", "freespace"} <= set(names)
    match(rf"{shared_peer.id} \| freespace: \d[\d.]* [kMGT]B \| Expires in: \d+ seconds? from now\n", stdout(shared_peer, "health", "metrics", "freespace"))
    match(rf"{shared_peer.id} \| ping: .* \| Expires in: \d+ seconds? from now\n", stdout(shared_peer, "health", "metrics", "ping"))
    assert stdout(shared_peer, "health", "alerts") == ""
    assert json.loads(stdout(shared_peer, "--enc=json", "health", "alerts")) == []
    assert isinstance(json.loads(stdout(shared_peer, "--enc=json", "health", "metrics"))[0], str)
    assert json.loads(stdout(shared_peer, "--enc=json", "health", "metrics", "ping"))[0]["name"] == "ping"


def test_ctl_3_3_bandwidth(three_peers):
    lines = stdout(three_peers[0], "health", "bandwidth").splitlines()
    assert lines
    for line in lines:
        match(r" *[\w/.]+: In: +[\d.]+ [kMG]?B\. Out: +[\d.]+ [kMG]?B\. RateIn: \d+\.\d\d[kM]?B/s\. RateOut: \d+\.\d\d[kM]?B/s", line)
    figures = json.loads(stdout(three_peers[0], "--enc=json", "health", "bandwidth"))
    assert all(list(f) == ["total_in", "total_out", "rate_in", "rate_out"] for f in figures.values())


def test_ctl_8_graph(three_peers, tmp_path):
    peer = three_peers[0]
    text = stdout(peer, "health", "graph")
    assert text.startswith('digraph cluster {\n/* The nodes of the connectivity graph */\n/* The cluster-service peers */\nsubgraph  {\nrank="min"\n')
    assert text.endswith("}") and not text.endswith("\n")
    ids = sorted(p.id for p in three_peers)
    for i, peer_id in enumerate(ids):
        name, self = three_peers.named(peer_id).name, peer_id == peer.id
        assert (f'{"C" if self else "T"}{i} [label=< <B> {name} </B> <BR/> <B> {peer_id[:2]}*{peer_id[-6:]} </B> > group="{peer_id}" '
                f'color="orange" style="filled" colorscheme="x11" fontcolor="black" fontname="Arial" shape="box3d" '
                f'{"peripheries=" + chr(34) + "2" + chr(34) + " " if self else ""}]\n') in text
        assert re.search(rf"^[CT]{i} -> I\d$", text, re.M)
    assert len(re.findall(r"^[CT]\d -> [CT]\d$", text, re.M)) == 6
    assert stdout(peer, "--enc=json", "health", "graph").startswith("digraph cluster {")
    assert stdout(peer, "health", "graph", "--all-ipfs-peers", "-f", str(tmp_path / "graph")) == ""
    assert (tmp_path / "graph").read_text().startswith("digraph cluster {")


def test_ctl_5_gc(shared_peer):
    cid = add_bytes(shared_peer, b"garbage of ctl", query="no-pin=true&cid-version=1")["cid"]
    text = stdout(shared_peer, "ipfs", "gc", "--local")
    match(rf"(?s){shared_peer.json('GET', '/id')[1]['peername']:<15}\n  > CIDs:\n.*    - {cid}\n.*", text)
    match(r"\S+ *\n  > CIDs:\n", stdout(shared_peer, "ipfs", "gc"))
    assert "peer_map" in json.loads(stdout(shared_peer, "--enc=json", "ipfs", "gc"))


# --- 3.1: add


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("add") / "tree"
    write_tree(folder)
    (folder / ".hidden").write_bytes(b"hidden")
    return folder


def added(peer, *args):
    """[(cid, name)]"""
    lines = stdout(peer, "add", "--no-pin", *map(str, args)).splitlines()
    return [tuple(line.removeprefix("added ").split(" ", 1)) for line in lines if line.startswith("added ")]


def test_ctl_3_1_folder(shared_peer, tree):
    names = [name for _, name in added(shared_peer, "-r", tree)]
    assert names[-1] == "tree" and "tree/link" in names and "tree/sub/deep/er/x" in names and "tree/.hidden" not in names
    assert "tree/.hidden" in [name for _, name in added(shared_peer, "-r", "-H", tree)]


def test_ctl_3_1_several_paths_are_wrapped(shared_peer, tree):
    names = [name for _, name in added(shared_peer, tree / "one", tree / "chunk")]
    assert names == ["one", "chunk", ""]
    assert stdout(shared_peer, "add", "--no-pin", "-w", str(tree / "one")).splitlines()[-1].endswith(" ")


def test_ctl_3_1_dot(shared_peer, tree):
    done = subprocess.run([BIN / "ipfs-cluster-ctl", "--host", shared_peer.api_multiaddress, "add", "--no-pin", "-r", "."], cwd=tree / "sub",
                          capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1].endswith(" sub"), done


@pytest.mark.parametrize("args,prefix", [
    pytest.param([], "Qm", id="ctl-3.1-default"),
    pytest.param(["--cid-version", "1"], "bafkrei", id="ctl-3.1-cid-version"),
    pytest.param(["--cid-version=1", "--raw-leaves=false"], "bafkrei", id="ctl-3.1-raw-leaves-forced"),
    pytest.param(["--raw-leaves"], "bafkrei", id="ctl-3.1-raw-leaves"),
    pytest.param(["--hash", "sha2-512"], "bafkrg", id="ctl-3.1-hash-forces-version-1"),
])
def test_cids_of_adds(shared_peer, tree, args, prefix):
    ((cid, name),) = added(shared_peer, *args, tree / "one")
    assert cid.startswith(prefix) and name == "one"


def test_ctl_3_1_options_of_pins(shared_peer, tree):
    text = stdout(shared_peer, "add", "-Q", "-n", "named", "--rmin", "1", "--rmax", "2", "--expire-in", "1h", "--metadata", "a=b",
                  "--allocs", f"x,{shared_peer.id}", "--wait", str(tree / "one"))
    pin = shared_peer.json("GET", f"/allocations/{text.strip()}")[1]
    assert (pin["name"], pin["replication_factor_min"], pin["replication_factor_max"], pin["metadata"], pin["allocations"]) == (
        "named", 1, 2, {"a": "b"}, [shared_peer.id])
    assert shared_peer.json("GET", f"/pins/{pin['cid']}")[1]["peer_map"][shared_peer.id]["status"] == "pinned"
    shared_peer.ctl("pin", "rm", pin["cid"])


def test_ctl_6_json_of_add(shared_peer, tree):
    paths = [str(tree / "one"), str(tree / "chunk")]
    text = stdout(shared_peer, "--enc=json", "add", "--no-pin", *paths)
    assert text.count("\n    \"name\": ") == 3 and not text.startswith("[")
    assert [i["name"] for i in json.loads(stdout(shared_peer, "--enc=json", "add", "--no-pin", "--no-stream", *paths))] == ["one", "chunk", ""]
    (last,) = json.loads(stdout(shared_peer, "--enc=json", "add", "--no-pin", "--no-stream", "--quieter", *paths))
    assert last["name"] == ""
    quiet = stdout(shared_peer, "add", "--no-pin", "-q", *paths).splitlines()
    assert len(quiet) == 3 and quiet[-1] == last["cid"] == stdout(shared_peer, "add", "--no-pin", "-Q", *paths).strip()


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"1")

    def log_message(self, *_):
        pass


def test_ctl_3_1_url(shared_peer, serve, tree):
    """The name is the last element of its path."""
    port = serve(Page).rsplit("/", 1)[1]
    ((cid, name),) = added(shared_peer, f"http://127.0.0.1:{port}/a/b/page.txt")
    assert (cid, name) == (added(shared_peer, tree / "one")[0][0], "page.txt")  # that file has the same content
