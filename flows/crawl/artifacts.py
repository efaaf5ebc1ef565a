"""What a crawl shows in Prefect: progress now and then, tables at the end, a line of log for each statement page."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact

from sijill.archive.crawl.journal import Progress
from sijill.archive.crawl.pages import PageOutcome, Row, Task
from sijill.archive.crawl.site import Site
from sijill.flows.crawl.spreading import Spread
from sijill.provenance.printable import printable

_ROWS = 500
"""Rows of one table; a longer run has several."""
_EVERY_SECONDS = 5.0
_LINES = 25
"""Captures that one record of the log tells; Prefect's handlers take longer for a record than for its text."""
_QUIET = frozenset({PageOutcome.OUT_OF_SCOPE, PageOutcome.TRAP})


class RunProgress:
    """Follows a crawl: called for each URL, calls Prefect every few seconds."""

    def __init__(self, site: Site, log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
        self._site = site
        self._log = log
        self._told = time.monotonic()
        self._lines: list[str] = []
        made = create_progress_artifact(0.0, key=f"crawl-{site.id}", description=f"crawl of {site.id}")
        # Within a synchronous flow it is no coroutine, whatever its type says.
        self._artifact = cast("UUID", made)

    def show(self, progress: Progress) -> None:
        """A URL was dealt with."""
        if progress.row is not None:
            self._say(progress.row)
        if time.monotonic() - self._told >= _EVERY_SECONDS:
            total = progress.done + progress.waiting
            # Pages are found on the way: only the end is the whole.
            self._tell(min(99.0, 100.0 * progress.done / total), f"{progress.done} of {total} URLs known so far")

    def finish(self) -> None:
        """The run is recorded."""
        self._flush()
        self._tell(100.0, "recorded")

    def _tell(self, percent: float, text: str) -> None:
        update_progress_artifact(self._artifact, percent, description=f"crawl of {self._site.id}: {text}")
        self._told = time.monotonic()

    def _say(self, row: Row) -> None:
        reason = f": {printable(row.reason)}" if row.reason else ""
        if row.capture_id is not None:
            self._lines.append(f"capture {row.capture_id}: {row.outcome} {printable(row.url)}{reason}")
            if len(self._lines) >= _LINES:
                self._flush()
        elif row.failed:
            self._log.warning("%s %s%s", row.outcome, printable(row.url), reason)

    def _flush(self) -> None:
        if self._lines:
            self._log.info("%s", "\n".join(self._lines))
            self._lines.clear()


def table_of_run(site_id: str, run_id: str, rows: Sequence[Row]) -> None:
    """What became of each URL of a run, as table artifacts `run-<run id>`, `run-<run id>-2`, …; trouble comes first."""
    order = sorted(rows, key=lambda row: (not row.failed, row.task is not Task.STATEMENT, row.outcome in _QUIET))
    for number, batch in enumerate(_batches([_row(row) for row in order]), 1):
        create_table_artifact(
            batch,
            key=f"run-{run_id}" + (f"-{number}" if number > 1 else ""),
            description=f"{site_id}: run {run_id}, {len(order)} URLs",
        )


def table_of_sites(results: Sequence[Spread]) -> None:
    """What became of each site of a crawl of all, as a table artifact."""
    for rows in _batches(
        [
            {
                "site": one.site,
                "state": one.state,
                "message": printable(one.message),
                "flow run": one.flow_run_id or "in this run",
            }
            for one in results
        ]
    ):
        create_table_artifact(rows, key="crawl-all", description="sites of a crawl of all")


def _batches(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]


def _row(row: Row) -> dict[str, Any]:
    return {
        "url": printable(row.url),
        "outcome": row.outcome.value,
        "capture id": row.capture_id or "",
        "status": "" if row.status is None else str(row.status),
        "via": printable(row.via),
        "how": row.how,
        "reason": printable(row.reason),
    }
