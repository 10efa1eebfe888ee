"""ctl-cli.md against an API that answers from a table: hosts and options (1), what they become in requests (3), waiting
(4), and the text of what a small cluster does not show (5)."""
import http.server
import json
import socket
import time

import pytest
from ctl import CID, PEER, ctl
from peer import free_port
from table_api import TableApi

VERSION = {"version": "1.1.6"}
BARE = {"PATH": "/usr/bin"}  # an environment without variables that count


@pytest.fixture
def api():
    with TableApi() as api:
        api.answers["/version"] = VERSION
        yield api


# --- 1: options and hosts


def test_ctl_1_defaults():
    found = json.loads(ctl("--enc=json", "config", env=BARE).stdout)
    assert found["endpoints"] == ["http://127.0.0.1:9094"]
    values = {name: setting["value"] for name, setting in found["settings"].items() if setting["from"] == "default"}
    assert {"host": "/ip4/127.0.0.1/tcp/9094", "secret": "", "https": "false", "no-check-certificate": "false",
            "timeout": "0", "debug": "false", "basic-auth": "", "force-http": "false"}.items() <= values.items()


def test_ctl_1_the_next_host_only_when_there_is_no_answer(api):
    with TableApi() as another:
        api.answers["/version"] = (500, {"code": 500, "message": "x"})
        done = ctl("--host", f"{api.host},{another.host}", "version")
        assert (done.returncode, len(api.asked), len(another.asked)) == (2, 1, 0)


class Server6(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


@pytest.mark.parametrize("host", [pytest.param("/ip6/::1/tcp/PORT", id="ctl-1-ip6"),
                                  pytest.param("/dns6/localhost/tcp/PORT", id="ctl-1-dns6"),
                                  pytest.param("/dns/localhost/tcp/PORT", id="ctl-1-all-addresses-of-a-name")])
def test_ip6(host):
    try:
        api = TableApi(Server6, "::1")
    except OSError:
        pytest.skip("there is no IPv6 here")
    with api:
        api.answers["/version"] = VERSION
        done = ctl("--host", host.replace("PORT", str(api.port)), "version")
        assert done.stdout == "1.1.6\n", done


def test_ctl_1_dnsaddr_is_not_offered():
    """L6."""
    done = ctl("--host", "/dnsaddr/example.org", "id")
    assert done.returncode == 1 and done.stderr.startswith("error creating API client: ") and "libp2p" in done.stderr


@pytest.mark.parametrize("flag", [pytest.param("--debug", id="ctl-1-debug"), pytest.param("-d", id="ctl-1-d")])
def test_debug(api, flag):
    done = api.ctl(flag, "version")
    assert done.stdout == "1.1.6\n" and "DEBUG" in done.stderr and "/version" in done.stderr
    assert api.ctl("version").stderr == ""


@pytest.mark.parametrize("given,sent", [pytest.param("ann:a:b", "YW5uOmE6Yg==", id="ctl-1-user-and-password"),
                                        pytest.param("ann", "YW5uOg==", id="ctl-1-user-alone")])
def test_basic_auth(api, given, sent):
    api.ctl("--basic-auth", given, "--force-http", "version")
    assert api.headers[0]["Authorization"] == f"Basic {sent}"


@pytest.mark.parametrize("env,host,asked", [
    pytest.param({"HTTP_PROXY": "PROXY"}, "/ip4/192.0.2.1/tcp/9094", True, id="ctl-1-HTTP_PROXY"),
    pytest.param({"http_proxy": "PROXY"}, "/ip4/192.0.2.1/tcp/9094", True, id="ctl-1-http_proxy"),
    pytest.param({"HTTP_PROXY": "PROXY", "NO_PROXY": "192.0.2.1"}, "/ip4/192.0.2.1/tcp/9094", False,
                 id="ctl-1-NO_PROXY"),
    pytest.param({"HTTP_PROXY": "PROXY"}, "/ip4/127.0.0.1/tcp/1", False, id="ctl-1-no-proxy-to-this-machine"),
])
def test_proxies(api, env, host, asked):
    env = {name: value.replace("PROXY", f"http://127.0.0.1:{api.port}") for name, value in env.items()}
    done = ctl("--timeout", "2", "--host", host, "version", env={**BARE, **env})
    assert (done.returncode == 0) == bool(api.asked) == asked, done


# --- 3: what is sent


@pytest.mark.parametrize("args", [["pin"], ["pin", "add"], ["health", "graph"]],
                         ids=lambda args: f"ctl-3-help-{'-'.join(args)}")
def test_help_of_a_command(args):
    text = ctl(*args, "--help").stdout
    assert ctl("help", *args).stdout == ctl("h", *args).stdout == text and "USAGE" in text


def test_ctl_5_peers_rm_says_nothing(api):
    api.answers[f"/peers/{PEER}"] = (204, None)
    done = api.ctl("peers", "rm", PEER)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert api.asked[0][:2] == ("DELETE", f"/peers/{PEER}")


@pytest.mark.parametrize("args,sent", [
    pytest.param([], {"replication-min": "0", "replication-max": "0", "name": "", "user-allocations": "",
                      "local": "false", "recursive": "false", "hidden": "false", "wrap-with-directory": "false",
                      "no-pin": "false", "shard": "false", "layout": "", "chunker": "size-262144",
                      "raw-leaves": "false", "cid-version": "0", "hash": "sha2-256", "nocopy": "false",
                      "progress": "false", "stream-channels": "true"}, id="ctl-3.1-defaults"),
    pytest.param(["--recursive"], {"recursive": "true"}, id="ctl-3.1-recursive"),
    pytest.param(["-r"], {"recursive": "true"}, id="ctl-3.1-r"),
    pytest.param(["--local"], {"local": "true"}, id="ctl-3.1-local"),
    pytest.param(["--name", "a b"], {"name": "a b"}, id="ctl-3.1-name"),
    pytest.param(["-n", "a"], {"name": "a"}, id="ctl-3.1-n"),
    pytest.param(["--replication-min=1", "--replication-max=2"], {"replication-min": "1", "replication-max": "2"},
                 id="ctl-3.1-replication-min"),
    pytest.param(["--rmin", "-1", "--rmax", "-1"], {"replication-min": "-1", "replication-max": "-1"},
                 id="ctl-3.1-rmin"),
    pytest.param(["--metadata", "a=b", "--metadata", "c=d=e"], {"meta-a": "b", "meta-c": "d=e"}, id="ctl-3.1-metadata"),
    pytest.param(["--allocations", f"x,{PEER}"], {"user-allocations": PEER}, id="ctl-3.1-allocations"),
    pytest.param(["--allocs", "x"], {"user-allocations": ""}, id="ctl-3.1-allocs"),
    pytest.param(["--no-pin"], {"no-pin": "true"}, id="ctl-3.1-no-pin"),
    pytest.param(["--wrap-with-directory"], {"wrap-with-directory": "true"}, id="ctl-3.1-wrap"),
    pytest.param(["-w"], {"wrap-with-directory": "true"}, id="ctl-3.1-w"),
    pytest.param(["--format", "car"], {"format": "car"}, id="ctl-3.1-format"),
    pytest.param(["--layout", "trickle"], {"layout": "trickle"}, id="ctl-3.1-layout"),
    pytest.param(["--hidden"], {"hidden": "true"}, id="ctl-3.1-hidden"),
    pytest.param(["-H"], {"hidden": "true"}, id="ctl-3.1-H"),
    pytest.param(["--chunker", "size-1000"], {"chunker": "size-1000"}, id="ctl-3.1-chunker"),
    pytest.param(["-s", "rabin"], {"chunker": "rabin"}, id="ctl-3.1-s"),
    pytest.param(["--raw-leaves"], {"raw-leaves": "true", "cid-version": "0"}, id="ctl-3.1-raw"),
    pytest.param(["--cid-version", "1"], {"raw-leaves": "true", "cid-version": "1"}, id="ctl-3.1-version-1"),
    pytest.param(["--hash", "blake3"], {"hash": "blake3", "cid-version": "1", "raw-leaves": "true"}, id="ctl-3.1-hash"),
    pytest.param(["--expire-in", "36h"], {"expire-in": "36h"}, id="ctl-3.1-expire-in"),
])
def test_what_add_sends(api, tmp_path, args, sent):
    (tmp_path / "file").write_bytes(b"1")
    api.answers["/add"] = {"name": "file", "cid": CID, "size": 1}
    done = api.ctl("add", *args, str(tmp_path / "file"))
    assert (done.returncode, done.stdout) == (0, f"added {CID} file\n"), done
    ((method, path, query),) = api.asked
    assert (method, path) == ("POST", "/add") and sent.items() <= query.items(), query
    if not args:
        assert not [key for key in query if key.startswith(("expire", "meta-"))]


def test_ctl_3_1_nocopy(api, tmp_path):
    """Of URLs only, and with raw leaves."""
    api.answers.update({"/add": {"name": "x", "cid": CID, "size": 1}, "/x": {}})
    assert api.ctl("add", "--nocopy", f"http://127.0.0.1:{api.port}/x").returncode == 0
    (query,) = [query for _, path, query in api.asked if path == "/add"]
    assert {"nocopy": "true", "raw-leaves": "true"}.items() <= query.items()
    done = api.ctl("add", "--nocopy", str(tmp_path))
    assert done.returncode == 1 and done.stderr.startswith("error : ")


def test_ctl_6_quiet_is_of_text(api, tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    api.answers["/add"] = {"name": "file", "cid": CID, "size": 1}
    plain, quiet = (api.ctl("--enc=json", "add", *args, str(tmp_path / "file")).stdout for args in ([], ["-q"]))
    assert plain == quiet and json.loads(plain)["name"] == "file"


@pytest.mark.parametrize("args,requests", [
    pytest.param([], 1, id="ctl-3.2-no-wait"), pytest.param(["-w"], 2, id="ctl-3.2-w"),
    pytest.param(["--wait"], 2, id="ctl-3.2-wait"), pytest.param(["--wait-limit", "1"], 2, id="ctl-3.2-wait-limit"),
    pytest.param(["--wl=1"], 2, id="ctl-3.2-wl")])
@pytest.mark.parametrize("command", [["rm"], ["update", CID]], ids=lambda command: command[0])
def test_waiting_of_unpins_and_updates(api, command, args, requests):
    """--no-status asks no more than waiting needs."""
    api.answers[f"/pins/ipfs/{CID}"] = {"cid": CID, "replication_factor_min": -1}
    target = "unpinned" if command == ["rm"] else "pinned"
    api.answers[f"/pins/{CID}"] = {"cid": CID, "peer_map": {PEER: {"status": target}}}
    done = api.ctl("pin", *command, "--ns", *args, CID)
    assert done.returncode == 0 and done.stdout.startswith(CID) and len(api.asked) == requests, done
    assert api.asked[0][2].get("pin-update") == (None if command == ["rm"] else CID)


# --- 4: waiting


def waiting(api, statuses, *args, rmin=-1, command=("pin", "add"), names="ab"):
    """What ctl says of peers with these statuses, one list after the other."""
    api.answers[f"/pins/ipfs/{CID}"] = {"cid": CID, "replication_factor_min": rmin}
    lists = iter(statuses)
    last = []

    def status():
        last[:] = next(lists, last)
        return {"cid": CID, "peer_map": {name: {"status": one} for name, one in zip(names, last)}}

    api.answers[f"/pins/{CID}"] = status
    return api.ctl(*command, "--wait", *args, CID)


@pytest.mark.parametrize("status", ["undefined", "cluster_error", "pin_error", "unpin_error"],
                         ids=lambda status: f"ctl-4-{status}")
def test_statuses_that_end_waiting(api, status):
    done = waiting(api, [["pinning", "pinning"], ["pinned", status]])
    assert (done.returncode, done.stdout, done.stderr) == (
        1, "", "error waiting for pin status: error has occurred while attempting to reach status: pinned\n")


@pytest.mark.parametrize("rmin,args,statuses", [
    pytest.param(1, [], [["pinning", "pinning"], ["pinned", "pinning"]], id="ctl-4-minimum-of-the-pin"),
    pytest.param(-1, [], [["pinned", "pinning"], ["pinned", "pinned"]], id="ctl-4-all"),
    pytest.param(-1, [], [["pinning", "remote"], ["pinned", "remote"]], id="ctl-4-remote-does-not-count"),
    pytest.param(7, [], [["pinned", "pinning"], ["pinned", "pinned"]], id="ctl-4-not-more-than-there-are"),
    pytest.param(1, ["--wait-limit", "2"], [["pinned", "pinning"], ["pinned", "pinned"]], id="ctl-4-limit"),
    pytest.param(-1, ["--wl", "1"], [["pinning", "pinning"], ["pinning", "pinned"]], id="ctl-4-wl"),
])
def test_when_waiting_ends(api, rmin, args, statuses):
    done = waiting(api, statuses, *args, rmin=rmin)
    assert done.returncode == 0 and len(api.asked) == 1 + len(statuses), (done, api.asked)


def test_ctl_4_unpinned_on_all(api):
    statuses = [["unpinned", "unpinning"], ["unpinned", "remote"], ["unpinned", "unpinned"]]
    done = waiting(api, statuses, command=("pin", "rm"), rmin=1)
    assert done.returncode == 0 and len(api.asked) == 4, done


def test_ctl_4_add_waits_for_the_minimum_of_the_pin(api, tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    statuses = {"a": {"status": "pinned"}, "b": {"status": "pinning"}}
    api.answers.update({"/add": {"name": "", "cid": CID, "size": 1}, f"/pins/{CID}": {"cid": CID, "peer_map": statuses},
                        f"/allocations/{CID}": {"cid": CID, "replication_factor_min": 1}})
    assert api.ctl("add", "--wait", str(tmp_path / "file")).returncode == 0
    assert [path for _, path, _ in api.asked] == ["/add", f"/allocations/{CID}", f"/pins/{CID}"]


@pytest.mark.parametrize("timeout", ["1s", "1ms"], ids=lambda timeout: f"ctl-4-no-limit-{timeout}")
def test_a_second_is_no_limit(api, timeout):
    begin = time.monotonic()
    api.answers[f"/pins/ipfs/{CID}"] = {"cid": CID, "replication_factor_min": -1}
    api.answers[f"/pins/{CID}"] = lambda: {"cid": CID, "peer_map": {PEER: {
        "status": "pinned" if time.monotonic() > begin + 1.3 else "pinning"}}}
    assert api.ctl("pin", "add", "--wait", "--wait-timeout", timeout, CID).returncode == 0


@pytest.mark.parametrize("command", [["pin", "add"], ["pin", "rm"], ["pin", "update", CID], ["add"]],
                         ids=lambda command: f"ctl-4-wt-{'-'.join(command[:2])}")
def test_wait_timeouts(api, tmp_path, command):
    (tmp_path / "file").write_bytes(b"1")
    pin = {"cid": CID, "replication_factor_min": -1}
    api.answers.update({f"/pins/ipfs/{CID}": pin, f"/allocations/{CID}": pin,
                        "/add": {"name": "", "cid": CID, "size": 1},
                        f"/pins/{CID}": {"cid": CID, "peer_map": {PEER: {"status": "pinning"}}}})
    done = api.ctl(*command, "--wait", "--wt", "1100ms", str(tmp_path / "file") if command == ["add"] else CID)
    assert (done.returncode, done.stderr) == (62, "error waiting for pin status: context deadline exceeded\n")


# --- 5: text


def metrics(api, name, of_each, cases):
    """The lines of `health metrics`, for metrics that are made when they are asked for."""
    common = {"name": name, "peer": "p", "value": "v", "weight": 0}
    api.answers[f"/monitor/metrics/{name}"] = lambda: [{**common, **of_each(case, time.time())} for case in cases]
    return api.ctl("health", "metrics", name).stdout.splitlines()


def test_ctl_5_times(api):
    day, year = 86400, 360 * 86400
    cases = [(0, "now"), (1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (3599, "59 minutes"), (3600, "1 hour"),
             (day - 1, "23 hours"), (day, "1 day"), (6 * day, "6 days"), (7 * day, "1 week"), (29 * day, "4 weeks"),
             (30 * day, "1 month"), (359 * day, "11 months"), (year, "1 year"), (539 * day, "1 year"),
             (540 * day, "2 years"), (2 * year, "2 years"), (3 * year, "3 years"), (36 * year, "36 years"),
             (38 * year, "a long while")]
    for sign, behind in ((1, " from now"), (-1, " ago")):
        def of_each(case, now, sign=sign):
            return {"expire": int((now + sign * case[0] + 0.5 * (sign > 0)) * 1e9)}

        lines = metrics(api, "x", of_each, cases)
        assert lines == [f"p | x: v | Expires in: {text}" + (behind if seconds else "") for seconds, text in cases]


def test_ctl_5_bytes(api):
    cases = [(1, "1 B"), (9, "9 B"), (10, "10 B"), (999, "999 B"), (1000, "1.0 kB"), (9900, "9.9 kB"),
             (10**4, "10 kB"), (12 * 10**6, "12 MB"), (5 * 10**9, "5.0 GB"), (5 * 10**12, "5.0 TB"),
             (5 * 10**15, "5.0 PB"), (5 * 10**18, "5.0 EB")]
    lines = metrics(api, "freespace", lambda case, now: {"weight": case[0], "expire": int((now + 100.5) * 1e9)}, cases)
    assert lines == [f"p | freespace: {text} | Expires in: 1 minute from now" for _, text in cases]


def test_ctl_5_a_bad_type(api):
    api.answers["/allocations"] = {"cid": CID, "type": "bad-type", "max_depth": -1}
    assert api.ctl("pin", "ls").stdout.startswith(f"{CID} |  | BAD-TYPE | ")


# --- 8


def test_ctl_8_a_graph_that_cannot_be_written(api):
    api.answers["/health/graph"] = {}
    for option in ("--file", "-f"):
        done = api.ctl("health", "graph", option, "/dev/full")
        assert done.returncode == 1 and done.stderr.startswith("error printing graph: "), done
