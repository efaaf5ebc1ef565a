"""Writing the evidence package of a capture: the one file that an auditor receives."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from sijill.archive.digest import DigestSet, HashingWriter
from sijill.archive.warc.zip_writer import write_zip
from sijill.flows.custody.tombstones import refuse_tombstoned
from sijill.flows.dependencies import taken_records
from sijill.flows.durable import sync
from sijill.flows.errors import NotSealed, OutputUnusable, PackageRefused
from sijill.flows.partners.anchoring import Anchor, choose_anchor, tokens_over, tokens_over_attestation
from sijill.flows.stored_captures import StoredCapture, load_capture
from sijill.flows.wiring import Archive
from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.log.checkpoint import parse_checkpoint
from sijill.provenance.log.layout import attestation_key
from sijill.provenance.log.proof import format_proof
from sijill.provenance.package import evidence_package
from sijill.provenance.package_layout import About, Token
from sijill.provenance.verify.trust import TrustRoot
from sijill.provenance.verify.verify import verify_package
from sijill.provenance.verify_page import shipped_page
from sijill.storage.layout import object_key
from sijill.storage.store import Store


@dataclass(frozen=True, slots=True)
class StoredBody:
    """An object of a store as a body that can be opened again and again."""

    store: Store
    key: str
    size: int

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """A reader at the first byte."""
        with self.store.open(self.key) as source:
            yield source


@dataclass(frozen=True, slots=True)
class Exported:
    """The package that was written, and who outside the archive vouches for its checkpoint."""

    digests: DigestSet
    timestamps: tuple[str, ...]
    witnesses: tuple[str, ...]
    missing: tuple[str, ...]
    """Authorities and witnesses of the settings that have not answered for any checkpoint with the capture yet."""


def export_package(archive: Archive, capture_id: str, path: Path) -> Exported:
    """Write the package of a sealed capture to `path`.

    The proof is against the first checkpoint with the capture that every authority and witness of the settings has
    vouched for, so the same capture gives the same bytes however much the log has grown. If there is none, it is the
    first that most of them vouched for. The package is verified before it gets its name; an existing file is replaced.

    Raises:
        UnknownCapture: there is no such capture.
        TombstonedCapture: what it holds was removed, or that from which it takes something.
        NotSealed: it is not in the log yet.
        PackageRefused: what is stored does not verify; `path` is left as it was.
        OutputUnusable: `path` cannot be written.
    """
    capture = load_capture(archive, capture_id)
    refuse_tombstoned(archive, capture_id)
    if capture.leaf_index is None:
        raise NotSealed(f"{capture_id}: not in the log yet; run: sijill seal")
    anchor = choose_anchor(archive, capture.leaf_index)
    proof = archive.log_reader.proof(capture.leaf_index, anchor.size)
    cosigned = parse_checkpoint(anchor.note)
    signers = {signature.keyid for signature in parse_envelope(capture.envelope).signatures}
    key = next((key for key in archive.attestation_keys if key.keyid in signers), archive.attestation_key.public)
    log = next(key for key in archive.log_keys if key.signature_in(cosigned.note) is not None)
    members = evidence_package(
        envelope=capture.envelope,
        warc=StoredBody(archive.store, capture.warc_key, capture.statement.warc.digests.size),
        proof=format_proof(replace(proof, checkpoint=cosigned)),
        key=key,
        log=log,
        subjects={
            subject.name: StoredBody(archive.store, object_key(subject.digest.sha256), subject.digests.size)
            for subject in capture.statement.subject[1:]
        },
        tokens=_tokens(archive, capture, anchor),
        dependencies=taken_records(archive, capture.statement),
        verify_page=shipped_page(),
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w+b") as file:
            writer = HashingWriter(file)
            write_zip(members, writer)
            sync(file)
            file.seek(0)
            # Who vouches for the time is the auditor's policy: here only what is ours must be right.
            report = verify_package(file, TrustRoot(archive.attestation_keys, archive.log_keys))
        if not report.holds:
            failed = ", ".join(f"{code}" for code in report.failed)
            raise PackageRefused(f"{capture_id}: the stored bytes do not verify, nothing was written: {failed}")
        draft.replace(path)
    except OSError as err:
        raise OutputUnusable(f"{path}: {err.strerror}") from err
    finally:
        draft.unlink(missing_ok=True)
    return Exported(writer.digests(), tuple(sorted(anchor.timestamps)), anchor.witnesses, anchor.missing)


def _tokens(archive: Archive, capture: StoredCapture, anchor: Anchor) -> dict[Token, bytes]:
    """Every timestamp that belongs into the package of a capture."""
    tokens = {Token(About.CHECKPOINT, name): data for name, data in anchor.timestamps.items()}
    attested = tokens_over_attestation(archive, attestation_key(capture.capture_id))
    tokens |= {Token(About.ATTESTATION, name): data for name, data in attested.items()}
    predicate = capture.statement.predicate
    if predicate.freshness is not None and predicate.freshness_timestamps:
        size = parse_checkpoint(predicate.freshness.encode()).checkpoint.size
        known = tokens_over(archive, size)
        names = [token.name for token in predicate.freshness_timestamps]
        tokens |= {Token(About.FRESHNESS, name): known[name] for name in names if name in known}
    return tokens
