"""What requests to the API may ask for, within bounds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal

from fastapi import Path, Query

from sijill.archive.capture.exchange import Outcome
from sijill.archive.catalog.search import Filters
from sijill.archive.reading.normalise import name_key
from sijill.viewer.errors import BadRequest

_ID: Final = r"^[0-9]{8}t[0-9]{6}z-[a-z2-7]{12}$"

EntryId = Annotated[str, Path(pattern=_ID, description="an id as lists give it")]
Cursor = Annotated[str | None, Query(max_length=40, description="as `next` of the page before gave it")]
Limit = Annotated[int, Query(ge=1, le=500, description="at most so many")]
Site = Annotated[str | None, Query(min_length=1, max_length=300, description="a host, or a site without www.")]
Sites = Annotated[
    list[str],
    Query(default_factory=list, max_length=20, description="a host, or a site without www.; may be repeated"),
]
SiteId = Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="as in the sites file")]
Language = Annotated[
    str | None, Query(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$", description="a language tag")
]
Day = Annotated[date | None, Query(description="a day, as 2024-11-12")]
Name = Annotated[str, Query(min_length=1, max_length=300, description="a name, in any spelling")]
MaybeName = Annotated[str | None, Query(min_length=1, max_length=300, description="who signed, in any spelling")]
Text = Annotated[str, Query(max_length=300, description="words, “phrases”, beginnings*")]
Url = Annotated[str | None, Query(min_length=1, max_length=8192, description="the address of a page")]
Since = Annotated[str | None, Query(max_length=40, description="a day, a time with its zone, or a place in the log")]
OutcomeIs = Annotated[Literal[Outcome.COMPLETE, Outcome.PARTIAL, Outcome.FAILED] | None, Query()]
Frames = Annotated[bool, Query(description="tell also what changed around statements")]


def narrowed(
    site: Sites, language: str | None, first: date | None, last: date | None, signatory: str | None
) -> Filters:
    """What pages must be.

    Raises:
        BadRequest: there is no such time.
    """
    if first is not None and last is not None and first > last:
        raise BadRequest("first: later than last")
    sites = tuple(one.strip()[:300] for one in site if one.strip())
    key = None if signatory is None else name_key(signatory)
    return Filters(sites, language, first, last, signatory, key)


def moment_of(since: str | None) -> datetime | int | None:
    """A time, or a place in the log.

    Raises:
        BadRequest: it is neither.
    """
    if since is None:
        return None
    if since.isascii() and since.isdigit() and len(since) < 16:
        return int(since)
    try:
        moment = datetime.fromisoformat(since)
    except ValueError as err:
        raise BadRequest("since: write 2024-11-12, 2024-11-12T10:00:00Z, or a place in the log") from err
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
