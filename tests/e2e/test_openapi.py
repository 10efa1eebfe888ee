"""The API's description of itself: valid, whole, and true of a running peer."""
import base64
import json
import pathlib
import random
import re
import subprocess

import hypothesis
import jsonschema
import openapi_spec_validator
import pytest
import schemathesis
from content import add_bytes
from hypothesis import strategies as st
from peer import ANY_CID, ROOT
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (content_type_conformance, response_schema_conformance,
                                               status_code_conformance)

SEED = 20260102
EXAMPLES = 12  # of each operation, valid ones and as many that are not
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

CIDS = [ANY_CID, "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq",
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
        "bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"]
PEER_IDS = ["12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M", "QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq"]
schemathesis.openapi.format("cid", st.sampled_from(CIDS))
schemathesis.openapi.format("peer-id", st.sampled_from(PEER_IDS))


@schemathesis.serializer("application/x-ndjson")
def lines_of_json(_, value):
    items = value if isinstance(value, list) else [value]
    return "".join(json.dumps(item) + "\n" for item in items).encode()


@pytest.fixture(scope="module")
def document(shared_peer):
    return shared_peer.json("GET", "/openapi.json")[1]


def operations(document):
    return [(method.upper(), path, item) for path, methods in document["paths"].items() for method, item in methods.items()]


def test_it_is_valid_openapi_3_1(document, shared_peer):
    assert document["openapi"].startswith("3.1.")
    openapi_spec_validator.OpenAPIV31SpecValidator(document).validate()
    assert document["info"]["version"] == shared_peer.json("GET", "/version")[1]["version"]
    assert "security" not in document  # nobody is asked who they are


def resolve(document, item):
    while "$ref" in item:
        at = document
        for key in item["$ref"].removeprefix("#/").split("/"):
            at = at[key]
        item = at
    return item


def test_every_parameter_that_is_read_is_documented(document):
    """What the sources read of queries, against what the document has."""
    reads = (r'parse_(?:bool|int|search)\([^"()]*(?:\(\))?, "([a-z-]+)"', r'query(?:\(\))?\.(?:value|get|has)\("([a-z-]+)"\)')
    read = set()
    for source in pathlib.Path(ROOT / "src/api/rest").glob("*.cpp"):
        if not source.name.endswith("_test.cpp"):
            text = source.read_text()
            read |= {name for pattern in reads for name in re.findall(pattern, text)}
    assert {"filter", "expire-in", "progress", "dry-run", "limit", "name-prefix", "follow"} <= read  # the patterns find them
    documented = {resolve(document, parameter)["name"] for _, _, item in operations(document)
                  for parameter in item.get("parameters", []) if resolve(document, parameter)["in"] == "query"}
    assert documented - {"meta-"} == read


def strict(document):
    """The same, where no object has members that are not described."""
    document = json.loads(json.dumps(document))
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return document


def check_lines(document, item, response):
    """Each line of a listing, which its schema in OpenAPI 3.1 cannot say."""
    media = item["responses"].get(str(response.status_code), {}).get("content", {}).get("application/json", {})
    if "x-item-schema" not in media or not response.text.strip():
        return
    schema = {**media["x-item-schema"], "components": document["components"]}
    for line in response.text.splitlines():
        value = json.loads(line)
        for one in value if isinstance(value, list) else [value]:  # stream-channels=false
            jsonschema.validate(one, schema)


def harmless(case, method, path, own_id):
    """Keeps a case from ending what the next ones need."""
    if path == "/events":
        case.query = {**(case.query or {}), "follow": "false"}
    return not (path.startswith("/peers/{peer}") and (case.path_parameters or {}).get("peer") == own_id)


def run_cases(peer, document, item, operation, mode, headers=None, examples=EXAMPLES, expect=None):
    """What is wrong with the answers to so many cases of one operation, or None. `expect`: statuses of it, if not any."""
    method, path = operation.method.upper(), operation.path

    @hypothesis.seed(SEED)
    @hypothesis.settings(max_examples=examples, deadline=None, database=None, print_blob=False,
                         phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
                         suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def one(case):
        if not harmless(case, method, path, peer.id):
            return
        response = case.call(base_url=peer.api, headers=headers, timeout=30)
        case.validate_response(response, checks=CHECKS)
        check_lines(document, item, response)
        assert expect is None or response.status_code in expect, (response.status_code, response.text)

    try:
        one()
    except hypothesis.errors.Unsatisfiable:
        return None  # everything is valid there
    except BaseException as error:  # noqa: BLE001  groups of failures, too
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"{method} {path} ({mode.name.lower()}): {error}\n{getattr(error, 'exceptions', '')}"
    return None


def run_all(peer, document, headers=None, examples=EXAMPLES, modes=(GenerationMode.POSITIVE, GenerationMode.NEGATIVE), expect=None):
    """`expect`: the statuses that an operation of the document may have, or None for any that it documents."""
    document = strict(document)
    schema = schemathesis.openapi.from_dict(document)
    wrong = []
    for result in schema.get_all_operations():
        operation = result.ok()
        item = document["paths"][operation.path][operation.method]
        for mode in modes:
            problem = run_cases(peer, document, item, operation, mode, headers, examples, expect and expect(item))
            if problem:
                wrong.append(problem)
            assert peer.running, f"it ended at {operation.method} {operation.path}: {wrong}\n{peer.log_tail()}"
    return wrong


def test_a_peer_answers_as_it_says(new_peer, document):
    random.seed(SEED)
    peer = new_peer()
    add_bytes(peer, b"something to list")
    wrong = run_all(peer, document)
    assert not wrong, "\n\n".join(wrong)
    assert "\tERROR\t" not in peer.log


MOVED = {301, 307}  # to where the path is clean: that is not told apart by who asks
OF_USERS = {401, 403, 429}


def is_open(item):
    return item.get("security") == []


def test_a_peer_with_users_answers_as_it_says(new_peer):
    random.seed(SEED)
    peer = new_peer(start=False)
    users = {"root": {"password": "r00t", "role": "admin"}, "rita": {"password": "rita", "role": "reader"}}
    peer.edit(lambda c: c["api"]["restapi"].update(users=users))
    peer.start()
    admin, reader = ({"Authorization": "Basic " + base64.b64encode(f"{user}:{users[user]['password']}".encode()).decode()}
                     for user in users)
    document = peer.json("GET", "/openapi.json", headers=admin)[1]
    openapi_spec_validator.OpenAPIV31SpecValidator(document).validate()
    assert document["security"] and {"basic", "bearer"} <= document["components"]["securitySchemes"].keys()
    for method, path, item in operations(document):
        documented = OF_USERS & {int(status) for status in item["responses"]}
        assert documented == (set() if is_open(item) else OF_USERS), (method, path)
    assert {path for _, path, item in operations(document) if is_open(item)} == {"/health", "/readyz", "/livez"}

    wrong = run_all(peer, document, admin, examples=2)
    positive = (GenerationMode.POSITIVE,)
    wrong += run_all(peer, document, examples=1, modes=positive, expect=lambda item: None if is_open(item) else {401})
    writes = lambda item: item.get("x-operation", "read") not in ("read", "any")  # noqa: E731
    wrong += run_all(peer, document, reader, examples=1, modes=positive, expect=lambda item: {403, *MOVED} if writes(item) else None)
    assert not wrong, "\n\n".join(wrong)
    assert "\tERROR\t" not in peer.log


def test_a_browser_shows_it(shared_peer, document):
    shown = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom",
                            shared_peer.api + "/docs"], capture_output=True, text=True, timeout=120, check=True).stdout
    for method, path, item in operations(document):
        assert item["summary"] in shown and path in shown, (method, path)
    for name in document["components"]["schemas"]:
        assert f'id="schema-{name}"' in shown
    assert "Loading" not in shown and "Error:" not in shown
