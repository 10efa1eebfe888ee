"""Listings over all peers: page by page, with filters, and with a peer that does not answer."""
import http.client
import json
import signal
import time
import urllib.parse

import pytest
from content import WithTrailers, add_blocks, add_bytes, random_bytes, raw_cid
from peer import at_once, make_cluster, until

PINS = 700  # more than a page between peers has


def page(peer, query, cursor=""):
    """(items, cursor of the next page)"""
    host = urllib.parse.urlparse(peer.api).netloc
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.response_class = WithTrailers
    cursor = f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""
    connection.request("GET", f"/pins?{query}{cursor}", headers={"TE": "trailers"})
    answer = connection.getresponse()
    items = [json.loads(line) for line in answer.read().splitlines()]
    connection.close()
    if answer.status == 204:
        return items, answer.getheader("X-Next-Cursor")
    assert answer.status == 200, items
    assert not answer.trailers["X-Stream-Error"], answer.trailers
    return items, answer.trailers["X-Next-Cursor"]


def pages(peer, query):
    cursor = ""
    while True:
        items, cursor = page(peer, query, cursor)
        yield items
        if not cursor:
            return


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """Three peers with PINS pins with content on all, and ten that nobody has."""
    with make_cluster(tmp_path_factory.mktemp("listed"), 3) as cluster:
        cluster.present = set(add_blocks(cluster[0], [random_bytes(60, f"listed {i}") for i in range(PINS)]))
        cluster.missing = {raw_cid(b"nobody has %d" % i) for i in range(10)}
        cids = sorted(cluster.present | cluster.missing)
        parts = [(cluster[i % 3], cids[i::9]) for i in range(9)]
        at_once(lambda part: [part[0].json("POST", f"/pins/{cid}?name=listed") for cid in part[1]], parts)
        until(lambda: in_full(cluster), "all is pinned or in error on all", 90)
        yield cluster


def in_full(cluster):
    for peer in cluster:
        by_status = {status: {item["cid"] for item in peer.lines("GET", f"/pins?filter={status}&local=true")}
                     for status in ("pinned", "pin_error")}
        assert by_status["pinned"] >= cluster.present and by_status["pin_error"] == cluster.missing, peer.name
    return True


@pytest.mark.parametrize("limit", [1000, 256, 97])
def test_pages_give_each_cid_once_and_all_its_peers(listed, limit):
    ids = {peer.id for peer in listed}
    for peer in listed.peers[:2]:
        got = list(pages(peer, f"limit={limit}"))
        assert all(len(items) == limit for items in got[:-1])
        items = [item for page in got for item in page]
        assert sorted(item["cid"] for item in items) == sorted(listed.present | listed.missing)
        assert all(set(item["peer_map"]) == ids for item in items)


def test_pages_with_filters_give_each_cid_once(listed):
    for peer in listed:
        for status, wanted in (("pinned", listed.present), ("pin_error", listed.missing), ("error", listed.missing),
                               ("pinned,pin_error", listed.present | listed.missing), ("unpinned", set())):
            until(lambda: gives(peer, status, wanted), f"{status} is listed")


def gives(peer, status, wanted):
    """Not true while one of the missing is tried again: then it is neither pinned nor in error."""
    items = [item for page in pages(peer, f"limit=60&filter={status}") for item in page]
    cids = {item["cid"] for item in items}
    if len(items) != len(cids):
        raise ValueError(f"{status}: a pin is listed twice")
    return cids == wanted and all(len(item["peer_map"]) == 3 for item in items)


def test_a_listing_may_go_on_while_pins_come_and_go(listed):
    first, cursor = page(listed[0], "limit=200")
    extra = raw_cid(b"comes while a listing is read")
    assert listed[1].json("POST", f"/pins/{extra}")[0] == 200
    gone = first[0]["cid"]
    name = listed[1].json("GET", f"/allocations/{gone}")[1]["name"]
    assert listed[1].json("DELETE", f"/pins/{gone}")[0] == 200
    rest = []
    while cursor:
        items, cursor = page(listed[0], "limit=200", cursor)
        rest += items
    cids = [item["cid"] for item in first + rest]
    assert len(cids) == len(set(cids)) and set(cids) - {extra} == listed.present | listed.missing
    assert listed[1].json("DELETE", f"/pins/{extra}")[0] == 200
    assert listed[1].json("POST", f"/pins/{gone}?name={name}")[0] == 200
    until(lambda: in_full(listed), "all is as before")


def timed(request):
    start = time.monotonic()
    return request(), time.monotonic() - start


@pytest.mark.parametrize("which", ["a follower", "the leader"])
def test_a_stopped_peer_is_named_and_disturbs_nobody(listed, which):
    silent = listed.leader() if which == "the leader" else listed.others(listed.leader())[0]
    others = listed.others(silent)
    data = random_bytes(300_000, f"while {which} is stopped")
    silent.process.send_signal(signal.SIGSTOP)
    try:
        items, seconds = timed(lambda: others[0].lines("GET", "/pins"))
        assert seconds < 8, seconds
        assert sorted(item["cid"] for item in items) == sorted(listed.present | listed.missing)
        for item in items:
            mine = item["peer_map"].pop(silent.id)
            assert (mine["status"], mine["peername"]) == ("cluster_error", silent.name) and mine["error"]
            wanted = {"pinned"} if item["cid"] in listed.present else {"pin_error", "pinning"}  # it is tried again
            assert {peer["status"] for peer in item["peer_map"].values()} <= wanted
        errors, seconds = timed(lambda: others[1].lines("GET", "/pins?filter=cluster_error"))
        assert seconds < 8 and {item["cid"] for item in errors} == listed.present | listed.missing
        pinned, seconds = timed(lambda: others[1].lines("GET", "/pins?filter=pinned"))
        assert seconds < 8 and {item["cid"] for item in pinned} == listed.present
        cid, seconds = timed(lambda: add_bytes(others[0], data)["cid"])
        assert seconds < 10, seconds
        for peer in others:
            until(lambda: peer.json("GET", f"/pins/{cid}?local=true")[1]["peer_map"][peer.id]["status"] == "pinned",
                  f"{peer.name} pins as ever")
        seen, seconds = timed(lambda: others[0].lines("GET", "/peers"))
        assert seconds < 8 and [item["id"] for item in seen if item["error"]] == [silent.id]
        until(lambda: silent.id in {alert["peer"] for alert in others[0].json("GET", "/health/alerts")[1]}, "an alert")
        # Once it is known to be down nobody waits for it.
        until(lambda: timed(lambda: others[0].lines("GET", "/pins?filter=pinned"))[1] < 1.5, "it is not waited for")
    finally:
        silent.process.send_signal(signal.SIGCONT)
    until(listed.all_see_all, "all see all")
    until(lambda: silent.json("GET", f"/pins/{cid}?local=true")[1]["peer_map"][silent.id]["status"] == "pinned",
          "it has caught up")
    assert others[0].json("DELETE", f"/pins/{cid}")[0] == 200
    until(lambda: in_full(listed), "all is as before, without a hand")
    listed.wait_equal()
    assert [item for item in others[0].lines("GET", "/pins?filter=cluster_error")] == []
