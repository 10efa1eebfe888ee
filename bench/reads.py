"""Benchmarks of the reads beyond Go: pages of a search, history, the past, listeners of events."""
import http.client
import shutil
import statistics
import time
import urllib.parse

import fixtures as fx
from fixtures import MILLION, report

LISTENERS = 1000


def connect(peer):
    return http.client.HTTPConnection(urllib.parse.urlparse(peer.api).netloc, timeout=60)


def median_ms(connection, paths, lines=None):
    """Of GETs on one connection, each read whole; `lines` = how many each must have."""
    times = []
    for path in paths:
        start = time.perf_counter()
        connection.request("GET", path)
        body = connection.getresponse().read()
        times.append((time.perf_counter() - start) * 1e3)
        assert lines is None or body.count(b"\n") == lines, (path, body[:200])
    return statistics.median(times), max(times)


def reads(million_peer):
    with million_peer().start(timeout=120) as peer:
        fx.settle(peer)
        connection = connect(peer)
        plain, _ = median_ms(connection, ["/id"] * 100)

        def measure(name, paths, lines, what):
            first, _ = median_ms(connection, paths, lines)
            value, longest = median_ms(connection, paths, lines)
            report(name, value, "ms", 5, f"GET /id {plain:.2f} ms on the same connection", ratio_to_id=round(value / plain, 1),
                   first_time_ms=round(first, 2), longest_ms=round(longest, 2), what=what)

        measure("reads-page", [f"/allocations?name-prefix=item-{i * 197 % 10_000:05}&limit=100" for i in range(100)], 100,
                "page of 100 by name prefix at 1 M pins")
        changed = [fx.cid_of(i * 19_997 % MILLION) for i in range(50)]
        for turn in range(5):
            for cid in changed:
                assert peer.request("POST", f"/pins/{cid}?replication=1&name=turn-{turn}")[0] == 200
        fx.settle(peer)
        measure("reads-history", [f"/allocations/{cid}/history" for cid in changed], 5, "history of a CID with five changes at 1 M pins")
        measure("reads-at", [f"/allocations/{cid}?at=now" for cid in changed], 1, "who had a CID, asked of one peer, at 1 M pins")
        connection.close()
        peer.stop()


def events():
    folder = fx.fresh("events")
    with fx.peer_in(folder).start() as peer:
        peer.request("GET", "/id")
        before = fx.memory_mib(peer)
        listeners = []
        for _ in range(LISTENERS):
            connection = connect(peer)
            connection.request("GET", "/events")
            answer = connection.getresponse()
            assert answer.readline() == b": listening\n"
            listeners.append((connection, answer))
        cost = fx.memory_mib(peer) - before
        busy = fx.cpu_seconds(peer)
        time.sleep(30)  # two heartbeats
        report("events-idle", cost, "MiB", 50, f"{(fx.cpu_seconds(peer) - busy) / 0.3:.1f} % of a core", listeners=LISTENERS,
               what="resident for 1,000 idle listeners of GET /events")
        start = time.perf_counter()
        peer.request("POST", f"/pins/{fx.cid_of(1)}")
        for _, answer in listeners:
            while not answer.readline().startswith(b"event: pin"):
                pass
        report("events-told", (time.perf_counter() - start) * 1e3, "ms", None, "from a pin until all 1,000 listeners have its event")
        for connection, _ in listeners:
            connection.close()
        peer.stop()
    shutil.rmtree(folder)
