import copy
from datetime import UTC, datetime, timedelta

import pytest

from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.attestation import CollectorName, Software, Subject
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.custody import envelope_subject
from sijill.provenance.attest.tombstone import Removed, parse_tombstone_statement, tombstone_statement
from sijill.provenance.errors import MalformedStatement
from sijill.provenance.log.layout import attestation_key
from sijill.storage.layout import object_key

AT = datetime(2026, 11, 22, 9, 30, 1, 250, tzinfo=UTC)
TOMBSTONE_ID = "20261122t093001z-22222f22aaaa"
CAPTURE_ID = "20261121t011630z-k3j5x2m4q7ab"
WARC, SCREENSHOT, ENVELOPE = (digest_bytes(data) for data in (b"the WARC", b"the screenshot", b"the envelope"))
OBJECTS = (
    Removed(Subject.warc(WARC), object_key(WARC.sha256.hex)),
    Removed(Subject("screenshot.png", "image/png", SCREENSHOT), object_key(SCREENSHOT.sha256.hex)),
)
ATTESTATION = Removed(envelope_subject(ENVELOPE), attestation_key(CAPTURE_ID))


def statement(removed=OBJECTS, **changes):
    given = {
        "capture_id": CAPTURE_ID,
        "envelope_sha256": ENVELOPE.sha256.hex,
        "reason": "يذكر اسم قاصر",
        "authority": "Court of Appeal, order 7/2026",
        "at": AT,
        "collector": CollectorName("Archive", "a@example.org"),
        "software": [Software("sijill", "0.1.0")],
    }
    return tombstone_statement(TOMBSTONE_ID, removed=removed, **{**given, **changes})


def parsed(value):
    return parse_tombstone_statement(canonical(value))


@pytest.mark.parametrize("removed", [OBJECTS, (*OBJECTS, ATTESTATION), (ATTESTATION,)])
def test_what_is_stated_is_read_back(removed):
    found = parsed(statement(removed))
    predicate = found.predicate
    assert (predicate.tombstone_id, predicate.capture_id, predicate.at) == (TOMBSTONE_ID, CAPTURE_ID, AT)
    assert (predicate.reason, predicate.authority) == ("يذكر اسم قاصر", "Court of Appeal, order 7/2026")
    assert [item.key for item in predicate.removed] == [item.key for item in removed]
    assert [item.digests for item in predicate.removed] == [item.subject.digests for item in removed]
    assert [subject.name for subject in found.subject] == [item.subject.name for item in removed]
    assert predicate.attestation_removed == (ATTESTATION in removed)


def test_it_holds_no_url():
    assert b"http" not in canonical(statement()["predicate"])


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"at": AT + timedelta(seconds=1)}, "predicate.tombstoneId"),
        ({"capture_id": TOMBSTONE_ID}, "predicate.tombstoneId"),
        ({"capture_id": "20261399t011630z-k3j5x2m4q7ab"}, "predicate.captureId"),
        ({"removed": (*OBJECTS, OBJECTS[0])}, "predicate.removed"),
        ({"removed": (Removed(OBJECTS[0].subject, OBJECTS[1].key),)}, "predicate.removed.0.key"),
        ({"removed": (Removed(OBJECTS[0].subject, "log/checkpoints/1"),)}, "predicate.removed.0.key"),
        (
            {"removed": (Removed(ATTESTATION.subject, attestation_key("20261121t011630z-k3j5x2m4q7ac")),)},
            "predicate.removed.0.key",
        ),
        ({"removed": (Removed(ATTESTATION.subject, object_key(ENVELOPE.sha256.hex)),)}, "predicate.removed.0.key"),
        ({"removed": (ATTESTATION,), "envelope_sha256": "00" * 32}, "predicate.removed.0.digest"),
    ],
)
def test_what_contradicts_itself_is_refused(changes, path):
    with pytest.raises(MalformedStatement) as caught:
        parsed(statement(**changes))
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("path", "new"),
    [
        (("predicate", "reason"), ""),
        (("predicate", "reason"), " \n"),
        (("predicate", "authority"), ""),
        (("predicate", "authority"), None),
        (("predicate", "removed"), []),
        (("predicate", "removed", 0, "size"), 1),
        (("predicate", "removed", 0, "digest", "blake3"), "00" * 32),
        (("predicate", "removed", 0, "url"), "http://example.org/"),
        (("predicate", "attestationRemoved"), True),
        (("predicate", "attestationRemoved"), 0),
        (("predicate", "more"), 1),
        (("predicateType",), "https://sijill.org/custody/v1"),
        (("subject",), []),
        (("subject", 0, "digest", "sha256"), "00" * 32),
        (("subject", 1, "name"), "other.png"),
    ],
)
def test_anything_else_is_refused(path, new):
    value = copy.deepcopy(statement())
    place = value
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = new
    with pytest.raises(MalformedStatement):
        parsed(value)


def test_a_subject_must_be_what_is_removed_and_no_more():
    for other in (statement((*OBJECTS, ATTESTATION)), statement(OBJECTS[:1]), statement(OBJECTS[::-1])):
        value = {**statement(), "subject": other["subject"]}
        with pytest.raises(MalformedStatement):
            parsed(value)


def test_the_attestation_must_be_called_one():
    value = statement((ATTESTATION,))
    value["subject"][0]["mediaType"] = "application/json"
    with pytest.raises(MalformedStatement):
        parsed(value)
