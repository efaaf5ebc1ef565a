"""The section of a report about bytes that other captures received, and what that is worth."""

from __future__ import annotations

from itertools import islice
from typing import Final

from sijill.archive.capture.exchange import RevisitKind
from sijill.archive.warc.wacz import DEPENDENCIES
from sijill.provenance.attest.members import CaptureStatement, Dependency, DependencyRecord
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.report.markup import (
    MAX_ROWS,
    code,
    count,
    items,
    more,
    number,
    paragraph,
    plain,
    section,
    small,
    table,
    text,
    url,
)

_SHORT: Final = 300
REVISITS: Final = {
    RevisitKind.REUSED: "no request was sent: in the same run the collector had received it, or been told that it has "
    "not changed, for another page",
    RevisitKind.IDENTICAL: "asked for again, and the payload was the one that another capture holds",
    RevisitKind.NOT_MODIFIED: "asked for again, and the server answered that it has not changed",
}
"""What each kind of revisit says of the server, in words."""
NOT_PROVEN: Final = (
    "That the server would have sent, at the time of this capture, what was taken from other captures without asking "
    "it. Where the server was asked and answered that nothing has changed, that is its word."
)
"""What is not proven of a capture that takes anything from others."""


def taken(statement: CaptureStatement) -> str:
    """What was taken from other captures, and when those received it; empty if nothing was."""
    dependencies = statement.predicate.dependencies
    if not dependencies:
        return ""
    listed = [(one, record) for one in dependencies for record in one.records]
    rows = (_record(one, record) for one, record in islice(listed, MAX_ROWS))
    kinds = [exchange.revisit.kind for exchange in statement.predicate.exchanges if exchange.revisit is not None]
    return section(
        "dependencies",
        "Bytes that other captures received",
        paragraph(
            f"{count(len(kinds), 'part')} of the page {'was' if len(kinds) == 1 else 'were'} not stored again, because "
            f"the archive held the same bytes already. They are in {code(DEPENDENCIES)}: records cut out of the WARCs "
            "of the captures named here, each bound by the attestation of this capture with its length and two digests."
        ),
        items(f"{number(kinds.count(kind))}: {plain(REVISITS[kind])}" for kind in RevisitKind if kind in kinds),
        paragraph(
            "The attestations of those captures are not in this package. Each is named by its SHA-256, under which it "
            "is in the log; the archive can hand it over, with its own proof and times. Until then the time at which "
            "these bytes were received rests on the statement of this capture."
        ),
        table(("Address and facts", "Received", "By capture"), rows, kind="exchanges"),
        more(len(listed) - MAX_ROWS),
    )


def _record(dependency: Dependency, record: DependencyRecord) -> tuple[str, str, str]:
    member, payload = record.digests, record.payload.digests
    media_type = "no type stated" if record.media_type is None else text(record.media_type, limit=80)
    facts = (
        f"{media_type}, {number(payload.size)} bytes of payload, SHA-256 {code(payload.sha256.hex)}",
        f"record {code(record.record)}, {number(member.size)} bytes in the WARC at {number(record.offset)}",
        f"SHA-256 {code(member.sha256.hex)}",
        f"BLAKE3 {code(member.blake3.hex)}",
    )
    return (
        f"{url(record.url, limit=_SHORT)}{''.join(small(fact) for fact in facts)}",
        code(format_timestamp(record.date)),
        f"{code(dependency.capture_id)}{small(f'attestation, SHA-256 {code(dependency.envelope_sha256)}')}",
    )
