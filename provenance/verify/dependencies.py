"""The check of what a capture takes from other captures: each record where it should be, byte for byte as attested."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sijill.archive.digest import DigestSet
from sijill.archive.warc.dependencies import ExaminedMember, Members
from sijill.archive.warc.examine import ExaminedRecord
from sijill.archive.warc.record import RecordType
from sijill.provenance.attest.members import CaptureStatement, DependencyRecord
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.verify.codes import Code
from sijill.provenance.verify.report import Finding, Ledger


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The file with the records of other captures, which is as attested."""

    digests: DigestSet
    """Of the file."""
    records: tuple[ExaminedRecord, ...]


def check_dependencies(
    ledger: Ledger, statement: CaptureStatement, source: BinaryIO | None, name: str
) -> Dependencies | None:
    """Run E-WARC-05; None if it did not pass, or the capture takes nothing from others.

    Args:
        ledger: takes the outcome.
        statement: says what is taken from others.
        source: the file that holds it, read once; None if there is none.
        name: what findings call the file.
    """
    attested = [record for dependency in statement.predicate.dependencies for record in dependency.records]
    if not attested:
        ledger.skip(Code.WARC_05, "dependencies", "the capture takes nothing from other captures", required=False)
        return None
    if source is None:
        ledger.record(Code.WARC_05, [Finding(name, "is missing")])
        return None
    members = Members(source)
    examined = tuple(members.examine(record.length for record in attested))
    problems = [one for record, found in zip(attested, examined, strict=True) for one in differences(record, found)]
    if surplus := members.finish():
        problems.append(Finding(name, f"{surplus} bytes after what is attested"))
    if not ledger.record(Code.WARC_05, problems):
        return None
    return Dependencies(members.digests(), tuple(found.record for found in examined if found.record is not None))


def differences(attested: DependencyRecord, found: ExaminedMember) -> Iterator[Finding]:
    """In what the bytes where a record should be are not that record, or it cannot stand for a whole response.

    Args:
        attested: what is said of the record.
        found: what is there.
    """
    about = attested.record
    member = attested.digests
    yield from _differ(about, "bytes", member.size, found.digests.size)
    yield from _differ(about, "SHA-256", member.sha256.hex, found.digests.sha256.hex)
    yield from _differ(about, "BLAKE3", member.blake3.hex, found.digests.blake3.hex)
    if found.record is None:
        yield Finding(about, "not a record" if found.problem is None else found.problem.reason)
    else:
        yield from _record(attested, found.record)


def _record(attested: DependencyRecord, record: ExaminedRecord) -> Iterator[Finding]:
    about, response = attested.record, record.response
    yield from _differ(about, "record", attested.record, record.id)
    yield from _differ(about, "URL", attested.url, record.field("WARC-Target-URI"))
    yield from _differ(about, "date", format_timestamp(attested.date), record.field("WARC-Date"))
    if response is None or response.head is None:
        yield Finding(about, f"a {record.type}, not a {RecordType.RESPONSE} with an HTTP head")
        return
    stated = next((value for name, value in response.head.headers if name.lower() == "content-type"), "")
    payload = attested.payload
    yield from _differ(about, "media type", attested.media_type, stated.partition(";")[0].strip().lower() or None)
    yield from _differ(about, "bytes of payload", payload.size, response.payload.size)
    yield from _differ(about, "payload's SHA-256", payload.digest.sha256, response.payload.sha256.hex)
    yield from _differ(about, "payload's BLAKE3", payload.digest.blake3, response.payload.blake3.hex)
    yield from _differ(about, "status", 200, response.head.status)
    if not record.block_digest_holds or not record.payload_digest_holds:
        yield Finding(about, "a digest in it is missing, or not that of its bytes")
    whole = response.problem is None and not response.surplus and record.field("WARC-Truncated") is None
    if not whole or response.head.members("transfer-encoding"):
        yield Finding(about, "not a whole response in plain framing")


def _differ(about: str, what: str, attested: object, found: object) -> Iterator[Finding]:
    if attested != found:
        yield Finding(about, f"{what}: attested {attested}, found {found}")
