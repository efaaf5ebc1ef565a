"""The audit of an archive in which captures take something from others."""

import copy
from datetime import UTC, datetime

import pytest
from archives import COLLECTOR, FIRST, SOFTWARE, MemoryArchive, entry_id
from evidence import TRUST, envelope_sha256, evidence, statement_of
from revisits import FIRST as FIRST_WARC
from revisits import (
    FIRST_ID,
    PICTURED,
    SCRIPTED,
    SECOND_ID,
    STYLED,
    TAKEN,
    holding,
    taking,
)
from revisits import SECOND as SECOND_WARC

from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.attestation import Subject
from sijill.provenance.attest.tombstone import Removed, tombstone_statement
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import attestation_key
from sijill.provenance.verify.archive.audit import Plan, audit
from sijill.provenance.verify.archive.codes import ArchiveCode
from sijill.provenance.verify.archive.journal import opened_journal
from sijill.provenance.verify.archive.report import Verdict
from sijill.provenance.verify.archive.source import object_key
from sijill.provenance.verify.report import Status

TAKER = evidence(taking(), taken=TAKEN, freshness=b"")
TAKER_ID = TAKER.statement["predicate"]["captureId"]
HOLDERS = (
    (holding(FIRST_ID, STYLED, PICTURED), FIRST_WARC),
    (holding(SECOND_ID, SCRIPTED), SECOND_WARC),
)
WARC_KEY = object_key(digest_bytes(FIRST_WARC[0]).sha256.hex)
KEY = attestation_key(TAKER_ID)


def run(made, **plan):
    with opened_journal(None) as opened:
        return audit(
            lambda: made,
            TRUST,
            Plan("memory", **plan),
            journal=opened,
            clock=lambda: datetime(2027, 1, 1, tzinfo=UTC),
            new_seed=lambda: "5eed",
            show=lambda step, done, total: None,
        )


def only(report, code):
    """The findings of the one check that failed."""
    assert report.failed == (code,), [(check.code, check.findings) for check in report.checks if check.findings]
    return report.check(code).findings


def sharing(edit=None, *, unlogged=()):
    """Two captures, and one that takes from both; `edit` changes what it says."""
    made = MemoryArchive()
    for capture, (warc, records) in HOLDERS:
        made.put(warc)
        made.attest(Kind.CAPTURE, capture.id, statement_of(capture, warc, records), queued=capture.id not in unlogged)
    made.seal()
    statement = copy.deepcopy(TAKER.statement)
    if edit is not None:
        edit(statement["predicate"])
    made.put(TAKER.warc)
    made.attest(Kind.CAPTURE, TAKER_ID, statement)
    made.seal()
    return made


def remove(made, number, capture_id, key):
    """Remove an object, and say so in the log."""
    own = entry_id(number)
    subject = Subject("data.warc.gz", "application/warc", digest_bytes(made.objects.pop(key)))
    statement = tombstone_statement(
        own,
        capture_id=capture_id,
        envelope_sha256=envelope_sha256(made.objects[attestation_key(capture_id)]),
        removed=[Removed(subject, key)],
        reason="a court said so",
        authority="the court",
        at=FIRST,
        collector=COLLECTOR,
        software=SOFTWARE,
    )
    made.attest(Kind.TOMBSTONE, own, statement)
    made.seal()


def test_what_is_kept_by_others_is_there():
    report = run(sharing())
    assert report.verdict is Verdict.HOLDS, report.failed
    assert report.check(ArchiveCode.TAKEN).status is Status.PASSED


def test_a_capture_that_is_not_in_the_log():
    report = run(sharing(unlogged=[SECOND_ID]))
    assert ArchiveCode.DEPENDENCIES in report.failed
    [finding] = report.check(ArchiveCode.DEPENDENCIES).findings
    assert (finding.about, finding.found) == (KEY, f"{SECOND_ID} is not in the log")


def records(predicate):
    return predicate["dependencies"][0]["records"]


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda said: records(said)[0].update(offset=records(said)[0]["offset"] - 1), "SHA-256: attested"),
        (lambda said: records(said)[1].update(offset=records(said)[1]["offset"] + 9), "SHA-256: attested"),
        (lambda said: records(said)[0]["digest"].update(blake3="0" * 64), "BLAKE3: attested"),
        (lambda said: said["dependencies"][0]["warc"]["digest"].update(blake3="0" * 64), "it attests the WARC"),
    ],
    ids=["an earlier place", "a later place", "digest", "WARC"],
)
def test_what_is_said_of_another_capture_and_not_so(edit, found):
    findings = only(run(sharing(edit)), ArchiveCode.TAKEN)
    assert {finding.about for finding in findings} == {KEY}
    assert any(FIRST_ID in finding.found and found in finding.found for finding in findings)


def test_another_attestation_than_that_of_the_log():
    report = run(sharing(lambda said: said["dependencies"][0].update(envelopeSha256="0" * 64)))
    assert set(report.failed) == {ArchiveCode.DEPENDENCIES, ArchiveCode.TAKEN}
    assert "another attestation" in report.check(ArchiveCode.DEPENDENCIES).findings[0].found


def test_a_response_that_the_other_capture_does_not_attest():
    def edit(said):
        records(said)[0]["mediaType"] = said["exchanges"][2]["mediaType"] = "text/plain"

    report = run(sharing(edit))
    assert ArchiveCode.TAKEN in report.failed
    assert any("no whole response" in one.found for one in report.check(ArchiveCode.TAKEN).findings)


def test_bytes_that_changed_are_found_where_they_are_kept_and_where_they_are_used():
    made = sharing()
    changed = bytearray(made.objects[WARC_KEY])
    changed[records(TAKER.statement["predicate"])[0]["offset"] + 300] ^= 1
    made.objects[WARC_KEY] = bytes(changed)
    report = run(made)
    assert set(report.failed) == {ArchiveCode.SHA256, ArchiveCode.BLAKE3, ArchiveCode.TAKEN}


def test_a_warc_that_is_gone_is_missed_by_whoever_takes_from_it():
    made = sharing()
    remove(made, 1, FIRST_ID, WARC_KEY)
    [finding] = only(run(made), ArchiveCode.TAKEN)
    assert "is missing" in finding.found


def test_nothing_is_missed_by_what_was_removed_itself():
    made = sharing()
    remove(made, 1, TAKER_ID, object_key(TAKER.statement["subject"][0]["digest"]["sha256"]))
    remove(made, 2, FIRST_ID, WARC_KEY)
    assert run(made).verdict is Verdict.HOLDS


def test_a_sample_does_not_say_that_nothing_is_missing():
    check = run(sharing(), sample=1).check(ArchiveCode.TAKEN)
    assert (check.status, check.sampled) == (Status.NOT_CHECKED, True)
