"""pinning-service-api.md: what Go's service has in common with this one. tests/e2e/test_pinning_service.py proves the rest."""
import json
import re

import pytest
from asking import ask
from content import add_bytes
from peer import Peer, until
from test_pinning_service import Service

CID = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq"  # nobody has it
ORIGIN = "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M"


@pytest.fixture
def service(shared_peer):
    service = Service(shared_peer)
    yield service
    for requestid in service.ids(limit=1000):
        service.delete(requestid)
    until(lambda: not shared_peer.lines("GET", "/allocations"), "what was replaced has gone too")


# --- 1: routes


@pytest.mark.parametrize("method,path,body,status", [
    pytest.param("GET", "/health", None, 204, id="pinning-1-health"),
    pytest.param("GET", "/pins", None, 200, id="pinning-1-list"),
    pytest.param("POST", "/pins", {"cid": CID}, 202, id="pinning-1-add"),  # Go: 200
    pytest.param("GET", "/pins/ID", None, 200, id="pinning-1-get"),
    pytest.param("POST", "/pins/ID", {"cid": CID, "name": "new"}, 202, id="pinning-1-replace"),  # Go: 200
    pytest.param("DELETE", "/pins/ID", None, 202, id="pinning-1-remove"),
    pytest.param("GET", "/unknown", None, 404, id="pinning-1-unknown"),
    pytest.param("OPTIONS", "/pins", None, 405, id="pinning-1-options"),
])
def test_routes(service, method, path, body, status):
    if "ID" in path:
        path = path.replace("ID", service.add(CID)["requestid"])
    assert service.request(method, path, body)[0] == status


def test_pinning_1_slash_and_headers(service):
    answer = ask(service.url, "GET", "/pins/?limit=1")
    assert (answer.status, answer.headers["Location"]) == (307, "/pins?limit=1")
    answer = ask(service.url, "GET", "/pins", headers={"Origin": "http://page"})
    assert answer.headers["Content-Type"] == "application/json" and answer.headers["Access-Control-Allow-Origin"] == "*"


def test_pinning_1_credentials(guarded):
    """As the REST API's, with errors of its own form; a token is good at both."""
    ann, nobody, wrong = Service(guarded, "ann", "secret"), Service(guarded), Service(guarded, "ann", "wrong")
    for client, details in ((nobody, "unauthorized: no auth provided"), (wrong, "unauthorized: access denied")):
        assert client.request("GET", "/pins") == (401, {"error": {"reason": "UNAUTHORIZED", "details": details}})
    assert nobody.request("GET", "/health")[0] == 204
    status, made = ann.request("POST", "/token")
    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert status == 200 and nobody.request("GET", "/pins", headers=bearer)[0] == 200
    assert guarded.request("GET", "/id", headers=bearer)[0] == 200
    answer = ask(ann.url, "GET", "/health", headers={"Origin": "http://page"})
    assert (answer.headers["X-Own"], answer.headers["Access-Control-Allow-Origin"]) == ("one", "*")


def test_pinning_1_no_tokens_without_users(service):
    assert service.request("POST", "/token") == (401, {"error": {"reason": "UNAUTHORIZED", "details": "unauthorized"}})


def test_pinning_1_access_log(guarded):
    Service(guarded).request("GET", "/health?for=the-log")
    path = guarded.folder / "pinning.log"
    line = until(lambda: re.search(r".*for=the-log.*", path.read_text()), "the line is there").group()
    assert path.read_text().startswith("what was there\n")
    assert re.fullmatch(r'127\.0\.0\.1 - - \[[^]]+\] "GET /health\?for=the-log HTTP/1\.1" 204 0', line), line


# --- 2: objects


def test_pinning_2_objects(service):
    added = service.add(CID, name="n", origins=[ORIGIN], meta={"k": "v"})
    item = service.get(added["requestid"])
    for status in (added, item):
        assert list(status) == ["requestid", "status", "created", "pin", "delegates", "info"]
        assert list(status["info"]) == ["status_details"]  # Go: a source and two warnings, always the same
        assert status["requestid"] != CID  # in Go it is the CID
        assert status["pin"] == {"cid": CID, "name": "n", "origins": [ORIGIN], "meta": {"k": "v"}}
        assert list(status["pin"]) == ["cid", "name", "origins", "meta"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", status["created"])
        assert isinstance(status["delegates"], list)
    assert added["status"] in ("queued", "pinning")
    assert service.add(CID)["pin"] == {"cid": CID}  # what is empty is left out
    listed = service.list(limit=1)
    assert list(listed) == ["count", "results"] and listed["count"] == 2 and len(listed["results"]) == 1


@pytest.mark.parametrize("length,status", [pytest.param(255, 202, id="pinning-2-name-255"), pytest.param(256, 400, id="pinning-2-name-256")])
def test_names(service, length, status):
    assert service.request("POST", "/pins", {"cid": CID, "name": "x" * length})[0] == status


@pytest.mark.parametrize("method,path,body,status", [
    pytest.param("POST", "/pins", "{", 400, id="pinning-5-bad-json"),
    pytest.param("POST", "/pins", {"name": "n"}, 400, id="pinning-5-no-cid"),  # Go: 200, nothing done
    pytest.param("POST", "/pins", {"cid": None}, 400, id="pinning-5-null-cid"),  # Go: 200, nothing done
    pytest.param("POST", f"/pins/{CID}", {"cid": CID}, 404, id="pinning-5-replace-unknown"),
    pytest.param("POST", "/pins/x", {"cid": CID}, 404, id="pinning-5-replace-bad-id"),  # Go: 400, and pinned
    pytest.param("GET", f"/pins/{CID}", None, 404, id="pinning-6-unknown"),
    pytest.param("DELETE", f"/pins/{CID}", None, 404, id="pinning-7-unknown"),
    pytest.param("GET", "/pins?limit=x", None, 400, id="pinning-4-limit"),  # Go: 500
    pytest.param("GET", "/pins?status=x", None, 400, id="pinning-4-status"),  # Go: 500
    pytest.param("GET", "/pins?cid=x", None, 400, id="pinning-4-cid"),  # Go: 500
    pytest.param("GET", "/pins?status=pinned,x", None, 400, id="pinning-4-one-unknown-status"),  # Go: pinned
    pytest.param("GET", "/pins?before=x", None, 400, id="pinning-4-before"),  # Go: 500
    pytest.param("GET", "/pins?meta=x", None, 400, id="pinning-4-meta"),  # Go: 500
])
def test_errors(service, shared_peer, method, path, body, status):
    got, answer = service.request(method, path, body)
    assert got == status
    assert list(answer) == ["error"] and list(answer["error"]) == ["reason", "details"]
    assert re.fullmatch("[A-Z_]+", answer["error"]["reason"])  # the specification's codes, which Go does not use
    assert shared_peer.lines("GET", "/allocations") == []


# --- 3, 4: status and listings


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """One request whose content is there, one whose is nowhere."""
    with Peer(tmp_path_factory.mktemp("listed") / "peer").init() as peer:
        service = Service(peer.start())
        service.cid = add_bytes(peer, b"pinning of compat", query="no-pin=true")["cid"]
        service.there = service.wait(service.add(service.cid, name="There", meta={"a": "1", "b": "2"})["requestid"])["requestid"]
        service.nowhere = service.wait(service.add(CID, name="nowhere")["requestid"], "failed")["requestid"]
        yield service


@pytest.mark.parametrize("query,wanted", [
    pytest.param({}, ["nowhere", "there"], id="pinning-4-newest-first"),
    pytest.param({"status": "pinned"}, ["there"], id="pinning-3-pinned"),
    pytest.param({"status": "failed"}, ["nowhere"], id="pinning-3-failed"),
    pytest.param({"status": "queued,pinning"}, [], id="pinning-3-queued-pinning"),
    pytest.param({"status": "failed,pinned"}, ["nowhere", "there"], id="pinning-4-two-statuses"),
    pytest.param({"cid": CID}, ["nowhere"], id="pinning-4-cid"),
    pytest.param({"cid": CID, "name": "There"}, [], id="pinning-4-cid-and-name"),  # P13: Go looks at the CID only
    pytest.param({"name": "There"}, ["there"], id="pinning-4-name"),
    pytest.param({"name": "there"}, [], id="pinning-4-exact"),
    pytest.param({"name": "there", "match": "iexact"}, ["there"], id="pinning-4-iexact"),
    pytest.param({"name": "here", "match": "partial"}, ["nowhere", "there"], id="pinning-4-partial"),
    pytest.param({"name": "HERE", "match": "ipartial"}, ["nowhere", "there"], id="pinning-4-ipartial"),
    pytest.param({"limit": "1"}, ["nowhere"], id="pinning-4-limit"),
    pytest.param({"meta": json.dumps({"a": "1"})}, ["there"], id="pinning-4-meta"),
    pytest.param({"meta": json.dumps({"a": "1", "b": "1"})}, [], id="pinning-4-every-key"),
    pytest.param({"before": "2020-01-01T00:00:00Z"}, [], id="pinning-4-before"),
    pytest.param({"after": "2020-01-01T00:00:00Z"}, ["nowhere", "there"], id="pinning-4-after"),
])
def test_listings(listed, query, wanted):
    assert listed.ids(**query) == [getattr(listed, name) for name in wanted]


def test_pinning_4_pinned_by_default(listed):
    """As the specification says; Go lists all (P3)."""
    assert [item["requestid"] for item in listed.request("GET", "/pins")[1]["results"]] == [listed.there]
