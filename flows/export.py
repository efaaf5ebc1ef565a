"""Writing the evidence package of a capture: the one file that an auditor receives."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sijill.archive.digest import DigestSet, HashingWriter
from sijill.archive.warc.zip_writer import write_zip
from sijill.flows.errors import NotSealed, OutputUnusable, PackageRefused
from sijill.flows.evidence import load_capture
from sijill.flows.wiring import Archive
from sijill.flows.workfolder import sync
from sijill.provenance.log.layout import checkpoint_key
from sijill.provenance.log.note import NoteSigner
from sijill.provenance.log.proof import format_proof
from sijill.provenance.package import evidence_package
from sijill.provenance.verify.trust import TrustRoot
from sijill.provenance.verify.verify import verify_package
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


def export_package(archive: Archive, capture_id: str, path: Path) -> DigestSet:
    """Write the package of a sealed capture to `path` and return its size and digests.

    The proof is against the first checkpoint that includes the capture, so the same capture gives the same bytes
    however much the log has grown. The package is verified before it gets its name; an existing file is replaced.

    Raises:
        UnknownCapture: there is no such capture.
        NotSealed: it is not in the log yet.
        PackageRefused: what is stored does not verify; `path` is left as it was.
        OutputUnusable: `path` cannot be written.
    """
    capture = load_capture(archive, capture_id)
    if capture.leaf_index is None:
        raise NotSealed(f"{capture_id}: not in the log yet; run: sijill seal")
    proof = archive.log_reader.proof(capture.leaf_index, _first_checkpoint_after(archive.store, capture.leaf_index))
    log = NoteSigner(archive.settings.log.origin, archive.log_key).verifier
    key = archive.attestation_key.public
    members = evidence_package(
        envelope=capture.envelope,
        warc=StoredBody(archive.store, capture.warc_key, capture.statement.warc.digests.size),
        proof=format_proof(proof),
        key=key,
        log=log,
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w+b") as file:
            writer = HashingWriter(file)
            write_zip(members, writer)
            sync(file)
            file.seek(0)
            report = verify_package(file, TrustRoot(attestation_keys=(key,), log_keys=(log,)))
        if not report.holds:
            failed = ", ".join(f"{code}" for code in report.failed)
            raise PackageRefused(f"{capture_id}: the stored bytes do not verify, nothing was written: {failed}")
        draft.replace(path)
    except OSError as err:
        raise OutputUnusable(f"{path}: {err.strerror}") from err
    finally:
        draft.unlink(missing_ok=True)
    return writer.digests()


def _first_checkpoint_after(store: Store, index: int) -> int:
    """The size of the smallest checkpoint that includes entry `index`."""
    prefix = checkpoint_key(0).removesuffix("0")
    names = (key.removeprefix(prefix) for key in store.list(prefix))
    return min(size for name in names if name.isdecimal() and (size := int(name)) > index)
