"""ipfs-proxy.md: the IPFS proxy over the embedded node and a real Kubo. README.md lists what tests/e2e proves."""
import json
import re

import pytest
from asking import ask
from content import multipart, raw_cid
from peer import Peer
from scripted_kubo import error as error_of_kubo
from scripted_kubo import lines
from typed import TYPED

CID = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq"  # nobody has it
OTHER = raw_cid(b"other")


def rpc(peer, command, body=b"", method="POST", **headers):
    return ask(peer.proxy, method, f"/api/v0/{command}", body, headers)


def send(peer, command, *parts):
    kind, body = multipart(parts or [("a", "text/plain", b"compat")])
    return rpc(peer, command, body, **{"Content-Type": kind})


def error(answer, status=500):
    """The message of an error in Kubo's form."""
    assert answer.status == status, (answer.status, answer.body)
    assert not answer.body.endswith(b"\n")
    parsed = json.loads(answer.body)
    assert list(parsed) == ["Message", "Code", "Type"] and (parsed["Code"], parsed["Type"]) == (0, "error")
    return parsed["Message"]


@pytest.fixture(scope="module")
def kubo_peer(tmp_path_factory, kubo):
    with Peer(tmp_path_factory.mktemp("proxy") / "peer", ipfs="kubo").init() as peer:
        for name in ("ipfs_connector.ipfshttp", "api.ipfsproxy"):
            group, section = name.split(".")
            peer.edit(lambda c, g=group, s=section: c[g][s].update(node_multiaddress=kubo.api_multiaddr))
        yield peer.start()


# --- 1: routing


@pytest.mark.parametrize("method", [pytest.param(m, id=f"proxy-1-{m}") for m in ("POST", "GET", "PUT")])
def test_methods_that_are_answered_here(shared_peer, method):
    answer = rpc(shared_peer, "pin/ls", method=method)
    assert answer.status == 200 and json.loads(answer.body) == {"Keys": {}}


@pytest.mark.parametrize("method,command,status", [
    pytest.param("POST", "swarm/addrs", 200, id="proxy-1-other-command"),
    pytest.param("POST", "pin/ls/", 404, id="proxy-1-trailing-slash"),
    pytest.param("DELETE", "pin/ls", 405, id="proxy-1-DELETE"),
    pytest.param("POST", "block/put", 400, id="proxy-1-block-put-without-pin"),
])
def test_what_goes_to_kubo(kubo_peer, kubo, method, command, status):
    through, direct = (ask(url, method, f"/api/v0/{command}", b"") for url in (kubo_peer.proxy, kubo.api_url))
    assert (through.status, through.body) == (direct.status, direct.body)


def test_proxy_1_other_paths(kubo_peer, kubo):
    for path in ("/webui", "/debug/vars", "/nothing"):
        through, direct = (ask(url, "GET", path) for url in (kubo_peer.proxy, kubo.api_url))
        assert (through.status, through.headers["Location"]) == (direct.status, direct.headers["Location"]), path
    answer = ask(kubo_peer.proxy, "POST", "/api/v0/../v0/pin/ls")
    assert (answer.status, answer.headers["Location"]) == (301, "/api/v0/pin/ls")


@pytest.mark.parametrize("form", [pytest.param(form, id=f"proxy-1-{form.split('C')[0]}") for form in (
    "pin/add?arg=CID", "pin/add/CID", "pin/add?arg=/ipfs/CID", "pin/add?arg=/ipld/CID")])
def test_forms_of_the_argument(shared_peer, unpin, form):
    answer = rpc(shared_peer, form.replace("CID", CID))
    assert (answer.status, json.loads(answer.body)) == (200, {"Pins": [CID]})
    assert json.loads(rpc(shared_peer, f"pin/ls/{CID}").body) == {"Keys": {CID: {"Type": "recursive"}}}
    assert json.loads(rpc(shared_peer, f"pin/rm/{CID}").body) == {"Pins": [CID]}
    assert shared_peer.lines("GET", "/allocations") == []


@pytest.mark.parametrize("path", [pytest.param(path, id=f"proxy-1-{path}") for path in ("pin%2Fls", "pin/l%73")])
def test_paths_are_compared_decoded(shared_peer, path):
    assert json.loads(rpc(shared_peer, path).body) == {"Keys": {}}


# --- 2: headers


@pytest.mark.parametrize("command", [pytest.param(c, id=f"proxy-2-{c.split('?')[0]}") for c in (
    "pin/ls", "pin/ls?stream=true", "repo/stat", "pin/rm?arg=x", "pin/add?arg=x")])
def test_headers(shared_peer, command):
    headers = rpc(shared_peer, command).headers
    assert headers["Content-Type"] == "application/json"
    assert re.fullmatch(r"ipfs-cluster/ipfsproxy/1\.1\.6\S*", headers["Server"])


@pytest.mark.parametrize("ttl,times", [pytest.param("0s", 1, id="proxy-2-for-ever"), pytest.param("1ns", 3, id="proxy-2-ttl")])
def test_headers_that_are_taken_from_kubo(new_peer, scripted_kubo, ttl, times):
    scripted_kubo.answer_headers = {"stats/repo": {"X-A": "a", "X-B": "b", "Access-Control-Expose-Headers": "X-C"},
                                    "pin/ls": {"Vary": "Origin"}}
    scripted_kubo.answers["stats/repo"] = (200, "{}")
    peer = new_peer(start=False, ipfs="kubo")
    peer.edit(lambda c: (c["ipfs_connector"]["ipfshttp"].update(node_multiaddress=scripted_kubo.address),
                         c["api"]["ipfsproxy"].update(node_multiaddress=scripted_kubo.address, extract_headers_ttl=ttl,
                                                      extract_headers_path="/api/v0/stats/repo", extract_headers_extra=["x-a"])))
    peer.start()
    for _ in range(3):
        headers = rpc(peer, "pin/ls").headers
        assert [headers[name] for name in ("X-A", "X-B", "Access-Control-Expose-Headers", "Vary")] == ["a", None, "X-C", "Origin"]
    assert scripted_kubo.asked.count(("POST", "stats/repo", "")) == times
    assert ("OPTIONS", "pin/ls", "") in scripted_kubo.asked and ("POST", "pin/ls", "") not in scripted_kubo.asked


# --- 4: endpoints


@pytest.mark.parametrize("command,status,message", [
    pytest.param("pin/add?arg=x", 500, "Error parsing IPFS Path: ", id="proxy-4-add-path"),
    pytest.param("pin/rm?arg=x", 500, "Error parsing IPFS Path: ", id="proxy-4-rm-path"),
    pytest.param(f"pin/rm?arg={CID}", 500, "pin is not part of the pinset", id="proxy-4-rm-unknown"),
    pytest.param(f"pin/ls?arg={CID}", 500, f"Error: path '{CID}' is not pinned", id="proxy-4-ls-unknown"),
    pytest.param("pin/ls?arg=x", 500, "", id="proxy-4-ls-cid"),
    pytest.param("pin/update", 400, 'argument "from-path" is required', id="proxy-4-update-from"),
    pytest.param(f"pin/update?arg={CID}", 400, 'argument "to-path" is required', id="proxy-4-update-to"),
    pytest.param(f"pin/update?arg=x&arg={CID}", 500, 'error parsing "from-path" argument: ', id="proxy-4-update-bad-from"),
    pytest.param(f"pin/update?arg={CID}&arg=x", 500, 'error parsing "to-path" argument: ', id="proxy-4-update-bad-to"),
    pytest.param(f"pin/update?arg={CID}&arg={OTHER}", 500, "pin is not part of the pinset", id="proxy-4-update-unknown"),
    pytest.param("pin/add", 400, "", id="proxy-4-add-nothing"),
    pytest.param("add", 500, "error reading request: ", id="proxy-4-add-no-multipart"),
])
def test_errors(shared_peer, command, status, message):
    assert error(rpc(shared_peer, command), status).startswith(message)
    assert shared_peer.lines("GET", "/allocations") == []


@pytest.mark.parametrize("query,message", [
    pytest.param("replication-min=x", "error parsing options:", id="proxy-4-add-option"),
    pytest.param("layout=round", "error parsing options:", id="proxy-4-add-layout"),
    pytest.param("only-hash=true", "only-hash is not supported when adding to cluster", id="proxy-4-add-only-hash"),  # X2: and added
])
def test_errors_of_add(shared_peer, query, message):
    assert error(send(shared_peer, f"add?{query}")).startswith(message)
    assert shared_peer.lines("GET", "/allocations") == []


@pytest.mark.parametrize("query,mode", [
    pytest.param("type=direct", "direct", id="proxy-4-pin-direct"),
    pytest.param("type=recursive", "recursive", id="proxy-4-pin-recursive"),
    pytest.param("recursive=false", "direct", id="proxy-4-pin-recursive-false"),  # X5: ignored in Go
    pytest.param("progress=false&name=n", "recursive", id="proxy-4-pin-name"),  # X5: ignored in Go
])
def test_pin_add(shared_peer, unpin, query, mode):
    answer = rpc(shared_peer, f"pin/add?arg={CID}&{query}")
    assert (answer.status, json.loads(answer.body)) == (200, {"Pins": [CID]})
    pin = shared_peer.json("GET", f"/allocations/{CID}")[1]
    assert (pin["mode"], pin["replication_factor_min"], pin["name"]) == (mode, -1, "n" if "name=n" in query else "")
    # X4: the form without a stream says how it is pinned too
    assert json.loads(rpc(shared_peer, "pin/ls").body) == {"Keys": {CID: {"Type": mode}}}
    (item,) = rpc(shared_peer, "pin/ls?stream=true").objects
    assert (item["Cid"], item["Type"]) == (CID, mode)


def test_proxy_4_several_arguments(shared_peer, unpin):
    """X5: Go takes the first only."""
    assert json.loads(rpc(shared_peer, f"pin/add?arg={CID}&arg={OTHER}").body) == {"Pins": [CID, OTHER]}
    assert set(json.loads(rpc(shared_peer, "pin/ls").body)["Keys"]) == {CID, OTHER}
    assert json.loads(rpc(shared_peer, f"pin/rm?arg={CID}&arg={OTHER}").body) == {"Pins": [CID, OTHER]}


def test_proxy_4_ls_stream(shared_peer, unpin):
    rpc(shared_peer, f"pin/add?arg={CID}")
    for form in ("stream=true", "s=true"):
        answer = rpc(shared_peer, f"pin/ls?{form}")
        assert answer.headers["Trailer"] == "X-Stream-Error" and not (answer.trailers or {}).get("X-Stream-Error")
        assert [(item["Cid"], item["Type"]) for item in answer.objects] == [(CID, "recursive")]
    assert rpc(shared_peer, f"pin/ls?stream=true&arg={CID}").body.rstrip(b"\n").startswith(b'{"Cid":"' + CID.encode())


def test_proxy_4_ls_has_pins_of_all_types(typed_peer):
    kinds = {pin["cid"]: "direct" if pin["max_depth"] == 0 else "recursive" for pin in TYPED.values()}
    assert json.loads(rpc(typed_peer, "pin/ls").body) == {"Keys": {cid: {"Type": kind} for cid, kind in kinds.items()}}
    assert {item["Cid"]: item["Type"] for item in rpc(typed_peer, "pin/ls?stream=true").objects} == kinds


@pytest.mark.parametrize("unpins", [pytest.param("", id="proxy-4-update"), pytest.param("&unpin=true", id="proxy-4-update-unpin"),
                                    pytest.param("&unpin=false", id="proxy-4-update-no-unpin")])
def test_update(shared_peer, unpin, unpins):
    shared_peer.json("POST", f"/pins/{CID}?name=kept&meta-k=v&replication=1")
    answer = rpc(shared_peer, f"pin/update?arg={CID}&arg={OTHER}{unpins}")
    assert (answer.status, json.loads(answer.body)) == (200, {"Pins": [CID, OTHER]})
    pins = {pin["cid"]: pin for pin in shared_peer.lines("GET", "/allocations")}
    assert set(pins) == ({CID, OTHER} if "false" in unpins else {OTHER})
    assert (pins[OTHER]["name"], pins[OTHER]["metadata"], pins[OTHER]["replication_factor_max"]) == ("kept", {"k": "v"}, 1)


def test_proxy_4_add(shared_peer, unpin):
    answer = send(shared_peer, "add?name=n&replication-min=1&replication-max=2&meta-k=v", ("a", "text/plain", b"compat"))
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-cache" and answer.headers["X-Chunked-Output"] == "1"
    (item,) = answer.objects
    assert list(item) == ["Name", "Hash", "Size"] and item["Name"] == "a" and item["Size"] == "14"
    pin = shared_peer.json("GET", f"/allocations/{item['Hash']}")[1]
    assert (pin["name"], pin["replication_factor_max"], pin["metadata"]) == ("n", 2, {"k": "v"})


def test_proxy_4_add_forms(shared_peer):
    progress, last = send(shared_peer, "add?pin=false&progress=true").objects
    assert progress == {"Name": "a", "Bytes": 6} and "Hash" in last
    assert shared_peer.lines("GET", "/allocations") == []
    buffered = json.loads(send(shared_peer, "add?pin=false&stream-channels=false").body)
    assert buffered == [last]
    names = [item["Name"] for item in send(shared_peer, "add?pin=false&wrap-with-directory=true", ("a", "x/y", b"1"), ("b", "x/y", b"2")).objects]
    assert names == ["a", "b", ""]
    assert send(shared_peer, "add?pin=false&silent=true&quiet=true&fscache=true").status == 200  # of no meaning here


def test_proxy_4_repo(three_peers):
    total = json.loads(rpc(three_peers[0], "repo/stat?size-only=true&human=true").body)
    assert list(total) == ["RepoSize", "StorageMax", "NumObjects"] and all(isinstance(value, int) for value in total.values())
    (item,) = send(three_peers[1], "add?pin=false&cid-version=1&local=true", ("g", "x/y", b"garbage of the proxy")).objects
    answer = rpc(three_peers[0], "repo/gc?stream-errors=true&quiet=true")
    assert {"Key": {"/": item["Hash"]}} in answer.objects


def test_proxy_4_repo_with_errors(new_cluster, scripted_kubo):
    """A peer that fails is left out of the sums; errors of blocks are in the lines, or joined in the trailer."""
    scripted_kubo.answers["repo/gc"] = lines({"Key": {"/": OTHER}}, {"Error": "bad 1"}, {"Error": "bad 2"})
    cluster = new_cluster(1)
    (on_kubo,) = cluster.make(1)
    on_kubo.edit(lambda c: c.update(ipfs_connector={"ipfshttp": {"node_multiaddress": scripted_kubo.address}}))
    on_kubo.start("--bootstrap", cluster[0].address)
    cluster.wait_settled()
    answer = rpc(cluster[0], "repo/gc")
    assert answer.trailers["X-Stream-Error"] == "bad 1; bad 2"
    assert answer.objects[0] == {"Key": {"/": OTHER}} and [list(item) for item in answer.objects] == [["Key"]] * 3
    answer = rpc(cluster[0], "repo/gc?stream-errors=true")
    assert [item.get("Error") for item in answer.objects] == [None, "bad 1", "bad 2"] and not answer.trailers["X-Stream-Error"]
    both = json.loads(rpc(cluster[0], "repo/stat").body)
    scripted_kubo.answers["repo/stat"] = error_of_kubo("broken")
    one = json.loads(rpc(cluster[0], "repo/stat").body)
    assert one["RepoSize"] == both["RepoSize"] - 1000 and both["StorageMax"] > 5000


def test_proxy_4_put_with_pin(kubo_peer):
    (block,) = send(kubo_peer, "block/put?pin=true").objects
    assert list(block) == ["Key", "Size"] and kubo_peer.json("GET", f"/allocations/{block['Key']}")[1]["mode"] == "recursive"
    (node,) = send(kubo_peer, "dag/put?pin=true", ("a", "application/json", b'{"a":1}')).objects
    assert kubo_peer.json("GET", f"/allocations/{node['Cid']['/']}")[0] == 200


def test_proxy_4_kubo_resolves_paths(kubo_peer, kubo):
    root = kubo.ipfs("add", "-Q", "-w", "--pin=false", "--stdin-name=file", input=b"in a folder").strip()
    file = kubo.ipfs("resolve", f"/ipfs/{root}/file").strip().rsplit("/", 1)[1]
    assert json.loads(rpc(kubo_peer, f"pin/add?arg=/ipfs/{root}/file").body) == {"Pins": [file]}
    # Paths in the REST API are resolved the same way, /ipns too (rest-7.3).
    status, pin = kubo_peer.json("POST", f"/pins/ipfs/{root}/file?name=again")
    assert (status, pin["cid"]) == (200, file)
    status, refused = kubo_peer.json("POST", "/pins/ipns/nobody.example")
    assert status >= 400 and refused["message"]
