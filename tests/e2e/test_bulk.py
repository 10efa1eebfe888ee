"""Many pins and unpins in one request."""
import json

from content import raw_cid


def bulk(peer, method, lines):
    status, headers, text = peer.request(method, "/pins", "".join(line + "\n" for line in lines).encode(), timeout=120)
    return status, [json.loads(line) for line in text.splitlines()]


def test_every_line_has_its_answer_and_bad_ones_do_no_harm(shared_peer):
    good = [raw_cid(b"bulk %d" % i) for i in range(2500)]
    lines = [json.dumps({"cid": cid, "name": f"b{i}", "metadata": {"n": str(i)}}) for i, cid in enumerate(good)]
    bad = {3: "{", 1200: '{"cid": "nonsense"}', 1201: json.dumps({"cid": good[0], "replication_factor_min": 5, "replication_factor_max": 2}),
           2400: json.dumps({"cid": good[1], "type": "shard-pin"}), 2401: '{"name": "no cid"}'}
    for at, line in bad.items():
        lines.insert(at, line)
    status, answers = bulk(shared_peer, "POST", lines)
    assert status == 200 and [a["line"] for a in answers] == list(range(1, len(lines) + 1))
    for i, answer in enumerate(answers):
        if i in bad:
            assert answer["code"] == 400 and answer["message"], answer
        else:
            assert answer["cid"] == json.loads(lines[i])["cid"] and "code" not in answer, answer
    pins = {pin["cid"]: pin for pin in shared_peer.lines("GET", "/allocations")}
    assert set(good) <= set(pins) and pins[good[7]]["name"] == "b7" and pins[good[7]]["metadata"] == {"n": "7"}
    assert pins[good[1]]["type"] == "pin"
    # Again: nothing changes. Then all go; twice is an error of each line.
    assert not [a for a in bulk(shared_peer, "POST", lines)[1] if a.get("code", 400) != 400]
    status, answers = bulk(shared_peer, "DELETE", [json.dumps({"cid": cid}) for cid in good])
    assert status == 200 and not [a for a in answers if "code" in a]
    status, answers = bulk(shared_peer, "DELETE", [json.dumps({"cid": cid}) for cid in good[:3]])
    assert status == 200 and [a["code"] for a in answers] == [404] * 3
    assert not set(good) & {pin["cid"] for pin in shared_peer.lines("GET", "/allocations")}


def test_nothing_and_too_long_lines(shared_peer):
    assert bulk(shared_peer, "POST", []) == (204, [])
    status, _, text = shared_peer.request("POST", "/pins", b'{"name": "' + b"x" * 300_000 + b'"}\n')
    assert 400 <= status < 500 and b"bytes" in text, (status, text)
    cid = raw_cid(b"before a line that is too long")
    body = json.dumps({"cid": cid}).encode() + b"\n" + b"y" * 300_000
    status, headers, text = shared_peer.request("POST", "/pins", body)
    assert shared_peer.json("GET", f"/allocations/{cid}")[0] in (200, 404)


def test_a_peer_that_does_not_lead_has_every_line_placed(three_peers):
    """The leader decides who holds what; what it refuses is refused in its line alone."""
    unknown = "12D3KooWBhMbLvQrXr6Nb4Eh5wHGiNJGnyxn4yrBmB1qtDzWvCfL"
    for n, peer in enumerate(three_peers):
        cids = [raw_cid(b"placed by %d: %d" % (n, i)) for i in range(1500)]
        pins = [{"cid": cid, "replication_factor_min": 1, "replication_factor_max": 1 + i % 2} for i, cid in enumerate(cids)]
        pins[7] = {"cid": cids[7]}  # everywhere
        for at in (3, 1100):
            pins[at]["user_allocations"] = [unknown]
        status, answers = bulk(peer, "POST", [json.dumps(pin) for pin in pins])
        assert status == 200 and [a["line"] for a in answers] == list(range(1, 1501))
        assert {i: a["code"] for i, a in enumerate(answers) if "code" in a} == {3: 400, 1100: 400}, answers[3]
        stored = {pin["cid"]: pin for pin in peer.lines("GET", "/allocations") if pin["cid"] in set(cids)}
        assert set(stored) == set(cids) - {cids[3], cids[1100]}
        assert stored[cids[7]]["allocations"] == []
        for i, cid in enumerate(cids):
            if i not in (3, 7, 1100):
                assert len(stored[cid]["allocations"]) == 1 + i % 2, stored[cid]
        assert not [a for a in bulk(peer, "DELETE", [json.dumps({"cid": cid}) for cid in stored])[1] if "code" in a]
