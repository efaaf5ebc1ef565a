"""Evidence packages for the viewer: made when asked for, of what is stored then, and kept within bounds."""

from __future__ import annotations

import io
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from sijill.flows.dependencies import taken_records
from sijill.flows.errors import PackageRefused, TombstonedCapture
from sijill.flows.export import export_package
from sijill.flows.partners.anchoring import choose_anchor, tokens_over, tokens_over_attestation
from sijill.flows.report import write_report
from sijill.flows.stored_captures import StoredCapture, load_capture
from sijill.flows.viewing.faults import told
from sijill.flows.wiring import Archive
from sijill.provenance.log.checkpoint import parse_checkpoint
from sijill.provenance.log.layout import attestation_key
from sijill.provenance.log.proof import format_proof
from sijill.provenance.package_layout import About, Token
from sijill.provenance.verify.report import Report
from sijill.provenance.verify.verify import verify_package, verify_parts
from sijill.storage.errors import NotFound
from sijill.storage.layout import object_key
from sijill.viewer.errors import Busy, Refused
from sijill.viewer.source import Package, Verdict

MOST_BYTES = 2 << 30
"""Of all packages that are kept; one that is larger is kept alone."""
MOST_AT_ONCE = 2
"""Packages that are made, or verified, at one time."""
_PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class MadePackages:
    """Packages in a folder of their own, which `close` removes."""

    archive: Archive
    most_bytes: int = MOST_BYTES
    _folder: tempfile.TemporaryDirectory[str] = field(
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="sijill-view-")
    )
    _kept: OrderedDict[str, Package] = field(default_factory=OrderedDict)
    _number: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _turns: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MOST_AT_ONCE))

    def close(self) -> None:
        """Remove all of them."""
        self._folder.cleanup()

    def package(self, capture_id: str) -> Package:
        """See `ArchiveSource.package`. It is made of what is stored now: one that was made before may be too good."""
        with told(), self._turn():
            return self._make(capture_id)

    def verdict(self, capture_id: str) -> Verdict:
        """See `ArchiveSource.verdict`."""
        with self._turn():
            try:
                with told():
                    package = self._make(capture_id)
            except Refused as err:
                with told():
                    return Verdict(_verify_stored(self.archive, capture_id), self.archive.clock(), None, (str(err),))
            with package.path.open("rb") as file:
                report = verify_package(file, self.archive.trust)
            return Verdict(report, self.archive.clock(), package.digests, ())

    def report(self, capture_id: str) -> bytes:
        """See `ArchiveSource.report`."""
        path = Path(self._folder.name) / f"{self._next()}.html"
        try:
            with told(), self._turn(), _there(capture_id):
                write_report(self.archive, capture_id, path)
                return path.read_bytes()
        finally:
            path.unlink(missing_ok=True)

    def _make(self, capture_id: str) -> Package:
        path = Path(self._folder.name) / f"{self._next()}.wacz"
        with _there(capture_id):
            made = Package(path, export_package(self.archive, capture_id, path).digests)
        with self._guard:
            self._kept[f"{path}"] = made
            size = sum(one.digests.size for one in self._kept.values())
            while size > self.most_bytes and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                # Whoever is sending it has it open, and goes on.
                oldest.path.unlink(missing_ok=True)
                size -= oldest.digests.size
        return made

    def _next(self) -> int:
        with self._guard:
            self._number += 1
            return self._number

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=_PATIENCE_SECONDS):
            raise Busy(f"{MOST_AT_ONCE} captures are being verified")
        try:
            yield
        finally:
            self._turns.release()


@contextmanager
def _there(capture_id: str) -> Iterator[None]:
    """Tell an object that is missing from a capture that does not exist.

    Raises:
        PackageRefused: an object of the capture is not in the store.
    """
    try:
        yield
    except NotFound as err:
        raise PackageRefused(f"{capture_id}: the store has lost what the attestation names: {err}") from err


def _verify_stored(archive: Archive, capture_id: str) -> Report:
    """Verify what is stored of a capture of which no package can be made, as far as it is there."""
    capture = load_capture(archive, capture_id)
    proof, tokens = None, {}
    if capture.leaf_index is not None:
        anchor = choose_anchor(archive, capture.leaf_index)
        found = archive.log_reader.proof(capture.leaf_index, anchor.size)
        proof = format_proof(replace(found, checkpoint=parse_checkpoint(anchor.note)))
        tokens = _tokens(archive, capture, anchor.size)
    with ExitStack() as stack:
        return verify_parts(
            _open(stack, archive, capture.warc_key),
            capture.envelope,
            proof,
            archive.trust,
            subjects={
                one.name: _open(stack, archive, object_key(one.digest.sha256)) for one in capture.statement.subject[1:]
            },
            tokens=tokens,
            dependencies=_dependencies(stack, archive, capture),
        )


def _tokens(archive: Archive, capture: StoredCapture, size: int) -> dict[Token, bytes]:
    over = {Token(About.CHECKPOINT, name): data for name, data in tokens_over(archive, size).items()}
    attested = tokens_over_attestation(archive, attestation_key(capture.capture_id))
    over |= {Token(About.ATTESTATION, name): data for name, data in attested.items()}
    predicate = capture.statement.predicate
    if predicate.freshness is not None and predicate.freshness_timestamps:
        known = tokens_over(archive, parse_checkpoint(predicate.freshness.encode()).checkpoint.size)
        names = [token.name for token in predicate.freshness_timestamps]
        over |= {Token(About.FRESHNESS, name): known[name] for name in names if name in known}
    return over


def _open(stack: ExitStack, archive: Archive, key: str) -> BinaryIO:
    """An object of the store; one without bytes if there is none, which no digest of an attestation fits."""
    try:
        return stack.enter_context(archive.store.open(key))
    except NotFound:
        return io.BytesIO()


def _dependencies(stack: ExitStack, archive: Archive, capture: StoredCapture) -> BinaryIO | None:
    """What the capture takes from others; None if that is nothing, or not all of it is there any more."""
    try:
        taken = taken_records(archive, capture.statement)
    except (PackageRefused, TombstonedCapture):
        return None
    return None if taken is None else stack.enter_context(taken.open())
