"""What a crawl shows in Prefect: progress now and then, a table at the end, a line of log for each statement page."""

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
from sijill.flows.crawl.run import CrawlResult
from sijill.flows.crawl.spreading import Spread
from sijill.provenance.printable import printable

_ROWS = 500
"""Rows of one table; a longer run has several."""
_EVERY_SECONDS = 5.0
_QUIET = frozenset({PageOutcome.OUT_OF_SCOPE, PageOutcome.TRAP})


class RunProgress:
    """Follows a crawl: called for each URL, calls Prefect every few seconds."""

    def __init__(self, site: Site, log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
        self._site = site
        self._log = log
        self._told = time.monotonic()
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
        self._tell(100.0, "recorded")

    def _tell(self, percent: float, text: str) -> None:
        update_progress_artifact(self._artifact, percent, description=f"crawl of {self._site.id}: {text}")
        self._told = time.monotonic()

    def _say(self, row: Row) -> None:
        reason = f": {printable(row.reason)}" if row.reason else ""
        if row.capture_id is not None:
            self._log.info("capture %s: %s %s%s", row.capture_id, row.outcome, printable(row.url), reason)
        elif row.failed:
            self._log.warning("%s %s%s", row.outcome, printable(row.url), reason)


def table_of_run(result: CrawlResult) -> None:
    """What became of each URL of a run, as table artifacts `run-<run id>`, `run-<run id>-2`, …; trouble comes first."""
    order = sorted(result.rows, key=lambda row: (not row.failed, row.task is not Task.STATEMENT, row.outcome in _QUIET))
    for number, rows in enumerate(_batches([_row(row) for row in order]), 1):
        create_table_artifact(
            rows,
            key=f"run-{result.run_id}" + (f"-{number}" if number > 1 else ""),
            description=f"{result.site.id}: run {result.run_id}, {len(order)} URLs",
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
