"""What `sijill crawl` prints: what became of the pages of each site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sijill.archive.crawl.pages import PageOutcome, Row, Task
from sijill.flows import evidence
from sijill.flows.crawl import CrawlResult
from sijill.flows.printing import print_json, print_table
from sijill.provenance.attest.run import row_json
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
    print_table(
        ["Site", "Run", "Captured", "Unchanged", "Gone", "Failed", "Refused", "Not asked", "Read"],
        [[result.site.id, result.run_id, *_counts(result.rows)] for result in results],
    )
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


def _counts(rows: Sequence[Row]) -> list[str]:
    outcomes = Counter(row.outcome for row in rows)
    statements = Counter(row.outcome for row in rows if row.task is Task.STATEMENT)
    not_asked = statements[PageOutcome.LIMIT_REACHED] + statements[PageOutcome.PUT_ASIDE] + statements[PageOutcome.TRAP]
    numbers = (
        outcomes[PageOutcome.CAPTURED],
        outcomes[PageOutcome.UNCHANGED],
        outcomes[PageOutcome.GONE],
        sum(row.outcome is PageOutcome.FAILED for row in rows),
        outcomes[PageOutcome.REFUSED_BY_ROBOTS],
        not_asked,
        outcomes[PageOutcome.READ],
    )
    return [str(number) for number in numbers]


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
