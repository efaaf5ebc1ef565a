"""Evidence packages: which files they hold, and how everything unsigned in them is derived from what is signed.

The exporter makes packages with `evidence_package`; the verifier calls `derive` with what it verified and compares
bytes. Both give the same bytes for the same capture, whenever and wherever they run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sijill.archive.capture.exchange import Body, Purpose
from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import DigestSet, digest_bytes, digest_stream
from sijill.archive.warc.cdxj import index_lines
from sijill.archive.warc.dependencies import Members
from sijill.archive.warc.examine import ExaminedRecord, examine_warc
from sijill.archive.warc.wacz import (
    DATAPACKAGE,
    DATAPACKAGE_DIGEST,
    DEPENDENCIES,
    INDEX,
    INDEX_SUMMARY,
    PAGES,
    PackageResource,
    PageEntry,
    compress_index,
    derive_datapackage,
    derive_datapackage_digest,
    derive_index_summary,
    derive_pages,
)
from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.attest.keys import PublicKey
from sijill.provenance.attest.members import WARC_NAME, CaptureStatement, Exchange
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.errors import MalformedNote, ProvenanceError
from sijill.provenance.instructions import instructions
from sijill.provenance.log.note import NoteVerifier, parse_note
from sijill.provenance.log.proof import parse_proof
from sijill.provenance.package_layout import (
    ATTESTATION,
    ATTESTATION_KEY,
    B3SUMS,
    CHECKPOINT,
    INSTRUCTIONS,
    LOG_KEY,
    PROOF,
    REPORT,
    SHA256SUMS,
    VERIFY_PAGE,
    About,
    Token,
    bad_subject,
    subject_path,
)
from sijill.provenance.report.browser import shown_pictures
from sijill.provenance.report.page import ReportInput, TokenFacts, report_html

_TITLE: Final = "Evidence package of one capture"
_DESCRIPTION: Final = "`provenance/VERIFY.txt` says how to verify it and what it shows."


class UnfitForPackage(ProvenanceError):
    """What was handed in does not make a package. `name` is the file concerned."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Signed:
    """All that derived files are made from: verified by a verifier, or about to be packed by an exporter."""

    envelope: bytes
    statement: CaptureStatement
    proof: bytes
    checkpoint: bytes
    """The note inside `proof`, byte for byte."""
    key: PublicKey
    """The first key of the trust root among the envelope's signatures."""
    log: NoteVerifier
    """The key of the trust root that the checkpoint is signed with."""
    index: bytes
    """The CDXJ lines of the WARC's responses and revisits, and of what is taken from other captures."""
    tokens: Mapping[Token, bytes] = field(default_factory=dict)
    """The timestamps."""
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """The subjects that the report shows as pictures, see `shown_pictures`."""
    dependencies: DigestSet | None = None
    """Of the file that holds what is taken from other captures; None if nothing is."""
    verify_page: bytes | None = None
    """The page that verifies packages in a browser; None if the package holds none."""


def derive(signed: Signed) -> dict[str, bytes]:
    """The derived files by name: see `DERIVED`; and the page that verifies, as it is given."""
    statement = signed.statement
    quoted = statement.predicate.freshness
    index = compress_index(signed.index)
    files = {
        ATTESTATION_KEY: signed.key.pem.encode("ascii"),
        CHECKPOINT: signed.checkpoint,
        LOG_KEY: f"{signed.log.vkey}\n".encode(),
        INDEX: index,
        INDEX_SUMMARY: derive_index_summary(index),
        PAGES: derive_pages(*_pages(statement)),
        INSTRUCTIONS: instructions(
            statement.predicate.capture_id,
            signed.key.keyid,
            [(subject.name, subject_path(subject.name), subject.media_type) for subject in statement.subject],
            timestamped=bool(signed.tokens),
            cosigned=_cosigned(signed.checkpoint) or (quoted is not None and _cosigned(quoted.encode("utf-8"))),
            quoted=quoted is not None,
            dependent=signed.dependencies is not None,
            page=signed.verify_page is not None,
        ),
        REPORT: report_html(
            ReportInput(
                statement=statement,
                envelope=signed.envelope,
                proof=parse_proof(signed.proof),
                keyid=signed.key.keyid,
                log_vkey=signed.log.vkey,
                tokens=tuple(TokenFacts.of(token, data) for token, data in sorted(signed.tokens.items())),
                pictures=signed.pictures,
            )
        ),
    }
    if signed.verify_page is not None:
        files[VERIFY_PAGE] = signed.verify_page
    digests = {subject_path(subject.name): subject.digests for subject in statement.subject}
    digests |= {name: digest_bytes(data) for name, data in files.items()}
    digests |= {ATTESTATION: digest_bytes(signed.envelope), PROOF: digest_bytes(signed.proof)}
    digests |= {token.path: digest_bytes(data) for token, data in signed.tokens.items()}
    if signed.dependencies is not None:
        digests[DEPENDENCIES] = signed.dependencies
    listed = sorted(digests.items())
    files[SHA256SUMS] = "".join(f"{found.sha256.hex}  {name}\n" for name, found in listed).encode("ascii")
    files[B3SUMS] = "".join(f"{found.blake3.hex}  {name}\n" for name, found in listed).encode("ascii")
    digests |= {name: digest_bytes(files[name]) for name in (SHA256SUMS, B3SUMS)}
    files[DATAPACKAGE] = _datapackage(statement, digests)
    files[DATAPACKAGE_DIGEST] = derive_datapackage_digest(files[DATAPACKAGE])
    return files


def evidence_package(
    *,
    envelope: bytes,
    warc: Body,
    proof: bytes,
    key: PublicKey,
    log: NoteVerifier,
    subjects: Mapping[str, Body] | None = None,
    tokens: Mapping[Token, bytes] | None = None,
    dependencies: Body | None = None,
    verify_page: bytes | None = None,
) -> list[tuple[str, Body]]:
    """Names and bodies of a package's files in their order, ready for `write_zip`.

    Reads `warc`, the other subjects and `dependencies` once, and again what the report shows. No signature is verified
    here: verify the package that comes out.

    Args:
        envelope: the attestation's envelope file as stored.
        warc: the WARC file.
        proof: the `c2sp.org/tlog-proof@v1` of the attestation.
        key: the attestation key that signed.
        log: the key of the log whose checkpoint is in the proof.
        subjects: the attestation's other subjects by name.
        tokens: timestamps over the envelope, the proof's checkpoint and the quoted one.
        dependencies: the gzip members that the attestation lists of other captures' WARCs, one after the other.
        verify_page: the page that verifies packages in a browser, if the package is to hold it.

    Raises:
        UnfitForPackage: a subject, a record of another capture or a timestamp of the quoted checkpoint is missing, not
            attested, not the attested bytes, or has a name that is taken; or the envelope names another key.
        MalformedEnvelope, MalformedStatement, MalformedProof, MalformedWarc: an input is not what it should be.
    """
    parsed = parse_envelope(envelope)
    if key.keyid not in {signature.keyid for signature in parsed.signatures}:
        raise UnfitForPackage(ATTESTATION, f"bears no signature of key {key.keyid}")
    statement = parse_statement(parsed.payload)
    warc_digests, records = _examine(warc)
    taken_digests, taken = _take(statement, dependencies)
    bodies = {WARC_NAME: warc, **(subjects or {})}
    found = {name: _digests(body) for name, body in bodies.items() if name != WARC_NAME}
    _check_subjects(statement, {WARC_NAME: warc_digests, **found})
    stamps = dict(tokens or {})
    _check_quoted(statement, stamps)
    files = derive(
        Signed(
            envelope=envelope,
            statement=statement,
            proof=proof,
            checkpoint=parse_proof(proof).checkpoint.data,
            key=key,
            log=log,
            index=package_index(statement, records, taken),
            tokens=stamps,
            pictures={name: _read(bodies[name]) for name in shown_pictures(statement)},
            dependencies=taken_digests,
            verify_page=verify_page,
        )
    )
    members: dict[str, Body] = {name: MemoryBody(data) for name, data in files.items()}
    members |= {ATTESTATION: MemoryBody(envelope), PROOF: MemoryBody(proof)}
    members |= {token.path: MemoryBody(data) for token, data in stamps.items()}
    members |= {subject_path(name): body for name, body in bodies.items()}
    if dependencies is not None:
        members[DEPENDENCIES] = dependencies
    return sorted(members.items())


def package_index(
    statement: CaptureStatement, records: Iterable[ExaminedRecord], taken: Iterable[ExaminedRecord]
) -> bytes:
    """The CDXJ lines of a package: what is looked up by URL alone, so of the answers to GET.

    An answer to POST, OPTIONS or HEAD of the same URL would be replayed in the place of the page.
    """
    left_out = {exchange.record for exchange in statement.predicate.exchanges if exchange.method != "GET"}
    return index_lines((record for record in records if record.id not in left_out), taken)


def _cosigned(checkpoint: bytes) -> bool:
    try:
        return len(parse_note(checkpoint).signatures) > 1
    except MalformedNote:
        return False


def _examine(warc: Body) -> tuple[DigestSet, tuple[ExaminedRecord, ...]]:
    with warc.open() as source:
        examined = examine_warc(source)
    return examined.digests, examined.records


def _take(statement: CaptureStatement, body: Body | None) -> tuple[DigestSet | None, list[ExaminedRecord]]:
    """Digests and records of the file that holds what is taken from other captures."""
    attested = [record for dependency in statement.predicate.dependencies for record in dependency.records]
    if (body is None) == bool(attested):
        raise UnfitForPackage(DEPENDENCIES, "attested but not handed in" if body is None else "not attested")
    if body is None:
        return None, []
    records = []
    with body.open() as source:
        members = Members(source)
        for wanted, found in zip(attested, members.examine(one.length for one in attested), strict=True):
            if found.record is None or found.digests != wanted.digests:
                raise UnfitForPackage(DEPENDENCIES, f"{wanted.record}: size or digests are not the attested ones")
            records.append(found.record)
        if members.finish():
            raise UnfitForPackage(DEPENDENCIES, "more than what is attested")
    return members.digests(), records


def _read(body: Body) -> bytes:
    with body.open() as source:
        return source.read()


def _digests(body: Body) -> DigestSet:
    with body.open() as source:
        return digest_stream(source)


def _check_subjects(statement: CaptureStatement, found: Mapping[str, DigestSet]) -> None:
    attested = {subject.name: subject for subject in statement.subject}
    for name in attested.keys() ^ found.keys():
        raise UnfitForPackage(name, "attested but not handed in" if name in attested else "not attested")
    for name, subject in attested.items():
        if reason := bad_subject(name, subject.media_type):
            raise UnfitForPackage(name, reason)
        if subject.digests != found[name]:
            raise UnfitForPackage(name, "size or digests are not the attested ones")


def _check_quoted(statement: CaptureStatement, tokens: Mapping[Token, bytes]) -> None:
    quoted = {token.name: token.sha256 for token in statement.predicate.freshness_timestamps}
    found = {token.name: data for token, data in tokens.items() if token.about is About.FRESHNESS}
    for name in quoted.keys() ^ found.keys():
        path = Token(About.FRESHNESS, name).path
        raise UnfitForPackage(path, "attested but not handed in" if name in quoted else "not attested")
    for name, data in found.items():
        if digest_bytes(data).sha256.hex != quoted[name]:
            raise UnfitForPackage(Token(About.FRESHNESS, name).path, "not the attested bytes")


def _pages(statement: CaptureStatement) -> Sequence[PageEntry]:
    page = _page(statement)
    if page is None:
        return ()
    predicate = statement.predicate
    return (PageEntry(predicate.capture_id, page.url, format_timestamp(page.started), predicate.title),)


def _page(statement: CaptureStatement) -> Exchange | None:
    """The exchange that brought the page itself; None if the capture failed."""
    predicate = statement.predicate
    if predicate.final_url is None:
        return None
    hops = [exchange for exchange in predicate.exchanges if exchange.purpose is Purpose.PAGE]
    return hops[-1] if hops and hops[-1].record is not None else None


def _datapackage(statement: CaptureStatement, digests: Mapping[str, DigestSet]) -> bytes:
    predicate = statement.predicate
    page = _page(statement)
    maker = next((item for item in predicate.software if item.name == "sijill"), predicate.software[0])
    return derive_datapackage(
        [PackageResource(name, found.size, found.sha256) for name, found in sorted(digests.items())],
        # A signed time, so that a package made later from the same capture is the same bytes.
        created=format_timestamp(predicate.times.ended),
        software=f"{maker.name} {maker.version}",
        title=_TITLE,
        description=_DESCRIPTION,
        main_page_url=page.url if page else None,
        main_page_date=format_timestamp(page.started) if page else None,
    )
