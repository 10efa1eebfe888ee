"""The main job of one peer: add real files, keep them pinned, read them back."""
import json
import signal
import time
import urllib.parse

from content import add_bytes, fetch, multipart, random_bytes, write_tree

MISSING = "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq"


def test_add_a_folder_and_read_it_back(peer, tmp_path):
    files = write_tree(tmp_path / "tree")
    out = peer.ctl("add", "-r", str(tmp_path / "tree")).stdout
    root = out.splitlines()[-1].split()[1]
    assert out.splitlines()[-1] == f"added {root} tree"
    for name, data in files.items():
        assert fetch(f"{peer.gateway}/ipfs/{root}/{urllib.parse.quote(name)}") == data, name
    peer.wait_status(root)
    peer.ctl("get", "--gateway", peer.gateway, "-o", str(tmp_path / "back"), root)
    for name, data in files.items():
        assert (tmp_path / "back" / name).read_bytes() == data, name
    assert (tmp_path / "back" / "link").is_symlink()


def test_status_and_lists_tell_the_truth(peer):
    added = add_bytes(peer, b"hello", query="name=greeting&meta-team=web")
    item = peer.wait_status(added["cid"])
    assert item["status"] == "pinned" and item["error"] == ""
    (listed,) = peer.lines("GET", "/pins")
    assert (listed["cid"], listed["name"], listed["metadata"]) == (added["cid"], "greeting", {"team": "web"})
    (allocation,) = peer.lines("GET", "/allocations")
    assert allocation["cid"] == added["cid"] and allocation["type"] == "pin" and allocation["max_depth"] == -1
    assert peer.lines("GET", "/pins?filter=error") == []
    assert len(peer.lines("GET", "/pins?filter=pinned")) == 1


def test_content_that_nobody_has_is_an_error_with_its_reason(peer):
    assert peer.json("POST", f"/pins/{MISSING}")[0] == 200
    item = peer.wait_status(MISSING, "pin_error")
    assert MISSING in item["error"] and "public IPFS network" in item["error"]
    assert item["attempt_count"] >= 1
    assert [i["cid"] for i in peer.lines("GET", "/pins?filter=error")] == [MISSING]
    assert peer.json("DELETE", f"/pins/{MISSING}")[0] == 200
    peer.wait_status(MISSING, "unpinned")


def test_content_that_arrives_later_is_pinned_by_recover(new_peer):
    data = random_bytes(700_000, 5)
    peer = new_peer()
    cid = add_bytes(peer, data, query="no-pin=true")["cid"]
    peer.json("POST", "/ipfs/gc")
    peer.json("POST", f"/pins/{cid}")
    peer.wait_status(cid, "pin_error")
    assert add_bytes(peer, data, query="no-pin=true")["cid"] == cid
    assert peer.json("POST", f"/pins/{cid}/recover")[0] == 200
    peer.wait_status(cid, "pinned")


def test_pins_survive_a_restart(peer):
    cids = [add_bytes(peer, random_bytes(1000 + i, i))["cid"] for i in range(20)]
    before = sorted(json.dumps(p, sort_keys=True) for p in peer.lines("GET", "/allocations"))
    code, seconds = peer.stop()
    assert code == 0 and seconds < 5
    peer.start()
    assert sorted(json.dumps(p, sort_keys=True) for p in peer.lines("GET", "/allocations")) == before
    for cid in cids:
        assert peer.wait_status(cid)["status"] == "pinned"


def test_unpin_and_garbage_collection_free_the_blocks(peer):
    keep = add_bytes(peer, random_bytes(600_000, "keep"))["cid"]
    gone = add_bytes(peer, random_bytes(600_000, "gone"))["cid"]
    peer.wait_status(keep)
    peer.wait_status(gone)
    status, removed = peer.json("DELETE", f"/pins/{gone}")
    assert status == 200 and removed["cid"] == gone
    peer.wait_status(gone, "unpinned")
    status, result = peer.json("POST", "/ipfs/gc")
    keys = [k["key"] for p in result["peer_map"].values() for k in p["keys"]]
    assert status == 200 and len(keys) == 4  # three leaves and their node
    assert fetch(f"{peer.gateway}/ipfs/{keep}") == random_bytes(600_000, "keep")
    status, _, text = gateway_status(peer, gone)
    assert status in (404, 502, 504), text


def gateway_status(peer, path):
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(f"{peer.gateway}/ipfs/{path}", timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_expiry_within_a_second(peer):
    cid = add_bytes(peer, b"short", query="expire-in=2s")["cid"]
    start = time.monotonic()
    assert peer.json("GET", f"/allocations/{cid}")[0] == 200
    while peer.json("GET", f"/allocations/{cid}")[0] == 200:
        assert time.monotonic() - start < 20
        time.sleep(0.05)
    assert peer.json("GET", f"/allocations/{cid}")[0] == 404


def test_update_takes_over_name_and_metadata(peer):
    old = add_bytes(peer, b"version 1", query="name=site&meta-env=prod")["cid"]
    new = add_bytes(peer, b"version 2", query="no-pin=true")["cid"]
    out = peer.ctl("pin", "update", "--no-status", old, new).stdout
    assert new in out
    pin = peer.json("GET", f"/allocations/{new}")[1]
    assert (pin["name"], pin["metadata"], pin["pin_update"]) == ("site", {"env": "prod"}, old)
    assert peer.json("GET", f"/allocations/{old}")[0] == 200


def test_pin_by_path_and_direct(peer):
    kind, body = multipart([("d", "application/x-directory", b""), ("d/a", "text/plain", b"inside")])
    status, _, text = peer.request("POST", "/add?no-pin=true", body, {"Content-Type": kind})
    outputs = {o["name"]: o["cid"] for o in map(json.loads, text.splitlines())}
    status, pin = peer.json("POST", f"/pins/ipfs/{outputs['d']}/a?mode=direct")
    assert status == 200 and pin["cid"] == outputs["d/a"] and pin["mode"] == "direct"
    peer.wait_status(outputs["d/a"])
    assert [p["status"] for i in peer.lines("GET", "/pins") for p in i["peer_map"].values()] == ["pinned"]
    status, error = peer.json("POST", f"/pins/ipfs/{outputs['d']}/missing")
    assert status == 404 and "missing" in error["message"]


def test_export_import(new_peer, tmp_path):
    peer = new_peer()
    for i in range(50):
        add_bytes(peer, random_bytes(100, i), query=f"name=n{i}&meta-k={i}")
    peer.stop()
    exported = peer.service("state", "export").stdout
    assert len(exported.splitlines()) == 50
    other = new_peer("other", start=False)
    (tmp_path / "state").write_text(exported)
    other.service("state", "import", "--force", str(tmp_path / "state"))
    assert sorted(other.service("state", "export").stdout.splitlines()) == sorted(exported.splitlines())
    bad = tmp_path / "bad"
    bad.write_text(exported.splitlines()[0] + '\n{"cid": 7}\n')
    refused = other.service("state", "import", "--force", str(bad), check=False)
    assert refused.returncode == 1 and "2" in refused.stderr
    assert sorted(other.service("state", "export").stdout.splitlines()) == sorted(exported.splitlines())


def test_add_car(peer):
    cid = add_bytes(peer, random_bytes(700_000, "car"), query="cid-version=1")["cid"]
    car = fetch(f"{peer.gateway}/ipfs/{cid}?format=car")
    peer.json("DELETE", f"/pins/{cid}")
    peer.wait_status(cid, "unpinned")
    peer.json("POST", "/ipfs/gc")
    added = add_bytes(peer, car, query="format=car")
    assert added["cid"] == cid
    assert fetch(f"{peer.gateway}/ipfs/{cid}") == random_bytes(700_000, "car")
    peer.wait_status(cid)


def test_verify_reads_every_block(peer):
    add_bytes(peer, random_bytes(2_000_000, "verify"))
    peer.stop()
    result = peer.service("repo", "verify")
    assert result.returncode == 0


def test_signals_end_it_cleanly(peer):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        code, seconds = peer.stop(number)
        assert (code, seconds < 5) == (0, True)
        peer.start()


def test_a_signal_during_start_ends_it(new_peer):
    peer = new_peer(start=False)
    for delay in (0.0, 0.01, 0.03, 0.05, 0.1, 0.2):
        peer.start(wait=False)
        time.sleep(delay)
        code, seconds = peer.stop(signal.SIGTERM)
        assert code in (0, -signal.SIGTERM) and seconds < 5, (delay, code)


def test_one_daemon_at_a_time(peer):
    second = peer.service("daemon", check=False)
    assert second.returncode == 1 and "error obtaining execution lock" in second.stderr
