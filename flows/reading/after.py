"""Reading what was captured just now: it never stands in the way of what captures are for."""

from __future__ import annotations

from collections.abc import Sequence

from sijill.archive.crawl.pages import Row
from sijill.flows.errors import our_errors
from sijill.flows.reading.making import Read, Show, read_captures
from sijill.flows.wiring import Archive


def captures_of(rows: Sequence[Row]) -> list[str]:
    """The captures that a run made."""
    return [row.capture_id for row in rows if row.capture_id is not None]


def read_new(
    archive: Archive, captures: Sequence[str], *, processes: int = 1, show: Show = lambda _done, _total: None
) -> tuple[Read, str | None]:
    """Read new captures; whatever hinders that is told, not raised: it is done before something is looked up.

    Returns:
        What it came to, and what hindered it, if something did.
    """
    try:
        return read_captures(archive, captures, processes=processes, show=show), None
    except our_errors() as err:
        return Read(left=len(captures)), str(err)
