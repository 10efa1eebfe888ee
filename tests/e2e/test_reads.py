"""Reads beyond Go: order, pages, searches, the past, history, events."""
import datetime
import http.client
import json
import resource
import signal
import socket
import time
import urllib.parse

import pytest
from content import WithTrailers, add_blocks, random_bytes, raw_cid
from peer import ANY_CID, at_once, make_cluster, until

FIRST, SECOND = raw_cid(b"first"), raw_cid(b"second")


def page(peer, query, cursor=""):
    """(items, cursor of the next page) of GET /allocations."""
    connection = http.client.HTTPConnection(urllib.parse.urlparse(peer.api).netloc, timeout=60)
    connection.response_class = WithTrailers
    connection.request("GET", f"/allocations?{query}&cursor={urllib.parse.quote(cursor)}")
    answer = connection.getresponse()
    items = [json.loads(line) for line in answer.read().splitlines()]
    connection.close()
    assert answer.status in (200, 204), items
    if answer.status == 204:
        return items, answer.getheader("X-Next-Cursor")
    assert not answer.trailers["X-Stream-Error"], answer.trailers
    return items, answer.trailers["X-Next-Cursor"]


def pin_many(peer, lines):
    """Bulk pins; `lines` are objects with a cid."""
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    status, _, text = peer.request("POST", "/pins", body, timeout=120)
    assert status == 200, text
    bad = [line for line in text.splitlines() if b'"code"' in line]
    assert not bad, bad[:3]


def now():
    """This moment as the API takes it; what comes later has a later millisecond."""
    text = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    time.sleep(0.002)
    return text


class Listener:
    """GET /events, read as it comes."""

    def __init__(self, peer, query="", last_id=None, timeout=30):
        self.connection = http.client.HTTPConnection(urllib.parse.urlparse(peer.api).netloc, timeout=timeout)
        self.connection.request("GET", "/events?" + query, headers={"Last-Event-ID": last_id} if last_id else {})
        self.answer = self.connection.getresponse()
        if self.answer.status != 200:
            raise AssertionError(self.answer.read())
        assert self.answer.getheader("Content-Type") == "text/event-stream"
        self.id = None
        self.read_block()  # the position where it begins

    def read_block(self):
        """One block: the event, None for a heartbeat."""
        event = None
        while line := self.answer.readline():
            line = line.decode().rstrip("\n")
            if line.startswith("id: "):
                self.id = line[4:]
            elif line.startswith("data: "):
                event = json.loads(line[6:])
            elif not line:
                return event
        raise EOFError("the stream ended")

    def next(self):
        while not (event := self.read_block()):
            pass
        assert event["position"] == self.id
        return event

    def until(self, done):
        """The events up to the first for which `done` holds."""
        events = [self.next()]
        while not done(events[-1]):
            events.append(self.next())
        return events

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()


def all_events(peer, query="from=oldest"):
    with Listener(peer, query + "&follow=false") as listener:
        events = listener.until(lambda event: event["type"] == "end")
    assert events[-1]["reason"] == "end"
    return events[:-1]


# --- listings


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """One peer with 400 pins; their content is nowhere."""
    with make_cluster(tmp_path_factory.mktemp("listed"), 1) as cluster:
        peer = cluster[0]
        peer.pins = {raw_cid(b"listed %d" % i): {"name": f"n{i * 7 % 400:03}", "metadata": {"parity": str(i % 2), "k": "a=b"}}
                     for i in range(400)}
        for part in range(4):  # of different ages, a second apart: timestamps are whole seconds
            pin_many(peer, [{"cid": cid, **options} for cid, options in list(peer.pins.items())[part::4]])
            second = int(time.time())
            until(lambda: int(time.time()) > second, "the next second")
        yield peer


def ordered(items, sort):
    keys = {"name": lambda pin: pin["name"], "newest": lambda pin: pin["timestamp"]}
    if sort not in keys:
        return True
    values = [keys[sort](pin) for pin in items]
    return values == sorted(values, reverse=sort == "newest")


@pytest.mark.parametrize("query", ["sort=cid", "sort=name", "sort=newest", "name-prefix=n", "name-prefix=n&sort=newest", "meta-k=a%3Db"])
@pytest.mark.parametrize("limit", [1000, 37])
def test_pages_while_pins_change(listed, query, limit):
    whole = [pin["cid"] for pin in listed.lines("GET", f"/allocations?{query}")]
    assert sorted(whole) == sorted(listed.pins)
    got, cursor, changing = [], "", [raw_cid(b"changing %d" % i) for i in range(40)]
    for i in range(1000):
        items, cursor = page(listed, f"{query}&limit={limit}", cursor)
        got += items
        if not cursor:
            break
        assert len(items) == limit
        pin_many(listed, [{"cid": changing[i], "name": f"n{i:03}", "metadata": {"k": "a=b"}}])
        if i:
            assert listed.request("DELETE", f"/pins/{changing[i - 1]}")[0] == 200
    for cid in changing:
        listed.request("DELETE", f"/pins/{cid}")
    assert [pin["cid"] for pin in got if pin["cid"] in listed.pins] == whole
    assert ordered(got, dict(part.split("=") for part in query.split("&")).get("sort", ""))


def test_searches_and_counts(listed):
    def cids(query):
        found = {pin["cid"] for pin in listed.lines("GET", f"/allocations?{query}")}
        assert listed.json("GET", f"/allocations?{query}&count=true")[1] == {"count": len(found)}
        return found

    pins = listed.pins
    assert cids("filter=all") == set(pins)
    assert cids("name=n007") == {cid for cid, options in pins.items() if options["name"] == "n007"}
    assert cids("name-prefix=n39") == {cid for cid, options in pins.items() if options["name"].startswith("n39")}
    odd = {cid for cid, options in pins.items() if options["metadata"]["parity"] == "1"}
    assert cids("meta-parity=1") == cids("meta-parity=1&meta-k=a%3Db") == odd
    assert cids("meta-parity=2") == cids("name=") == cids("filter=shard-pin") == set()
    assert cids(f"peer={listed.id}") == cids("at=now") == cids(f"peer={listed.id}&at=now") == set(pins)
    assert cids("at=now&meta-parity=1") == odd


def test_ctl_lists(listed):
    assert listed.ctl("pin", "ls", "--count").stdout == "400\n"
    lines = listed.ctl("pin", "ls", "--name-prefix", "n0", "--limit", "3").stdout.splitlines()
    assert [line.split(" | ")[1] for line in lines] == ["n000", "n001", "n002"]
    assert len(listed.ctl("pin", "ls", "--meta", "parity=1", "--meta", "k=a=b").stdout.splitlines()) == 200
    cid, options = next(iter(listed.pins.items()))
    one = listed.ctl("--enc=json", "pin", "ls", "--name", options["name"], "--at", "now").stdout
    assert json.loads(one)["cid"] == cid and json.loads(one)["peers"][0]["allocated"] is True
    refused = listed.ctl("pin", "ls", "--sort", "size", check=False)
    assert refused.returncode == 2 and "parameter sort invalid: cid, name or newest" in refused.stdout


REFUSED = [
    ("/allocations?limit=0", "parameter limit invalid: it must be 1 to 1000000"),
    ("/allocations?limit=1000001", "parameter limit invalid"),
    ("/allocations?sort=size", "parameter sort invalid: cid, name or newest"),
    ("/allocations?sort=cid&name-prefix=a", "parameter sort invalid"),
    ("/allocations?cursor=nonsense", "cursor: not one of this program"),
    ("/allocations?count=true&limit=3", "parameter limit invalid: count counts all"),
    ("/allocations?count=2", "parameter count invalid"),
    ("/allocations?name=" + "n" * 4097, "parameter name invalid: it has 4097 bytes"),
    ("/allocations?" + "&".join(f"meta-{i}=v" for i in range(17)), "parameter meta-16 invalid: at most 16"),
    ("/allocations?peer=x", "error decoding Peer ID"),
    ("/allocations?at=yesterday", "parameter at invalid: it must be RFC 3339, unix seconds, now, or how long ago, like -24h"),
    ("/allocations?at=2199-01-01T00:00:00Z", "in the future"),
    ("/allocations?at=24h", "parameter at invalid"),
    ("/allocations?at=now&sort=name", "parameter sort invalid"),
    (f"/allocations/{FIRST}?at=x", "parameter at invalid"),
    (f"/allocations/{FIRST}?peer=12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M", "parameter peer invalid"),
    (f"/allocations/{FIRST}/history?limit=x", "parameter limit invalid"),
    (f"/allocations/{FIRST}/history?cursor=x", "parameter cursor invalid"),
    (f"/allocations/{FIRST}/history?at=now", "parameter at is not known here"),
    ("/allocations/x/history", "error decoding Cid"),
    ("/pins?sort=name", "parameter sort invalid"),
    ("/events?from=x", "parameter from invalid"),
    ("/events?from=99.1.0", "is not of this one"),
    ("/events?type=x", "parameter type invalid: of pin, unpin, move"),
    ("/events?cid=x", "error decoding Cid"),
    ("/events?since=x", "parameter since is not known here"),
]


@pytest.mark.parametrize("path,message", REFUSED, ids=[path[:60] for path, _ in REFUSED])
def test_refusals(listed, path, message):
    status, answer = listed.json("GET", path)
    assert (status, answer["code"]) == (400, 400) and message in answer["message"], answer
    assert "\n" not in answer["message"]


def test_cursor_of_another_query_is_refused(listed):
    _, cursor = page(listed, "limit=5&sort=name")
    status, answer = listed.json("GET", f"/allocations?limit=5&cursor={cursor}")
    assert status == 400 and "other filters" in answer["message"]


# --- history and the past, one peer


def test_history_over_an_unpin(peer):
    for name in ("one", "two"):
        assert peer.json("POST", f"/pins/{FIRST}?name={name}")[0] == 200
    assert peer.request("DELETE", f"/pins/{FIRST}")[0] == 200
    assert peer.json("POST", f"/pins/{FIRST}?name=three")[0] == 200
    peer.json("POST", f"/pins/{SECOND}")
    records = peer.lines("GET", f"/allocations/{FIRST}/history")
    assert [record["type"] for record in records] == ["pin", "unpin", "pin", "pin"]
    assert [record["after"] and record["after"]["name"] for record in records] == ["three", None, "two", "one"]
    assert [record["before"] and record["before"]["name"] for record in records] == [None, "two", "one", None]
    assert {record["actor"] for record in records} == {"rest"}
    assert peer.lines("GET", f"/allocations/{FIRST}/history?limit=2") == records[:2]
    assert peer.lines("GET", f"/allocations/{FIRST}/history?cursor={records[1]['position']}") == records[2:]
    status, answer = peer.json("GET", f"/allocations/{ANY_CID}/history")
    assert status == 404 and "pin is not part of the pinset, and was not since" in answer["message"]
    out = peer.ctl("pin", "history", FIRST).stdout.splitlines()
    assert [line.split(" | ")[2] for line in out] == ["PIN", "UNPIN", "PIN", "PIN"]
    peer.stop()
    peer.start()
    assert peer.lines("GET", f"/allocations/{FIRST}/history") == records


def test_who_had_it_over_a_restart(peer):
    cid = add_blocks(peer, [b"who had it"])[0]
    before = now()
    peer.json("POST", f"/pins/{cid}?name=kept")
    peer.wait_status(cid)
    pinned = now()
    assert peer.request("DELETE", f"/pins/{cid}")[0] == 200
    peer.wait_status(cid, "unpinned")
    after = now()
    for _ in range(2):
        assert peer.json("GET", f"/allocations/{cid}?at={before}")[0] == 404
        status, then = peer.json("GET", f"/allocations/{cid}?at={pinned}")
        assert status == 200 and then["name"] == "kept" and then["at"].startswith(pinned[:19])
        [holder] = then["peers"]
        assert (holder["allocated"], holder["confirmed"], holder["ended"]) == (True, True, "unpinned")
        moments = [datetime.datetime.fromisoformat(text) for text in (before, holder["since"], pinned, holder["until"], after)]
        assert moments == sorted(moments)
        assert peer.json("GET", f"/allocations/{cid}?at={after}")[0] == 404
        assert [pin["cid"] for pin in peer.lines("GET", f"/allocations?at={pinned}")] == [cid]
        assert peer.lines("GET", f"/allocations?at={after}") == peer.lines("GET", f"/allocations?at={before}") == []
        peer.stop()
        peer.start()


# --- three peers


@pytest.fixture
def three(new_cluster):
    return new_cluster(3)


def holders(peer, cid, at="now", query=""):
    status, then = peer.json("GET", f"/allocations/{cid}?at={at}{query}")
    assert status == 200, then
    return {holder["peername"]: holder for holder in then["peers"]}


def test_the_past_with_a_silent_and_a_removed_peer(three):
    a, b, c = three
    cids = add_blocks(a, [random_bytes(100, f"past {i}") for i in range(20)])
    at_once(lambda cid: a.json("POST", f"/pins/{cid}?replication=2&user-allocations={a.id},{c.id}"), cids)
    until(lambda: all(holders(b, cid)[name]["confirmed"] for cid in cids for name in ("n0", "n2")), "both hold all")
    then = now()
    assert set(holders(b, cids[0])) == {"n0", "n2"}  # one that was not asked to hold it, and did not, is left out
    assert list(holders(b, cids[0], query=f"&peer={c.id}")) == ["n2"]

    c.process.send_signal(signal.SIGSTOP)
    start = time.monotonic()
    silent = holders(b, cids[0], then)
    assert time.monotonic() - start < 8
    assert silent["n0"]["confirmed"] is True
    assert (silent["n2"]["allocated"], silent["n2"]["confirmed"]) == (True, None) and silent["n2"]["error"]
    listed = b.lines("GET", f"/allocations?at={then}")
    assert len(listed) == 20 and all(len(pin["peers"]) == 2 for pin in listed)
    c.process.send_signal(signal.SIGCONT)
    until(lambda: holders(b, cids[0], then)["n2"]["confirmed"], "the peer answers again")

    assert a.request("DELETE", f"/peers/{c.id}?force=true", timeout=120)[0] == 204
    until(lambda: all(c.id not in pin["allocations"] for pin in b.lines("GET", "/allocations")), "the copies are made elsewhere")
    until(lambda: all(holders(b, cid)["n1"]["confirmed"] for cid in cids), "and held there", 90)
    removed = holders(b, cids[0], then)
    assert (removed["n2"]["allocated"], removed["n2"]["confirmed"]) == (True, None)
    assert "no member of the cluster" in removed["n2"]["error"]
    assert "n1" not in removed and removed["n0"]["confirmed"] is True
    assert set(holders(b, cids[0])) == {"n0", "n1"}
    assert len(b.lines("GET", f"/allocations?at={then}&peer={c.id}")) == 20
    assert b.lines("GET", f"/allocations?peer={c.id}") == b.lines("GET", f"/allocations?at=now&peer={c.id}") == []
    kinds = [record["type"] for record in b.lines("GET", f"/allocations/{cids[0]}/history")]
    assert kinds[-1] == "pin" and "move" in kinds
    text = b.ctl("pin", "ls", "--at", then, cids[0]).stdout
    assert "n2                   : ALLOCATED | UNKNOWN: it is no member of the cluster" in text


def test_events_over_a_change_of_leader_and_a_restart(three):
    leader = until(three.leader, "a leader")
    follower, other = three.others(leader)
    listener = Listener(follower, "type=pin,unpin")
    assert leader.json("POST", f"/pins/{FIRST}?replication=1")[0] == 200
    heard = [listener.next()]
    assert (heard[0]["type"], heard[0]["cid"]) == ("pin", FIRST)
    leader.kill()
    until(lambda: other.json("POST", f"/pins/{SECOND}?replication=1", timeout=10)[0] == 200, "a new leader takes writes", 60)
    heard += listener.until(lambda event: event["cid"] == SECOND)
    position = listener.id

    # Another peer goes on from the same place; so does this one after a restart.
    until(lambda: follower.request("DELETE", f"/pins/{FIRST}")[0] in (200, 404), "the unpin is taken", 60)
    with Listener(other, "type=pin,unpin&from=oldest", last_id=position) as resumed:
        events = resumed.until(lambda event: event["type"] == "unpin")
    assert events[-1]["cid"] == FIRST and all(event["position"] != position for event in events)
    code, seconds = follower.stop()
    assert (code, seconds < 15) == (0, True), seconds
    rest = listener.until(lambda event: event["type"] == "end")
    assert rest[-1]["reason"] == "stopping" and rest[-2] == events[-1]
    leader.start()
    follower.start()
    with Listener(follower, f"type=pin,unpin&from={position}") as again:
        assert again.next() == events[0]
    all_heard = heard + events

    def same():
        return all(all_events(peer, "from=oldest&type=pin,unpin") == all_heard for peer in three)

    until(same, "every peer tells the same, with the same positions")


# --- events, one peer


def test_events_and_ctl(peer):
    with Listener(peer, f"cid={FIRST},{SECOND}") as listener:
        peer.json("POST", f"/pins/{ANY_CID}")
        peer.json("POST", f"/pins/{FIRST}?name=x")
        peer.request("DELETE", f"/pins/{FIRST}")
        events = [listener.next(), listener.next()]
    assert [(event["type"], event["cid"], event["actor"]) for event in events] == [
        ("pin", FIRST, "rest"), ("unpin", FIRST, "rest")]
    out = peer.ctl("events", "--type", "pin,unpin").stdout.splitlines()
    assert [line.split(" | ")[2:5:2] for line in out] == [["PIN", ANY_CID], ["PIN", FIRST], ["UNPIN", FIRST]]
    assert peer.ctl("events", "--type", "pin,unpin", "--from", events[1]["position"]).stdout == ""
    out = peer.ctl("--enc=json", "events", "--from=-1h", "--cid", FIRST).stdout
    assert json.loads("[" + out.replace("}\n{", "},{") + "]") == events


def test_a_slow_listener_is_ended_and_resumes(peer):
    """It gets every change all the same: up to its end here, from there on when it comes again."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.settimeout(60)
    host, port = urllib.parse.urlparse(peer.api).netloc.split(":")
    slow.connect((host, int(port)))
    slow.sendall(b"GET /events?type=pin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    received = slow.recv(100)
    assert received.startswith(b"HTTP/1.1 200")
    peer.json("POST", f"/pins/{FIRST}")  # it is up to date now
    while FIRST.encode() not in received:
        received += slow.recv(100)
    changes = 90_000
    for part in range(9):
        pin_many(peer, [{"cid": FIRST, "name": f"{part} {i}"} for i in range(changes // 9)])
    while piece := slow.recv(1 << 20):
        received += piece
    slow.close()
    ids = [line[4:] for line in received.decode().splitlines() if line.startswith("id: ")]
    last = json.loads([line for line in received.decode().splitlines() if line.startswith("data: ")][-1][6:])
    assert last["type"] == "end" and last["reason"] == "slow", last
    assert last["position"] == ids[-1] and "go on from this position" in last["message"]
    told = received.count(b"event: pin\n")
    assert told < changes
    assert told + len(all_events(peer, f"from={last['position']}&type=pin")) == changes + 1


def memory_kib(peer):
    return int(next(line.split()[1] for line in open(f"/proc/{peer.process.pid}/status") if line.startswith("VmRSS")))


def test_a_thousand_listeners(new_peer):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("a process may not have so many files open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    listeners = []
    try:
        peer = new_peer()
        peer.json("GET", "/id")
        before = memory_kib(peer)
        for _ in range(1000):
            listeners.append(Listener(peer))
        cost = (memory_kib(peer) - before) / 1024
        assert cost < 50, f"{cost:.1f} MiB"
        peer.json("POST", f"/pins/{FIRST}")
        # The first start of a peer is an event too, and comes when it comes.
        pinned = [listener.until(lambda event: "cid" in event)[-1]["cid"] for listener in listeners]
        assert set(pinned) == {FIRST}
        assert peer.json("GET", "/id")[0] == 200
        code, seconds = peer.stop()
        assert (code, seconds < 15) == (0, True), seconds
        assert {listener.until(lambda event: event["type"] == "end")[-1]["reason"] for listener in listeners} == {"stopping"}
    finally:
        for listener in listeners:
            listener.connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
