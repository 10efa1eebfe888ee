"""rest-api.md, sections 6 to 8: what can be asked of the REST API. README.md lists the rows that other tests prove."""
import hashlib
import json
import select
import socket
import time
import urllib.parse

import pytest
from content import multipart
from peer import ANY_CID, until
from rest import CID, CID_V1, ID_FIELDS, PEER, PIN_FIELDS, STATUS_FIELDS, ZERO_TIME, add, delete, get, post
from typed import TYPED

# --- 6: options of pins


@pytest.mark.parametrize("query,wanted", [
    pytest.param("", {"replication_factor_min": -1, "replication_factor_max": -1, "name": ""}, id="rest-6-none"),
    pytest.param("replication=1", {"replication_factor_min": 1, "replication_factor_max": 1}, id="rest-6-replication"),
    pytest.param("replication=1&replication-min=5&replication-max=7", {"replication_factor_min": 1, "replication_factor_max": 1},
                 id="rest-6-replication-wins"),
    pytest.param("replication-min=1&replication-max=4", {"replication_factor_min": 1, "replication_factor_max": 4}, id="rest-6-factors"),
    pytest.param("replication-min=0&replication-max=0", {"replication_factor_min": -1, "replication_factor_max": -1}, id="rest-6-zero"),
    pytest.param("replication-min=&name=&mode=&shard-size=&user-allocations=", {"name": "", "mode": "recursive"}, id="rest-6-empty"),
    pytest.param("name=a%20name%20%C3%A4", {"name": "a name ä"}, id="rest-6-name"),
    pytest.param("mode=recursive", {"mode": "recursive", "max_depth": -1}, id="rest-6-recursive"),
    pytest.param("mode=direct", {"mode": "direct", "max_depth": 0}, id="rest-6-direct"),  # R2: recursive in Go
    pytest.param("shard-size=1000", {"shard_size": 1000}, id="rest-6-shard-size"),
    pytest.param(f"user-allocations={PEER}", {"user_allocations": [PEER]}, id="rest-6-user-allocations"),
    pytest.param("expire-at=2100-01-02T03:04:05Z", {"expire_at": "2100-01-02T03:04:05Z"}, id="rest-6-expire-at"),
    pytest.param("expire-at=2100-01-02T03:04:05Z&expire-in=1h", {"expire_at": "2100-01-02T03:04:05Z"}, id="rest-6-expire-at-wins"),
    pytest.param(f"expire-at={ZERO_TIME}", {"expire_at": ZERO_TIME}, id="rest-6-expire-never"),
    pytest.param("meta-a=1&meta-b=2&meta-a=3&meta-=4", {"metadata": {"a": "1", "b": "2"}}, id="rest-6-metadata"),
    pytest.param(f"origins=/ip4/127.0.0.1/tcp/1/p2p/{PEER},/dns4/x.example/tcp/2/p2p/{PEER}",
                 {"origins": [f"/ip4/127.0.0.1/tcp/1/p2p/{PEER}", f"/dns4/x.example/tcp/2/p2p/{PEER}"]}, id="rest-6-origins"),
])
@pytest.mark.parametrize("form", ["cid", "path"])
def test_options(shared_peer, unpin, form, query, wanted):
    answer = post(shared_peer, f"/pins/{'ipfs/' if form == 'path' else ''}{ANY_CID}?{query}")
    assert answer.status == 200, answer.body
    assert {key: answer.json[key] for key in wanted} == wanted
    stored = get(shared_peer, f"/allocations/{ANY_CID}").json
    wanted = {**wanted, **({"user_allocations": None} if "user_allocations" in wanted else {})}
    assert {key: stored[key] or wanted[key] if stored[key] is None else stored[key] for key in wanted} == wanted


def test_rest_6_expire_in(shared_peer, unpin):
    begin = time.time()
    pin = post(shared_peer, f"/pins/{ANY_CID}?expire-in=1h30m").json
    assert pin["expire_at"].endswith("Z") and "." not in pin["expire_at"]
    left = time.mktime(time.strptime(pin["expire_at"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone - begin
    assert 5398 <= left <= 5402


def test_rest_6_pin_update(shared_peer, unpin):
    post(shared_peer, f"/pins/{ANY_CID}?name=old&meta-k=v")
    pin = post(shared_peer, f"/pins/{CID_V1}?pin-update={ANY_CID}").json
    assert (pin["name"], pin["metadata"], pin["pin_update"]) == ("old", {"k": "v"}, ANY_CID)
    # C9: what is given goes over what is copied
    pin = post(shared_peer, f"/pins/{CID}?pin-update={ANY_CID}&name=new&meta-k=w&replication=1").json
    assert (pin["name"], pin["metadata"], pin["replication_factor_max"]) == ("new", {"k": "w"}, 1)
    assert {p["cid"] for p in get(shared_peer, "/allocations").objects} == {ANY_CID, CID_V1, CID}


@pytest.mark.parametrize("query,message", [
    pytest.param("mode=weird", "parameter mode invalid: recursive or direct", id="rest-6-mode-unknown"),  # Go: recursive
    pytest.param("user-allocations=x", "error decoding Peer ID: ", id="rest-6-user-allocations-bad"),  # R17: dropped in Go
    pytest.param(f"replication=1&user-allocations={PEER}", f"user-allocations: {PEER} cannot take this pin: ",
                 id="rest-6-user-allocations-stranger"),  # R17: passed over in Go
])
def test_options_that_go_passes_over(shared_peer, query, message):
    status, text = post(shared_peer, f"/pins/{CID}?{query}").error
    assert status == 400 and text.startswith(message)
    assert get(shared_peer, f"/allocations/{CID}").status == 404


@pytest.mark.parametrize("value", ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"],
                         ids=lambda value: f"rest-6-bool-{value}")
def test_booleans(shared_peer, value):
    yes = value.lower() in ("1", "t", "true")
    objects = add(shared_peer, f"no-pin=true&wrap-with-directory={value}").objects
    assert [item["name"] for item in objects] == (["a", ""] if yes else ["a"])


def test_rest_6_delete_ignores_them(shared_peer, unpin):
    post(shared_peer, f"/pins/{ANY_CID}?name=kept")
    answer = delete(shared_peer, f"/pins/{ANY_CID}?name=other&replication=x&expire-in=1ms")
    assert answer.status == 200 and answer.json["name"] == "kept"


# --- 7.1: peers


def test_rest_7_1_post_peers(three_peers, shared_peer):
    """The id of a member, as in Go (R11). Who is none may join from then on (cluster.join: approve); Go answers 500."""
    answer = post(three_peers[0], "/peers", json.dumps({"peer_id": three_peers[1].id}).encode())
    assert answer.status == 200 and list(answer.json)[:10] == ID_FIELDS and answer.json["id"] == three_peers[1].id
    answer = post(shared_peer, "/peers", json.dumps({"peer_id": PEER}).encode())
    assert answer.status == 200 and answer.json["id"] == PEER
    assert [item["id"] for item in get(shared_peer, "/peers").objects] == [shared_peer.id]


def test_rest_7_1_delete_peers(shared_peer):
    """tests/e2e/test_cluster_membership.py removes peers that are there."""
    assert delete(shared_peer, f"/peers/{PEER}").status == 404


# --- 7.2: add


HELLO = {"": "QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX",
         "raw-leaves=true": "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq",
         "cid-version=1": "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq",
         "cid-version=1&raw-leaves=false": "bafybeid3weurg3gvyoi7nisadzolomlvoxoppe2sesktnpvdve3256n5tq"}


@pytest.mark.parametrize("query", [pytest.param(query, id=f"rest-7.2-{query or 'plain'}") for query in HELLO])
def test_add_makes_kubos_cids(shared_peer, query):
    (item,) = add(shared_peer, f"no-pin=true&{query}", [("hello", "text/plain", b"hello")]).objects
    assert item["cid"] == HELLO[query] and item["name"] == "hello"
    assert item["size"] == (5 if HELLO[query].startswith("bafk") else 13) and "bytes" not in item
    assert list(item) == ["name", "cid", "size", "allocations"] and item["allocations"] == [shared_peer.id]


def test_rest_7_2_progress(shared_peer):
    objects = add(shared_peer, "no-pin=true&progress=true", [("big", "x/y", b"z" * 600_000)]).objects
    progress = objects[:-1]
    assert [list(item) for item in progress] == [["name", "cid", "bytes"]] * len(progress)
    assert all(item["cid"] is None and item["name"] == "big" for item in progress)
    assert [item["bytes"] for item in progress] == sorted(item["bytes"] for item in progress)
    assert progress[-1]["bytes"] == 600_000 and len(progress) >= 2


def connection_to(peer):
    host, port = urllib.parse.urlsplit(peer.api).netloc.split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def test_rest_7_2_an_error_behind_the_first_object(shared_peer):
    """The status has gone out: the trailer says it."""
    kind, body = multipart([("a", "x/y", b"first"), ("b", "x/y", b"more"), ("l", "application/symlink", b"t" * 5000)])
    first, rest = body.split(b"more")
    with connection_to(shared_peer) as s:
        s.sendall(f"POST /add?no-pin=true HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\n"
                  f"Transfer-Encoding: chunked\r\n\r\n".encode() + chunk(first))
        begun = b""

        def has_begun():
            nonlocal begun
            s.sendall(chunk(bytes(100_000)))
            if select.select([s], [], [], 0)[0]:
                begun += s.recv(65536)
            return b'"name":"a"' in begun

        until(has_begun, "the first object is there")
        s.sendall(chunk(rest) + b"0\r\n\r\n")
        ended = b"".join(iter(lambda: s.recv(65536), b""))
    assert begun.startswith(b"HTTP/1.1 200") and b"\r\nX-Stream-Error: the target of the symlink" in ended


def test_rest_7_2_a_tree(shared_peer):
    """Files as they come, then folders from the leaves up, their children sorted."""
    parts = [("d/z", "text/plain", b"z"), ("d/s%2Fb", "text/plain", b"b"), ("d/s/a", "text/plain", b"a"),
             ("d/empty", "application/x-directory", b""), ("d/link", "application/symlink", b"z")]
    names = [item["name"] for item in add(shared_peer, "no-pin=true", parts).objects]
    assert sorted(names[:4]) == ["d/link", "d/s/a", "d/s/b", "d/z"]
    assert names[4:] == ["d/empty", "d/s", "d"]


@pytest.mark.parametrize("filename,names", [
    pytest.param("a%20b+c", ["a b c"], id="rest-7.2-name-escaped"),
    pytest.param("/top/x", ["top/x", "top"], id="rest-7.2-name-absolute"),
    pytest.param("d/./s/../x", ["d/x", "d"], id="rest-7.2-name-cleaned"),
    pytest.param("d/s/x", ["d/s/x", "d/s", "d"], id="rest-7.2-folders-implied"),
])
def test_names_of_parts(shared_peer, filename, names):
    objects = add(shared_peer, "no-pin=true", [(filename, "application/octet-stream", b"x")]).objects
    assert [item["name"] for item in objects] == names


@pytest.mark.parametrize("name,header", [
    pytest.param("file?mode=0755&mtime=1&mtime-nsecs=2", "", id="rest-7.2-mode-mtime"),
    pytest.param("file", "abspath: /tmp/hello\r\n", id="rest-7.2-abspath"),
    pytest.param("file", "abspath-encoded: %2Ftmp%2Fhello\r\n", id="rest-7.2-abspath-encoded"),
])
def test_parts_without_effect(shared_peer, name, header):
    """Read, and the CID is as without them."""
    body = f'--B\r\nContent-Disposition: form-data; name="{name}"; filename="hello"\r\n{header}\r\nhello\r\n--B--\r\n'
    answer = post(shared_peer, "/add?no-pin=true", body.encode(), **{"Content-Type": "multipart/form-data; boundary=B"})
    assert [(item["name"], item["cid"]) for item in answer.objects] == [("hello", HELLO[""])]


def test_rest_7_2_only_the_last_of_several_is_pinned(shared_peer, unpin):
    objects = add(shared_peer, "name=both", [("one", "text/plain", b"1"), ("two", "text/plain", b"2")]).objects
    assert [p["cid"] for p in get(shared_peer, "/allocations").objects] == [objects[1]["cid"]]


def test_rest_7_2_wrapped(shared_peer, unpin):
    objects = add(shared_peer, "wrap-with-directory=true&name=both", [("one", "text/plain", b"1"), ("two", "text/plain", b"2")]).objects
    assert [item["name"] for item in objects] == ["one", "two", ""]
    assert [(p["cid"], p["name"]) for p in get(shared_peer, "/allocations").objects] == [(objects[2]["cid"], "both")]


def test_rest_7_2_buffered(shared_peer):
    answer = add(shared_peer, "no-pin=true&stream-channels=false")
    assert isinstance(answer.json, list) and [item["name"] for item in answer.json] == ["a"]
    status, message = add(shared_peer, "stream-channels=false&format=car", [("a", "x/y", b"no car")]).error
    assert status == 400  # Go: 500


def test_rest_7_2_options_of_pins(shared_peer, unpin):
    """mode is always recursive, pin-update is dropped."""
    cid = add(shared_peer, f"name=n&meta-k=v&replication=1&mode=direct&pin-update={CID}").objects[-1]["cid"]
    pin = get(shared_peer, f"/allocations/{cid}").json
    assert (pin["name"], pin["metadata"], pin["replication_factor_max"]) == ("n", {"k": "v"}, 1)
    assert (pin["mode"], pin["max_depth"], pin["pin_update"]) == ("recursive", -1, None)


def test_rest_7_2_local(three_peers):
    """Its blocks are here only, and it is pinned here first."""
    peer = three_peers[1]
    (item,) = add(peer, "local=true&replication=1", [("l", "x/y", b"local of compat")]).objects
    try:
        assert item["allocations"] == [peer.id]
        assert get(peer, f"/allocations/{item['cid']}").json["allocations"] == [peer.id]
    finally:
        delete(peer, f"/pins/{item['cid']}")


@pytest.mark.parametrize("query,status,message", [
    pytest.param("layout=round", 400, "layout parameter is invalid", id="rest-7.2-layout"),
    pytest.param("format=zip", 400, "format parameter is invalid", id="rest-7.2-format"),
    pytest.param("hash=nope", 400, "hash function name not known", id="rest-7.2-hash"),
    pytest.param("cid-version=2", 400, "bad CID Version: ", id="rest-7.2-cid-version"),
    pytest.param("format=car&wrap-with-directory=true", 400, "cannot wrap a CAR file upload", id="rest-7.2-wrapped-car"),
    pytest.param("progress=x", 400, "parameter progress invalid", id="rest-7.2-bool"),
    pytest.param("chunker=size-2096897", 400, "chunker size-2096897: ", id="rest-7.2-chunk-too-large"),
    pytest.param("hash=sha2-512", 400, "hash sha2-512 needs CID version 1", id="rest-7.2-hash-of-version-0"),
    # What Go does and this does not.
    pytest.param("layout=trickle", 422, "layout trickle is not offered", id="rest-7.2-trickle"),
    pytest.param("chunker=rabin", 422, "chunker rabin", id="rest-7.2-rabin"),
    pytest.param("chunker=buzhash", 422, "chunker buzhash", id="rest-7.2-buzhash"),
    pytest.param("nocopy=true", 422, "nocopy is not offered", id="rest-7.2-nocopy"),
    pytest.param("shard=true", 422, "shard: ", id="rest-7.2-shard"),
])
def test_add_refuses(shared_peer, query, status, message):
    answer = add(shared_peer, query)
    assert answer.error[0] == status and answer.error[1].startswith(message), answer.body
    assert get(shared_peer, "/allocations").status == 204


@pytest.mark.parametrize("query", [pytest.param(query, id=f"rest-7.2-{query}") for query in (
    "hash=SHA2-256", "hash=sha2-512&cid-version=1", "hash=blake2b-256&cid-version=1", "chunker=size-1000", "chunker=size-2096896",
    "chunker=default", "layout=balanced", "format=unixfs", "layout=&format=&chunker=&hash=", "recursive=true&hidden=1&shard=false&nocopy=false")])
def test_add_takes(shared_peer, query):
    assert add(shared_peer, "no-pin=true&" + query).objects[-1]["cid"]


def test_rest_7_2_multipart_mixed(shared_peer):
    kind, body = multipart([("a", "text/plain", b"compat")])
    answer = post(shared_peer, "/add?no-pin=true", body, **{"Content-Type": kind.replace("form-data", "mixed")})
    assert answer.status == 200 and answer.objects[0]["name"] == "a"
    assert post(shared_peer, "/add", b"{}", **{"Content-Type": "application/json"}).error[0] == 400


RAW, DAG_PB, DAG_CBOR = 0x55, 0x70, 0x71
HELLO_NODE = b"\n\x0b\x08\x02\x12\x05hello\x18\x05"  # UnixFS


def car(*blocks, roots=1):
    """A CAR of (codec, data), whose first ones are its roots."""
    cids = [bytes([1, codec, 0x12, 0x20]) + hashlib.sha256(data).digest() for codec, data in blocks]
    links = b"".join(b"\xd8\x2a\x58\x25\x00" + cid for cid in cids[:roots])
    header = b"\xa2\x65roots" + bytes([0x80 + roots]) + links + b"\x67version\x01"
    return b"".join(bytes([len(part)]) + part for part in (header, *(cid + data for cid, (_, data) in zip(cids, blocks))))


@pytest.mark.parametrize("blocks,wanted", [
    pytest.param([(DAG_PB, HELLO_NODE)], {"bytes": len(HELLO_NODE), "size": 5}, id="rest-7.2-car-unixfs"),
    pytest.param([(DAG_CBOR, b"\xa0"), (RAW, b"raw"), (DAG_PB, b"")], {"bytes": 4}, id="rest-7.2-car-dag-cbor"),
    # A list with a link to something that is not there: nobody looks.
    pytest.param([(DAG_CBOR, b"\x81\xd8\x2a\x58\x25\x00\x01\x55\x12\x20" + bytes(32))], {"bytes": 42},
                 id="rest-7.2-car-not-whole"),
])
def test_cars(shared_peer, unpin, blocks, wanted):
    """One object, of the first part; its root is pinned."""
    parts = [("my.car", "x/y", car(*blocks)), ("more", "text/plain", b"is not read")]
    (item,) = add(shared_peer, "format=car", parts).objects
    assert list(item) == ["name", "cid", *wanted, "allocations"]
    assert item["name"] == "my.car" and {key: item[key] for key in wanted} == wanted
    assert [pin["cid"] for pin in get(shared_peer, "/allocations").objects] == [item["cid"]]


def test_rest_7_2_car_errors(shared_peer):
    status, message = add(shared_peer, "format=car", [("d", "application/x-directory", b"")]).error
    assert (status, message) == (400, "expected CAR file is not of type file")  # Go: 200 and the trailer
    status, message = add(shared_peer, "format=car", [("c", "x/y", car((RAW, b"1"), (RAW, b"2"), roots=2))]).error
    assert status == 400 and "only CAR files with a single root are supported" in message


# --- 7.3: the pinset


@pytest.mark.parametrize("value,types", [
    pytest.param("", ["pin", "meta-pin", "clusterdag-pin", "shard-pin"], id="rest-7.3-all-by-default"),
    pytest.param("all", ["pin", "meta-pin", "clusterdag-pin", "shard-pin"], id="rest-7.3-all"),
    pytest.param("pin", ["pin"], id="rest-7.3-pin"),
    pytest.param("meta-pin", ["meta-pin"], id="rest-7.3-meta-pin"),
    pytest.param("clusterdag-pin,shard-pin", ["clusterdag-pin", "shard-pin"], id="rest-7.3-two"),
    pytest.param("shard-pin,nonsense", ["shard-pin"], id="rest-7.3-unknown-ones"),
])
def test_types_of_pins(typed_peer, value, types):
    assert sorted(p["type"] for p in get(typed_peer, f"/allocations?filter={value}").objects) == sorted(types)


@pytest.mark.parametrize("kind", [pytest.param(kind, id=f"rest-7.3-get-{kind}") for kind in TYPED])
def test_a_pin_of_each_type(typed_peer, kind):
    pin = get(typed_peer, f"/allocations/{TYPED[kind]['cid']}").json
    assert list(pin) == PIN_FIELDS
    assert {key: pin[key] for key in TYPED[kind]} == TYPED[kind]
    assert pin["mode"] == ("direct" if TYPED[kind]["max_depth"] == 0 else "recursive")


@pytest.mark.parametrize("scheme", [pytest.param(scheme, id=f"rest-7.3-{scheme}") for scheme in ("ipfs", "ipld")])
def test_paths(shared_peer, unpin, scheme):
    """A CID alone is not asked of IPFS: nobody has it."""
    answer = post(shared_peer, f"/pins/{scheme}/{CID}?name=path")
    assert (answer.status, answer.json["cid"], answer.json["name"]) == (200, CID, "path")
    assert delete(shared_peer, f"/pins/{scheme}/{CID}").json["name"] == "path"


@pytest.mark.parametrize("scheme", [pytest.param(scheme, id=f"rest-7.3-resolved-{scheme}") for scheme in ("ipfs", "ipld")])
def test_longer_paths(shared_peer, unpin, scheme):
    """The IPFS node resolves them, also to unpin."""
    inside, folder = (item["cid"] for item in add(shared_peer, "no-pin=true", [("d/a", "text/plain", b"inside")]).objects)
    assert post(shared_peer, f"/pins/{scheme}/{folder}/a").json["cid"] == inside
    answer = delete(shared_peer, f"/pins/{scheme}/{folder}/a")
    assert answer.status == 200 and answer.json["cid"] == inside
    assert delete(shared_peer, f"/pins/{scheme}/{folder}/a").error == (404, "pin is not part of the pinset")


def test_rest_7_3_ipns_needs_kubo(shared_peer):
    answer = post(shared_peer, "/pins/ipns/example.org")
    assert answer.status == 422 and "IPNS" in answer.error[1]


def test_rest_7_3_any_form_of_a_cid(shared_peer, unpin):
    """Base58 of version 1 names the same pin as base32."""
    base58 = "zb2rhe5P4gXftAwvA4eXQ5HJwsER2owDyS9sKaQRRVQPn93bA"
    answer = post(shared_peer, f"/pins/{base58}")
    assert answer.status == 200
    assert get(shared_peer, f"/allocations/{answer.json['cid']}").status == get(shared_peer, f"/allocations/{base58}").status == 200


# --- 7.4: status


def test_rest_7_4_local_and_cids(three_peers):
    peer = three_peers[0]
    other = next(p for p in three_peers if p is not peer)
    pinned = post(peer, f"/pins/{CID}?replication=1&user-allocations={other.id}").json
    try:
        assert pinned["allocations"] == [other.id]
        until(lambda: get(peer, f"/pins/{CID}").json["peer_map"][other.id]["status"] == "pin_error", "nobody has it")
        everywhere, local = get(peer, "/pins").objects, get(peer, "/pins?local=true").objects
        assert [len(item["peer_map"]) for item in everywhere] == [3] and [list(item["peer_map"]) for item in local] == [[peer.id]]
        assert local[0]["peer_map"][peer.id]["status"] == "remote"
        # R1a: any true; false in Go
        assert [list(item["peer_map"]) for item in get(peer, "/pins?local=1").objects] == [[peer.id]]
        assert get(peer, "/pins?local=x").error == (400, "parameter local invalid")
        # with a filter only the peers that match it are in the map
        (item,) = get(peer, "/pins?filter=pin_error").objects
        assert list(item["peer_map"]) == [other.id]
        (item,) = get(peer, f"/pins/{CID}?local=true").json["peer_map"].values()
        assert item["status"] == "remote"
        # in the order that was asked for (R13); what is not in the pinset is unpinned on all
        items = get(peer, f"/pins?cids={CID_V1},{CID}").objects
        assert [item["cid"] for item in items] == [CID_V1, CID]
        assert {one["status"] for one in items[0]["peer_map"].values()} == {"unpinned"} and len(items[0]["peer_map"]) == 3
        # R13: a filter counts with cids too
        assert [item["cid"] for item in get(peer, f"/pins?cids={CID_V1},{CID}&filter=pin_error").objects] == [CID]
        recovered = post(peer, f"/pins/{CID}/recover")
        assert recovered.status == 200 and list(recovered.json) == STATUS_FIELDS and other.id in recovered.json["peer_map"]
        local = post(peer, f"/pins/{CID}/recover?local=true")
        assert list(local.json["peer_map"]) == [peer.id]
    finally:
        delete(peer, f"/pins/{CID}")


def test_rest_7_4_unknown_cids(three_peers, shared_peer):
    answer = get(three_peers[0], f"/pins/{CID_V1}")
    assert answer.status == 200 and list(answer.json) == STATUS_FIELDS
    assert (answer.json["created"], answer.json["allocations"]) == (ZERO_TIME, None)
    assert [one["status"] for one in answer.json["peer_map"].values()] == ["unpinned"] * 3
    assert post(shared_peer, f"/pins/{CID_V1}/recover?local=true").error == (404, "pin is not part of the pinset")
    assert post(shared_peer, f"/pins/{CID_V1}/recover").status == 200


def test_rest_7_4_recover_all(one_failing):
    """What was queued again."""
    answer = post(one_failing, "/pins/recover")
    assert [item["cid"] for item in answer.objects] == [CID] and answer.trailers.get_all("X-Stream-Error") == [""]
    assert post(one_failing, "/pins/recover?local=true").status in (200, 204)


# --- 7.5: health


def test_rest_7_5_health(shared_peer):
    assert get(shared_peer, "/health").status == 204
    assert get(shared_peer, "/health/alerts").body == b"[]\n"


def test_rest_8_any_body_length(shared_peer):
    """The Go client sends uploads in chunks."""
    kind, body = multipart([("a", "text/plain", b"compat")])
    with connection_to(shared_peer) as s:
        s.sendall(f"POST /add?no-pin=true&stream-channels=true HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nContent-Type: {kind}\r\n\r\n".encode())
        s.sendall(chunk(body[:10]) + chunk(body[10:]) + b"0\r\n\r\n")
        answer = b"".join(iter(lambda: s.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200") and b'"name":"a"' in answer
