"""One entry of the log: its attestation, and the objects that it names.

Task and outcome are plain data, so that other processes can do it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from sijill.archive.digest import DigestSet, digest_stream
from sijill.archive.warc.scan import Sharing
from sijill.provenance.attest.envelope import envelope_sha256
from sijill.provenance.attest.members import WARC_NAME, CaptureStatement
from sijill.provenance.errors import (
    MalformedCheckpoint,
    MalformedTimestampResponse,
    UnreadableObject,
    UnverifiedNote,
    UnverifiedTimestamp,
)
from sijill.provenance.log.checkpoint import parse_checkpoint
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import attestation_key, leaf_index_key
from sijill.provenance.log.queue import format_leaf_index
from sijill.provenance.verify.agreement import disagreements, max_records
from sijill.provenance.verify.archive.checkpoints import log_signers
from sijill.provenance.verify.archive.codes import ArchiveCode
from sijill.provenance.verify.archive.journal import LoggedEntry
from sijill.provenance.verify.archive.source import ArchiveSource, object_key
from sijill.provenance.verify.archive.statements import Fault, Statement, form_of, microseconds, read_statement
from sijill.provenance.verify.archive.taken import taken_otherwise
from sijill.provenance.verify.survey import Survey, survey_warc
from sijill.provenance.verify.trust import TrustRoot


@dataclass(frozen=True, slots=True)
class Task:
    """An entry to be examined."""

    entry: LoggedEntry
    read: bool
    """Whether the objects are to be read, and not only looked for."""
    tokens: tuple[str, ...] = ()
    """Keys of timestamps over the attestation."""
    removed: frozenset[str] = frozenset()
    """Keys that logged tombstones say were removed of it."""


@dataclass(frozen=True, slots=True)
class Named:
    """An object that an attestation names."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Quoted:
    """The checkpoint that an attestation quotes, signed by a log key of the trust root."""

    origin: str
    size: int
    root: bytes
    known: tuple[tuple[str, int], ...]
    """Which witnesses had cosigned it, and when: microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What a tombstone says."""

    capture_id: str
    envelope_sha256: str
    removed: tuple[tuple[str, str], ...]
    """Key and SHA-256 of each object."""


@dataclass(slots=True)
class Examined:
    """What was found about one entry."""

    entry: LoggedEntry
    faults: list[tuple[ArchiveCode, str, str]] = field(default_factory=list)
    """Check, what it is about, what was found."""
    keyids: tuple[str, ...] = ()
    times: tuple[int, int] | None = None
    """What the statement says of its own time: microseconds since 1970. None if it cannot be relied on."""
    named: tuple[Named, ...] = ()
    quoted: Quoted | None = None
    freshness: tuple[str, ...] = ()
    """SHA-256 of the timestamps over the quoted checkpoint that it names."""
    stamps: list[tuple[str, int, int]] = field(default_factory=list)
    """Timestamps over the attestation: party, earliest, latest."""
    dependencies: tuple[tuple[str, str | None], ...] = ()
    """Captures that it needs or is about: id and, if it says so, the SHA-256 of the envelope."""
    tombstone: Tombstone | None = None
    gone: int = 0
    """Objects that are not there, as tombstones say."""
    objects: int = 0
    bytes: int = 0

    def fault(self, code: ArchiveCode, about: str, found: str) -> None:
        """Note a fault."""
        self.faults.append((code, about, found))


def examine(task: Task, source: ArchiveSource, trust: TrustRoot, *, processes: int = 1) -> Examined:
    """Check one entry's attestation and leaf-index and, if asked, read what it names.

    Whatever the store itself cannot do is raised as the source raises it.

    Args:
        task: the entry, and what is known of it.
        source: the archive.
        trust: whom the auditor believes.
        processes: how many may share the reading of a large WARC.
    """
    entry = task.entry
    found = Examined(entry)
    key = attestation_key(entry.id, entry.kind)
    _check_place(found, source)
    try:
        data = _read_attestation(task, found, key, source)
        if data is None:
            return found
        statement = read_statement(data, entry.kind, entry.id, trust)
    except Fault as fault:
        found.fault(fault.code, key, fault.found)
        return found
    found.bytes += len(data)
    found.keyids = tuple(public.keyid for public in statement.keys)
    found.times = (statement.started, statement.ended)
    _stamp(task, found, data, source, trust)
    _note_relations(found, statement, trust)
    if form_of(entry.kind).stored:
        found.named = tuple(
            Named(one["name"], one["digest"]["sha256"], one["annotations"]["size"]) for one in statement.subjects
        )
        # Objects of other kinds are small reports: they are always read.
        if task.read or entry.kind is not Kind.CAPTURE:
            _check_objects(task, found, statement, source, Sharing(processes))
        if task.read and entry.kind is Kind.CAPTURE:
            _check_taken(task, found, statement.parsed, source)
    return found


def _read_attestation(task: Task, found: Examined, key: str, source: ArchiveSource) -> bytes | None:
    """The envelope file, which is the one that the log names; None if a tombstone says that it was removed."""
    try:
        data = source.read(key)
    except UnreadableObject as err:
        raise Fault(ArchiveCode.ENVELOPES, err.reason) from err
    if data is None:
        if key not in task.removed:
            raise Fault(ArchiveCode.ATTESTED, "is missing")
        found.gone += 1
        return None
    if (sha256 := envelope_sha256(data)) != task.entry.sha256:
        raise Fault(ArchiveCode.ENVELOPES, f"SHA-256 {sha256}, the log has {task.entry.sha256}")
    return data


def _check_place(found: Examined, source: ArchiveSource) -> None:
    entry = found.entry
    key = leaf_index_key(entry.id, entry.kind)
    try:
        data = source.read(key)
    except UnreadableObject as err:
        found.fault(ArchiveCode.PLACES, key, err.reason)
        return
    if data is None:
        found.fault(ArchiveCode.PLACES, key, "is missing")
    elif data != format_leaf_index(entry.place):
        found.fault(ArchiveCode.PLACES, key, f"does not say {entry.place}")


def _stamp(task: Task, found: Examined, data: bytes, source: ArchiveSource, trust: TrustRoot) -> None:
    """Take in the timestamps over the attestation."""
    if not task.tokens:
        return
    from sijill.provenance.verify.vouchers import stamped

    for key in task.tokens:
        try:
            token = source.read(key)
            if token is not None:
                vouched = stamped(trust, token, data)
                found.stamps.append((vouched.party, microseconds(vouched.earliest), microseconds(vouched.latest)))
        except (MalformedTimestampResponse, UnreadableObject) as err:
            found.fault(ArchiveCode.VOUCHERS, key, err.reason)
        except UnverifiedTimestamp:
            # By an authority that the auditor does not know: it says nothing to them.
            continue


def _note_relations(found: Examined, statement: Statement, trust: TrustRoot) -> None:
    predicate = statement.predicate
    match found.entry.kind:
        case Kind.CAPTURE:
            found.freshness = tuple(token["sha256"] for token in predicate["freshnessTimestamps"])
            found.dependencies = tuple(_dependencies(predicate["dependencies"]))
            found.quoted = _quoted(found, predicate["freshness"], trust)
        case Kind.CUSTODY:
            found.dependencies = ((predicate["captureId"], predicate["envelopeSha256"]),)
        case Kind.TOMBSTONE:
            removed = tuple((item["key"], item["digest"]["sha256"]) for item in predicate["removed"])
            found.tombstone = Tombstone(predicate["captureId"], predicate["envelopeSha256"], removed)
        case _:
            return


def _dependencies(listed: Iterable[dict[str, Any]]) -> Iterator[tuple[str, str | None]]:
    for item in listed:
        yield item["captureId"], item.get("envelopeSha256")


def _quoted(found: Examined, text: str | None, trust: TrustRoot) -> Quoted | None:
    if text is None:
        return None
    key = attestation_key(found.entry.id, found.entry.kind)
    try:
        signed = parse_checkpoint(text.encode("utf-8"))
        log_signers(trust, signed)
    except (MalformedCheckpoint, UnverifiedNote) as err:
        found.fault(ArchiveCode.QUOTED, key, str(err))
        return None
    known: tuple[tuple[str, int], ...] = ()
    if trust.witnesses:
        from sijill.provenance.verify.vouchers import witnessed

        known = tuple((one.party, microseconds(one.earliest)) for one in witnessed(trust, signed)[0])
    head = signed.checkpoint
    return Quoted(head.origin, head.size, head.root, known)


def _check_objects(task: Task, found: Examined, statement: Statement, source: ArchiveSource, sharing: Sharing) -> None:
    for attested in statement.subjects:
        name, sha256 = attested["name"], attested["digest"]["sha256"]
        key = object_key(sha256)
        with ExitStack() as stack:
            try:
                reader = stack.enter_context(source.open(key))
            except UnreadableObject as err:
                found.fault(ArchiveCode.PRESENT, key, f"{name} of {task.entry.id}: {err.reason}")
                continue
            if reader is not None:
                _check_object(found, key, attested, statement, reader, sharing)
            elif key in task.removed:
                found.gone += 1
            else:
                found.fault(ArchiveCode.PRESENT, key, f"{name} of {task.entry.id} is missing")


def _check_taken(task: Task, found: Examined, capture: CaptureStatement, source: ArchiveSource) -> None:
    """What the capture takes from others, unless its own WARC was removed, so that nothing is left to stand on it."""
    if object_key(capture.warc.digest.sha256) in task.removed:
        return
    key = attestation_key(found.entry.id, found.entry.kind)
    for dependency in capture.predicate.dependencies:
        for one in taken_otherwise(dependency, source):
            found.fault(ArchiveCode.TAKEN, key, f"{one.about}: {one.found}")
        found.bytes += sum(record.length for record in dependency.records)


def _check_object(
    found: Examined,
    key: str,
    attested: dict[str, Any],
    statement: Statement,
    reader: BinaryIO,
    sharing: Sharing,
) -> None:
    warc = found.entry.kind is Kind.CAPTURE and attested["name"] == WARC_NAME
    survey = survey_warc(reader, max_records=max_records(statement.parsed), sharing=sharing) if warc else None
    digests = digest_stream(reader) if survey is None else survey.digests
    found.objects += 1
    found.bytes += digests.size
    if _compare(found, key, attested, digests) and survey is not None:
        _check_warc(found, key, statement, survey)


def _compare(found: Examined, key: str, attested: dict[str, Any], digests: DigestSet) -> bool:
    """Compare an object with what is attested of it; whether they are the same."""
    pairs = (
        (ArchiveCode.SHA256, attested["digest"]["sha256"], digests.sha256.hex),
        (ArchiveCode.BLAKE3, attested["digest"]["blake3"], digests.blake3.hex),
        (ArchiveCode.SIZES, attested["annotations"]["size"], digests.size),
    )
    differing = [pair for pair in pairs if pair[1] != pair[2]]
    for code, expected, actual in differing:
        reason = f"{attested['name']} of {found.entry.id}: attested {expected}, found {actual}"
        found.fault(code, key, reason)
    return not differing


def _check_warc(found: Examined, key: str, statement: Statement, survey: Survey) -> None:
    if survey.problem is not None:
        found.fault(ArchiveCode.WARCS, key, f"{found.entry.id}: {survey.problem}")
        return
    differing = [f"block digest of {one.id}" for one in survey.responses if not one.block_digest_holds]
    differing += [f"block digest of {one.id}" for one in survey.others if not one.block_digest_holds]
    differing += [f"payload digest of {one.id}" for one in survey.responses if one.payload_digest_holds is False]
    for what in differing:
        found.fault(ArchiveCode.WARCS, key, f"{found.entry.id}: {what} differs")
    for one in disagreements(statement.parsed, statement.predicate, survey):
        found.fault(ArchiveCode.AGREEMENT, key, f"{found.entry.id}: {one.about}: {one.found}")
