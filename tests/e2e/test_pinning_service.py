"""The IPFS Pinning Service API (port 9097): of one peer, of a cluster, and with the real Kubo as its client."""
import base64
import http.client
import json
import urllib.parse

import pytest
from content import add_bytes, random_bytes
from peer import as_list, until

ANY = "queued,pinning,pinned,failed"
MISSING = "bafkreiemqpndzewx4bioklzfvhtiegsfny5fxuc3nkjk2vmcpjxiammsti"  # nobody has it


class Service:
    """A client of one peer's pinning service."""

    def __init__(self, peer, user=None, password=None):
        self.peer = peer
        self.headers = {"Content-Type": "application/json"}
        if user:
            self.headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    @property
    def url(self):
        return self.peer._http(as_list(self.peer.config["api"]["pinsvcapi"]["http_listen_multiaddress"])[0])

    def request(self, method, path, body=None, headers=None):
        parts = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        try:
            text = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
            connection.request(method, path, text, {**self.headers, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def add(self, cid, status=202, headers=None, **pin):
        code, answer = self.request("POST", "/pins", {"cid": cid, **pin}, headers)
        assert code == status, answer
        return answer

    def get(self, requestid):
        code, answer = self.request("GET", f"/pins/{requestid}")
        assert code in (200, 404), answer
        return answer if code == 200 else None

    def list(self, **query):
        code, answer = self.request("GET", "/pins?" + urllib.parse.urlencode({"status": ANY, **query}))
        assert code == 200, answer
        return answer

    def ids(self, **query):
        return [item["requestid"] for item in self.list(**query)["results"]]

    def delete(self, requestid, status=202):
        code, answer = self.request("DELETE", f"/pins/{requestid}")
        assert code == status, answer

    def wait(self, requestid, status="pinned"):
        def stands():
            item = self.get(requestid)
            assert item["status"] == status, item
            return item

        return until(stands, f"{requestid} is {status}", 60)


def content(peer, label):
    """Content that the peer's IPFS node has and nobody pins."""
    cid = add_bytes(peer, random_bytes(1000, label), query="cid-version=1&raw-leaves=true")["cid"]
    peer.json("DELETE", f"/pins/{cid}")
    return cid


def error_of(answer, reason):
    assert answer["error"]["reason"] == reason
    return answer["error"]["details"]


def test_a_request_and_its_pin(peer):
    service = Service(peer)
    cid = add_bytes(peer, random_bytes(1000, "a"))["cid"]
    added = service.add(cid, name="a name", meta={"app": "x"})
    assert added["pin"] == {"cid": cid, "name": "a name", "meta": {"app": "x"}}
    item = service.wait(added["requestid"])
    assert item["created"] == added["created"]
    assert item["info"]["status_details"] == "pinned on 1 of 1 peers"
    # The REST API's own pin goes, the request's stays.
    assert peer.json("DELETE", f"/pins/{cid}")[0] == 200
    _, pin = peer.json("GET", f"/allocations/{cid}")
    assert pin["name"] == "a name" and pin["metadata"] == {"app": "x"}
    status, refused = peer.json("DELETE", f"/pins/{cid}")
    assert status == 409 and "a request of the pinning service asked for this pin" in refused["message"]
    service.delete(added["requestid"])
    service.delete(added["requestid"], 404)
    assert peer.json("GET", f"/allocations/{cid}")[0] == 404
    assert service.ids() == []


def test_two_requests_for_one_cid_and_a_restart(peer):
    service = Service(peer)
    cid = content(peer, "two")
    one, two = (service.add(cid, name=name)["requestid"] for name in ("one", "two"))
    peer.kill()
    peer.start()
    assert service.ids(cid=cid) == [two, one]
    service.delete(one)
    service.wait(two)
    assert peer.json("GET", f"/allocations/{cid}")[1]["name"] == "two"
    service.delete(two)
    assert peer.json("GET", f"/allocations/{cid}")[0] == 404


def test_replacing_waits_for_the_new_content(peer):
    service = Service(peer)
    old, new = content(peer, "old"), content(peer, "new")
    first = service.wait(service.add(old)["requestid"])["requestid"]
    code, stuck = service.request("POST", f"/pins/{first}", {"cid": MISSING, "meta": {"v": "2"}})
    assert code == 202 and stuck["pin"] == {"cid": MISSING, "meta": {"v": "2"}}
    assert service.get(first) is None
    assert service.ids() == [stuck["requestid"]]
    # It cannot be had: what was there before stays, also over a second replacing.
    service.wait(stuck["requestid"], "failed")
    assert peer.json("GET", f"/allocations/{old}")[0] == 200
    code, last = service.request("POST", f"/pins/{stuck['requestid']}", {"cid": new})
    assert code == 202
    service.wait(last["requestid"])
    until(lambda: [pin["cid"] for pin in peer.lines("GET", "/allocations")] == [new], "only the new pin is left")
    service.request("POST", f"/pins/{first}", {"cid": old})
    assert service.ids() == [last["requestid"]]
    # By the same CID: nothing is lost.
    code, same = service.request("POST", f"/pins/{last['requestid']}", {"cid": new, "name": "again"})
    assert code == 202 and same["requestid"] != last["requestid"]
    until(lambda: peer.json("GET", f"/allocations/{new}")[1]["name"] == "again", "the old claim has gone")
    assert service.wait(same["requestid"])["pin"]["name"] == "again"


def test_pages_and_filters(peer):
    service = Service(peer)
    cids = [content(peer, f"page {i}") for i in range(3)]
    made = [service.add(cids[i % 3], name=f"Name-{i}", meta={"group": str(i % 2), "i": str(i)}) for i in range(23)]
    ids = [item["requestid"] for item in reversed(made)]
    seen, query = [], {"limit": 5}
    while True:
        page = service.list(**query)
        assert page["count"] == 23 - len(seen)
        seen += [item["requestid"] for item in page["results"]]
        if page["count"] == len(page["results"]):
            break
        query["before"] = page["results"][-1]["created"]
    assert seen == ids
    assert len(service.ids()) == 10
    assert service.list(name="Name-7")["count"] == 1
    assert service.list(name="name-7")["count"] == 0
    assert service.list(name="name-7", match="iexact")["count"] == 1
    assert service.list(name="me-2", match="partial")["count"] == 4
    assert service.list(name="ME-2", match="ipartial")["count"] == 4
    assert service.list(cid=",".join(cids[:2]), limit=1000)["count"] == 16
    assert service.list(meta=json.dumps({"group": "1"}))["count"] == 11
    assert service.ids(meta=json.dumps({"group": "1", "i": "3"})) == [made[3]["requestid"]]
    assert service.ids(meta=json.dumps({"group": "0", "i": "3"})) == []
    assert service.ids(after=made[20]["created"]) == ids[:2]
    assert service.ids(after=made[3]["created"], before=made[5]["created"]) == [made[4]["requestid"]]
    until(lambda: service.list(status="pinned")["count"] == 23, "all are pinned")
    service.wait(service.add(MISSING)["requestid"], "failed")
    code, default = service.request("GET", "/pins?limit=1000")
    assert code == 200 and [item["requestid"] for item in default["results"]] == ids
    assert service.list(status="failed")["count"] == 1


def test_bad_input_changes_nothing(shared_peer):
    service = Service(shared_peer)
    before = shared_peer.lines("GET", "/allocations")
    for body in ("", "{", "[]", "1", "{}", '{"cid":""}', '{"cid":"x"}', '{"cid":7}', b'{"cid":"\xff"}',
                 {"cid": MISSING, "name": "x" * 256}, {"cid": MISSING, "name": 1}, {"cid": MISSING, "origins": "x"},
                 {"cid": MISSING, "origins": ["/ip4/1.2.3.4/tcp/1"]}, {"cid": MISSING, "origins": ["x"] * 21},
                 {"cid": MISSING, "meta": {"k": 1}}, {"cid": MISSING, "meta": "x"},
                 {"cid": MISSING, "meta": {"k": "x" * 17000}}, '{"cid":' * 5000):
        code, answer = service.request("POST", "/pins", body)
        assert code == 400, (body, answer)
        assert error_of(answer, "BAD_REQUEST")
        # A bad body for an unknown request too.
        assert service.request("POST", "/pins/0123456789abcdef0123456789abcdef", body)[0] == 400
    code, answer = service.request("POST", "/pins", {"cid": MISSING, "name": "x" * 70000})
    assert code == 413 and error_of(answer, "REQUEST_ENTITY_TOO_LARGE")
    for query in ("limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "status=done", "status=", "match=like",
                  "before=now", "after=2026", "cid=x", "cid=", "cid=" + ",".join([MISSING] * 11), "meta=x", "meta=[]",
                  "meta={%22a%22:1}", "name=" + "x" * 256, "name=%ff", "limit=%zz"):
        code, answer = service.request("GET", "/pins?" + query)
        assert code == 400, (query, answer)
        assert error_of(answer, "BAD_REQUEST")
    for method, path, status in (("GET", "/pins/x", 404), ("DELETE", "/pins/x", 404), ("GET", "/x", 404), ("PUT", "/pins", 405),
                                 ("GET", "/pins/" + "0" * 32, 404), ("PATCH", "/pins/x", 405)):
        code, answer = service.request(method, path)
        assert code == status, answer
        assert answer["error"]["details"]
    code, answer = service.request("POST", "/pins/" + "0" * 32, {"cid": MISSING})
    assert code == 404 and error_of(answer, "NOT_FOUND")
    assert service.request("POST", "/pins", {"cid": MISSING}, {"Idempotency-Key": "x" * 257})[0] == 400
    assert shared_peer.lines("GET", "/allocations") == before
    assert service.list()["count"] == 0


def test_a_repetition_is_answered_not_done_again(peer):
    service = Service(peer)
    cid = content(peer, "again")
    key = {"Idempotency-Key": "1"}
    first = service.add(cid, headers=key)["requestid"]
    peer.kill()
    peer.start()
    assert service.add(cid, headers=key)["requestid"] == first
    assert service.ids() == [first]
    error_of(service.add(MISSING, 409, headers=key), "CONFLICT")


def test_users_do_not_see_each_other(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: c["api"]["pinsvcapi"].update(basic_auth_credentials={"ann": "a", "bob": "b"}))
    peer.start()
    ann, bob, nobody, wrong = Service(peer, "ann", "a"), Service(peer, "bob", "b"), Service(peer), Service(peer, "ann", "b")
    for stranger in (nobody, wrong):
        code, answer = stranger.request("GET", "/pins")
        assert code == 401 and error_of(answer, "UNAUTHORIZED")
        assert stranger.request("POST", "/pins", {"cid": MISSING})[0] == 401
    cid = content(peer, "shared")
    of_ann, of_bob = ann.add(cid, name="ann's")["requestid"], bob.add(cid, name="bob's")["requestid"]
    assert ann.ids() == [of_ann] and bob.ids() == [of_bob]
    assert ann.ids(cid=cid) == [of_ann]
    assert bob.get(of_ann) is None
    bob.delete(of_ann, 404)
    assert bob.request("POST", f"/pins/{of_ann}", {"cid": MISSING})[0] == 404
    ann.delete(of_ann)
    bob.wait(of_bob)
    assert peer.json("GET", f"/allocations/{cid}")[1]["name"] == "bob's"
    # An administrator sees the pin at the REST API, and can end what asks for it.
    _, refused = peer.json("DELETE", f"/pins/{cid}")
    assert 'of "bob"' in refused["message"]
    assert peer.json("DELETE", f"/pins/{cid}?all-claims=true")[0] == 200
    assert bob.ids() == []


def test_a_missing_section_is_no_service(new_peer):
    peer = new_peer(start=False)
    assert "pinsvcapi" in peer.config["api"]
    peer.edit(lambda c: c["api"].pop("pinsvcapi"))
    peer.start()
    assert "pinning service:" not in peer.log


# --- a cluster


@pytest.fixture(scope="module")
def copies_on_two(tmp_path_factory):
    from peer import make_cluster

    def change(config):
        config["cluster"].update(replication_factor_min=2, replication_factor_max=2)

    with make_cluster(tmp_path_factory.mktemp("pinning"), 3, change) as cluster:
        yield cluster


def test_any_peer_takes_and_lists(copies_on_two):
    leader = copies_on_two.leader()
    follower, other = copies_on_two.others(leader)
    cid = content(follower, "cluster")
    made = Service(follower).add(cid, name="at a follower")["requestid"]
    item = Service(other).wait(made)
    assert "pinned on 2 of 2 peers" in item["info"]["status_details"]
    assert Service(leader).ids(cid=cid) == [made]
    assert Service(leader).list(name="at a follower", status="pinned")["count"] == 1
    Service(leader).delete(made)
    until(lambda: Service(other).get(made) is None, "the other peer knows that it is gone")


def test_requests_of_all_peers_at_once_have_times_of_their_own(copies_on_two):
    from peer import at_once

    cid = content(copies_on_two[0], "at once")
    services = [Service(peer) for peer in copies_on_two]
    made = at_once(lambda n: services[n % 3].add(cid, name=f"{n}"), range(30))
    assert len({item["created"] for item in made}) == 30
    assert len({item["requestid"] for item in made}) == 30
    copies_on_two.wait_equal()
    seen, query = [], {"limit": 7, "cid": cid}
    while True:
        page = services[1].list(**query)
        seen += page["results"]
        if page["count"] == len(page["results"]):
            break
        query["before"] = page["results"][-1]["created"]
    assert {item["requestid"] for item in seen} == {item["requestid"] for item in made}
    assert [item["created"] for item in seen] == sorted((item["created"] for item in made), reverse=True)
    for item in made:
        services[2].delete(item["requestid"])


def test_the_most_copies_that_any_one_asks_for(copies_on_two):
    service = Service(copies_on_two[0])
    peer = copies_on_two[0]
    cid = content(peer, "copies")
    made = service.add(cid)["requestid"]
    service.wait(made)

    def holders():
        return len(peer.json("GET", f"/allocations/{cid}")[1]["allocations"])

    # The REST API wants fewer: the request's two stay.
    assert peer.json("POST", f"/pins/{cid}?replication=1")[0] == 200
    until(lambda: holders() == 2, "two hold it")
    # Everywhere, and back: the request still has its two.
    assert peer.json("POST", f"/pins/{cid}?replication=-1")[0] == 200
    assert holders() == 0
    assert peer.json("DELETE", f"/pins/{cid}")[0] == 200
    assert holders() == 2
    service.wait(made)
    service.delete(made)


# --- the real Kubo as a client


@pytest.fixture(scope="module")
def kubos(tmp_path_factory):
    """One for the cluster, one for the user."""
    from daemon import KuboDaemon, build

    why = build()
    if why:
        pytest.skip(why)
    with KuboDaemon(tmp_path_factory.mktemp("theirs")) as theirs, KuboDaemon(tmp_path_factory.mktemp("mine")) as mine:
        yield theirs, mine


def test_kubos_pin_remote(new_peer, kubos):
    theirs, mine = kubos
    peer = new_peer(start=False, ipfs="kubo")
    peer.edit(lambda c: c["ipfs_connector"]["ipfshttp"].update(node_multiaddress=theirs.api_multiaddr))
    peer.start()
    service = Service(peer)
    mine.ipfs("pin", "remote", "service", "add", "cluster", service.url, "any-key")
    try:
        cid = mine.ipfs("add", "-Q", "--cid-version=1", input=random_bytes(700_000, "kubo's")).strip()
        # Waits until it is pinned: the cluster's Kubo gets it from this one, whose addresses are the origins.
        said = mine.ipfs("pin", "remote", "add", "--service=cluster", "--name=waited", cid)
        assert cid in said and "pinned" in said
        assert cid in theirs.ipfs("pin", "ls", "--type=recursive", "--quiet")
        item = service.list()["results"][0]
        assert item["pin"]["origins"] and all(mine.peer_id in origin for origin in item["pin"]["origins"])
        assert item["delegates"] and all(theirs.peer_id in address for address in item["delegates"])
        said = mine.ipfs("pin", "remote", "add", "--service=cluster", "--name=missing", "--background", MISSING)
        assert MISSING in said
        assert mine.ipfs("pin", "remote", "ls", "--service=cluster").split() == [cid, "pinned", "waited"]
        unfinished = mine.ipfs("pin", "remote", "ls", "--service=cluster", "--status=queued,pinning,failed")
        assert MISSING in unfinished and cid not in unfinished
        assert mine.ipfs("pin", "remote", "ls", "--service=cluster", "--name=waited").startswith(cid)
        assert mine.ipfs("pin", "remote", "ls", "--service=cluster", f"--cid={MISSING}") == ""
        counts = mine.ipfs("pin", "remote", "service", "ls", "--stat").split()
        assert counts[:2] == ["cluster", service.url] and counts[2].split("/")[2] == "1", counts
        # More than one page of Kubo's listing.
        for i in range(12):
            service.add(cid, name=f"page {i}")
        assert len(mine.ipfs("pin", "remote", "ls", "--service=cluster").splitlines()) == 13
        mine.ipfs("pin", "remote", "rm", "--service=cluster", "--name=waited")
        mine.ipfs("pin", "remote", "rm", "--service=cluster", f"--cid={cid}", "--force")
        mine.ipfs("pin", "remote", "rm", "--service=cluster", "--status=queued,pinning,failed", "--force")
        assert service.ids() == []
        assert peer.lines("GET", "/allocations") == []
    finally:
        mine.ipfs("pin", "remote", "service", "rm", "cluster")


def test_kubos_pin_remote_with_tokens(new_peer, kubos):
    _, mine = kubos
    peer = new_peer(start=False)
    users = {"ann": {"password": "a", "role": "admin"}}
    peer.edit(lambda c: [c["api"][name].update(users=users) for name in ("restapi", "pinsvcapi")])
    peer.start()

    def token(*args):
        return peer.ctl("--force-http", "--basic-auth", "ann:a", "token", *args).stdout.strip()

    def remote(command, service, *args):
        return mine.ipfs("pin", "remote", command, f"--service={service}", *args)

    def refused(*args):
        with pytest.raises(RuntimeError) as failed:
            remote(*args)
        return str(failed.value)

    # The content is at the cluster's node: the user's Kubo and this peer's embedded node do not find each other.
    added = peer.ctl("--force-http", "--basic-auth", "ann:a", "add", "--quiet", "--no-pin", "-", input="with a token")
    cid = added.stdout.split()[0]
    services = {"writes": token("create", "kubo", "--role", "pinner", "--expire-in", "24h"),
                "reads": token("create", "watch", "--role", "reader"), "wrong": "ict_kubo." + "x" * 43}
    for name, key in services.items():
        mine.ipfs("pin", "remote", "service", "add", name, Service(peer).url, key)
    try:
        assert "pinned" in remote("add", "writes", "--name=photos", cid)
        assert remote("ls", "writes").split() == [cid, "pinned", "photos"]
        assert peer.ctl("--force-http", "--basic-auth", "ann:a", "pin", "ls", cid).stdout.startswith(cid)
        # Each token is a user of its own, and a reader's may do nothing but read.
        assert remote("ls", "reads") == ""
        said = refused("add", "reads", "--background", cid)
        assert "FORBIDDEN" in said and "token:watch (role reader) may not do what needs the operation" in said, said
        assert "invalid token: it was revoked" in refused("ls", "wrong")
        assert remote("ls", "writes").split() == [cid, "pinned", "photos"]
        # A second token of the same name goes on where the first one was.
        token("rm", "kubo")
        for args in (("ls",), ("add", "--background", cid), ("rm", "--name=photos")):
            said = refused(args[0], "writes", *args[1:])
            assert "UNAUTHORIZED" in said and "invalid token: it was revoked" in said, said
        mine.ipfs("pin", "remote", "service", "rm", "writes")
        mine.ipfs("pin", "remote", "service", "add", "writes", Service(peer).url, token("create", "kubo", "--role", "pinner"))
        remote("rm", "writes", "--name=photos")
        assert remote("ls", "writes", "--status=queued,pinning,pinned,failed") == ""
    finally:
        for name in services:
            mine.ipfs("pin", "remote", "service", "rm", name)
