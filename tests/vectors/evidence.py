"""Evidence of a small capture, from its statement to its package, made by the product's own builders with fixed keys.

The keys are public: they are here.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from captures import CAPTURE_ID, capture, written
from parties import (
    ALPHA,
    ATTESTED_AT,
    BETA,
    QUOTED_AT,
    SEALED_AT,
    WITNESSES,
    Witness,
    cosigned,
    stamp,
    stamps_of_checkpoint,
)

from sijill.archive.capture.exchange import Capture
from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import digest_bytes
from sijill.archive.warc.cdxj import index_lines
from sijill.archive.warc.dependencies import Members
from sijill.archive.warc.examine import ExaminedRecord, examine_warc
from sijill.archive.warc.wacz import DEPENDENCIES
from sijill.archive.warc.zip_writer import write_zip
from sijill.provenance.attest.attestation import (
    CollectorName,
    Context,
    Robots,
    Software,
    Subject,
    Trigger,
    capture_statement,
)
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.envelope import PAYLOAD_TYPE, envelope_sha256, sign_envelope
from sijill.provenance.attest.keys import PublicKey, SigningKey
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.log.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.merkle import inclusion_proof, leaf_hash, perfect_root, root
from sijill.provenance.log.note import NoteSigner, NoteVerifier
from sijill.provenance.log.proof import LogProof, format_proof, parse_proof
from sijill.provenance.package import Signed, derive, evidence_package, package_index
from sijill.provenance.package_layout import ATTESTATION, PROOF, About, Token, subject_path
from sijill.provenance.report.browser import shown_pictures
from sijill.provenance.verify.trust import Policy, TrustRoot

ORIGIN = "archive.example/log"
ATTESTATION_KEY = SigningKey(hashlib.sha256(b"sijill test vectors: attestation key").digest())
LOG_KEY = SigningKey(hashlib.sha256(b"sijill test vectors: log key").digest())
FOREIGN_KEY = SigningKey(hashlib.sha256(b"sijill test vectors: a stranger's key").digest())
LOG = NoteSigner(ORIGIN, LOG_KEY)
FOREIGN_LOG = NoteSigner(ORIGIN, FOREIGN_KEY)
TRUST = TrustRoot(attestation_keys=(ATTESTATION_KEY.public,), log_keys=(LOG.verifier,))
"""The keys of the archive, and nobody else."""
FULL_TRUST = dataclasses.replace(
    TRUST,
    tsa_roots=(ALPHA.root.pem, BETA.root.pem),
    tsa_intermediates=tuple(tsa.intermediate.pem for tsa in (ALPHA, BETA) if tsa.intermediate),
    witnesses=tuple(witness.verifier for witness in WITNESSES),
    policy=Policy(timestamps=2),
)
"""The same with two authorities and two witnesses, all of which are needed."""

INDEX = 4
SIZE = 7
QUOTED_SIZE = 3


def statement_of(made: Capture, warc: bytes, records: Mapping[int, str], **changes: Any) -> dict[str, Any]:
    """The statement about a capture; `changes` are to its context."""
    context = Context(
        trigger=Trigger.ON_DEMAND,
        collector=CollectorName("Archive of Examples", "archive@archive.example"),
        software=(Software("sijill", "0.1.0"), Software("CPython", "3.11.2")),
        robots=Robots(consulted=False, decision=None, reason="captured on demand"),
        egress="198.51.100.9",
    )
    return capture_statement(
        made,
        subjects=[Subject.warc(digest_bytes(warc)), *_made_of(made)],
        records=records,
        context=dataclasses.replace(context, **changes),
    )


def _made_of(made: Capture) -> list[Subject]:
    files = () if made.rendering is None else made.rendering.files
    return [Subject.file(file, digest_bytes(file.body.content)) for file in files]


def subject(name: str, media_type: str, data: bytes) -> dict[str, Any]:
    """A subject of a statement."""
    found = digest_bytes(data)
    return {
        "name": name,
        "mediaType": media_type,
        "digest": {"sha256": found.sha256.hex, "blake3": found.blake3.hex},
        "annotations": {"size": found.size},
    }


def signed(statement: dict[str, Any], key: SigningKey = ATTESTATION_KEY, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """The envelope of a statement."""
    return sign_envelope(canonical(statement), payload_type, [key])


def _entries(entry: bytes | None, size: int, index: int) -> list[bytes]:
    """Leaf hashes of a log whose other entries are of no interest."""
    leaves = [leaf_hash(b"entry %d" % number) for number in range(size)]
    if entry is not None:
        leaves[index] = leaf_hash(entry)
    return leaves


def _reader(leaves: list[bytes]):
    return lambda level, place: perfect_root(leaves[place << level : (place + 1) << level])


def log_head(size: int, signer: NoteSigner = LOG) -> bytes:
    """The checkpoint of the log before the capture came to it."""
    return sign_checkpoint(Checkpoint(signer.name, size, root(_reader(_entries(None, size, 0)), size)), signer)


def quoted(moment: datetime = QUOTED_AT) -> bytes:
    """The checkpoint that the attestation quotes, which the witnesses cosigned at `moment`."""
    return cosigned(log_head(QUOTED_SIZE), moment)


def proof_of(
    envelope: bytes,
    capture_id: str = CAPTURE_ID,
    *,
    signer: NoteSigner = LOG,
    index: int = INDEX,
    size: int = SIZE,
    witnesses: Sequence[Witness] = WITNESSES,
    moment: datetime = SEALED_AT,
) -> bytes:
    """The inclusion proof of an attestation in a log of `size` entries, which `witnesses` cosigned at `moment`."""
    leaves = _entries(LogEntry(capture_id, envelope_sha256(envelope)).data, size, index)
    read = _reader(leaves)
    head = sign_checkpoint(Checkpoint(signer.name, size, root(read, size)), signer)
    checkpoint = parse_checkpoint(cosigned(head, moment, witnesses))
    return format_proof(LogProof(index, inclusion_proof(read, index, size), checkpoint))


def stamps_of(envelope: bytes, proof: bytes, moment: datetime = SEALED_AT) -> dict[Token, bytes]:
    """Timestamps of the checkpoint in a proof by all authorities, and of the attestation by one."""
    stamps = stamps_of_checkpoint(parse_proof(proof).checkpoint.data, moment)
    own = {Token(About.ATTESTATION, "alpha"): stamp(ALPHA, envelope, min(moment, ATTESTED_AT))}
    return own | {Token(About.CHECKPOINT, name): data for name, data in stamps.items()}


@dataclass(frozen=True)
class Evidence:
    """All parts of a package. `sealed` and `attested` give another with some of them replaced."""

    warc: bytes
    statement: dict[str, Any]
    envelope: bytes
    proof: bytes
    tokens: Mapping[Token, bytes]
    key: PublicKey = ATTESTATION_KEY.public
    log: NoteVerifier = LOG.verifier
    taken: bytes = b""
    """The records of other captures that it takes something from."""
    others: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    """What a browser made of the page, by name."""

    def files(self) -> dict[str, bytes]:
        """The files of the package by name, as the exporter makes them."""
        members = evidence_package(
            envelope=self.envelope,
            warc=MemoryBody(self.warc),
            proof=self.proof,
            key=self.key,
            log=self.log,
            subjects={name: MemoryBody(data) for name, data in self.others.items()},
            tokens=self.tokens,
            dependencies=MemoryBody(self.taken) if self.taken else None,
        )
        return {name: body.content for name, body in members}

    def forged_files(self, *, every_method: bool = False) -> dict[str, bytes]:
        """The files as someone would make them who does not care whether they are true.

        With `every_method` the index also leads to answers to other methods than GET.
        """
        proof = parse_proof(self.proof)
        statement = parse_statement(canonical(self.statement))
        records, taken = examine_warc(io.BytesIO(self.warc)).records, self._taken_records()
        parts = Signed(
            envelope=self.envelope,
            statement=statement,
            proof=self.proof,
            checkpoint=proof.checkpoint.data,
            key=self.key,
            log=self.log,
            index=index_lines(records, taken) if every_method else package_index(statement, records, taken),
            tokens=self.tokens,
            pictures={name: self.others[name] for name in shown_pictures(statement)},
            dependencies=digest_bytes(self.taken) if self.taken else None,
        )
        dependencies = {DEPENDENCIES: self.taken} if self.taken else {}
        others = {subject_path(name): data for name, data in self.others.items()}
        return derive(parts) | self.signed_files() | {subject_path("data.warc.gz"): self.warc} | dependencies | others

    def _taken_records(self) -> list[ExaminedRecord]:
        members = Members(io.BytesIO(self.taken))
        listed = [one for other in self.statement["predicate"]["dependencies"] for one in other["records"]]
        found = members.examine(one["length"] for one in listed)
        return [one.record for one in found if one.record is not None]

    def signed_files(self) -> dict[str, bytes]:
        """The attestation and what was made from it: proof and timestamps."""
        stamps = {token.path: data for token, data in self.tokens.items()}
        return {ATTESTATION: self.envelope, PROOF: self.proof, **stamps}

    def sealed(self, proof: bytes | None = None, moment: datetime = SEALED_AT, **changes: Any) -> Evidence:
        """The same with another proof or envelope, and the timestamps made of those at `moment`."""
        made = dataclasses.replace(self, **changes)
        proof = proof_of(made.envelope, self.statement["predicate"]["captureId"]) if proof is None else proof
        quoted = {token: data for token, data in self.tokens.items() if token.about is About.FRESHNESS}
        return dataclasses.replace(made, proof=proof, tokens=quoted | stamps_of(made.envelope, proof, moment))


def evidence(
    made: Capture | None = None,
    *,
    freshness: bytes | None = None,
    moment: datetime = QUOTED_AT,
    taken: bytes = b"",
    **changes: Any,
) -> Evidence:
    """A capture from WARC to proof, all true.

    Args:
        made: the capture.
        freshness: the checkpoint that the attestation quotes, `quoted()` if None; none if it is empty.
        moment: when that was timestamped.
        taken: the records of other captures that it takes something from.
        changes: to the statement's context.
    """
    made = made or capture()
    warc, records = written(made)
    head = quoted() if freshness is None else freshness
    stamps = stamps_of_checkpoint(head, moment) if head else {}
    if head:
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in stamps.items()}
        changes = {"freshness": head.decode(), "freshness_timestamps": digests, **changes}
    statement = statement_of(made, warc, records, **changes)
    envelope = signed(statement)
    tokens = {Token(About.FRESHNESS, name): data for name, data in stamps.items()}
    others = {file.name: file.body.content for file in made.rendering.files} if made.rendering else {}
    return Evidence(warc, statement, envelope, b"", tokens, taken=taken, others=others).sealed()


def attested(base: Evidence, warc: bytes | None = None, **edits: Any) -> Evidence:
    """`base` with a WARC and statement that its own collector signed and its own log took in, true or not.

    `edits` maps a path in the statement, its steps joined by `__`, to a new value.
    """
    statement = copy.deepcopy(base.statement)
    warc = base.warc if warc is None else warc
    statement["subject"][0] = subject("data.warc.gz", "application/warc", warc)
    for path, value in edits.items():
        *steps, last = path.split("__")
        at = statement
        for step in steps:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[int(last) if isinstance(at, list) else last] = value
    return dataclasses.replace(base, warc=warc, statement=statement).sealed(envelope=signed(statement))


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The zip of these files, in the one form that packages have."""
    sink = io.BytesIO()
    write_zip([(name, MemoryBody(data)) for name, data in sorted(files.items())], sink)
    return sink.getvalue()
