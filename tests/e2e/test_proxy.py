"""The IPFS proxy: in front of a real Kubo, over the embedded node, and with Kubo's own command line as its client."""
import contextlib
import hashlib
import http.client
import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from certificates import make_ca, make_certificate
from content import multipart, random_bytes, raw_cid
from daemon import binary
from peer import until

EMPTY_FOLDER = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"


def on_kubo(peer, address):
    peer.edit(lambda c: (c["ipfs_connector"]["ipfshttp"].update(node_multiaddress=address),
                         c["api"]["ipfsproxy"].update(node_multiaddress=address)))


@pytest.fixture(scope="module")
def kubo_peer(tmp_path_factory, kubo):
    from peer import Peer

    with Peer(tmp_path_factory.mktemp("proxy") / "peer", ipfs="kubo").init() as peer:
        on_kubo(peer, kubo.api_multiaddr)
        yield peer.start()


@pytest.fixture(params=["kubo", "embedded"])
def either(request):
    """A peer with a proxy over each kind of IPFS node."""
    return request.getfixturevalue("kubo_peer" if request.param == "kubo" else "shared_peer")


def rpc(peer, command, body=b"", headers=None, method="POST", timeout=60):
    """(status, headers, body) of one command."""
    request = urllib.request.Request(f"{peer.proxy}/api/v0/{command}", data=body if method != "GET" else None,
                                     method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def objects(body):
    return [json.loads(line) for line in body.splitlines() if line.strip()]


def message(answer):
    status, headers, body = answer
    assert status >= 400 and headers["Content-Type"] == "application/json", answer
    error = json.loads(body)
    assert (error["Code"], error["Type"]) == (0, "error")
    return error["Message"]


def send(peer, command, **files):
    kind, body = multipart([(name, "application/octet-stream", data) for name, data in files.items()])
    return rpc(peer, command, body, {"Content-Type": kind})


def ipfs(peer, *args, input=None, check=True):
    """Kubo's command line with the proxy as its daemon."""
    done = subprocess.run([binary(), "--api", peer.proxy_multiaddress, *args], input=input, capture_output=True, timeout=120)
    assert not check or done.returncode == 0, (args, done.stderr.decode())
    return done.stdout if check else done


def pinset(peer):
    return {pin["cid"]: pin for pin in peer.lines("GET", "/allocations")}


def resident_mib(peer):
    with open(f"/proc/{peer.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024


# --- the command line of Kubo


def test_the_command_line_adds_pins_and_reads(either, tmp_path):
    data = random_bytes(700_000, f"command line {either.name}{either.ipfs}")
    path = tmp_path / "file"
    path.write_bytes(data)
    cid = ipfs(either, "add", "-Q", "--pin-name", "mine", str(path)).decode().strip()
    assert pinset(either)[cid]["name"] == "mine"
    either.wait_status(cid)
    assert ipfs(either, "cat", cid) == data
    assert ipfs(either, "cat", "--offset=1000", "--length=5", cid) == data[1000:1005]
    assert f"{cid} recursive mine".encode() in ipfs(either, "pin", "ls", "--names")
    assert ipfs(either, "pin", "ls", "--quiet", cid).decode().split() == [cid]

    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a").write_bytes(data[:1000])
    root = ipfs(either, "add", "-r", "-Q", str(folder)).decode().strip()
    assert ipfs(either, "cat", f"/ipfs/{root}/sub/a") == data[:1000]

    ipfs(either, "pin", "update", cid, root)
    assert cid not in pinset(either) and root in pinset(either)
    out = ipfs(either, "pin", "add", "--progress", f"/ipfs/{root}/sub/a", cid)
    assert b"pinned" in out, out
    assert cid in pinset(either)
    ipfs(either, "pin", "rm", cid, root)
    assert cid not in pinset(either) and root not in pinset(either)
    failed = ipfs(either, "pin", "rm", cid, check=False)
    assert failed.returncode != 0 and b"pin is not part of the pinset" in failed.stderr

    assert b"RepoSize:" in ipfs(either, "repo", "stat")
    garbage = ipfs(either, "add", "-Q", "--pin=false", "--cid-version=1", input=b"garbage").strip()
    assert b"removed " + garbage in ipfs(either, "repo", "gc")
    assert ipfs(either, "id")
    failed = ipfs(either, "add", "--only-hash", str(path), check=False)
    assert b"only-hash is not supported when adding to cluster" in failed.stderr


def test_the_command_line_adds_what_is_larger_than_any_buffer(either, tmp_path):
    path = tmp_path / "large"
    piece = random_bytes(1 << 20, f"large {either.ipfs}")
    with open(path, "wb") as out:
        for i in range(48):
            out.write(bytes([i]) + piece[1:])
    cid = ipfs(either, "add", "-Q", "--progress", str(path)).decode().strip()
    assert hashlib.sha256(ipfs(either, "cat", cid)).digest() == hashlib.sha256(path.read_bytes()).digest()
    ipfs(either, "pin", "rm", cid)


def test_the_command_line_puts_blocks(either):
    cid = ipfs(either, "block", "put", "--pin", input=b"a block of mine").decode().strip()
    assert cid in pinset(either)
    assert ipfs(either, "block", "get", cid) == b"a block of mine"
    assert b"Size: 15" in ipfs(either, "block", "stat", cid)
    ipfs(either, "pin", "rm", cid)


@pytest.mark.parametrize("query", ["", "cid-version=1&raw-leaves=true", "chunker=size-1000", "wrap-with-directory=true",
                                   "hash=sha2-512&cid-version=1"])
def test_an_add_is_answered_as_kubo_does(either, kubo, query):
    files = {"a": random_bytes(600_000, "same"), "b": b"1", "dir%2Fc": b"x", "": b"without a name"}
    kind, body = multipart([(name, "application/octet-stream", data) for name, data in files.items()])
    url = f"{kubo.api_url}/api/v0/add?pin=false&{query}"
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": kind}), timeout=60) as answer:
        of_kubo = objects(answer.read())
    assert objects(send(either, f"add?pin=false&{query}", **files)[2]) == of_kubo


# --- what goes to Kubo


def test_other_commands_go_to_kubo(kubo_peer, kubo):
    assert json.loads(rpc(kubo_peer, "id")[2])["ID"] == kubo.peer_id
    status, headers, body = rpc(kubo_peer, "version")
    assert json.loads(body) == kubo.rpc("version") and headers["Server"].startswith("kubo/")
    for command, method in (("nope", "POST"), ("version", "GET"), ("pin/add/", "POST"), ("cat", "POST")):
        request = urllib.request.Request(f"{kubo.api_url}/api/v0/{command}", method=method, data=None)
        with pytest.raises(urllib.error.HTTPError) as direct:
            urllib.request.urlopen(request, timeout=30)
        through = rpc(kubo_peer, command, method=method)
        assert (through[0], through[2]) == (direct.value.code, direct.value.read()), command


def test_trailers_of_kubo_arrive(kubo_peer, kubo):
    # A file whose second block is missing: the error comes behind the head of the answer.
    data = random_bytes(600_000, "trailer")
    cid = json.loads(send(kubo_peer, "add?pin=false&raw-leaves=true&quieter=true", a=data)[2].splitlines()[-1])["Hash"]
    links = kubo.rpc("ls", arg=cid)["Objects"][0]["Links"]
    kubo.rpc("block/rm", arg=links[1]["Hash"])
    with contextlib.closing(socket.create_connection(urllib.parse.urlsplit(kubo_peer.proxy).netloc.split(":"))) as s:
        s.sendall(f"POST /api/v0/cat?arg={cid}&timeout=2s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: s.recv(65536), b""))
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b"Trailer: X-Stream-Error" in head
    assert data[:1000] in rest
    assert b"X-Stream-Error: " in rest[-300:], rest[-300:]


def test_uploads_and_downloads_stream(kubo_peer, kubo):
    """64 MiB through the proxy both ways, which takes no more memory for that."""
    size = 64 << 20
    piece = random_bytes(1 << 20, "stream")
    kind, body = multipart([("a", "application/octet-stream", b"\0")])
    start, end = body.split(b"\0", 1)
    before = resident_mib(kubo_peer)

    def pieces():
        yield start
        for _ in range(size >> 20):
            yield piece
        yield end

    # files/write is not ours: it goes to Kubo.
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(kubo_peer.proxy).netloc, timeout=120)
    connection.request("POST", "/api/v0/files/write?arg=/streamed&create=true&truncate=true", body=pieces(),
                       headers={"Content-Type": kind}, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
    connection.request("POST", "/api/v0/files/read?arg=/streamed")
    answer = connection.getresponse()
    digest, got = hashlib.sha256(), 0
    while some := answer.read(1 << 20):
        digest.update(some)
        got += len(some)
    connection.close()
    assert got == size
    assert digest.digest() == hashlib.sha256(piece * (size >> 20)).digest()
    assert resident_mib(kubo_peer) - before < 24
    kubo.rpc("files/rm", arg="/streamed", force=True)


def test_headers_of_kubo_are_on_our_answers(new_peer, tmp_path):
    from daemon import KuboDaemon

    config = {"API.HTTPHeaders": {"Access-Control-Allow-Origin": ["http://page.example"], "X-Special": ["of Kubo"]}}
    with KuboDaemon(tmp_path, offline=True, config=config) as kubo:
        peer = new_peer(start=False, ipfs="kubo")
        on_kubo(peer, kubo.api_multiaddr)
        peer.edit(lambda c: c["api"]["ipfsproxy"].update(extract_headers_extra=["X-Special"]))
        peer.start()
        status, headers, _ = rpc(peer, "pin/ls", headers={"Origin": "http://page.example"})
        assert status == 200
        assert headers["Access-Control-Allow-Origin"] == "http://page.example"
        assert "Origin" in headers["Vary"]
        assert "X-Stream-Output" in headers["Access-Control-Expose-Headers"]
        assert headers["X-Special"] == "of Kubo"
        assert headers["Server"].startswith("ipfs-cluster/ipfsproxy/")
        assert rpc(peer, "pin/ls", headers={"Origin": "http://evil.example"})[0] == 403
        # A preflight is Kubo's to answer.
        status, headers, _ = rpc(peer, "pin/ls", method="OPTIONS", headers={
            "Origin": "http://page.example", "Access-Control-Request-Method": "POST"})
        assert status == 204 and headers["Access-Control-Allow-Methods"] == "POST"

        # Kubo ends: what needs it says so at once, what does not goes on with the headers that are known.
        kubo.stop()
        begin = time.monotonic()
        status, headers, body = rpc(peer, "swarm/peers")
        assert status == 502 and "IPFS cannot be reached" in message((status, headers, body))
        status, headers, _ = rpc(peer, "pin/ls", headers={"Origin": "http://page.example"})
        assert status == 200 and headers["X-Special"] == "of Kubo"
        assert time.monotonic() - begin < 10
        failed = ipfs(peer, "swarm", "peers", check=False)
        assert b"IPFS cannot be reached" in failed.stderr


def test_over_a_unix_socket(new_peer, tmp_path):
    from daemon import KuboDaemon

    path = tmp_path / "kubo.sock"
    with KuboDaemon(tmp_path, offline=True) as kubo:
        kubo.stop()
        kubo._configure({"Addresses.API": [kubo.api_multiaddr, f"/unix{path}"]})
        kubo.start()
        until(path.exists, "the socket is there")
        peer = new_peer(start=False, ipfs="kubo")
        on_kubo(peer, f"/unix{path}")
        peer.start()
        data = random_bytes(300_000, "unix")
        cid = objects(send(peer, "add", a=data)[2])[-1]["Hash"]
        assert rpc(peer, f"cat?arg={cid}")[2] == data


@contextlib.contextmanager
def tls_in_front_of(port, folder):
    """A port that takes TLS and passes on to `port`, and the file of the authority to trust."""
    make_ca(folder)
    make_certificate(folder, "kubo", "kubo")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "kubo.crt", folder / "kubo.key")

    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def take(raw):
        with contextlib.suppress(OSError), context.wrap_socket(raw, server_side=True) as outer, \
                socket.create_connection(("127.0.0.1", port)) as inner:
            back = threading.Thread(target=copy, args=(inner, outer))
            back.start()
            copy(outer, inner)
            back.join()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        def accept():
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=take, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], folder / "ca.crt"
        listener.shutdown(socket.SHUT_RDWR)


def test_over_https(new_peer, kubo, tmp_path):
    """The connector and the proxy, each by a setting of its own; a certificate that nobody vouches for is refused."""
    with tls_in_front_of(int(kubo.api_multiaddr.rsplit("/", 1)[1]), tmp_path) as (port, authority):
        def over_tls(name, **kwargs):
            peer = new_peer(name, start=False, ipfs="kubo", **kwargs)
            on_kubo(peer, f"/ip4/127.0.0.1/tcp/{port}")
            peer.edit(lambda c: (c["ipfs_connector"]["ipfshttp"].update(node_https=True), c["api"]["ipfsproxy"].update(node_https=True)))
            return peer.start()

        peer = over_tls("trusting", env={"SSL_CERT_FILE": str(authority)})
        data = random_bytes(300_000, "https")
        cid = objects(send(peer, "add", a=data)[2])[-1]["Hash"]
        assert rpc(peer, f"cat?arg={cid}")[2] == data
        assert cid in json.loads(rpc(peer, "pin/ls?type=recursive")[2])["Keys"]
        peer.wait_status(cid)
        status, _, body = rpc(over_tls("doubting"), f"cat?arg={cid}")
        assert status == 502 and b"certificate" in body, body


def test_put_with_pin_is_pinned_by_the_cluster(kubo_peer):
    put = objects(send(kubo_peer, "dag/put?pin=true", a=b'{"a":"dag of mine"}')[2])[0]["Cid"]["/"]
    assert pinset(kubo_peer)[put]["mode"] == "recursive"
    assert json.loads(rpc(kubo_peer, f"dag/get?arg={put}")[2]) == {"a": "dag of mine"}
    put = objects(send(kubo_peer, "block/put?pin=true", a=b"block 1", b=b"block 2")[2])
    assert len(put) == 2 and {item["Key"] for item in put} <= pinset(kubo_peer).keys()
    not_pinned = objects(send(kubo_peer, "block/put", a=b"block 3")[2])[0]["Key"]
    assert not_pinned not in pinset(kubo_peer)
    status, _, body = send(kubo_peer, "dag/put?pin=true", a=b"this is no JSON")
    assert status == 500 and json.loads(body)["Type"] == "error"


# --- what is ours


def test_listings_filter_and_name(either):
    cids = [objects(send(either, f"add?name=listed {i}&cid-version=1".replace(" ", "%20"),
                         a=f"listed {i} {either.ipfs}".encode())[2])[-1]["Hash"] for i in range(3)]
    rpc(either, f"pin/rm/{cids[0]}")
    rpc(either, f"pin/add?arg={cids[0]}&recursive=false&name=listed%200")
    listed = {item["Cid"]: item for item in objects(rpc(either, "pin/ls?stream=true&name=listed")[2])}
    assert [listed[cid]["Type"] for cid in cids] == ["direct", "recursive", "recursive"]
    assert listed[cids[1]]["Name"] == "listed 1"
    keys = json.loads(rpc(either, "pin/ls?type=direct")[2])["Keys"]
    assert keys == {cids[0]: {"Type": "direct"}}
    assert set(cids[1:]) <= json.loads(rpc(either, "pin/ls?type=recursive&quiet=true")[2])["Keys"].keys()
    assert message(rpc(either, f"pin/ls?arg={EMPTY_FOLDER}")) == f"Error: path '{EMPTY_FOLDER}' is not pinned"
    for cid in cids:
        assert json.loads(rpc(either, f"pin/rm?arg={cid}")[2]) == {"Pins": [cid]}


def test_a_listing_of_many_pins_is_streamed(shared_peer):
    count = 5000
    cids = [raw_cid(f"many {i}".encode()) for i in range(count)]  # nobody has them: only the pinset matters here
    body = "".join(json.dumps({"cid": cid, "name": "many"}) + "\n" for cid in cids).encode()
    shared_peer.request("POST", "/pins", body, timeout=120)
    try:
        assert set(cids) <= json.loads(rpc(shared_peer, "pin/ls")[2])["Keys"].keys()
        assert len(objects(rpc(shared_peer, "pin/ls?stream=true&name=many")[2])) == count
    finally:
        shared_peer.request("DELETE", "/pins", body, timeout=120)


def test_repo_commands_are_of_all_peers(three_peers):
    sums = [json.loads(rpc(peer, "repo/stat")[2]) for peer in three_peers]
    assert all(total.keys() == {"RepoSize", "StorageMax", "NumObjects"} and total["RepoSize"] > 0 for total in sums)
    # 90 % of the same disk for each of the three, so a sum is the same wherever it is made.
    assert max(total["StorageMax"] for total in sums) < 1.5 * min(total["StorageMax"] for total in sums)
    # Garbage on two peers is collected through the third.
    garbage = {objects(send(peer, "block/put", a=f"garbage of {peer.name}".encode())[2])[0]["Key"]
               for peer in list(three_peers)[1:]}
    removed = {item["Key"]["/"] for item in objects(rpc(three_peers[0], "repo/gc")[2])}
    assert garbage <= removed


def test_an_add_is_on_all_peers_and_is_read_from_any(three_peers):
    data = random_bytes(400_000, "through the proxy")
    cid = objects(send(three_peers[0], "add?replication-min=1&replication-max=1", a=data)[2])[-1]["Hash"]
    for peer in three_peers:
        assert rpc(peer, f"cat?arg={cid}")[2] == data


def test_without_kubo_unknown_commands_are_named(shared_peer):
    for command in ("dht/findprovs", "swarm/peers", "files/ls"):
        assert f'the command "{command}" is not offered' in message(rpc(shared_peer, command))
    failed = ipfs(shared_peer, "swarm", "peers", check=False)
    assert b'the command "swarm/peers" is not offered' in failed.stderr
    assert rpc(shared_peer, "version", method="GET")[0] == 405
    assert rpc(shared_peer, "pin/ls", method="GET")[0] == 200
    assert rpc(shared_peer, "pin/ls", headers={"Origin": "http://evil.example"})[0] == 403


def test_bad_input(either):
    before = set(pinset(either))
    assert "only-hash is not supported" in message(send(either, "add?only-hash=true", a=b"x"))
    assert "error reading request" in message(rpc(either, "add", b"x", {"Content-Type": "text/plain"}))
    assert message(rpc(either, "add", b"--b\r\nno end", {"Content-Type": "multipart/form-data; boundary=b"}))
    assert 'Error parsing IPFS Path: "nonsense": ' in message(rpc(either, "pin/add?arg=nonsense"))
    assert message(rpc(either, "pin/update")) == 'argument "from-path" is required'
    assert message(rpc(either, "pin/rm?arg=" + EMPTY_FOLDER)) == "pin is not part of the pinset"
    assert set(pinset(either)) == before


def test_no_section_no_proxy(new_peer):
    peer = new_peer(start=False)
    port = urllib.parse.urlsplit(peer.proxy).port
    peer.edit(lambda c: c["api"].pop("ipfsproxy"))
    peer.start()
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


# --- a client, or Kubo, that goes away


class SlowKubo:
    """Answers `files/read` without end and takes bodies without end; counts who it talks to."""

    def __init__(self):
        self.ended = threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                if "files/read" not in self.path:
                    self.send_response(200)
                    self.send_header("Content-Length", "2")
                    self.end_headers()
                    self.wfile.write(b"{}")
                    return
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                try:
                    while True:
                        self.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                except OSError:
                    owner.ended.set()
                self.close_connection = True

            do_OPTIONS = do_POST

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"/ip4/127.0.0.1/tcp/{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_a_client_that_goes_away_ends_the_transfer_from_kubo(new_peer):
    with contextlib.closing(SlowKubo()) as kubo:
        peer = new_peer(start=False, ipfs="kubo")
        peer.edit(lambda c: c["api"]["ipfsproxy"].update(node_multiaddress=kubo.address))
        peer.start()
        with contextlib.closing(socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(peer.proxy).port))) as s:
            s.sendall(b"POST /api/v0/files/read?arg=/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            assert len(s.recv(100_000)) > 0
        assert kubo.ended.wait(30)


def test_a_body_without_end_is_not_kept(kubo_peer):
    """Kubo refuses at once; what the client goes on sending is neither read without end nor gathered."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(kubo_peer.proxy).port))) as s:
        s.settimeout(60)
        s.sendall(b"GET /api/v0/version HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        deadline = time.monotonic() + 60
        with pytest.raises(OSError):
            while time.monotonic() < deadline:
                s.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    assert resident_mib(kubo_peer) < 500, "what was sent is not kept"
