"""Who may do what over HTTP: users, roles, tokens, JWTs, TLS, audit, and reading all of it again while the peer runs."""
import base64
import concurrent.futures
import hashlib
import hmac
import http.client
import json
import signal
import socket
import ssl
import time

import pytest
from certificates import make_ca, make_certificate
from peer import ANY_CID, Cluster, Peer, as_list, until

PASSWORDS = {"root": "r00t", "pat": "p:at", "rita": "rita!", "gus": "gus"}
USERS = {"root": {"password": "r00t", "role": "admin"}, "pat": {"password": "p:at", "role": "pinner"},
         "rita": {"password": "rita!", "role": "reader"}, "gus": {"password": "gus", "operations": ["gc", "read"]}}
OPERATIONS = {"root": {"read", "pin", "unpin", "add", "recover", "peers", "movements", "gc", "tokens", "admin"},
              "pat": {"read", "pin", "unpin", "add", "recover"}, "rita": {"read"}, "gus": {"gc", "read"}}


def basic(user, password=None):
    text = f"{user}:{PASSWORDS[user] if password is None else password}"
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def bearer(token):
    return {"Authorization": "Bearer " + token}


def jwt(claims, key, header=None, digest=hashlib.sha256):
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    head = {"alg": "HS256", "typ": "JWT"} if header is None else header
    text = b".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return (text + b"." + encode(hmac.new(key.encode(), text, digest).digest())).decode()


def restapi(**settings):
    return lambda config: config["api"]["restapi"].update(settings)


def ask(peer, api, method, path, body=None, headers=None):
    """(status, body) of one request to the API of that section."""
    section = peer.config["api"][api]
    address = as_list(section["listen_multiaddress" if api == "ipfsproxy" else "http_listen_multiaddress"])[0]
    connection = http.client.HTTPConnection("127.0.0.1", int(address.split("/")[4]), timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def message(answer):
    return json.loads(answer[2])["message"]


def hashed(peer, password):
    return peer.service("hash-password", input=password + "\n").stdout.strip()


@pytest.fixture
def with_api(new_peer):
    """Starts a peer whose section api.restapi has these settings."""
    def make(start=True, **settings):
        peer = new_peer(start=False)
        peer.edit(restapi(**settings))
        return peer.start() if start else peer
    return make


@pytest.fixture(scope="module")
def users_peer(tmp_path_factory):
    with Peer(tmp_path_factory.mktemp("users") / "peer").init() as peer:
        peer.edit(restapi(users=USERS, auth_max_failed_tries=0))
        yield peer.start()


# One of each pattern of the API, in a form that does no harm when it is allowed.
ENDPOINTS = [
    ("GET", "/id", "read"), ("GET", "/version", "read"), ("GET", "/peers", "read"), ("GET", "/pins", "read"),
    ("GET", f"/pins/{ANY_CID}", "read"), ("GET", "/allocations", "read"), ("GET", f"/allocations/{ANY_CID}", "read"),
    ("GET", "/health/graph", "read"), ("GET", "/health/alerts", "read"), ("GET", "/monitor/metrics", "read"),
    ("GET", "/monitor/metrics/ping", "read"), ("GET", "/movements", "read"),
    ("POST", "/pins/nocid", "pin"), ("POST", "/pins/ipfs/nocid", "pin"), ("POST", "/pins/ipns/", "pin"), ("POST", "/pins", "pin"),
    ("POST", "/pins/ipfs/recover", "pin"),  # a path, not the endpoint of that name
    ("DELETE", "/pins/nocid", "unpin"), ("DELETE", "/pins/ipfs/nocid", "unpin"), ("DELETE", "/pins", "unpin"),
    ("POST", "/add", "add"), ("POST", "/pins/recover", "recover"), ("POST", "/pins/nocid/recover", "recover"),
    ("POST", "/pins/sync", "recover"), ("POST", "/pins/nocid/sync", "recover"),
    ("POST", "/peers", "peers"), ("DELETE", "/peers/noid", "peers"), ("POST", "/peers/noid/drain", "peers"),
    ("POST", "/peers/noid/role", "peers"), ("POST", "/peers/noid/replace", "peers"),
    ("POST", "/rebalance?dry-run=true", "movements"), ("POST", "/topup?dry-run=true", "movements"),
    ("POST", "/movements/pause", "movements"), ("POST", "/movements/resume", "movements"),
    ("POST", "/ipfs/gc", "gc"), ("POST", "/tokens", "tokens"), ("GET", "/tokens", "tokens"), ("DELETE", "/tokens/none", "tokens"),
]


@pytest.mark.parametrize("user", USERS)
def test_every_role_against_every_endpoint(users_peer, user):
    for method, path, operation in ENDPOINTS:
        if path == "/pins/ipns/":  # is redirected: nothing is done for it
            continue
        answer = users_peer.request(method, path, headers=basic(user))
        if operation in OPERATIONS[user]:
            assert answer[0] not in (401, 403, 429, 503), (user, method, path, answer)
        else:
            assert answer[0] == 403, (user, method, path, answer)
            assert f'"{operation}"' in message(answer) and user in message(answer)
    # Who is known is told that there is no such thing, and may have a JWT.
    assert users_peer.request("POST", "/nothing", headers=basic(user))[0] == 404
    assert users_peer.request("POST", "/token", headers=basic(user))[0] == 200


def test_without_credentials_nothing_but_health(users_peer):
    for method, path, _ in ENDPOINTS:
        answer = users_peer.request(method, path, headers={"Origin": "http://page.example"})
        assert answer[0] == 401 and message(answer) == "unauthorized: no auth provided", (method, path)
        allowed = "*" if method == "GET" else None  # by the default configuration
        assert answer[1]["Access-Control-Allow-Origin"] == allowed  # a page can read why
        assert len(answer[1].get_all("WWW-Authenticate")) == 2
    for path, status in (("/health", 204), ("/livez", 200), ("/readyz", 200)):
        assert users_peer.request("GET", path)[0] == status
    answer = users_peer.request("GET", "/id", headers={**basic("root", "wrong"), "Origin": "http://page.example"})
    assert answer[0] == 401 and answer[1]["Access-Control-Allow-Origin"] == "*"
    assert answer[1].get_all("WWW-Authenticate") == ['Basic realm="Restricted IPFS Cluster API"']


def test_jwt_as_go_makes_and_takes_them(users_peer):
    def status(token):
        return users_peer.request("GET", "/id", headers=bearer(token))[0]

    token = json.loads(users_peer.request("POST", "/token", headers=basic("rita"))[2])["token"]
    assert token == jwt({"iss": "rita"}, "rita!")
    assert status(token) == 200
    assert users_peer.request("POST", f"/pins/{ANY_CID}", headers=bearer(token))[0] == 403  # the user's rights
    again = json.loads(users_peer.request("POST", "/token", headers=bearer(token))[2])["token"]
    assert again == token
    now = int(time.time())
    assert status(jwt({"iss": "root", "exp": now + 600, "nbf": now - 5, "iat": now - 5}, "r00t")) == 200
    assert status(jwt({"iss": "root"}, "r00t", {"alg": "HS512"}, hashlib.sha512)) == 200
    for bad in (jwt({"iss": "root", "exp": now - 5}, "r00t"), jwt({"iss": "root", "nbf": now + 600}, "r00t"),
                jwt({"iss": "root"}, "wrong"), jwt({"iss": "nobody"}, ""), jwt({}, "r00t"),
                jwt({"iss": "root"}, "r00t", {"alg": "HS256"}, hashlib.sha512),
                jwt({"iss": "root"}, "", {"alg": "none"}), "x.y.z", "x" * 3000):
        answer = users_peer.request("GET", "/id", headers=bearer(bad))
        assert answer[0] == 401 and message(answer) == "unauthorized: invalid token"
        assert answer[1]["WWW-Authenticate"] == 'Bearer realm="Restricted IPFS Cluster API", error="invalid_token"'


def test_an_open_api_makes_no_tokens(shared_peer):
    answer = shared_peer.request("POST", "/token")
    assert (answer[0], message(answer)) == (401, "unauthorized")
    answer = shared_peer.request("POST", "/tokens", b'{"name": "x", "role": "reader"}')
    assert answer[0] == 409 and "configure users" in message(answer)


def test_hashed_passwords(with_api):
    peer = with_api(start=False)
    hashes = [hashed(peer, "pass word"), hashed(peer, "other")]
    assert hashes[0].startswith("$scrypt$ln=15,r=8,p=1$") and hashes[0] != hashed(peer, "pass word")
    peer.edit(restapi(basic_auth_credentials={"old": hashes[1], "clear": "clear"},
                      users={"new": {"password": hashes[0], "role": "reader"}}))
    peer.start()

    def status(user, password, path="/id"):
        return peer.request("GET", path, headers=basic(user, password))[0]
    assert [status("new", "pass word"), status("old", "other"), status("clear", "clear")] == [200] * 3
    assert [status("new", "other"), status("new", hashes[0]), status("old", ""), status("none", "other"),
            status("clear", "other")] == [401] * 5
    with concurrent.futures.ThreadPoolExecutor(40) as pool:  # not one hash each
        assert set(pool.map(lambda _: status("new", "pass word"), range(200))) == {200}
    token = json.loads(peer.request("POST", "/token", headers=basic("new", "pass word"))[2])["token"]
    assert peer.request("GET", "/id", headers=bearer(token))[0] == 200
    assert token != jwt({"iss": "new"}, "pass word")
    answer = peer.request("GET", "/id", headers=bearer(jwt({"iss": "new"}, "pass word")))
    assert answer[0] == 401 and "POST /token" in message(answer)
    assert peer.request("GET", "/id", headers=bearer(jwt({"iss": "clear"}, "clear")))[0] == 200
    for secret in ("pass word", hashes[0], token):
        assert secret not in peer.log


def ctl_as(peer, user, *args, check=True):
    return peer.ctl("--force-http", "--basic-auth", f"{user}:{PASSWORDS[user]}", *args, check=check)


def test_tokens_over_three_peers(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.grow(3)  # without users: what looks at a cluster has no password
        for peer in cluster:
            peer.edit(restapi(users=USERS, auth_max_failed_tries=0))
            peer.process.send_signal(signal.SIGUSR1)
        for peer in cluster:
            until(lambda: peer.request("GET", "/id")[0] == 401, "users are there")
        made = ctl_as(cluster[0], "root", "token", "create", "ci", "--role", "pinner", "--expire-in", "720h")
        token = made.stdout.strip()
        assert token.startswith("ict_ci.") and "only now" in made.stderr and token not in made.stderr
        headers = bearer(token)
        for peer in cluster:
            until(lambda: peer.request("GET", "/id", headers=headers)[0] == 200, f"the token is known at {peer.name}", 10)
            assert peer.request("POST", "/ipfs/gc", headers=headers)[0] == 403
            assert peer.request("POST", "/token", headers=headers)[0] == 403  # none that cannot be revoked
        assert cluster[1].ctl("--force-http", "--token", token, "id").returncode == 0

        # It may not do more than its maker, and its name is taken.
        answer = cluster[1].request("POST", "/tokens", b'{"name": "ci", "role": "reader"}', basic("root"))
        assert answer[0] == 409 and "remove it first" in message(answer)
        helper = json.loads(cluster[1].request("POST", "/tokens", b'{"name": "helper", "operations": ["tokens", "read"]}',
                                               basic("root"))[2])
        answer = cluster[1].request("POST", "/tokens", b'{"name": "more", "role": "admin"}', bearer(helper["token"]))
        assert answer[0] == 403 and "may not do more" in message(answer)
        assert cluster[1].request("POST", "/tokens", b'{"name": "less", "role": "reader"}', bearer(helper["token"]))[0] == 200

        listed = ctl_as(cluster[2], "root", "token", "ls").stdout
        assert "ci | pinner | until " in listed and "helper | read,tokens | never expires" in listed and token not in listed
        as_json = json.loads(ctl_as(cluster[2], "root", "--enc", "json", "token", "ls").stdout)
        by_name = {item["name"]: item for item in as_json}
        assert by_name["ci"]["created_by"] == "root" and by_name["less"]["created_by"] == "token:helper"

        # Revoked at one, refused at all; the others go on.
        ctl_as(cluster[2], "root", "token", "rm", "ci")
        for peer in cluster:
            until(lambda: peer.request("GET", "/id", headers=headers)[0] == 401, f"the token is refused at {peer.name}", 10)
            assert peer.request("GET", "/id", headers=bearer(helper["token"]))[0] == 200
        gone = ctl_as(cluster[0], "root", "token", "rm", "ci", check=False)
        assert gone.returncode == 2 and 'there is no token "ci"' in gone.stdout + gone.stderr

        # Expiry, and the name is free then.
        short = json.loads(cluster[0].request("POST", "/tokens", b'{"name": "s", "role": "reader", "expire_in": "2s"}',
                                              basic("root"))[2])["token"]
        assert cluster[0].request("GET", "/id", headers=bearer(short))[0] == 200
        for peer in cluster:
            until(lambda: peer.request("GET", "/id", headers=bearer(short))[0] == 401, "it has expired", 20)
        assert "s | reader | EXPIRED" in ctl_as(cluster[0], "root", "token", "ls").stdout
        assert cluster[0].request("POST", "/tokens", b'{"name": "s", "role": "reader"}', basic("root"))[0] == 200

        # They are in the log, the secrets are not: neither in it nor in what is printed.
        code, _ = cluster[1].stop()
        assert code == 0
        secret = helper["token"].split(".")[1].encode()
        assert not [path for path in cluster[1].folder.rglob("*") if path.is_file() and secret in path.read_bytes()]
        assert all(secret not in peer.log_path.read_bytes() for peer in cluster)
        cluster[1].start()
        assert cluster[1].request("GET", "/id", headers=bearer(helper["token"]))[0] == 200


@pytest.mark.parametrize("body,what", [
    (b"", "error decoding request body"), (b"[]", "error decoding request body"), (b'{"name": "x"}', "give a role"),
    (b'{"name": "x/y", "role": "reader"}', "name has 1 to 64"), (b'{"name": "x", "role": "king"}', '"king" is not a role'),
    (b'{"name": "x", "role": "reader", "operations": ["pin"]}', "exclude each other"),
    (b'{"name": "x", "operations": ["fly"]}', '"fly" is not an operation'),
    (b'{"name": "x", "role": "reader", "expire_in": "soon"}', "expire_in cannot be parsed"),
    (b'{"name": "x", "role": "reader", "expire_in": "-1h"}', "too short"),
    (b'{"name": "x", "role": "reader", "expires": "1h"}', 'unknown member "expires"')])
def test_tokens_that_make_no_sense(users_peer, body, what):
    answer = users_peer.request("POST", "/tokens", body, basic("root"))
    assert answer[0] == 400 and what in message(answer), answer
    assert users_peer.json("GET", "/tokens", headers=basic("root")) == (200, [])


def from_address(peer, address, headers):
    """The status of GET /id from one of the machine's own addresses, and the header Retry-After."""
    host, port = peer.api.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30, source_address=(address, 0))
    connection.request("GET", "/id", headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers["Retry-After"]


def test_failed_tries_lock_out_the_one_address(with_api):
    peer = with_api(users=USERS, auth_max_failed_tries=3, auth_failed_tries_window="10m")
    token = json.loads(peer.request("POST", "/tokens", b'{"name": "t", "role": "reader"}', basic("root"))[2])["token"]
    assert [from_address(peer, "127.0.0.7", basic("root", f"wrong{i}"))[0] for i in range(3)] == [401] * 3
    status, retry_after = from_address(peer, "127.0.0.7", basic("root"))
    assert status == 429 and 500 < int(retry_after) <= 600
    assert from_address(peer, "127.0.0.7", bearer(jwt({"iss": "root"}, "r00t")))[0] == 429
    assert from_address(peer, "127.0.0.7", bearer(token))[0] == 200  # no number of tries finds one
    assert from_address(peer, "127.0.0.8", basic("root"))[0] == 200
    assert peer.request("GET", "/id", headers=basic("root"))[0] == 200


# --- TLS


@pytest.fixture
def tls_peer(with_api, tmp_path):
    """A peer with HTTPS: make(**settings) → (peer, folder of ca.crt, server.crt …)."""
    def make(**settings):
        folder = tmp_path / "tls"
        folder.mkdir()
        make_ca(folder)
        make_certificate(folder, "server", "first")
        peer = with_api(start=False, ssl_cert_file=str(folder / "server.crt"), ssl_key_file=str(folder / "server.key"),
                        **settings)
        peer.start(wait=False)
        until(lambda: "IPFS Cluster is READY" in peer.log, "the peer is ready", 60)
        return peer, folder
    return make


def trusting(folder, **kwargs):
    context = ssl.create_default_context(cafile=folder / "ca.crt")
    for key, value in kwargs.items():
        setattr(context, key, value)
    return context


def connect(peer, context):
    connection = http.client.HTTPSConnection("127.0.0.1", int(peer.api.rsplit(":", 1)[1]), timeout=30, context=context)
    connection.connect()
    return connection


def get(connection, path="/id", headers=None):
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def served_name(peer, folder):
    connection = connect(peer, trusting(folder))
    name = dict(item[0] for item in connection.sock.getpeercert()["subject"])["commonName"]
    assert get(connection) == 200
    connection.close()
    return name


def replace(folder, old, new):
    for end in ("crt", "key"):
        (folder / f"{new}.{end}").rename(folder / f"{old}.{end}")


def test_certificates_are_loaded_again(tls_peer):
    peer, folder = tls_peer()
    old = connect(peer, trusting(folder))
    assert served_name(peer, folder) == "first"
    # By itself when the files change.
    make_certificate(folder, "next", "second")
    replace(folder, "server", "next")
    until(lambda: served_name(peer, folder) == "second", "the new certificate is served", 20)
    assert get(old) == 200  # what was connected goes on
    # A broken one: the old goes on, and the log says why.
    (folder / "server.crt").write_text("rubbish")
    until(lambda: "cannot be used, the old ones stay" in peer.log, "the log says it", 20)
    assert served_name(peer, folder) == "second"
    # At the signal at once.
    make_certificate(folder, "next", "third")
    replace(folder, "server", "next")
    peer.process.send_signal(signal.SIGUSR1)
    until(lambda: served_name(peer, folder) == "third", "the new certificate is served", 20)
    assert get(old) == 200


def test_old_tls_and_weak_suites_are_refused(tls_peer):
    peer, folder = tls_peer()

    def offers(change):
        context = trusting(folder)
        context.set_ciphers("ALL:@SECLEVEL=0")
        change(context)
        try:
            connection = connect(peer, context)
        except (ssl.SSLError, ConnectionError):
            return None
        version, cipher = connection.sock.version(), connection.sock.cipher()[0]
        assert get(connection) == 200
        connection.close()
        return version, cipher

    def only(version, ciphers=None):
        def change(context):
            context.minimum_version = context.maximum_version = version
            if ciphers:
                context.set_ciphers(ciphers)
        return change
    assert offers(only(ssl.TLSVersion.TLSv1_3))[0] == "TLSv1.3"
    assert offers(only(ssl.TLSVersion.TLSv1_2))[0] == "TLSv1.2"
    assert offers(only(ssl.TLSVersion.TLSv1_1)) is None
    assert offers(only(ssl.TLSVersion.TLSv1)) is None
    assert offers(only(ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0")) is None
    assert offers(only(ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-CHACHA20-POLY1305"))[1] == "ECDHE-ECDSA-CHACHA20-POLY1305"
    # Who speaks no TLS at all gets nothing, and stops nobody.
    with socket.create_connection(("127.0.0.1", int(peer.api.rsplit(":", 1)[1])), timeout=30) as plain:
        plain.sendall(b"GET /id HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not plain.recv(1000).startswith(b"HTTP/")
    assert served_name(peer, folder) == "first"


def test_client_certificates_are_users(tls_peer, tmp_path):
    peer, folder = tls_peer(users={"robot": {"role": "pinner"}, "root": USERS["root"]},
                            client_ca_file=str(tmp_path / "tls/ca.crt"))
    make_certificate(folder, "robot", "robot")
    make_certificate(folder, "stranger", "stranger")
    make_ca(folder, "other")
    make_certificate(folder, "forged", "robot", ca="other")

    def context(name):
        out = trusting(folder)
        if name:
            out.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
        return out

    def status(name, method="GET", path="/id", headers=None):
        connection = connect(peer, context(name))
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status
    assert status("robot") == 200
    assert status("robot", "POST", "/ipfs/gc") == 403
    assert status("robot", "POST", "/ipfs/gc", headers=basic("root")) == 200  # who says who they are is that
    assert status("robot", headers=basic("root", "wrong")) == 401
    assert status("stranger") == 401
    for name in (None, "forged"):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            status(name)


def test_client_certificates_without_users(tls_peer, tmp_path):
    audit = tmp_path / "audit.log"
    peer, folder = tls_peer(client_ca_file=str(tmp_path / "tls/ca.crt"), audit_log_file=str(audit))
    make_certificate(folder, "anybody", "any body")
    context = trusting(folder)
    context.load_cert_chain(folder / "anybody.crt", folder / "anybody.key")
    connection = connect(peer, context)
    connection.request("POST", "/ipfs/gc")
    assert connection.getresponse().status == 200
    assert until(lambda: [json.loads(line) for line in audit.read_text().splitlines()], "the line")[0]["user"] == "any body"


def test_ctl_with_a_client_certificate(tls_peer, tmp_path):
    peer, folder = tls_peer(users={"robot": {"role": "pinner"}}, client_ca_file=str(tmp_path / "tls/ca.crt"))
    for name in ("robot", "stranger"):
        make_certificate(folder, name, name)
    peer.env["SSL_CERT_FILE"] = str(folder / "ca.crt")

    def ctl(*args, cert="robot", key=None):
        given = ("--client-cert", folder / f"{cert}.crt", "--client-key", folder / f"{key or cert}.key") if cert else ()
        done = peer.ctl(*given, *args, check=False)
        return done.returncode, done.stdout + done.stderr

    code, said = ctl("id")
    assert code == 0 and peer.id in said and "warning" not in said, said  # HTTPS by itself
    code, said = ctl("add", "-Q", __file__)
    assert code == 0, said
    code, said = ctl("ipfs", "gc")
    assert code == 2 and "Code: 403" in said and "robot (role pinner)" in said
    code, said = ctl("id", cert="stranger")
    assert code == 2 and "Code: 401" in said and "the name of the client certificate is no user's" in said
    code, said = ctl("--https", "id", cert=None)
    assert code == 1 and "Code: 0" in said and "certificate" in said, said
    code, said = ctl("id", key="stranger")
    assert code == 1 and f"is {folder}/stranger.key the key of the certificate {folder}/robot.crt?" in said, said
    code, said = ctl("id", cert="none")
    assert code == 1 and said == f"error reading the client certificate: --client-cert: open {folder}/none.crt: No such file or directory\n"
    # As variables; and without SSL_CERT_FILE the peer is a stranger.
    peer.env.update(CLUSTER_CLIENT_CERT=str(folder / "robot.crt"), CLUSTER_CLIENT_KEY=str(folder / "robot.key"))
    assert ctl("id", cert=None)[0] == 0
    assert f"client-cert: {folder}/robot.crt [$CLUSTER_CLIENT_CERT]" in ctl("config", cert=None)[1]
    peer.env.pop("SSL_CERT_FILE")
    code, said = ctl("id", cert=None)
    assert code == 1 and "certificate" in said, said


# --- audit


def test_audit_has_a_line_for_each_write(with_api, tmp_path):
    audit = tmp_path / "audit.log"
    peer = with_api(users=USERS, audit_log_file=str(audit))
    asked = [("POST", f"/pins/{ANY_CID}?name=x%20y", "rita", 403), ("POST", f"/pins/{ANY_CID}?name=x%20y", "pat", 200),
             ("POST", f"/pins/ipfs/{ANY_CID}", "root", 200), ("DELETE", f"/pins/{ANY_CID}", "pat", 200),
             ("DELETE", f"/pins/{ANY_CID}", "pat", 404), ("POST", "/pins/nocid", "pat", 400), ("POST", "/token", "rita", 200)]
    for method, path, user, status in asked:
        peer.request("GET", "/id", headers=basic(user))
        assert peer.request(method, path, headers=basic(user))[0] == status
    assert peer.request("DELETE", f"/pins/{ANY_CID}", headers=basic("root", "guess"))[0] == 401
    token = json.loads(peer.request("POST", "/tokens", b'{"name": "t", "role": "pinner"}', basic("root"))[2])["token"]
    peer.request("POST", f"/pins/{ANY_CID}", headers=bearer(token))
    lines = until(lambda: len(found := [json.loads(line) for line in audit.read_text().splitlines()]) >= 10 and found,
                  "all lines are there")
    assert [(line["method"], line["path"], line["user"], line["status"]) for line in lines[:7]] == asked
    assert lines[7]["user"] == "" and lines[7]["status"] == 401  # nobody has proven to be root
    assert lines[9]["user"] == "token:t"
    assert lines[1]["cid"] == lines[2]["cid"] == lines[3]["cid"] == lines[9]["cid"] == ANY_CID and "cid" not in lines[0]
    assert all(line["api"] == "restapi" and line["remote"].startswith("127.0.0.1:") and line["took_ms"] >= 0 for line in lines)
    assert "not part of the pinset" in lines[4]["error"]
    text = audit.read_text()
    for secret in [*PASSWORDS.values(), "guess", token.split(".")[1]]:
        assert secret not in text.replace("rita", "")
    # Put aside by the rotation of logs, it is begun anew at the signal.
    audit.rename(tmp_path / "audit.1")
    peer.process.send_signal(signal.SIGUSR1)
    until(audit.exists, "a new file")
    peer.request("POST", "/ipfs/gc", headers=basic("gus"))
    until(lambda: "/ipfs/gc" in audit.read_text(), "the line is in the new file")


def test_the_audit_names_the_api_and_leaves_reads_out(new_peer):
    peer = new_peer()
    cid = json.loads(peer.ctl("--enc=json", "add", "-", input="audited").stdout)["cid"]
    for path in (f"pin/add?arg={cid}", f"cat?arg={cid}", "version", "pin/ls", f"pin/rm/{cid}"):
        assert ask(peer, "ipfsproxy", "POST", "/api/v0/" + path)[0] == 200
    assert ask(peer, "pinsvcapi", "POST", "/pins", json.dumps({"cid": cid}).encode())[0] == 202

    def lines():
        texts = [line[line.index("{"):] for line in peer.log.splitlines() if '"took_ms"' in line]
        return [(line["api"], line["path"].partition("?")[0]) for line in map(json.loads, texts)]
    until(lambda: len(lines()) >= 4, "all lines are there")
    assert lines() == [("restapi", "/add"), ("ipfsproxy", "/api/v0/pin/add"), ("ipfsproxy", f"/api/v0/pin/rm/{cid}"),
                       ("pinsvcapi", "/pins")]


# --- reading the configuration again


def reload(peer, change, expect="the configuration was read again"):
    before = peer.log.count(expect)
    peer.edit(change)
    peer.process.send_signal(signal.SIGUSR1)
    until(lambda: peer.log.count(expect) > before, f"the log says: {expect}", 20)


def test_the_signal_reads_credentials_and_levels(with_api):
    peer = with_api(basic_auth_credentials={"root": "r00t"})

    def status(password, method="GET", path="/id"):
        return peer.request(method, path, headers=basic("root", password))[0]
    old = json.loads(peer.request("POST", "/token", headers=basic("root"))[2])["token"]
    reload(peer, restapi(basic_auth_credentials={"root": "changed"}))
    assert status("r00t") == 401 and status("changed") == 200
    assert peer.request("GET", "/id", headers=bearer(old))[0] == 401  # signed with the old password
    reload(peer, restapi(basic_auth_credentials=None, users={"root": {"password": "changed", "role": "reader"}}))
    assert status("changed") == 200 and status("changed", "POST", "/ipfs/gc") == 403

    reload(peer, lambda c: c["observations"].update(logs={"level": "auth:debug,net:debug,restapilog:warn"}))
    lines = peer.log.count("GET /id")
    assert status("changed") == 200
    assert peer.log.count("GET /id") == lines
    reload(peer, lambda c: c["observations"].update(logs={"level": ""}))
    assert status("changed") == 200
    until(lambda: peer.log.count("GET /id") > lines, "requests are logged again")

    # What cannot be changed so is named, and the rest is done.
    reload(peer, lambda c: (c["cluster"].update(peername="renamed"),
                            c["api"]["restapi"].update(basic_auth_credentials={"root": "last"}, users=None)),
           "cluster.peername has changed: it takes effect at the next start")
    assert status("changed") == 401 and status("last") == 200
    assert peer.json("GET", "/id", headers=basic("root", "last"))[1]["peername"] != "renamed"


def test_the_signal_reads_the_pinning_service_tags_and_limits(new_peer):
    peer = new_peer(start=False)
    peer.edit(lambda c: c["informer"]["tags"].update(metric_ttl="1s"))
    peer.start()

    def tags():
        return {m["name"]: m["value"] for m in peer.json("GET", "/monitor/metrics/tag:zone")[1]}.values()

    def change(c):
        c["api"]["pinsvcapi"].update(users={"ann": {"password": "a", "role": "pinner"}}, max_connections=2)
        c["api"]["restapi"].update(max_connections=1)
        c["informer"]["tags"]["tags"] = {"zone": "north"}
        c["cluster"].update(repin={"moves_per_second": 7}, blocks={"send_per_second": "5MB", "receive_per_second": "5MB"})
    assert list(tags()) == [] and ask(peer, "pinsvcapi", "GET", "/pins")[0] == 200
    reload(peer, change)
    assert "takes effect at the next start" not in peer.log
    assert ask(peer, "pinsvcapi", "GET", "/pins")[0] == 401
    assert ask(peer, "pinsvcapi", "GET", "/pins", headers=basic("ann", "a"))[0] == 200
    until(lambda: list(tags()) == ["north"], "the tag is there")
    address = ("127.0.0.1", int(as_list(peer.config["api"]["restapi"]["http_listen_multiaddress"])[0].split("/")[4]))

    def second_is_refused():
        with socket.create_connection(address), socket.create_connection(address, timeout=5) as second:
            return b"503" in second.recv(100)
    until(second_is_refused, "one connection is the most")


@pytest.mark.parametrize("change,what", [
    (restapi(users={"x": {"password": "y"}}), "give a role"),
    (restapi(users={"x": {"password": "y", "role": "king"}}), '"king" is not a role'),
    (restapi(users={"x": {"password": "y", "role": "admin", "pasword": "z"}}), 'unknown key "pasword"'),
    (restapi(users={"x": {"password": 12345678, "role": "admin"}}), "password: expected a text"),
    (restapi(users={}), "no user in it"),
    (restapi(users={"x": {"password": "$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA", "role": "admin"}}), "only scrypt"),
    (restapi(users={"x": {"password": "$scrypt$ln=30,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "role": "admin"}}),
     "costs too much"),
    (restapi(users={"x": {"role": "admin"}}, basic_auth_credentials={"x": "y"}), "two of that name"),
    (restapi(client_ca_file="ca.crt"), "client_ca_file needs ssl_cert_file"),
    (restapi(audit_log_file="/nonexistent/audit.log"), "audit log /nonexistent/audit.log"),
    (lambda c: c["observations"].update(logs={"level": "loud"}), 'log level "loud"'),
])
def test_a_bad_configuration_is_refused_and_changes_nothing(with_api, change, what):
    peer = with_api(start=False)
    good = (peer.folder / "service.json").read_text()
    peer.edit(change)
    refused = peer.service("daemon", check=False, timeout=60)
    said = refused.stderr + refused.stdout
    assert refused.returncode == 1 and what in said, said
    assert "12345678" not in said
    # The same while it runs: the old goes on.
    (peer.folder / "service.json").write_text(good)
    peer.start()
    reload(peer, change, "cannot be used, the old one goes on")
    assert what in peer.log
    assert peer.request("GET", "/id")[0] == 200
