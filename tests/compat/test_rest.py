"""rest-api.md, sections 1 to 5: the REST API as such. README.md lists the rows that other tests prove."""
import json
import os
import re
import time

import pytest
from asking import UnixConnection, ask, connect
from content import raw_cid
from peer import Peer, free_port, make_cluster, until
from rest import CID, CID_V1, ID_FIELDS, METRIC_FIELDS, PIN_FIELDS, STATUS_FIELDS, ZERO_TIME, add, delete, get, post
from typed import TYPED

# --- 1, 2: listeners, headers, CORS, paths


@pytest.fixture(scope="module")
def configured(tmp_path_factory):
    """A peer with three listeners, headers of its own, a list of origins and an access log."""
    folder = tmp_path_factory.mktemp("configured")
    with Peer(folder / "peer").init() as peer:
        peer.socket = folder / "api.sock"
        peer.second = f"http://127.0.0.1:{free_port()}"
        first = peer.api_multiaddress
        peer.edit(lambda c: c["api"]["restapi"].update(
            http_listen_multiaddress=[first, f"/ip4/127.0.0.1/tcp/{peer.second.rsplit(':')[-1]}", f"/unix{peer.socket}"],
            http_log_file="access.log", headers={"X-Own": ["one", "two"]}, cors_allowed_origins=["http://*.example", "http://one"],
            cors_allowed_methods=["GET", "POST"], cors_allowed_headers=["X-Mine"], cors_exposed_headers=["X-A", "X-B"],
            cors_max_age="90s"))
        yield peer.start()


def test_rest_1_every_listener_answers(configured):
    """Go starts two of them only (R3)."""
    for url in (configured.api, configured.second):
        assert ask(url, "GET", "/health").status == 204
    connection = UnixConnection(configured.socket)
    connection.request("GET", "/id")
    assert json.loads(connection.getresponse().read())["id"] == configured.id
    connection.close()


def test_rest_1_connections_are_kept(shared_peer):
    connection = connect(shared_peer.api)
    connection.request("GET", "/version")
    first = connection.getresponse()
    first.read()
    kept = connection.sock
    connection.request("GET", "/version")
    assert connection.getresponse().status == 200 and connection.sock is kept
    assert first.version == 11
    connection.close()


@pytest.mark.parametrize("size,status", [(7000, 200), (9000, 431)])
def test_rest_1_headers_of_8192_bytes(shared_peer, size, status):
    assert get(shared_peer, "/version", **{"X-Long": "a" * size}).status == status


def test_rest_1_2_access_log(configured):
    get(configured, "/version?for=the-log")
    path = configured.folder / "access.log"
    line = until(lambda: re.search(r".*for=the-log.*", path.read_text()), "the line is there").group()
    assert re.fullmatch(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /version\?for=the-log HTTP/1\.1" 200 \d+',
                        line), line
    assert path.stat().st_mode & 0o777 == 0o644 & ~os.umask(os.umask(0o22))


PREFLIGHTS = [
    ("allowed", {"Origin": "http://a.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-mine"},
     {"Access-Control-Allow-Origin": "http://a.example", "Access-Control-Allow-Methods": "POST",
      "Access-Control-Allow-Headers": "x-mine", "Access-Control-Allow-Credentials": "true", "Access-Control-Max-Age": "90"}),
    ("another-case", {"Origin": "HTTP://One", "Access-Control-Request-Method": "get"},
     {"Access-Control-Allow-Origin": "HTTP://One", "Access-Control-Allow-Methods": "get",
      "Access-Control-Allow-Credentials": "true", "Access-Control-Max-Age": "90"}),
    ("another-origin", {"Origin": "http://evil", "Access-Control-Request-Method": "GET"}, {}),
    ("another-method", {"Origin": "http://one", "Access-Control-Request-Method": "DELETE"}, {}),
    ("another-header", {"Origin": "http://one", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "X-Other"}, {}),
]


@pytest.mark.parametrize("sent,wanted", [pytest.param(*row[1:], id=f"rest-2.2-preflight-{row[0]}") for row in PREFLIGHTS])
def test_preflight(configured, sent, wanted):
    answer = ask(configured.api, "OPTIONS", f"/pins/{CID}", headers=sent)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Vary"] == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    assert {k: v for k, v in answer.headers.items() if k.startswith("Access-Control")} == wanted


def test_rest_2_2_requests_of_pages(configured, shared_peer):
    answer = get(configured, "/version", Origin="http://a.example")
    assert (answer.headers["Vary"], answer.headers["Access-Control-Allow-Origin"]) == ("Origin", "http://a.example")
    assert answer.headers["Access-Control-Expose-Headers"] == "X-A, X-B"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    answer = get(configured, "/version", Origin="http://evil")  # is served all the same
    assert answer.status == 200 and answer.headers["Vary"] == "Origin" and not answer.headers["Access-Control-Allow-Origin"]
    assert get(configured, "/version").headers["Vary"] == "Origin"
    answer = get(shared_peer, "/version", Origin="http://any")  # as init writes it
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Expose-Headers"] == "Content-Type, X-Stream-Output, X-Chunked-Output, X-Content-Length"
    answer = ask(shared_peer.api, "DELETE", f"/pins/{CID}", headers={"Origin": "http://any"})  # only GET is in the list
    assert answer.status == 404 and not answer.headers["Access-Control-Allow-Origin"]


@pytest.mark.parametrize("headers,allowed", [
    pytest.param("accept, Content-Type, x-requested-with", True, id="rest-2.2-headers-by-default"),
    pytest.param("accept, authorization", False, id="rest-2.2-other-headers"),
])
def test_preflight_as_init_writes_it(shared_peer, headers, allowed):
    answer = ask(shared_peer.api, "OPTIONS", "/pins", headers={
        "Origin": "http://any", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": headers})
    wanted = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET", "Access-Control-Allow-Headers": headers,
              "Access-Control-Allow-Credentials": "true"}  # no Max-Age
    assert {k: v for k, v in answer.headers.items() if k.startswith("Access-Control")} == (wanted if allowed else {})


@pytest.mark.parametrize("path,status,location", [
    pytest.param("/id/", 307, "/id", id="rest-2.3-slash"),
    pytest.param("/id//", 307, "/id/", id="rest-2.3-one-slash-at-a-time"),
    pytest.param("/pins/?filter=error", 307, "/pins?filter=error", id="rest-2.3-slash-keeps-the-query"),
    pytest.param("//version", 301, "/version", id="rest-2.3-double-slash"),
    pytest.param("/pins/../version?a=b", 301, "/version?a=b", id="rest-2.3-dots"),
])
def test_redirects(shared_peer, path, status, location):
    for method in ("GET", "POST", "DELETE"):
        answer = ask(shared_peer.api, method, path)
        assert (answer.status, answer.headers["Location"]) == (status, location)


@pytest.mark.parametrize("method,path,status,body", [
    pytest.param("GET", "/", 404, b'{"code":404,"message":"not found"}\n', id="rest-2.3-root"),  # R4: Go redirects for ever
    pytest.param("GET", "/unknown", 404, b'{"code":404,"message":"not found"}\n', id="rest-2.3-unknown"),
    pytest.param("DELETE", "/id", 405, b"", id="rest-2.3-method"),
    pytest.param("OPTIONS", "/id", 405, b"", id="rest-2.3-options"),
    pytest.param("OPTIONS", "/unknown", 404, b'{"code":404,"message":"not found"}\n', id="rest-2.3-options-unknown"),
])
def test_other_paths(shared_peer, method, path, status, body):
    answer = ask(shared_peer.api, method, path)
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize("method,path,status", [
    pytest.param("GET", "/version", 200, id="rest-2.4-200"),
    pytest.param("GET", "/health", 204, id="rest-2.4-204"),
    pytest.param("GET", "/pins", 204, id="rest-2.4-empty-stream"),
    pytest.param("GET", "/allocations/x", 400, id="rest-2.4-400"),
    pytest.param("GET", "/nothing", 404, id="rest-2.4-404"),
])
def test_headers_of_every_answer(configured, method, path, status):
    answer = ask(configured.api, method, path)
    assert answer.status == status and answer.headers["Content-Type"] == "application/json"
    assert answer.headers.get_all("X-Own") == ["one", "two"]


def test_rest_2_4_headers_of_add(configured):
    """Go closes the connection behind each add; here it is kept."""
    answer = add(configured, "no-pin=true")
    assert answer.headers["Cache-Control"] == "no-cache" and not answer.will_close
    assert (answer.headers["X-Chunked-Output"], answer.headers["Trailer"]) == ("1", "X-Stream-Error")
    assert not answer.trailers  # nothing went wrong
    answer = add(configured, "no-pin=true&stream-channels=false")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "X-Chunked-Output" not in answer.headers and "Trailer" not in answer.headers


# --- 3: errors


@pytest.mark.parametrize("method,path,status,message", [
    pytest.param("GET", f"/allocations/{CID}", 404, "pin is not part of the pinset", id="rest-3-not-pinned"),
    pytest.param("DELETE", f"/pins/{CID}", 404, "pin is not part of the pinset", id="rest-3-unpin"),
    pytest.param("DELETE", f"/pins/ipfs/{CID}", 404, "pin is not part of the pinset", id="rest-3-unpin-path"),
    pytest.param("GET", "/allocations/x", 400, "error decoding Cid: ", id="rest-3-cid"),
    pytest.param("POST", "/pins/x/recover", 400, "error decoding Cid: ", id="rest-3-cid-recover"),
    pytest.param("POST", "/pins/ipfs/x", 400, "error parsing path: ", id="rest-3-path"),
    pytest.param("DELETE", "/pins/ipld/x", 400, "error parsing path: ", id="rest-3-path-unpin"),
    pytest.param("DELETE", "/peers/x", 400, "error decoding Peer ID: ", id="rest-3-peer"),
    pytest.param("POST", f"/pins/{CID}?replication=x", 400, "parameter replication invalid", id="rest-3-replication"),
    pytest.param("POST", f"/pins/{CID}?replication-max=1.5", 400, "parameter replication-max invalid", id="rest-3-replication-max"),
    pytest.param("POST", "/pins/recover?local=maybe", 400, "parameter local invalid", id="rest-3-bool"),
    pytest.param("POST", f"/pins/{CID}?expire-in=1d", 400, "expire-in cannot be parsed: ", id="rest-3-expire-in-days"),
    pytest.param("POST", f"/pins/{CID}?shard-size=x", 400, "parameter shard_size is invalid", id="rest-3-shard-size"),
    pytest.param("POST", f"/pins/{CID}?origins=/ip4/127.0.0.1/tcp/4001", 400, "multiaddress does not contain peer ID: ",
                 id="rest-3-origin-without-peer"),
    pytest.param("POST", f"/pins/{CID}?replication-min=-2", 400, "cluster.replication_factor_min is wrong", id="rest-3-factor-min"),
    pytest.param("POST", f"/pins/{CID}?replication-max=-2", 400, "cluster.replication_factor_m", id="rest-3-factor-max"),
    pytest.param("POST", f"/pins/{CID}?replication-min=-1&replication-max=2", 400,
                 "cluster.replication_factor_min and max must be -1 when one of them is", id="rest-3-factor-one"),
    # From here on Go answers 500.
    pytest.param("POST", f"/pins/{CID}?replication=3", 409, "not enough peers to allocate CID. Needed at least: 3. Wanted at most: 3. "
                 "Available candidates: 1. See logs for more info.", id="rest-3-not-enough-peers"),
    pytest.param("POST", f"/pins/{CID}?expire-at=2001-01-01T00:00:00Z", 400, "pin.ExpireAt set before current time",
                 id="rest-3-expired"),
    pytest.param("POST", f"/pins/{CID}?pin-update={CID_V1}", 404, "pin is not part of the pinset", id="rest-3-update-of-nothing"),
])
def test_errors(shared_peer, method, path, status, message):
    got = ask(shared_peer.api, method, path).error
    assert got[0] == status and got[1].startswith(message), got
    assert shared_peer.lines("GET", "/allocations") == []  # R1: Go goes on after a bad option


@pytest.mark.parametrize("body,message", [
    pytest.param(b"", "error decoding request body", id="rest-3-peers-empty"),
    pytest.param(b"{", "error decoding request body", id="rest-3-peers-not-json"),
    pytest.param(b'{"peer_id":"x"}', "error decoding peer_id", id="rest-3-peers-id"),
])
def test_errors_of_peers(shared_peer, body, message):
    status, text = post(shared_peer, "/peers", body).error
    assert status == 400 and text.startswith(message)


@pytest.mark.parametrize("method,path,message", [
    pytest.param("DELETE", "/pins/" + TYPED["shard-pin"]["cid"],
                 "cannot unpin a shard directly. Unpin content root CID instead", id="rest-3-unpin-shard"),
    pytest.param("DELETE", "/pins/" + TYPED["clusterdag-pin"]["cid"],
                 "cannot unpin a Cluster DAG directly. Unpin content root CID instead", id="rest-3-unpin-clusterdag"),
    pytest.param("POST", "/pins/" + TYPED["meta-pin"]["cid"],
                 "cannot repin CID with different tracking method, clear state with pin rm to proceed. New: pin. Was: meta-pin",
                 id="rest-3-other-type"),
    pytest.param("POST", f"/pins/ipfs/{TYPED['pin']['cid']}?mode=direct",
                 "cannot repin a CID which is already pinned in recursive mode (new pin is pinned as direct). Unpin it first.",
                 id="rest-3-direct-over-recursive"),
    pytest.param("POST", f"/pins/{CID}?pin-update={TYPED['meta-pin']['cid']}", "this pin type cannot be updated",
                 id="rest-3-update-of-meta"),
])
def test_errors_of_types(typed_peer, method, path, message):
    """Conflicts: Go answers 500."""
    before = typed_peer.lines("GET", "/allocations")
    assert ask(typed_peer.api, method, path).error == (409, message)
    assert typed_peer.lines("GET", "/allocations") == before


@pytest.mark.parametrize("method,path", [
    pytest.param("POST", f"/pins/{CID}", id="rest-3-follower-pins"),
    pytest.param("DELETE", f"/pins/{CID}", id="rest-3-follower-unpins"),
    pytest.param("POST", "/add", id="rest-3-follower-adds"),
])
def test_follower_mode(follower, method, path):
    """Go answers 500."""
    answer = add(follower) if path == "/add" else ask(follower.api, method, path)
    assert answer.error[1] == "this peer is configured to be in follower mode. Write operations are disabled"
    assert answer.status == 409
    assert follower.lines("GET", "/allocations") == []


# --- 4: streams


@pytest.fixture(scope="module")
def without_kubo(tmp_path_factory):
    """A peer whose Kubo is not there."""
    with Peer(tmp_path_factory.mktemp("without") / "peer", ipfs="kubo").init() as peer:
        peer.edit(lambda c: c["ipfs_connector"]["ipfshttp"].update(node_multiaddress=f"/ip4/127.0.0.1/tcp/{free_port()}"))
        yield peer.start()


@pytest.mark.parametrize("method,path", [
    pytest.param("GET", "/allocations", id="rest-4-allocations"),
    pytest.param("GET", "/pins", id="rest-4-pins"),
    pytest.param("POST", "/pins/recover", id="rest-4-recover"),
])
def test_empty_streams(shared_peer, method, path):
    answer = ask(shared_peer.api, method, path)
    assert (answer.status, answer.body, answer.headers["Trailer"]) == (204, b"", "X-Stream-Error")


@pytest.mark.parametrize("path", [pytest.param(path, id="rest-4" + path.replace("/", "-").split("?")[0])
                                  for path in ("/peers", "/allocations", "/pins", f"/pins?cids={TYPED['pin']['cid']}")])
def test_streams(typed_peer, path):
    answer = get(typed_peer, path)
    assert (answer.status, answer.headers["Trailer"], answer.headers["Transfer-Encoding"]) == (200, "X-Stream-Error", "chunked")
    assert answer.objects
    assert answer.trailers.get_all("X-Stream-Error") == [""]  # also when nothing went wrong


def test_rest_4_errors_before_the_first_object(shared_peer, without_kubo):
    answer = get(shared_peer, "/pins?filter=nonsense")
    assert answer.error == (400, "invalid filter value")
    answer = add(without_kubo)  # R19: 200 in Go
    assert answer.error[0] == 503 and "IPFS request failed" in answer.error[1]
    assert (answer.headers["Trailer"], answer.trailers) == ("X-Stream-Error", None)


# --- 5: types


def test_rest_5_1_pin(shared_peer, unpin):
    """The answer to a request, and what the state has."""
    answer = post(shared_peer, f"/pins/{CID}?name=docs")
    pin = answer.json
    assert list(pin) == PIN_FIELDS
    assert {k: v for k, v in pin.items() if k != "timestamp"} == {
        "replication_factor_min": -1, "replication_factor_max": -1, "name": "docs", "mode": "recursive", "shard_size": 0,
        "user_allocations": None, "expire_at": ZERO_TIME, "metadata": {}, "pin_update": None, "origins": None, "cid": CID,
        "type": "pin", "allocations": [], "max_depth": -1, "reference": None}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z", pin["timestamp"])
    stored = get(shared_peer, f"/allocations/{CID}").json
    assert list(stored) == PIN_FIELDS
    assert (stored["metadata"], stored["origins"], stored["timestamp"]) == (None, [], pin["timestamp"].split(".")[0] + "Z")
    assert get(shared_peer, "/allocations").objects == [stored]
    removed = delete(shared_peer, f"/pins/{CID}")
    assert (removed.status, removed.json) == (200, stored)


def test_rest_5_2_status(three_peers):
    peer = three_peers[0]
    cid = add(peer, "replication=2&name=two&meta-k=v").objects[-1]["cid"]
    pinned = get(peer, f"/allocations/{cid}").json
    try:
        item = until(lambda: (info := get(peer, f"/pins/{cid}").json) and
                     sorted(one["status"] for one in info["peer_map"].values()) == ["pinned", "pinned", "remote"] and info, "two have it")
        assert list(item) == STATUS_FIELDS
        assert (item["cid"], item["name"], item["metadata"], item["origins"]) == (cid, "two", {"k": "v"}, [])
        assert sorted(item["allocations"]) == sorted(pinned["allocations"]) and len(item["allocations"]) == 2
        assert item["created"] == pinned["timestamp"]
        assert sorted(item["peer_map"]) == sorted(p.id for p in three_peers)
        for peer_id, one in item["peer_map"].items():
            assert list(one) == ["peername", "ipfs_peer_id", "status", "timestamp", "error", "attempt_count", "priority_pin"], one
            assert one["status"] == ("pinned" if peer_id in item["allocations"] else "remote")
            assert one["peername"] == three_peers.named(peer_id).name and one["error"] == ""
            assert re.match(r"\d{4}-\d\d-\d\dT", one["timestamp"]) and one["timestamp"] != ZERO_TIME
    finally:
        delete(peer, f"/pins/{cid}")


@pytest.mark.parametrize("value,cids", [
    pytest.param("", 2, id="rest-5.3-none"),
    pytest.param("undefined", 2, id="rest-5.3-undefined"),
    pytest.param("pin_error", 1, id="rest-5.3-one"),
    pytest.param("error", 1, id="rest-5.3-error"),
    pytest.param("pinned", 1, id="rest-5.3-pinned"),
    pytest.param("queued", 0, id="rest-5.3-queued"),
    pytest.param("pinned,%20pin_error", 2, id="rest-5.3-list-with-space"),
    pytest.param("pinned,nonsense", 1, id="rest-5.3-unknown-ones"),
    pytest.param("cluster_error,unpin_error,pinning,unpinning,unpinned,remote,pin_queued,unpin_queued,sharded,unexpectedly_unpinned", 0,
                 id="rest-5.3-all-others"),
])
def test_filters(one_failing, value, cids):
    answer = get(one_failing, f"/pins?filter={value}")
    assert answer.status == (200 if cids else 204)
    assert len(answer.objects) == cids
    assert all(item["peer_map"] for item in answer.objects)


def test_rest_5_3_meta_pins_are_sharded(typed_peer):
    item = get(typed_peer, "/pins/" + TYPED["meta-pin"]["cid"]).json
    assert [one["status"] for one in item["peer_map"].values()] == ["sharded"]
    assert [i["cid"] for i in get(typed_peer, "/pins?filter=sharded").objects] == [TYPED["meta-pin"]["cid"]]


def test_rest_5_4_id(three_peers):
    for peer in three_peers:
        info = get(peer, "/id").json
        assert list(info) == ID_FIELDS
        assert info["id"] == peer.id and info["peername"] == peer.name and info["error"] == ""
        assert info["addresses"] and all(address.endswith("/p2p/" + peer.id) for address in info["addresses"])
        assert sorted(info["cluster_peers"]) == sorted(p.id for p in three_peers)
        assert {a.rsplit("/", 1)[1] for a in info["cluster_peers_addresses"]} == {p.id for p in three_peers} - {peer.id}
        assert re.match(r"1\.1\.6\b", info["version"]) and info["rpc_protocol_version"] == "/ipfscluster/1.0/rpc"
        assert info["commit"] == ""  # R8
        assert list(info["ipfs"]) == ["id", "addresses", "error"] and info["ipfs"]["id"] and info["ipfs"]["error"] == ""
    assert get(three_peers[0], "/version").json == {"version": info["version"]}


def test_rest_5_4_peers(three_peers):
    """Each as its own /id says, and its standing besides."""
    answer = get(three_peers[1], "/peers")
    assert sorted(item["id"] for item in answer.objects) == sorted(p.id for p in three_peers)
    for item in answer.objects:
        assert list(item) == [*ID_FIELDS, "standing"]
        assert sorted(item["standing"]) == ["free_bytes", "health", "lag", "role"]


def test_rest_5_4_a_node_that_fails(without_kubo):
    """What is wrong with it is inside."""
    info = get(without_kubo, "/id").json
    assert info["error"] == "" and list(info["ipfs"]) == ["addresses", "error"]
    assert info["ipfs"]["addresses"] is None and "IPFS request failed" in info["ipfs"]["error"]
    report = post(without_kubo, "/ipfs/gc").json["peer_map"][without_kubo.id]
    assert list(report) == ["peer", "peername", "keys", "error"] and report["keys"] == []
    assert "IPFS request failed" in report["error"]


def test_rest_5_4_a_peer_that_fails(tmp_path):
    """Its id, its name (which Go leaves empty) and what is wrong; nothing else is known."""
    with make_cluster(tmp_path, 2) as cluster:
        cluster[1].kill()
        info = next(item for item in get(cluster[0], "/peers").objects if item["id"] == cluster[1].id)
        assert list(info)[:10] == ID_FIELDS and info["error"]
        assert {key: info[key] for key in ID_FIELDS if key not in ("id", "error")} == {
            "addresses": None, "cluster_peers": None, "cluster_peers_addresses": None, "version": "", "commit": "",
            "rpc_protocol_version": "", "ipfs": {"addresses": None, "error": ""}, "peername": cluster[1].name}
        answer = get(cluster[0], f"/pins?cids={CID}")
        assert answer.objects[0]["peer_map"][cluster[1].id]["status"] == "cluster_error"
        assert answer.trailers.get_all("X-Stream-Error") == [""]  # the listing itself is whole
        reports = post(cluster[0], "/ipfs/gc").json["peer_map"]
        assert reports[cluster[1].id]["error"] and "error" not in reports[cluster[0].id]


def test_rest_5_5_metrics(three_peers):
    peer = three_peers[2]
    names = get(peer, "/monitor/metrics").json
    assert {"ping", "freespace", "tag:group"} <= set(names)
    for name in ("ping", "freespace"):
        metrics = get(peer, f"/monitor/metrics/{name}").json
        assert [m["peer"] for m in metrics] == sorted(p.id for p in three_peers)
        for metric in metrics:
            assert list(metric) == METRIC_FIELDS
            assert metric["name"] == name and metric["valid"] is True and isinstance(metric["value"], str)
            assert type(metric["weight"]) is int and type(metric["partitionable"]) is bool
            assert metric["received_at"] / 1e9 <= time.time() < metric["expire"] / 1e9
    assert metrics[0]["weight"] == int(metrics[0]["value"]) > 0
    assert get(peer, "/monitor/metrics/unknown").body == b"[]\n"


def test_rest_5_5_graph(three_peers):
    peer, ids = three_peers[0], [p.id for p in three_peers]
    links = {i: sorted(set(ids) - {i}) for i in ids}
    whole = lambda graph: {i: sorted(to) for i, to in graph["cluster_links"].items()} == links and len(graph["cluster_to_ipfs"]) == 3  # noqa: E731
    until(lambda: whole(get(peer, "/health/graph").json), "all peers have told whom they reach")
    graph = get(peer, "/health/graph").json
    assert list(graph) == ["cluster_id", "id_to_peername", "ipfs_links", "cluster_links", "cluster_trust_links", "cluster_to_ipfs",
                           "round_trip_us"]
    assert graph["cluster_id"] == peer.id
    assert graph["id_to_peername"] == {p.id: p.name for p in three_peers}
    assert whole(graph)
    assert graph["cluster_trust_links"] == {i: True for i in ids if i != peer.id}
    assert sorted(graph["cluster_to_ipfs"]) == sorted(ids) and sorted(graph["ipfs_links"]) == sorted(graph["cluster_to_ipfs"].values())


def test_rest_5_5_gc(three_peers):
    peer = three_peers[0]
    add(peer, "no-pin=true&cid-version=1&local=true", [("garbage", "text/plain", b"garbage of compat")])
    answer = post(peer, "/ipfs/gc?local=true")
    assert list(answer.json["peer_map"]) == [peer.id]
    report = answer.json["peer_map"][peer.id]
    assert list(report)[:3] == ["peer", "peername", "keys"] and set(list(report)[3:]) <= {"freed_disk_bytes"}
    assert {"key": raw_cid(b"garbage of compat")} in report["keys"]
    assert sorted(post(peer, "/ipfs/gc").json["peer_map"]) == sorted(p.id for p in three_peers)


def test_rest_5_5_bandwidth(three_peers):
    peer = three_peers[0]
    data = b"x" * 300_000
    cid = add(peer, "", [("traffic", "text/plain", data)]).objects[-1]["cid"]
    try:
        bandwidth = get(peer, "/health/bandwidth").json
        assert bandwidth
        for figures in bandwidth.values():
            assert list(figures) == ["total_in", "total_out", "rate_in", "rate_out"]
            assert [type(value) for value in figures.values()] == [int, int, float, float]
        assert sum(figures["total_out"] for figures in bandwidth.values()) >= 2 * len(data)  # to the two others
        for other in three_peers.others(peer):
            assert sum(figures["total_in"] for figures in get(other, "/health/bandwidth").json.values()) >= len(data)
    finally:
        delete(peer, f"/pins/{cid}")
