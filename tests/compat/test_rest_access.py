"""rest-api.md, sections 1 and 2: HTTPS, who gets in, and sections of the configuration that lack something.

tests/e2e/test_access.py and README.md have the rest.
"""
import base64
import socket
import ssl

import pytest
from asking import ask
from certificates import make_ca, make_certificate
from peer import Peer, as_list, free_port, until
from rest import CID, get, post

# --- 1: what is not in the configuration does not listen


def test_rest_1_without_its_section(new_peer):
    peer = new_peer(start=False)
    port = int(peer.api.rsplit(":", 1)[1])
    peer.edit(lambda c: c["api"].pop("restapi"))
    peer.start(wait=False)
    until(lambda: "IPFS Cluster is READY" in peer.log, "the peer is ready", 60)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


# --- 1.1: TLS


@pytest.fixture(scope="module")
def https(tmp_path_factory):
    """A peer with HTTPS on two listeners of the REST API and one of the pinning service. Its key is RSA, as Go's suites want."""
    with Peer(tmp_path_factory.mktemp("https") / "peer").init() as peer:
        make_ca(peer.folder)
        make_certificate(peer.folder, "server", "compat", key=("rsa:2048",))
        files = {"ssl_cert_file": "server.crt", "ssl_key_file": "server.key"}  # in the folder of the configuration
        first, second = peer.api_multiaddress, f"/ip4/127.0.0.1/tcp/{free_port()}"
        pinning = as_list(peer.config["api"]["pinsvcapi"]["http_listen_multiaddress"])[0]
        peer.edit(lambda c: (c["api"]["restapi"].update(files, http_listen_multiaddress=[first, second]),
                             c["api"]["pinsvcapi"].update(files)))
        peer.tls_ports = [int(address.rsplit("/", 1)[1]) for address in (first, second, pinning)]
        peer.start(wait=False)
        until(lambda: "IPFS Cluster is READY" in peer.log, "the peer is ready", 60)
        yield peer


def get_health(peer, port, version=None, suite=None, curve=None, protocols=None):
    """(TLS version, suite, protocol that was agreed on, first line of the answer)"""
    context = ssl.create_default_context(cafile=peer.folder / "ca.crt")
    if version:
        context.minimum_version = context.maximum_version = version
    if suite:
        context.set_ciphers(suite + ":@SECLEVEL=0")
    if curve:
        context.set_ecdh_curve(curve)
    if protocols:
        context.set_alpn_protocols(protocols)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            agreed = connection.version(), connection.cipher()[0], connection.selected_alpn_protocol()
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
            return *agreed, answer.split(b"\r\n")[0]


def test_rest_1_1_every_listener(https):
    for port in https.tls_ports:
        assert get_health(https, port)[3] == b"HTTP/1.1 204 No Content"


def test_rest_1_1_no_http_2(https):
    """No protocol is agreed on, so that clients speak HTTP/1.1."""
    assert get_health(https, https.tls_ports[0], protocols=["h2", "http/1.1"])[2:] == (None, b"HTTP/1.1 204 No Content")


@pytest.mark.parametrize("version,suite,curve", [
    pytest.param(ssl.TLSVersion.TLSv1_3, None, None, id="rest-1.1-TLS-1.3"),
    pytest.param(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES256-GCM-SHA384", "secp521r1", id="rest-1.1-P-521"),
    pytest.param(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES256-GCM-SHA384", "secp384r1", id="rest-1.1-P-384"),
    pytest.param(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES256-GCM-SHA384", "prime256v1", id="rest-1.1-P-256"),
])
def test_suites_and_curves(https, version, suite, curve):
    got = get_health(https, https.tls_ports[0], version, suite, curve)
    assert got[0] == version.name.replace("_", ".") and got[1] == (suite or got[1])


@pytest.mark.parametrize("suite", [pytest.param(suite, id=f"rest-1.1-{suite}") for suite in (
    "ECDHE-RSA-AES256-SHA", "AES256-GCM-SHA384", "AES256-SHA")])
def test_suites_that_go_has_besides(https, suite):
    """R25: CBC, and keys without forward secrecy."""
    with pytest.raises((ssl.SSLError, ConnectionError)):
        get_health(https, https.tls_ports[0], ssl.TLSVersion.TLSv1_2, suite)


# --- 2.1: credentials

REALM = 'realm="Restricted IPFS Cluster API"'


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("authorization,challenges,message", [
    pytest.param(None, [f"Bearer {REALM}", f"Basic {REALM}"], "unauthorized: no auth provided", id="rest-2.1-none"),
    pytest.param(basic("bob", "secret"), [f"Basic {REALM}"], "unauthorized: access denied", id="rest-2.1-unknown-user"),
    pytest.param("bearer x", [f'Bearer {REALM}, error="invalid_token"'], "unauthorized: invalid token", id="rest-2.1-token"),
])
def test_who_is_turned_away(guarded, authorization, challenges, message):
    answer = get(guarded, "/id", **({"Authorization": authorization} if authorization else {}))
    assert answer.error == (401, message)
    assert answer.headers.get_all("WWW-Authenticate") == challenges


@pytest.mark.parametrize("method,path,status", [
    pytest.param("GET", "/health?a=b", 204, id="rest-2.1-health"),
    pytest.param("HEAD", "/health", 401, id="rest-2.1-head"),
    pytest.param("GET", "/health/", 401, id="rest-2.1-health-slash"),
    pytest.param("GET", "/id/", 401, id="rest-2.1-before-redirects"),
    pytest.param("GET", "/unknown", 401, id="rest-2.1-before-404"),
])
def test_what_is_open_to_all(guarded, method, path, status):
    assert ask(guarded.api, method, path).status == status


@pytest.mark.parametrize("scheme", [pytest.param(scheme, id=f"rest-2.1-{scheme}") for scheme in ("Bearer", "bearer", "BEARER")])
def test_tokens(guarded, scheme):
    made = post(guarded, "/token", Authorization=basic("ann", "secret"))
    assert made.status == 200 and list(made.json) == ["token"]
    assert get(guarded, "/id", Authorization=f"{scheme} {made.json['token']}").status == 200


# --- 2.2: CORS without lists in the configuration


@pytest.mark.parametrize("method,path,allowed", [
    pytest.param("GET", "/version", "*", id="rest-2.2-missing-lists-GET"),
    pytest.param("POST", "/pins/recover", "*", id="rest-2.2-missing-lists-POST"),
    pytest.param("HEAD", "/version", "*", id="rest-2.2-missing-lists-HEAD"),
    pytest.param("DELETE", f"/pins/{CID}", None, id="rest-2.2-missing-lists-DELETE"),
])
def test_cors_without_lists(guarded, method, path, allowed):
    """Every origin; GET, POST and HEAD; no headers to be read, no credentials."""
    answer = ask(guarded.api, method, path, headers={"Origin": "http://page", "Authorization": basic("ann", "secret")})
    assert answer.headers["Access-Control-Allow-Origin"] == allowed
    assert not answer.headers["Access-Control-Expose-Headers"] and not answer.headers["Access-Control-Allow-Credentials"]
