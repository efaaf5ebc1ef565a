"""Writing the report on one capture, verified, with its chain of custody, as HTML or PDF."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from sijill.archive.digest import DigestSet, digest_bytes, digest_stream
from sijill.flows.durable import sync
from sijill.flows.errors import OutputUnusable
from sijill.flows.export import export_package
from sijill.flows.pdf import find_browser, print_pdf
from sijill.flows.wiring import Archive
from sijill.provenance.attest.envelope import MAX_ENVELOPE, parse_envelope
from sijill.provenance.attest.keys import PublicKey
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.log.proof import MAX_PROOF, parse_proof
from sijill.provenance.package_layout import (
    ATTESTATION,
    ATTESTATION_KEY,
    LOG_KEY,
    MAX_TOKEN,
    PROOF,
    subject_path,
    token_at,
)
from sijill.provenance.report.browser import MOST_EMBEDDED, shown_pictures
from sijill.provenance.report.page import ChainEvent, Paper, ReportInput, TokenFacts, Verification, report_html
from sijill.provenance.verify.package import PackageFiles
from sijill.provenance.verify.report import Report
from sijill.provenance.verify.verify import verify_package

PDF = ".pdf"
FORMATS = (".html", ".htm", PDF)
_LARGEST_KEY = 4096


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """A report that was written, and the verification that it tells of."""

    path: Path
    digests: DigestSet
    package: DigestSet
    """Of the evidence package that it is about."""
    verification: Report


def write_report(archive: Archive, capture_id: str, path: Path, *, paper: Paper = Paper.A4) -> WrittenReport:
    """Verify the package of a capture with the archive's own trust root, and write what came of it to `path`.

    The report is written whether the package verifies or not, and says which. An existing file is replaced by a whole
    one or left as it was.

    Args:
        archive: the archive.
        capture_id: of a sealed capture.
        path: a name that ends in one of `FORMATS`.
        paper: what a PDF is to be printed on; HTML leaves it to whoever prints.

    Raises:
        UnknownCapture, NotSealed, PackageRefused: as for `export_package`.
        BrowserMissing, PdfNotMade: a PDF cannot be made.
        OutputUnusable: `path` cannot be written, or its name says nothing of its format.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise OutputUnusable(f"{path}: a report is HTML or PDF, so its name must end in .html or .pdf")
    browser = find_browser() if suffix == PDF else None
    with _folder_beside(path) as folder:
        package = folder / "capture.wacz"
        exported = export_package(archive, capture_id, package)
        with package.open("rb") as file:
            report = verify_package(file, archive.trust)
            evidence = _read(file)
        page = report_html(
            evidence,
            Verification(report, archive.clock(), f"sijill {version('sijill')}", exported.digests),
            _custody(archive, capture_id),
            paper=paper if browser else None,
        )
        made = folder / "report.html"
        made.write_bytes(page)
        digests = digest_bytes(page)
        if browser is not None:
            made = folder / "report.pdf"
            print_pdf(folder / "report.html", made, browser=browser)
            with made.open("rb") as file:
                digests = digest_stream(file)
        with made.open("rb+") as file:
            sync(file)
        made.replace(path)
    return WrittenReport(path, digests, exported.digests, report)


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """A folder of its own on the same file system as `path`, gone at the end.

    Raises:
        OutputUnusable: something there cannot be written.
    """
    try:
        if path.is_dir():
            raise OutputUnusable(f"{path}: is a folder")
        with tempfile.TemporaryDirectory(prefix=f".{path.name[:80]}.", dir=path.parent) as folder:
            yield Path(folder)
    except OSError as err:
        raise OutputUnusable(f"{path}: {err.strerror or os.strerror(err.errno or 0)}") from err


def _read(package: BinaryIO) -> ReportInput:
    """What the report is made from."""
    files = PackageFiles(package)
    envelope = files.read(ATTESTATION, limit=MAX_ENVELOPE)
    statement = parse_statement(parse_envelope(envelope).payload)
    tokens = [(token, name) for name in files.names if (token := token_at(name)) is not None]
    return ReportInput(
        statement=statement,
        envelope=envelope,
        proof=parse_proof(files.read(PROOF, limit=MAX_PROOF)),
        keyid=PublicKey.from_pem(files.read(ATTESTATION_KEY, limit=_LARGEST_KEY).decode("ascii")).keyid,
        log_vkey=files.read(LOG_KEY, limit=_LARGEST_KEY).decode("utf-8").rstrip("\n"),
        tokens=tuple(TokenFacts.of(token, files.read(name, limit=MAX_TOKEN)) for token, name in tokens),
        pictures={name: files.read(subject_path(name), limit=MOST_EMBEDDED) for name in shown_pictures(statement)},
    )


def _custody(archive: Archive, capture_id: str) -> tuple[ChainEvent, ...]:
    # Whoever never asks for a report does not pay for loading what the chain is put together from.
    from sijill.flows.custody.chain import chain
    from sijill.flows.custody.events import Voucher

    return tuple(
        ChainEvent(
            event.at,
            event.step.value,
            # Where an archive keeps its objects is nothing for everyone who reads a report.
            f"{event.vouched_by}" if event.vouched_by is Voucher.STORE else f"{event.vouched_by}: {event.by}",
            event.detail if event.doubt is None else f"{event.detail} NOT SHOWN: {event.doubt}",
        )
        for event in chain(archive, capture_id)
    )
