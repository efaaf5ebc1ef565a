"""Verification of an evidence package, or of its parts: everything is worked out again from the bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from sijill.archive.digest import DigestSet, digest_bytes, digest_stream
from sijill.archive.errors import MalformedPackage, TooLarge
from sijill.archive.warc.wacz import DEPENDENCIES
from sijill.provenance.attest.envelope import MAX_ENVELOPE
from sijill.provenance.attest.members import WARC_NAME, CaptureStatement, Subject
from sijill.provenance.log.proof import MAX_PROOF
from sijill.provenance.package import Signed, derive, package_index
from sijill.provenance.package_layout import (
    ATTESTATION,
    CHECKPOINT,
    DERIVED,
    FIXED,
    FOLDER,
    MAX_TOKEN,
    PROOF,
    VERIFY_PAGE,
    Token,
    bad_subject,
    member_names,
    subject_path,
    token_at,
)
from sijill.provenance.report.browser import shown_pictures
from sijill.provenance.verify.agreement import disagreements, max_records
from sijill.provenance.verify.attestation import Attestation, check_attestation
from sijill.provenance.verify.bracket import check_times
from sijill.provenance.verify.codes import Code
from sijill.provenance.verify.dependencies import Dependencies, check_dependencies
from sijill.provenance.verify.inclusion import Inclusion, check_inclusion
from sijill.provenance.verify.package import PackageFiles
from sijill.provenance.verify.report import Finding, Ledger, Report
from sijill.provenance.verify.survey import Survey, survey_warc
from sijill.provenance.verify.trust import TrustRoot
from sijill.provenance.verify_page import MAX_PAGE, known_digests

_OF_PACKAGES: Final = (Code.PKG_01, Code.PKG_02, Code.PKG_03)

Open = Callable[[str], BinaryIO | None]
"""Given the name of a subject, a reader of its bytes, or None if it is not there."""


def verify_package(source: BinaryIO, trust: TrustRoot) -> Report:
    """Verify the evidence package in `source`.

    Nothing in the package can make this raise; OSError means that `source` could not be read.

    Args:
        source: seekable, from its first byte to its last the package.
        trust: whom the auditor believes.
    """
    ledger = _ledger(trust, ())
    try:
        files = PackageFiles(source)
        _check_package(ledger, files)
        files.check_unread()
    except MalformedPackage as err:
        # Whatever was found so far came from bytes that may be anything.
        ledger = _ledger(trust, ())
        ledger.record(Code.PKG_01, [Finding("package", err.reason)])
    return ledger.report()


def verify_parts(
    warc: BinaryIO,
    attestation: bytes,
    proof: bytes | None,
    trust: TrustRoot,
    *,
    subjects: Mapping[str, BinaryIO] | None = None,
    tokens: Mapping[Token, bytes] | None = None,
    dependencies: BinaryIO | None = None,
) -> Report:
    """Verify a WARC with its attestation and proof, as they lie in a store.

    Nothing in them can make this raise; OSError means that a file could not be read.

    Args:
        warc: read once; need not be seekable.
        attestation: the envelope file.
        proof: the `c2sp.org/tlog-proof@v1`; without one the report does not hold.
        trust: whom the auditor believes.
        subjects: the attestation's other subjects by name.
        tokens: responses of timestamping authorities, by what they are over and what the archive calls them.
        dependencies: what the attestation lists of other captures' WARCs, as a package has it; read once.
    """
    ledger = _ledger(trust, _OF_PACKAGES)
    for code in _OF_PACKAGES:
        ledger.skip(code, "package", "these are the parts of one, not a package")
    found = check_attestation(ledger, attestation, "attestation")
    inclusion = None
    if proof is None:
        ledger.skip(Code.LOG_01, "proof", "there is none")
    else:
        inclusion = check_inclusion(ledger, proof, "proof", found)
    check_times(ledger, attestation=found, inclusion=inclusion, tokens=tokens or {})
    if found is not None:
        readers = {**(subjects or {}), WARC_NAME: warc}
        _check_subjects(ledger, found, readers.get)
        check_dependencies(ledger, found.statement, dependencies, "dependencies")
    return ledger.report()


def _ledger(trust: TrustRoot, not_required: tuple[Code, ...]) -> Ledger:
    """A new ledger. The checkpoint that an attestation quotes is looked at, and never required."""
    return Ledger(trust, not_required=(*not_required, Code.LOG_05))


def _check_package(ledger: Ledger, files: PackageFiles) -> None:
    """All checks of a package.

    Raises:
        MalformedPackage: the zip turned out not to be as it should be.
    """
    ledger.record(Code.PKG_01, ())
    attestation = inclusion = None
    if (data := _read(ledger, files, ATTESTATION, MAX_ENVELOPE, Code.ATT_01)) is not None:
        attestation = check_attestation(ledger, data, ATTESTATION)
    _check_names(ledger, files, attestation)
    if (data := _read(ledger, files, PROOF, MAX_PROOF, Code.LOG_01)) is not None:
        inclusion = check_inclusion(ledger, data, PROOF, attestation)
    tokens = {
        token: _read(ledger, files, name, MAX_TOKEN, Code.TSA_02) or b""
        for name in files.names
        if (token := token_at(name)) is not None
    }
    check_times(ledger, attestation=attestation, inclusion=inclusion, tokens=tokens)
    if attestation is None:
        return
    statement = attestation.statement
    survey = _check_subjects(ledger, attestation, lambda name: _open(files, subject_path(name)))
    taken = check_dependencies(ledger, statement, _open(files, DEPENDENCIES), DEPENDENCIES)
    if statement.predicate.dependencies and taken is None:
        ledger.skip(Code.PKG_03, DEPENDENCIES, f"needs {Code.WARC_05}")
    elif survey is not None and inclusion is not None and ledger.ready(Code.PKG_03):
        sizes = {subject.name: subject.digests.size for subject in statement.subject}
        shown = shown_pictures(statement)
        pictures = {name: files.read(subject_path(name), limit=sizes[name]) for name in shown}
        page, problems = _verify_page(files)
        expected = derive(_signed(attestation, inclusion, survey, tokens, pictures, taken, page))
        problems += [Finding(name, "differs") for name in sorted(DERIVED) if not files.holds(name, expected[name])]
        if inclusion.keys[0].signature_in(inclusion.signed.note) != inclusion.signed.note.signatures[0]:
            problems.append(Finding(CHECKPOINT, "the log's signature is not the first"))
        ledger.record(Code.PKG_03, problems)


def _read(ledger: Ledger, files: PackageFiles, name: str, limit: int, code: Code) -> bytes | None:
    if name not in files:
        ledger.skip(code, name, "is missing")
        return None
    try:
        return files.read(name, limit=limit)
    except TooLarge:
        ledger.record(code, [Finding(name, f"more than {limit} bytes")])
        return None


def _verify_page(files: PackageFiles) -> tuple[bytes | None, list[Finding]]:
    """The page in the package that verifies it, if there is one, and what is wrong with it."""
    if VERIFY_PAGE not in files:
        return None, []
    try:
        page = files.read(VERIFY_PAGE, limit=MAX_PAGE)
    except TooLarge as err:
        return None, [Finding(VERIFY_PAGE, str(err))]
    if digest_bytes(page).sha256.hex in known_digests():
        return page, []
    return page, [Finding(VERIFY_PAGE, "not a page that this verifier knows")]


def _open(files: PackageFiles, name: str) -> BinaryIO | None:
    return files.open(name) if name in files else None


def _check_names(ledger: Ledger, files: PackageFiles, attestation: Attestation | None) -> None:
    """E-PKG-02: which files belong is known once the attestation names its subjects; before, only some things are."""
    found = set(files.names)
    if attestation is None:
        problems = [Finding(name, "is missing") for name in sorted(FIXED - found)]
        known = FIXED | {DEPENDENCIES}
        strange = [name for name in files.names if name not in known and not name.startswith(FOLDER)]
        problems += [Finding(name, "does not belong") for name in strange]
        if problems:
            ledger.record(Code.PKG_02, problems)
        else:
            ledger.skip(Code.PKG_02, "subjects", f"needs {Code.ATT_05}")
        return
    statement = attestation.statement
    tokens = [token for name in files.names if (token := token_at(name))]
    expected = set(member_names(statement, tokens, verify_page=VERIFY_PAGE in found))
    problems = list(_unfit_subjects(statement))
    problems += [Finding(name, "is missing") for name in sorted(expected - found)]
    problems += [Finding(name, "does not belong") for name in sorted(found - expected)]
    ledger.record(Code.PKG_02, problems)


def _unfit_subjects(statement: CaptureStatement) -> Iterator[Finding]:
    for subject in statement.subject:
        if reason := bad_subject(subject.name, subject.media_type):
            yield Finding(subject.name, reason)


@dataclass(slots=True)
class _Differences:
    """How found subjects differ from the attested ones, by check."""

    sha256: list[Finding] = field(default_factory=list)
    blake3: list[Finding] = field(default_factory=list)
    size: list[Finding] = field(default_factory=list)

    def compare(self, subject: Subject, found: DigestSet) -> None:
        name, attested = subject.name, subject.digests
        if found.sha256 != attested.sha256:
            self.sha256.append(Finding(name, f"attested {attested.sha256.hex}, found {found.sha256.hex}"))
        if found.blake3 != attested.blake3:
            self.blake3.append(Finding(name, f"attested {attested.blake3.hex}, found {found.blake3.hex}"))
        if found.size != attested.size:
            self.size.append(Finding(name, f"attested {attested.size} bytes, found {found.size}"))


def _check_subjects(ledger: Ledger, attestation: Attestation, open_subject: Open) -> Survey | None:
    """E-SUB and E-WARC checks; what is in the WARC, or None if it is not the attested one or not well formed."""
    statement = attestation.statement
    readers = {subject.name: open_subject(subject.name) for subject in statement.subject}
    missing = [Finding(name, "is missing") for name, reader in readers.items() if reader is None]
    if not ledger.record(Code.SUB_01, missing):
        return None
    differences = _Differences()
    survey = survey_warc(readers[WARC_NAME] or io.BytesIO(), max_records=max_records(statement))
    for subject in statement.subject:
        reader = readers[subject.name]
        if subject.name == WARC_NAME:
            differences.compare(subject, survey.digests)
        elif reader is not None:
            differences.compare(subject, digest_stream(reader))
    ledger.record(Code.SUB_02, differences.sha256)
    ledger.record(Code.SUB_03, differences.blake3)
    ledger.record(Code.SUB_04, differences.size)
    return _check_warc(ledger, attestation, survey) if ledger.ready(Code.WARC_01) else None


def _check_warc(ledger: Ledger, attestation: Attestation, survey: Survey) -> Survey | None:
    if survey.problem is not None:
        ledger.record(Code.WARC_01, [Finding(WARC_NAME, str(survey.problem))])
        return None
    ledger.record(Code.WARC_01, ())
    blocks = [record.id for record in survey.responses if not record.block_digest_holds]
    blocks += [record.id for record in survey.others if not record.block_digest_holds]
    payloads = [record.id for record in survey.responses if record.payload_digest_holds is False]
    ledger.record(Code.WARC_02, [Finding(record, "block digest differs") for record in blocks])
    ledger.record(Code.WARC_03, [Finding(record, "payload digest differs") for record in payloads])
    ledger.record(Code.WARC_04, disagreements(attestation.statement, attestation.predicate, survey))
    return survey


def _signed(
    attestation: Attestation,
    inclusion: Inclusion,
    survey: Survey,
    tokens: Mapping[Token, bytes],
    pictures: Mapping[str, bytes],
    taken: Dependencies | None,
    page: bytes | None,
) -> Signed:
    return Signed(
        envelope=attestation.data,
        statement=attestation.statement,
        proof=inclusion.data,
        checkpoint=inclusion.signed.data,
        key=attestation.keys[0],
        log=inclusion.keys[0],
        index=package_index(attestation.statement, survey.responses, taken.records if taken else ()),
        tokens=tokens,
        pictures=pictures,
        dependencies=taken.digests if taken else None,
        verify_page=page,
    )
