"""The folder in which an auditor's report is made: where an interrupted audit goes on, and what it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sijill.flows.errors import OutputUnusable
from sijill.provenance.verify.archive.html import archive_report_html
from sijill.provenance.verify.archive.render import archive_report_json
from sijill.provenance.verify.archive.report import ArchiveReport
from sijill.storage.errors import BadStoreUrl

REPORT: Final = "report.json"
PAGE: Final = "report.html"
CHECKPOINT: Final = "checkpoint"
JOURNAL: Final = "journal.sqlite"


def prepared(folder: Path, url: str) -> Path:
    """Make the folder of an audit's report, or find the one that it was begun in; the path of the journal.

    Raises:
        OutputUnusable: it holds a report or something else already, is in the archive, or cannot be made.
    """
    _refuse_inside(folder, url)
    try:
        folder.mkdir(exist_ok=True)
        names = {path.name for path in folder.iterdir()}
    except OSError as err:
        raise OutputUnusable(f"{folder}: {err.strerror}") from err
    if REPORT in names:
        raise OutputUnusable(f"{folder}: holds the report of an audit already; name another folder")
    if names and JOURNAL not in names:
        raise OutputUnusable(f"{folder}: is not empty, and no audit was begun in it; name another folder")
    return folder / JOURNAL


def write_report(folder: Path, report: ArchiveReport) -> None:
    """Write the report as JSON and as a page, and the newest checkpoint; the journal is no longer needed then.

    Raises:
        OutputUnusable: the folder cannot be written.
    """
    files: list[tuple[str, Callable[[], bytes]]] = [(PAGE, lambda: archive_report_html(report).encode("utf-8"))]
    if (log := report.log) is not None:
        files.append((CHECKPOINT, lambda: log.checkpoint))
    # Last: where this is, the audit is over.
    files.append((REPORT, lambda: json.dumps(archive_report_json(report), indent=2).encode("utf-8") + b"\n"))
    try:
        for name, content in files:
            draft = folder / f".{name}"
            draft.write_bytes(content())
            draft.replace(folder / name)
        for left in folder.glob(f"{JOURNAL}*"):
            left.unlink()
    except OSError as err:
        raise OutputUnusable(f"{folder}: {err.strerror}") from err


def _refuse_inside(folder: Path, url: str) -> None:
    if not url.startswith("file://"):
        return
    from sijill.storage.local import parse_file_url

    try:
        archive = parse_file_url(url).resolve()
    except BadStoreUrl:
        # Opening the store will say what is wrong with the URL.
        return
    if folder.resolve().is_relative_to(archive):
        raise OutputUnusable(f"{folder}: is inside the archive, where an audit writes nothing")
