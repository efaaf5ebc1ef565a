import json
from datetime import UTC, datetime, timedelta

import pytest

from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.attestation import CollectorName, Software, Subject
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.probe import Capability, parse_probe_statement, probe_statement
from sijill.provenance.errors import MalformedStatement

BEGUN = datetime(2026, 11, 21, 1, 16, 30, 5, tzinfo=UTC)


@pytest.fixture
def statement():
    return probe_statement(
        "20261121t011630z-22222f22aaaa",
        store="s3://bucket/prefix",
        started=BEGUN,
        ended=BEGUN + timedelta(seconds=2),
        capabilities=[
            Capability("conditional-write", True, "two at once: exactly one won"),
            Capability("object-lock", None, "not switched on for this bucket"),
        ],
        report=Subject("store-probe.json", "application/json", digest_bytes(b"{}")),
        collector=CollectorName("Archive", "a@example.org"),
        software=[Software("sijill", "0.1.0")],
    )


def test_what_is_stated_is_read_back(statement):
    parsed = parse_probe_statement(canonical(statement))
    assert [(one.name, one.holds) for one in parsed.predicate.capabilities] == [
        ("conditional-write", True),
        ("object-lock", None),
    ]
    assert parsed.subject[0].digests == digest_bytes(b"{}")
    assert parsed.predicate.started == BEGUN


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("predicate", "capabilities", 0, "holds"), "yes"),
        (("predicate", "capabilities", 0, "name"), "Conditional Write"),
        (("predicate", "more"), 1),
        (("predicate", "probeId"), "probe-1"),
        (("predicateType",), "https://sijill.org/capture/v1"),
    ],
)
def test_anything_else_is_refused(statement, path, value):
    changed = json.loads(json.dumps(statement))
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(MalformedStatement):
        parse_probe_statement(canonical(changed))
