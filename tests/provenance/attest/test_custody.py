import copy
from datetime import UTC, datetime, timedelta

import pytest

from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.attestation import CollectorCommitment, CollectorName, Software
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.custody import CustodyEvent, custody_statement, parse_custody_statement
from sijill.provenance.errors import MalformedStatement

AT = datetime(2026, 11, 22, 9, 30, 1, 250, tzinfo=UTC)
EVENT_ID = "20261122t093001z-22222f22aaaa"
CAPTURE_ID = "20261121t011630z-k3j5x2m4q7ab"
ENVELOPE = digest_bytes(b"the envelope file")
PACKAGE = digest_bytes(b"the package")


def statement(event=CustodyEvent.HANDED_OVER, *, to="قلم المحكمة", note=None, package=PACKAGE, **changes):
    given = {
        "capture_id": CAPTURE_ID,
        "envelope": ENVELOPE,
        "at": AT,
        "collector": CollectorName("Archive", "a@example.org"),
        "software": [Software("sijill", "0.1.0")],
    }
    return custody_statement(EVENT_ID, event=event, to=to, note=note, package=package, **{**given, **changes})


def parsed(value):
    return parse_custody_statement(canonical(value))


def changed(value, path, new):
    value = copy.deepcopy(value)
    place = value
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = new
    return value


def test_what_is_stated_is_read_back():
    found = parsed(statement(note="على قرص، بحضور شاهدين"))
    predicate = found.predicate
    assert (predicate.event_id, predicate.capture_id, predicate.at) == (EVENT_ID, CAPTURE_ID, AT)
    assert (predicate.event, predicate.to) == (CustodyEvent.HANDED_OVER, "قلم المحكمة")
    assert predicate.note == "على قرص، بحضور شاهدين"
    assert predicate.envelope_sha256 == ENVELOPE.sha256.hex
    assert (predicate.package.size, predicate.package.digest.blake3) == (PACKAGE.size, PACKAGE.blake3.hex)
    assert (found.subject[0].name, found.subject[0].digests) == ("attestation.dsse.json", ENVELOPE)


@pytest.mark.parametrize(
    ("event", "members"),
    [
        (CustodyEvent.EXPORTED, {"to": None}),
        (CustodyEvent.EXPORTED, {"to": "the court"}),
        (CustodyEvent.HANDED_OVER, {"package": None, "note": "on paper"}),
        (CustodyEvent.HELD, {"to": None, "package": None, "note": "case 12"}),
        (CustodyEvent.RELEASED, {"to": None, "package": None}),
        (CustodyEvent.HELD, {"to": None, "package": None, "collector": CollectorCommitment("ab" * 32)}),
    ],
)
def test_what_goes_together(event, members):
    assert parsed(statement(event, **members)).predicate.event is event


@pytest.mark.parametrize(
    ("event", "members", "path"),
    [
        (CustodyEvent.EXPORTED, {"to": None, "package": None}, "predicate.package"),
        (CustodyEvent.HANDED_OVER, {"to": None}, "predicate.to"),
        (CustodyEvent.HELD, {"package": None}, "predicate.to"),
        (CustodyEvent.HELD, {"to": None}, "predicate.package"),
        (CustodyEvent.RELEASED, {"to": None}, "predicate.package"),
        (CustodyEvent.HANDED_OVER, {"at": AT + timedelta(seconds=1)}, "predicate.eventId"),
        (CustodyEvent.HANDED_OVER, {"capture_id": EVENT_ID}, "predicate.eventId"),
        (CustodyEvent.HANDED_OVER, {"capture_id": "20261399t011630z-k3j5x2m4q7ab"}, "predicate.captureId"),
    ],
)
def test_what_contradicts_itself_is_refused(event, members, path):
    with pytest.raises(MalformedStatement) as caught:
        parsed(statement(event, **members))
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("path", "new"),
    [
        (("predicate", "event"), "lent"),
        (("predicate", "event"), "Exported"),
        (("predicate", "to"), ""),
        (("predicate", "to"), "   "),
        (("predicate", "to"), "x" * 1001),
        (("predicate", "note"), " \n\t"),
        (("predicate", "note"), 7),
        (("predicate", "more"), None),
        (("predicate", "at"), "2026-11-22T09:30:01Z"),
        (("predicate", "package", "size"), -1),
        (("predicate", "package", "digest", "md5"), "00"),
        (("predicate", "package", "digest", "sha256"), "AB" * 32),
        (("predicate", "package"), {}),
        (("predicate", "envelopeSha256"), "00" * 32),
        (("predicate", "software"), []),
        (("predicateType",), "https://sijill.org/custody/v2"),
        (("subject",), []),
        (("subject", 0, "name"), "data.warc.gz"),
        (("subject", 0, "mediaType"), "application/json"),
        (("subject", 0, "digest", "sha256"), "00" * 32),
    ],
)
def test_anything_else_is_refused(path, new):
    with pytest.raises(MalformedStatement):
        parsed(changed(statement(), path, new))


@pytest.mark.parametrize("member", ["eventId", "captureId", "envelopeSha256", "event", "at", "to", "note", "package"])
def test_every_member_must_be_there(member):
    value = statement()
    del value["predicate"][member]
    with pytest.raises(MalformedStatement):
        parsed(value)


def test_it_must_be_canonical():
    with pytest.raises(MalformedStatement):
        parse_custody_statement(canonical(statement()) + b"\n")
