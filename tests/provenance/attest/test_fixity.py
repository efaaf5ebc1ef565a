"""Statements about audits: written, read back, and refused unless their members agree."""

import copy
from datetime import UTC, datetime, timedelta

import pytest

from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.attestation import CollectorName, Software, Subject
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.fixity import (
    MAX_FINDINGS,
    MAX_SAMPLE,
    REPORT_NAME,
    REPORT_TYPE,
    FixityCounts,
    FixityFinding,
    Sample,
    fixity_statement,
    parse_fixity_statement,
)
from sijill.provenance.errors import MalformedStatement

STARTED = datetime(2026, 11, 21, 1, 16, 30, 5, tzinfo=UTC)
OWN = "20261121t011630z-k3j2x5m4q7ab"
CAPTURE = "20261120t011630z-k3j2x5m4q7ab"


def statement(**changes):
    members = {
        "checkpoint": "archive.example/log\n1\nAAAA\n\n— archive.example/log AAAA\n",
        "sample": None,
        "started": STARTED,
        "ended": STARTED + timedelta(hours=3),
        "counts": FixityCounts(entries=7, captures=5, objects=9, bytes_read=1 << 40),
        "passed": True,
        "findings": (),
        "report": Subject(REPORT_NAME, REPORT_TYPE, digest_bytes(b"{}")),
        "collector": CollectorName("أرشيف", None),
        "software": (Software("sijill", "0.1.0"),),
    }
    return fixity_statement(OWN, **(members | changes))


def test_what_is_stated_is_read_back():
    sample = Sample("5eed", 1, (CAPTURE,))
    finding = FixityFinding("E-ARC-22", "objects/sha256/…", "attested a, found b")
    made = statement(sample=sample, passed=False, findings=[finding])
    predicate = parse_fixity_statement(canonical(made)).predicate
    assert (predicate.scope.kind, predicate.scope.seed, predicate.scope.count) == ("sample", "5eed", 1)
    assert predicate.captures == (CAPTURE,)
    assert predicate.outcome == "failed"
    assert predicate.findings[0].code == "E-ARC-22"
    assert predicate.counts.bytes_read == 1 << 40
    assert parse_fixity_statement(canonical(statement())).predicate.scope.kind == "full"


def test_text_and_numbers_of_any_size_are_cut_to_what_a_statement_holds():
    findings = [FixityFinding("E-ARC-30", "k" * 70_000, "\ud800" + "f" * 5_000)] * 500
    sample = Sample("5eed", 20_000, (CAPTURE,) * 20_000)
    predicate = parse_fixity_statement(canonical(statement(passed=False, findings=findings, sample=sample))).predicate
    assert len(predicate.findings) == MAX_FINDINGS
    assert len(predicate.captures) == MAX_SAMPLE
    assert predicate.scope.count == 20_000


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("predicate.fixityId", CAPTURE, "predicate.fixityId"),
        ("predicate.fixityId", "20261341t011630z-k3j2x5m4q7ab", "predicate.fixityId"),
        ("predicate.ended", "2026-11-21T01:16:29.000000Z", "predicate.ended"),
        ("predicate.scope.seed", "5eed", "predicate.scope.seed"),
        ("predicate.scope.count", 3, "predicate.scope.count"),
        ("predicate.scope.kind", "sample", "predicate.scope.seed"),
        ("predicate.scope.kind", "most", "predicate.scope.kind"),
        ("predicate.captures", [CAPTURE], "predicate.captures"),
        ("predicate.outcome", "failed", "predicate.findings"),
        ("predicate.counts.entries", -1, "predicate.counts.entries"),
        ("predicate.findings", [{"code": "X", "about": "a", "found": "b"}], "predicate.findings.0.code"),
        ("predicate.extra", 1, "predicate.extra"),
        ("subject.0.name", "other.json", "subject.0.name"),
        ("subject.0.mediaType", "text/html", "subject.0.mediaType"),
        ("predicateType", "https://sijill.org/capture/v1", "predicateType"),
    ],
)
def test_what_contradicts_itself_is_refused(path, value, where):
    made = copy.deepcopy(statement())
    at = made
    *steps, last = path.split(".")
    for step in steps:
        at = at[int(step)] if isinstance(at, list) else at[step]
    at[last] = value
    with pytest.raises(MalformedStatement) as refused:
        parse_fixity_statement(canonical(made))
    assert refused.value.path == where


def test_another_form_of_the_same_is_refused():
    with pytest.raises(MalformedStatement):
        parse_fixity_statement(canonical(statement()) + b"\n")
