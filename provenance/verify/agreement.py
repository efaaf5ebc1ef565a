"""Whether the records of the WARC and the exchanges of the attestation say the same, with nothing left over.

Every record has to be accounted for: the warcinfo, one response per exchange that has one, or the revisit that stands
for it, its request, one resource per certificate chain, and the fetch log. What the records should say is worked out
here from the attestation alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sijill.archive.capture.exchange import RevisitKind
from sijill.archive.warc.examine import ExaminedRecord
from sijill.archive.warc.record import (
    REVISIT_PROFILES,
    Fields,
    RecordType,
    rendering_content_type,
    rendering_uri,
)
from sijill.provenance.attest.members import CaptureStatement, DependencyRecord, Exchange, Predicate, Subject
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.verify.fetch_log import compare_fetch_log, request_records
from sijill.provenance.verify.report import Finding
from sijill.provenance.verify.survey import OtherRecord, Survey

_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----\n((?:[A-Za-z0-9+/]{1,64}={0,2}\n)+)-----END CERTIFICATE-----\n"
)


def max_records(statement: CaptureStatement) -> int:
    """The most records that the WARC of this capture can have."""
    exchanges = len(statement.predicate.exchanges)
    return 3 * exchanges + 2 + len(statement.subject) - 1


def disagreements(statement: CaptureStatement, predicate_json: dict[str, Any], survey: Survey) -> Iterator[Finding]:
    """Everything in which the WARC and the attestation differ.

    Args:
        statement: the attestation's.
        predicate_json: its predicate as JSON.
        survey: of the WARC, which must be well formed.
    """
    others = {kind: [record for record in survey.others if record.type is kind] for kind in RecordType}
    predicate = statement.predicate
    logs = others[RecordType.METADATA]
    requests = request_records(logs[0].block) if logs else {}
    yield from _warcinfo(statement, others[RecordType.WARCINFO])
    yield from _responses(predicate, survey.responses)
    yield from _requests(predicate.exchanges, requests, others[RecordType.REQUEST])
    files = {rendering_uri(predicate.capture_id, subject.name): subject for subject in statement.subject[1:]}
    made = [record for record in others[RecordType.RESOURCE] if record.field("WARC-Target-URI") in files]
    rest = [record for record in others[RecordType.RESOURCE] if record.field("WARC-Target-URI") not in files]
    yield from _rendering(predicate, files, made)
    yield from _chains(predicate.exchanges, rest)
    yield from _fetch_log(statement, predicate_json, logs)


def _warcinfo(statement: CaptureStatement, records: Sequence[OtherRecord]) -> Iterator[Finding]:
    predicate = statement.predicate
    for record in records:
        yield from _compare(record.id, [("WARC-Date", format_timestamp(predicate.times.started))], record.fields)
        fields = (record.block or b"").decode("utf-8", "replace").split("\r\n")
        stated = [line for line in fields if line.startswith("isPartOf:")]
        if stated != [f"isPartOf: {predicate.capture_id}"]:
            yield Finding(record.id, f"warcinfo does not say isPartOf: {predicate.capture_id}")


def _responses(predicate: Predicate, records: Sequence[ExaminedRecord]) -> Iterator[Finding]:
    attested = {exchange.record: exchange for exchange in predicate.exchanges if exchange.record is not None}
    found = {record.id: record for record in records}
    originals = {
        (dependency.capture_id, original.record): original
        for dependency in predicate.dependencies
        for original in dependency.records
    }
    for missing, exchange in attested.items():
        if missing not in found:
            yield Finding(f"exchange {exchange.number}", f"no response or revisit record {missing}")
    for record in records:
        stated = attested.get(record.id)
        if stated is None:
            yield Finding(record.id, f"a {record.type} that the attestation does not name")
        elif stated.revisit is None:
            yield from _response(stated, record)
        else:
            original = originals[stated.revisit.capture_id, stated.revisit.record]
            yield from _revisit(stated, stated.revisit.kind, original, record)
    expected = list(attested)
    if not attested.keys() ^ found.keys() and expected != list(found):
        yield Finding("responses", "not in the order of the exchanges")


def _response(exchange: Exchange, record: ExaminedRecord) -> Iterator[Finding]:
    about, response = record.id, record.response
    if response is None or response.head is None or exchange.payload is None:
        yield Finding(about, "no HTTP response")
        return
    head = response.head
    truncated = [] if exchange.truncated is None else [("WARC-Truncated", str(exchange.truncated))]
    yield from _compare(about, [*_connection(exchange, head.version), *truncated], record.fields)
    stated = next((value for name, value in head.headers if name.lower() == "content-type"), "")
    media_type = stated.partition(";")[0].strip().lower() or None
    yield from _differ(about, "status", exchange.status, head.status)
    yield from _differ(about, "media type", exchange.media_type, media_type)
    yield from _differ(about, "bytes of payload", exchange.payload.size, response.payload.size)
    yield from _differ(about, "payload's SHA-256", exchange.payload.digest.sha256, response.payload.sha256.hex)
    yield from _differ(about, "payload's BLAKE3", exchange.payload.digest.blake3, response.payload.blake3.hex)
    yield from _differ(about, "bytes of surplus", exchange.surplus, response.surplus)
    # What answers HEAD tells the length of a body that is not sent (RFC 9110 §9.3.2).
    unfinished = response.problem is not None and exchange.method != "HEAD"
    if unfinished and exchange.truncated is None and exchange.failure is None:
        yield Finding(about, f"attested as whole, but: {response.problem}")


def _revisit(
    exchange: Exchange, kind: RevisitKind, original: DependencyRecord, record: ExaminedRecord
) -> Iterator[Finding]:
    """A record that says where the payload is kept, and holds of the response its head, if there was one."""
    about, revisit = record.id, record.revisit
    if revisit is None:
        yield Finding(about, f"a {record.type}, attested is a revisit")
        return
    asked = kind is not RevisitKind.REUSED
    head = revisit.head if asked else None
    reference = [
        ("WARC-Profile", REVISIT_PROFILES[kind]),
        ("WARC-Refers-To", f"<{original.record}>"),
        ("WARC-Refers-To-Target-URI", original.url),
        ("WARC-Refers-To-Date", format_timestamp(original.date)),
        ("WARC-Payload-Digest", f"sha256:{original.payload.digest.sha256}"),
    ]
    version = None if head is None else head.version
    yield from _compare(about, [*_connection(exchange, version), *reference], record.fields, _OF_REVISITS)
    if asked and head is None:
        yield Finding(about, "no head of an HTTP response")
    elif head is not None:
        yield from _differ(about, "status", exchange.status, head.status)
    rest = revisit.rest if asked else record.size
    yield from _differ(about, "bytes beside the head", 0, rest)


def _requests(
    exchanges: Sequence[Exchange], named: dict[int, str], records: Sequence[OtherRecord]
) -> Iterator[Finding]:
    """`named` are the request records by exchange number, as the fetch log has them."""
    found = {record.id: record for record in records}
    for exchange in exchanges:
        name = named.get(exchange.number)
        record = found.pop(name, None) if name is not None else None
        if record is not None and _reused(exchange):
            yield Finding(record.id, "a request of an exchange in which none was sent")
        elif record is not None:
            yield from _request(exchange, record)
        elif name is not None or (exchange.record is not None and not _reused(exchange)):
            yield Finding(f"exchange {exchange.number}", "no request record")
    for left in found:
        yield Finding(left, "a request that belongs to no exchange")


def _request(exchange: Exchange, record: OtherRecord) -> Iterator[Finding]:
    answer = [] if exchange.record is None else [("WARC-Concurrent-To", f"<{exchange.record}>")]
    # The HTTP version of a request is its own; that of the response is checked with the response.
    versions = {value for name, value in record.fields if name == "WARC-Protocol" and value.startswith("http/")}
    version = versions.pop().removeprefix("http/") if len(versions) == 1 else "1.1"
    yield from _compare(record.id, [*answer, *_connection(exchange, version)], record.fields)
    if not (record.block or b"").startswith(f"{exchange.method} ".encode()):
        yield Finding(record.id, f"not a {exchange.method} request")


def _reused(exchange: Exchange) -> bool:
    return exchange.revisit is not None and exchange.revisit.kind is RevisitKind.REUSED


def _connection(exchange: Exchange, version: str | None) -> list[tuple[str, str]]:
    """The fields of a record that say when, from where and how the bytes came; `version` is None if none came."""
    fields = [("WARC-Date", format_timestamp(exchange.started)), ("WARC-Target-URI", exchange.url)]
    if exchange.server is not None:
        fields.append(("WARC-IP-Address", exchange.server.ip))
    if version is not None:
        fields.append(("WARC-Protocol", f"http/{version}"))
    if exchange.tls is not None:
        fields.append(("WARC-Protocol", _tls_protocol(exchange.tls.version)))
        fields.append(("WARC-Cipher-Suite", exchange.tls.cipher))
    return fields


_COMPARED: Final = frozenset(
    {
        "WARC-Date",
        "WARC-Target-URI",
        "WARC-IP-Address",
        "WARC-Protocol",
        "WARC-Cipher-Suite",
        "WARC-Truncated",
        "WARC-Concurrent-To",
    }
)
_OF_REVISITS: Final = _COMPARED | {
    "WARC-Profile",
    "WARC-Refers-To",
    "WARC-Refers-To-Target-URI",
    "WARC-Refers-To-Date",
    "WARC-Payload-Digest",
}


def _compare(
    about: str, expected: Iterable[tuple[str, str]], fields: Fields, names: frozenset[str] = _COMPARED
) -> Iterator[Finding]:
    """What of the fields `names`, which the attestation decides, is missing, different or too many."""
    wanted = Counter(expected)
    found = Counter(field for field in fields if field[0] in names)
    for name, value in wanted - found:
        yield Finding(about, f"does not say {name}: {value}")
    for name, value in found - wanted:
        yield Finding(about, f"says {name}: {value}, which the attestation does not")


def _differ(about: str, what: str, attested: object, found: object) -> Iterator[Finding]:
    if attested != found:
        yield Finding(about, f"{what}: attested {attested}, found {found}")


def _tls_protocol(version: str) -> str:
    """`TLSv1.3` is `tls/1.3`, `TLSv1` is `tls/1.0`, `SSLv3` is `ssl/3`."""
    name, _, number = version.partition("v")
    if name == "TLS" and "." not in number:
        number += ".0"
    return f"{name.lower()}/{number}"


def _chains(exchanges: Sequence[Exchange], records: Sequence[OtherRecord]) -> Iterator[Finding]:
    """Each distinct certificate chain is one resource, dated by the first exchange that met it."""
    expected: dict[tuple[str, ...], str] = {}
    for exchange in exchanges:
        if exchange.tls is not None and exchange.tls.chain:
            expected.setdefault(exchange.tls.chain, format_timestamp(exchange.started))
    for record in records:
        block = record.block or b""
        date = expected.pop(_certificates(block), None)
        if date is None:
            yield Finding(record.id, "a resource that the attestation does not account for")
            continue
        uri = f"urn:sijill:certificates:{hashlib.sha256(block).hexdigest()}"
        yield from _compare(record.id, [("WARC-Date", date), ("WARC-Target-URI", uri)], record.fields)
    for chain in expected:
        yield Finding(f"certificate {chain[0]}", "no resource record holds its chain")


def _rendering(predicate: Predicate, files: dict[str, Subject], records: Sequence[OtherRecord]) -> Iterator[Finding]:
    """Each file that the browser made is a subject and a resource: the same bytes, made when the attestation says."""
    made = {} if predicate.browser is None else {file.name: file.made for file in predicate.browser.files}
    missing = dict(files)
    for record in records:
        uri = record.field("WARC-Target-URI") or ""
        subject = files[uri]
        if missing.pop(uri, None) is None:
            yield Finding(record.id, f"another resource holds {subject.name}, too")
        yield from _compare(
            record.id, [("WARC-Date", format_timestamp(made[subject.name])), ("WARC-Target-URI", uri)], record.fields
        )
        content_type = rendering_content_type(subject.media_type)
        yield from _differ(record.id, "Content-Type", content_type, record.field("Content-Type"))
        yield from _differ(record.id, f"{subject.name}: bytes", subject.annotations.size, record.size)
        yield from _differ(record.id, f"{subject.name}: SHA-256", subject.digest.sha256, record.sha256)
    for subject in missing.values():
        yield Finding(subject.name, "no resource record holds it")
    if not missing and [record.field("WARC-Target-URI") for record in records] != list(files):
        yield Finding("resources", "not in the order of the subjects")


def _certificates(pem: bytes) -> tuple[str, ...]:
    """SHA-256 of each DER certificate; empty if `pem` is not certificates in PEM from its first byte to its last."""
    digests = []
    at = 0
    while at < len(pem):
        found = _CERTIFICATE.match(pem, at)
        if found is None:
            return ()
        try:
            der = base64.b64decode(found[1].replace(b"\n", b""), validate=True)
        except binascii.Error:
            return ()
        digests.append(hashlib.sha256(der).hexdigest())
        at = found.end()
    return tuple(digests)


def _fetch_log(
    statement: CaptureStatement, predicate_json: dict[str, Any], records: Sequence[OtherRecord]
) -> Iterator[Finding]:
    if len(records) != 1:
        yield Finding("fetch log", f"{len(records)} metadata records, expected 1")
        return
    predicate = statement.predicate
    record = records[0]
    fields = [
        ("WARC-Date", format_timestamp(predicate.times.ended)),
        ("WARC-Target-URI", f"urn:sijill:capture:{predicate.capture_id}"),
    ]
    yield from _compare(record.id, fields, record.fields)
    yield from compare_fetch_log(predicate_json, record.block, record.id)
