"""What `sijill crawl` prints: what became of the pages of each site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sijill.archive.crawl.pages import PageOutcome, Row, Task
from sijill.flows import evidence
from sijill.flows.crawl.run import CrawlResult
from sijill.flows.printing import print_json
from sijill.provenance.attest.run_report import row_json
from sijill.provenance.printable import printable

_SHOWN = 20
_OF_INTEREST = frozenset({PageOutcome.FAILED, PageOutcome.PUT_ASIDE, PageOutcome.GONE})


def print_crawls(
    results: Sequence[CrawlResult], busy: Sequence[str], sealed: evidence.Sealed, *, as_json: bool
) -> None:
    """The outcome of each run, and what needs a person's eye."""
    if as_json:
        print_json({"runs": [_run(result) for result in results], "busy": list(busy), "logSize": sealed.log.size})
        return
    for result in results:
        taken_up = ", begun by an earlier worker" if result.taken_up else ""
        print(f"{result.site.id}: {_summary(result.rows)}  (run {result.run_id}{taken_up})")
    for result in results:
        told = [
            row for row in result.rows if row.failed or (row.outcome in _OF_INTEREST and row.task is Task.STATEMENT)
        ]
        for row in told[:_SHOWN]:
            print(f"{result.site.id}: {row.outcome}: {printable(row.url)}: {printable(row.reason)}")
        if len(told) > _SHOWN:
            print(f"{result.site.id}: and {len(told) - _SHOWN} more; see the run's report, or: sijill crawl --json")
        for problem in result.problems[:_SHOWN]:
            print(f"{result.site.id}: note: {printable(problem)}")
        for due in result.missed[:_SHOWN]:
            print(f"{result.site.id}: missed: a run was due at {due:%Y-%m-%dT%H:%M:%SZ} and did not happen")
    for site_id in busy:
        print(f"{site_id}: left alone, another worker is crawling it")


def _summary(rows: Sequence[Row]) -> str:
    statements = Counter(row.outcome for row in rows if row.task is Task.STATEMENT)
    said = [f"{statements[outcome]} {outcome}" for outcome in PageOutcome if statements[outcome]]
    return ", ".join(said) or "no statement page"


def _run(result: CrawlResult) -> dict[str, Any]:
    return {
        "site": result.site.id,
        "runId": result.run_id,
        "takenUp": result.taken_up,
        "failed": result.failed,
        "counts": dict(Counter(row.outcome.value for row in result.rows)),
        "missed": [f"{due:%Y-%m-%dT%H:%M:%SZ}" for due in result.missed],
        "problems": list(result.problems),
        "planned": [row_json(row) for row in result.rows],
    }
