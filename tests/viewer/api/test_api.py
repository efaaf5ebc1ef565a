"""The JSON API over a real archive: what it lists, how lists go on, what bad questions get, its own description."""

import base64
import hashlib
import json

import pytest

from sijill.provenance.log.checkpoint import parse_checkpoint

TYPES = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
    "null": type(None),
}  # fmt: skip


def conform(value, schema, schemas):
    """Whether a value is what its schema says; only what FastAPI writes of JSON Schema."""
    if "$ref" in schema:
        return conform(value, schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return any(conform(value, one, schemas) for one in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    if "const" in schema:
        return value == schema["const"]
    if "type" in schema and not isinstance(value, TYPES[schema["type"]]):
        return False
    if isinstance(value, dict):
        known = schema.get("properties", {})
        rest = schema.get("additionalProperties", not known)
        return set(schema.get("required", ())) <= set(value) and all(
            conform(member, known[name], schemas)
            if name in known
            else rest is True or (isinstance(rest, dict) and conform(member, rest, schemas))
            for name, member in value.items()
        )
    if isinstance(value, list):
        if "prefixItems" in schema:
            return all(conform(*pair, schemas) for pair in zip(value, schema["prefixItems"], strict=True))
        return all(conform(one, schema.get("items", {}), schemas) for one in value)
    return True


def test_every_answer_is_what_the_description_says(served):
    described = served.json("/api/openapi.json")
    schemas = described["components"]["schemas"]
    values = {"statement_id": served.captures[0].id, "capture_id": served.captures[0].id}
    queries = {"/api/search": "?q=court", "/api/signatories": "?name=Kesh+Malek", "/api/changes": "?frames=true"}
    asked = 0
    for path, operations in described["paths"].items():
        assert set(operations) == {"get"}
        if path == "/api/runs/{run_id}":
            continue  # there is no run in this archive
        answer = served.json(path.format(**values) + queries.get(path, ""))
        schema = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert conform(answer, schema, schemas), (path, answer)
        asked += 1
    assert asked == 10


def test_statements_and_one_of_them_by_any_of_its_captures(served):
    listed = served.json("/api/statements")
    assert len(listed["items"]) == 2
    found = served.json(f"/api/statements/{served.captures[2].id}")
    assert found["row"]["statementId"] == served.captures[0].id
    assert found["row"]["captures"] == 3
    assert found["row"]["versions"] == 3
    assert [one["name"] for one in found["signatories"]][:2] == ["Kesh Malek", "Sahlan Documentation Centre"]


def pages(served, path):
    sep = "&" if "?" in path else "?"
    found, cursor = [], None
    while True:
        page = served.json(f"{path}{sep}limit=1" + (f"&cursor={cursor}" if cursor else ""))
        assert len(page["items"]) <= 1
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/api/statements", "statementId"),
        ("/api/statements?signatory=kesh+malek", "statementId"),
        ("/api/captures", "captureId"),
        ("/api/search?q=court", "captureId"),
    ],
)
def test_lists_go_on_by_cursor_to_their_end(served, path, key):
    whole = [one[key] for one in served.json(path)["items"]]
    assert len(whole) == len(set(whole)) >= 2
    assert [one[key] for one in pages(served, path)] == whole


def test_captures_are_narrowed_by_outcome_site_and_address(served):
    assert len(served.json("/api/captures")["items"]) == 5
    assert len(served.json("/api/captures?outcome=partial")["items"]) == 0
    assert len(served.json("/api/captures?site=127.0.0.1")["items"]) == 5
    assert len(served.json("/api/captures?site=elsewhere.example")["items"]) == 0
    found = served.json(f"/api/captures?url={served.site.origin}/statement")["items"]
    assert [one["captureId"] for one in found] == [one.id for one in reversed(served.captures[:3])]


def test_a_capture_comes_with_its_attestation_as_stored(served):
    found = served.json(f"/api/captures/{served.captures[0].id}")
    assert found["attestation"] == json.loads(base64.b64decode(found["envelope"]["payload"]))
    assert found["attestation"]["predicate"]["captureId"] == served.captures[0].id
    assert found["keyids"] == [found["envelope"]["signatures"][0]["keyid"]]
    stored = served.source.envelope(served.captures[0].id).envelope
    assert found["envelopeSha256"] == hashlib.sha256(stored).hexdigest()
    assert found["leafIndex"] == 0


def test_changes_say_what_changed_and_between_which_captures(served):
    items = served.json("/api/changes")["items"]
    first, second, third = served.captures[:3]
    assert [(one["kind"], one["before"]["captureId"], one["after"]["captureId"]) for one in items] == [
        ("changed", first.id, second.id),
        ("changed", second.id, third.id),
    ]
    assert "words added" in items[0]["summary"]
    assert "1 signatories added" in items[1]["summary"]
    assert served.json("/api/changes?since=2100-01-01")["items"] == []
    assert len(served.json("/api/changes?limit=1")["items"]) == 1


def test_the_checkpoint_is_the_one_that_is_signed(served):
    found = served.json("/api/log/checkpoint")
    point = parse_checkpoint(found["note"].encode()).checkpoint
    assert (found["size"], found["root"]) == (point.size, base64.b64encode(point.root).decode())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/statements/..%2f..%2fetc", 404),
        ("/api/statements/nonsense", 400),
        ("/api/statements/20200101t000000z-aaaaaaaaaaaa", 404),
        ("/api/captures/20200101t000000z-aaaaaaaaaaaa", 404),
        ("/api/captures/%00", 400),
        ("/api/runs/20200101t000000z-aaaaaaaaaaaa", 404),
        ("/api/captures?limit=0", 400),
        ("/api/captures?limit=100000", 400),
        ("/api/captures?outcome=nice", 400),
        ("/api/captures?cursor=x", 400),
        ("/api/captures?cursor=1%27%20OR%201", 400),
        ("/api/captures?site=" + "x" * 301, 400),
        ("/api/statements?first=2020-13-01", 400),
        ("/api/statements?first=2021-01-01&last=2020-01-01", 400),
        ("/api/statements?cursor=9999999999999999999", 400),
        ("/api/statements?language=%27", 400),
        ("/api/search", 400),
        ("/api/search?q=" + "x" * 301, 400),
        ("/api/search?q=court&cursor=99999", 400),
        ("/api/signatories", 400),
        ("/api/changes?since=soon", 400),
        ("/timegate/ftp://x.example/", 400),
        ("/timemap/link/http://nowhere.example/", 404),
        ("/timegate/http://nowhere.example/", 404),
    ],
)
def test_bad_questions_get_a_problem_that_says_so(served, path, status):
    found, headers, body = served.ask(path)
    assert found == status
    if path.endswith("etc"):
        return  # no address of the API at all: the site around it answers
    assert headers["content-type"] == "application/problem+json"
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert len(body) < 1000
    assert b"Traceback" not in body
