import copy
from datetime import UTC, datetime, timedelta

import pytest

from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.attestation import CollectorName, Software
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.key_event import Event, NamedKey, Purpose, key_event_statement, parse_key_event
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.errors import MalformedStatement
from sijill.provenance.log.note import Algorithm, NoteSigner, NoteVerifier

AT = datetime(2026, 11, 21, 1, 16, 30, 5, tzinfo=UTC)
OLD, NEW = SigningKey(b"1" * 32), SigningKey(b"2" * 32)
KEYS = {
    Purpose.ATTESTATION: tuple(NamedKey.attestation(key.public) for key in (OLD, NEW)),
    Purpose.LOG: tuple(NamedKey.log(NoteSigner("archive.example/log", key).verifier) for key in (OLD, NEW)),
}
WITNESS = NoteVerifier("witness.example", OLD.public, Algorithm.COSIGNATURE_V1)


def statement(purpose, event=Event.INTRODUCED, **changes):
    old, new = KEYS[purpose]
    members = {
        "event": event,
        "key": new,
        "replaces": old if event is Event.INTRODUCED else None,
        "at": AT - timedelta(days=3) if event is Event.REVOKED else AT,
        "reason": "a laptop was lost" if event is Event.REVOKED else None,
        "collector": CollectorName("Archive", "a@example.org"),
        "software": [Software("sijill", "0.1.0")],
    }
    return key_event_statement("20261121t011630z-22222f22aaaa", **members | changes)


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("event", Event)
def test_what_is_stated_is_read_back(purpose, event):
    parsed = parse_key_event(canonical(statement(purpose, event)))
    old, new = KEYS[purpose]
    assert parsed.named_key == new
    assert parsed.predicate.event is event
    assert parsed.predicate.replaces == (old.name if event is Event.INTRODUCED else None)
    assert parsed.subject[0].digests == digest_bytes(new.file)
    assert parsed.subject[0].name == {Purpose.ATTESTATION: "key.pem", Purpose.LOG: "log.vkey"}[purpose]


def test_the_first_key_of_an_archive_replaces_none():
    parsed = parse_key_event(canonical(statement(Purpose.LOG, replaces=None, reason="the archive begins")))
    assert parsed.predicate.replaces is None


OLD_KEY, NEW_KEY = KEYS[Purpose.ATTESTATION]
OLD_LOG, NEW_LOG = KEYS[Purpose.LOG]


@pytest.mark.parametrize(
    ("purpose", "event", "path", "value"),
    [
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicate", "more"), 1),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicate", "event"), "retired"),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicate", "purpose"), "log"),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicate", "key"), OLD_KEY.name),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicate", "key"), NEW_KEY.name.upper()),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicate", "publicKey"), None),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicate", "publicKey"), OLD_KEY.public.pem),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicate", "publicKey"), "no key"),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicate", "replaces"), NEW_KEY.name),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicate", "replaces"), OLD_LOG.name),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicate", "at"), "2026-11-21T01:16:30Z"),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicate", "eventId"), "event-1"),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicate", "reason"), "x" * 1001),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("predicateType",), "https://sijill.org/capture/v1"),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("subject", 0, "name"), "log.vkey"),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("subject", 0, "mediaType"), "text/plain"),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("subject", 0, "digest", "blake3"), "0" * 64),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("subject", 0, "annotations", "size"), 1),
        (Purpose.ATTESTATION, Event.INTRODUCED, ("subject",), []),
        (Purpose.ATTESTATION, Event.REVOKED, ("predicate", "reason"), None),
        (Purpose.ATTESTATION, Event.REVOKED, ("predicate", "reason"), ""),
        (Purpose.ATTESTATION, Event.REVOKED, ("predicate", "replaces"), OLD_KEY.name),
        (Purpose.LOG, Event.INTRODUCED, ("predicate", "publicKey"), NEW_KEY.public.pem),
        (Purpose.LOG, Event.INTRODUCED, ("predicate", "purpose"), "attestation"),
        (Purpose.LOG, Event.INTRODUCED, ("predicate", "key"), NEW_KEY.name),
        (Purpose.LOG, Event.INTRODUCED, ("predicate", "key"), OLD_LOG.name),
        (Purpose.LOG, Event.INTRODUCED, ("predicate", "key"), WITNESS.vkey),
        (Purpose.LOG, Event.INTRODUCED, ("predicate", "replaces"), WITNESS.vkey),
        (Purpose.LOG, Event.INTRODUCED, ("predicate", "replaces"), NEW_LOG.name),
        (Purpose.LOG, Event.INTRODUCED, ("predicate", "replaces"), OLD_KEY.name),
    ],
)
def test_anything_else_is_refused(purpose, event, path, value):
    changed = copy.deepcopy(statement(purpose, event))
    place = changed
    for step in path[:-1]:
        place = place[step]
    assert place.get(path[-1]) != value if isinstance(place, dict) else True
    place[path[-1]] = value
    with pytest.raises(MalformedStatement):
        parse_key_event(canonical(changed))


@pytest.mark.parametrize("member", statement(Purpose.LOG)["predicate"])
def test_no_member_may_be_missing(member):
    changed = statement(Purpose.LOG)
    del changed["predicate"][member]
    with pytest.raises(MalformedStatement):
        parse_key_event(canonical(changed))
