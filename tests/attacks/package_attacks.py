"""Attacks on a package; whoever makes them makes all derived files anew, so that only what is signed is in the way."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from captures import records_of, warc_of
from evidence import subject, zipped
from matrix import on_package
from operator_attacks import back_dated_copy, expiring, opened, rewritten, unwitnessed, wait_until
from parties import GAMMA
from tsa import Authority, authority
from victim import Verdict, Victim, keys_alone, verified
from warc_editing import with_later_date

from sijill.archive.digest import digest_bytes
from sijill.archive.warc.dependencies import Members
from sijill.archive.warc.examine import ExaminedRecord, examine_warc
from sijill.archive.warc.wacz import ARCHIVE, DEPENDENCIES
from sijill.flows.export import export_package
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.envelope import PAYLOAD_TYPE, parse_envelope, sign_envelope
from sijill.provenance.attest.members import CaptureStatement
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.log.proof import parse_proof
from sijill.provenance.package import Signed, derive, package_index
from sijill.provenance.package_layout import ATTESTATION, PROOF, VERIFY_PAGE, About, Token, token_at
from sijill.provenance.verify.trust import Revocation, TrustRoot

TIMESTAMP = "a timestamp"
WITNESS = "a witness"
SECOND = Token(About.CHECKPOINT, "two")
Files = dict[str, bytes]


def unpacked(package: Path) -> Files:
    """The files of a package."""
    with zipfile.ZipFile(package) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def given(victim: Victim, folder: Path, changes: Mapping[str, bytes], trust: TrustRoot | None = None) -> Verdict:
    """The package of a capture with these files changed, and whatever is derived from them made anew."""
    files = {**unpacked(package_of(victim)), **changes}
    return judged(folder, files | derived(victim, files), trust or victim.trust)


def judged(folder: Path, files: Files, trust: TrustRoot) -> Verdict:
    """What is said of a package of these files."""
    package = folder / "package.wacz"
    package.write_bytes(zipped(files))
    return verified(package, trust)


def package_of(victim: Victim) -> Path:
    """The package whose attestation was timestamped, too."""
    return victim.packages[victim.captures[2]]


def derived(victim: Victim, files: Files) -> Files:
    """The derived files of these, as a forger makes them who does not care whether anything is true."""
    statement = statement_in(files)
    parts = Signed(
        envelope=files[ATTESTATION],
        statement=statement,
        proof=files[PROOF],
        checkpoint=parse_proof(files[PROOF]).checkpoint.data,
        key=victim.archive.attestation_keys[0],
        log=victim.archive.log_keys[0],
        index=package_index(statement, examine_warc(io.BytesIO(files[ARCHIVE])).records, taken_records(files)),
        tokens={token: data for name, data in files.items() if (token := token_at(name)) is not None},
        dependencies=digest_bytes(files[DEPENDENCIES]) if DEPENDENCIES in files else None,
        verify_page=files.get(VERIFY_PAGE),
    )
    return derive(parts)


def statement_in(files: Files) -> CaptureStatement:
    """What the attestation says."""
    return parse_statement(parse_envelope(files[ATTESTATION]).payload)


def lengths(files: Files) -> list[int]:
    """Of the records that are attested to be taken from others."""
    return [record.length for one in statement_in(files).predicate.dependencies for record in one.records]


def taken_records(files: Files) -> list[ExaminedRecord]:
    """The records that are taken from others, as far as they are any."""
    members = Members(io.BytesIO(files.get(DEPENDENCIES, b"")))
    return [found.record for found in members.examine(lengths(files)) if found.record is not None]


def flipped(data: bytes, place: int) -> bytes:
    """The bytes with one bit changed."""
    place %= len(data)
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def changed(name: str, code: str, change: Callable[[Victim, Files], Files]) -> None:
    """Add an attack that changes files of the package and nothing else."""

    @on_package(name, code)
    def make(victim: Victim, folder: Path) -> Verdict:
        files = unpacked(package_of(victim))
        return judged(folder, files | change(victim, files), victim.trust)


@on_package("none: the package as it is", None)
def untouched(victim: Victim, _: Path) -> Verdict:
    return verified(package_of(victim), victim.trust)


changed("a byte flipped in the WARC", "E-SUB-02", lambda _, files: {ARCHIVE: flipped(files[ARCHIVE], 300)})
changed(
    "headers of the WARC altered and all of it compressed anew, so that `warcio check` passes",
    "E-SUB-02",
    lambda _, files: {ARCHIVE: with_later_date(files[ARCHIVE])},
)
changed(
    "a byte flipped in the attestation's payload",
    "E-ATT-04",
    lambda _, files: {ATTESTATION: files[ATTESTATION].replace(b'"payload":"e', b'"payload":"f', 1)},
)
changed("a byte flipped in a checkpoint", "E-LOG-03", lambda _, files: {PROOF: other_root(files[PROOF])})
changed("a file added", "E-PKG-02", lambda _, __: {"provenance/expert-opinion.txt": b"All of this is genuine.\n"})


@on_package("the page that verifies replaced by one that finds all well, its digests made anew", "E-PKG-03")
def page_replaced(victim: Victim, folder: Path) -> Verdict:
    return given(victim, folder, {VERIFY_PAGE: b"<!DOCTYPE html>\n<title>Verify</title>\n<h1>VERIFIED</h1>\n"})


def taken_otherwise(name: str, code: str | None, change: Callable[[Files], Files | None]) -> None:
    """Add an attack on the package of a capture that takes records from another; None leaves them out."""

    @on_package(name, code)
    def make(victim: Victim, folder: Path) -> Verdict:
        files = unpacked(victim.packages[victim.taking])
        changes = change(files)
        if changes is None:
            del files[DEPENDENCIES]
            return judged(folder, files, victim.trust)
        files |= changes
        return judged(folder, files | derived(victim, files), victim.trust)


def members_of(files: Files) -> list[bytes]:
    """The records that are taken from others."""
    source = io.BytesIO(files[DEPENDENCIES])
    return [source.read(length) for length in lengths(files)]


def put_first(files: Files, member: bytes) -> Files:
    """The package with another first record taken from others."""
    return {DEPENDENCIES: b"".join([member, *members_of(files)[1:]])}


taken_otherwise("none: a capture that takes records from another", None, lambda _: {})
taken_otherwise(
    "a record of another capture swapped for a second one",
    "E-WARC-05",
    lambda files: put_first(files, members_of(files)[1]),
)
taken_otherwise(
    "a record of another capture altered and compressed anew, so that `warcio check` passes",
    "E-WARC-05",
    lambda files: put_first(files, with_later_date(members_of(files)[0])),
)
taken_otherwise("the records of other captures left out", "E-WARC-05", lambda _: None)
taken_otherwise("no record in the file of other captures' records", "E-WARC-05", lambda _: {DEPENDENCIES: b""})


@on_package("records of another capture added where none are attested", "E-PKG-02")
def taken_added(victim: Victim, folder: Path) -> Verdict:
    other = unpacked(victim.packages[victim.taking])
    return judged(folder, {**unpacked(package_of(victim)), DEPENDENCIES: other[DEPENDENCIES]}, victim.trust)


def pointing_elsewhere(files: Files) -> bytes:
    """The WARC with its first revisit referring to the record that its second one refers to."""
    first, second = (record.record for record in statement_in(files).predicate.dependencies[0].records[:2])
    records = records_of(files[ARCHIVE])
    place = next(at for at, record in enumerate(records) if f"Refers-To: <{first}>".encode() in record)
    records[place] = records[place].replace(f"Refers-To: <{first}>".encode(), f"Refers-To: <{second}>".encode())
    return warc_of(records)


taken_otherwise("a revisit that points elsewhere", "E-SUB-02", lambda files: {ARCHIVE: pointing_elsewhere(files)})


@on_package("a revisit that points elsewhere, the attestation signed anew with its true key", "E-WARC-04")
def revisit_signed_anew(victim: Victim, folder: Path) -> Verdict:
    files = unpacked(victim.packages[victim.taking])
    warc = pointing_elsewhere(files)
    statement = json.loads(parse_envelope(files[ATTESTATION]).payload)
    statement["subject"][0] = subject("data.warc.gz", "application/warc", warc)
    envelope = sign_envelope(canonical(statement), PAYLOAD_TYPE, [victim.archive.attestation_key])
    files |= {ARCHIVE: warc, ATTESTATION: envelope}
    return judged(folder, files | derived(victim, files), victim.trust)


def other_root(proof: bytes) -> bytes:
    """The proof with one character of the checkpoint's root changed."""
    head = parse_proof(proof).checkpoint.checkpoint
    note = parse_proof(proof).checkpoint.note.text
    root = note.split("\n")[2]
    other = ("B" if root[0] == "A" else "A") + root[1:]
    assert head.size
    return proof.replace(root.encode(), other.encode())


@on_package("the attestation of another capture", "E-LOG-04")
def swapped(victim: Victim, folder: Path) -> Verdict:
    other = unpacked(victim.packages[victim.captures[1]])
    return given(victim, folder, {ATTESTATION: other[ATTESTATION]})


@on_package("a capture removed, all else made anew with all true keys", "E-TSA-01", TIMESTAMP)
def rewritten_unstamped(victim: Victim, folder: Path) -> Verdict:
    return verified(package_of_rewritten(victim, folder), without_witnesses(victim.trust))


@on_package("the same, and an auditor who knows the witnesses", "E-WIT-01", WITNESS)
def rewritten_unwitnessed(victim: Victim, folder: Path) -> Verdict:
    return verified(package_of_rewritten(victim, folder), victim.trust)


@on_package(
    "the same, and an auditor who knows no outside party", None, "the report says that there is no trusted time"
)
def rewritten_unseen(victim: Victim, folder: Path) -> Verdict:
    verdict = verified(package_of_rewritten(victim, folder), keys_alone(victim.trust))
    assert verdict.report["notAfter"] is None
    assert "T1: no trusted time" in " ".join(verdict.report["statement"])
    return verdict


def package_of_rewritten(victim: Victim, folder: Path) -> Path:
    """The package of a capture in a log that was made anew."""
    copy = rewritten(victim, folder)
    package = folder / "rewritten.wacz"
    export_package(opened(victim, copy), victim.captures[2], package)
    return package


def without_witnesses(trust: TrustRoot) -> TrustRoot:
    """The trust root of an auditor who knows authorities and no witness."""
    return dataclasses.replace(trust, witnesses=(), policy=dataclasses.replace(trust.policy, witnesses=None))


@on_package("a capture back-dated by a month", "E-TIM-01", TIMESTAMP)
def back_dated(victim: Victim, folder: Path) -> Verdict:
    copy, capture_id = back_dated_copy(victim, folder)
    package = folder / "back-dated.wacz"
    export_package(opened(victim, copy), capture_id, package)
    return verified(package, unwitnessed(copy).trust)


def head_of(victim: Victim) -> bytes:
    """What timestamps of the package's checkpoint are over."""
    return parse_proof(unpacked(package_of(victim))[PROOF]).checkpoint.first_signed


def stamped(name: str, code: str | None, tsa: Callable[[], Authority]) -> None:
    """Add a package with a timestamp of `tsa` where that of authority two would be; its root is trusted instead."""

    @on_package(name, code, TIMESTAMP)
    def make(victim: Victim, folder: Path) -> Verdict:
        made = tsa()
        token = made.respond(head_of(victim), datetime.now(UTC))
        if code is None:
            wait_until(made.signer.certificate.not_valid_after_utc)
        root = made.root.pem if made is not GAMMA else victim.authorities["two"].root_pem
        trust = dataclasses.replace(victim.trust, tsa_roots=(victim.authorities["one"].root_pem, root))
        return given(victim, folder, {SECOND.path: token}, trust)


stamped("a timestamp by an authority that the trust root does not know", "E-TSA-01", lambda: GAMMA)
stamped("a timestamp by a certificate that is not for timestamps", "E-TSA-01", lambda: authority("idle", usages=()))
stamped("a timestamp by a certificate that had expired by then", "E-TSA-01", expiring(-60))
stamped("none: a timestamp's certificate has expired since", None, expiring(3))


@on_package("a timestamp over other bytes", "E-TSA-02", TIMESTAMP)
def stamp_over_other_bytes(victim: Victim, folder: Path) -> Verdict:
    own = unpacked(package_of(victim))[Token(About.ATTESTATION, "two").path]
    return given(victim, folder, {SECOND.path: own})


def revoked(victim: Victim, at: datetime) -> TrustRoot:
    """A trust root that says that the attestation key was revoked."""
    keyid = victim.archive.attestation_key.public.keyid
    return dataclasses.replace(victim.trust, revocations=(Revocation(keyid, at, "the machine was seized"),))


@on_package("an attestation key that was revoked before", "E-ATT-06", TIMESTAMP)
def revoked_before(victim: Victim, folder: Path) -> Verdict:
    return given(victim, folder, {}, revoked(victim, datetime.now(UTC) - timedelta(days=1)))


@on_package("none: the key was revoked later", None, TIMESTAMP)
def revoked_later(victim: Victim, folder: Path) -> Verdict:
    return given(victim, folder, {}, revoked(victim, datetime.now(UTC) + timedelta(days=1)))
