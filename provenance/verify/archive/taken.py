"""What one capture of an archive takes from another, held against that one: its attestation, and its WARC."""

from __future__ import annotations

import io
from collections.abc import Iterator

from sijill.archive.capture.exchange import Purpose
from sijill.archive.warc.dependencies import Members, Pieces, cut
from sijill.provenance.attest.envelope import envelope_sha256, parse_envelope
from sijill.provenance.attest.members import CaptureStatement, Dependency, DependencyRecord
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.errors import MalformedEnvelope, MalformedStatement, UnreadableObject
from sijill.provenance.log.layout import attestation_key
from sijill.provenance.verify.archive.source import ArchiveSource, object_key
from sijill.provenance.verify.dependencies import differences
from sijill.provenance.verify.report import Finding


def taken_otherwise(dependency: Dependency, source: ArchiveSource) -> Iterator[Finding]:
    """In what a capture is not as another one says that takes records from it; of the WARC only these are read.

    Whether the attestation is in the log, and by whom it is signed, is for other checks.

    Args:
        dependency: what the other one says.
        source: the archive.
    """
    yield from _attested_otherwise(dependency, source)
    key = object_key(dependency.warc.digest.sha256)
    try:
        with source.open(key) as reader:
            if reader is None:
                yield Finding(dependency.capture_id, f"its WARC, {key}, is missing")
                return
            places = [(record.offset, record.length) for record in dependency.records]
            members = Members(io.BufferedReader(Pieces(cut(reader, places))))
            found = members.examine(length for _, length in places)
            for record, member in zip(dependency.records, found, strict=True):
                for one in differences(record, member):
                    yield Finding(f"{dependency.capture_id}: {one.about}", one.found)
    except UnreadableObject as err:
        yield Finding(dependency.capture_id, f"its WARC, {key}: {err.reason}")


def _attested_otherwise(dependency: Dependency, source: ArchiveSource) -> Iterator[Finding]:
    about = dependency.capture_id
    try:
        data = source.read(attestation_key(about))
        if data is None:
            yield Finding(about, "its attestation is missing")
            return
        if (sha256 := envelope_sha256(data)) != dependency.envelope_sha256:
            yield Finding(about, f"its attestation has SHA-256 {sha256}, named is {dependency.envelope_sha256}")
            return
        statement = parse_statement(parse_envelope(data).payload)
    except (UnreadableObject, MalformedEnvelope, MalformedStatement) as err:
        yield Finding(about, f"its attestation: {err.reason}")
        return
    warc = statement.warc
    if warc.digests != dependency.warc.digests:
        yield Finding(about, f"it attests the WARC {warc.digest.sha256}, named is {dependency.warc.digest.sha256}")
    for record in dependency.records:
        if not _attests(statement, record):
            yield Finding(f"{about}: {record.record}", "it attests no whole response of its own like that")


def _attests(statement: CaptureStatement, record: DependencyRecord) -> bool:
    """Whether a capture says the same of a record, and that it received all of it itself, and not for its page."""
    one = next((one for one in statement.predicate.exchanges if one.record == record.record), None)
    if one is None or one.revisit is not None or one.purpose is Purpose.PAGE:
        return False
    whole = one.status == 200 and one.truncated is None and one.failure is None and not one.surplus
    said = (one.url, one.started, one.media_type, one.payload)
    return whole and said == (record.url, record.date, record.media_type, record.payload)
