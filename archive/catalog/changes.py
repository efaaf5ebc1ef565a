"""What changed on pages from one capture to the next: changed, vanished, returned. The log says in which order.

Candidates are found in the catalog alone, by the digest of what each capture of a page said; only of these are readings
loaded and compared. A page is followed by the address it was asked for at: if that fails, or leads elsewhere, the page
that stood there has vanished. What was read by different versions of the reader is not compared, and is told as such.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.rows import PUBLISHED
from sijill.archive.catalog.schema import failures
from sijill.archive.reading.changes import Changed, DifferentReaders, compare_readings
from sijill.archive.reading.statement import Reading

ChangeKind = Literal["changed", "vanished", "returned", "moved", "not-compared"]
"""`moved`: the same text at another address. `not-compared`: it differs, and what differs may be the reader."""


class ReadingSource(Protocol):
    """Where whole readings are."""

    def reading(self, capture_id: str) -> Reading | None:
        """The reading of a capture; None if there is none that can be used."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A capture of a page, as one side of a change."""

    capture_id: str
    leaf_index: int
    captured: str
    """When it began (UTC)."""
    url: str
    """Of the page that it reached; of a failed one, what was asked for."""
    source_sha256: str | None
    """Of the bytes that were read; None if nothing was reached."""
    payload_sha256: str | None
    warc_sha256: str
    reader: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a page between two captures of it."""

    kind: ChangeKind
    site: str
    title: str | None
    """As it was; where it has none, as it is."""
    before: Seen
    """The last capture that showed the page."""
    after: Seen
    reason: str
    """Why it is this kind, in a sentence; empty for one that only changed."""
    as_in: Seen | None = None
    """The capture after which the page is as it was then: it was another between."""
    changed: Changed | None = None
    """How the readings differ; None if they were not compared, or there is nothing to compare."""

    @property
    def statement(self) -> bool:
        """Whether it is about the statement itself, and not only about what stands around it."""
        return self.kind in ("vanished", "returned") or (self.changed is not None and self.changed.statement)


def changes(
    catalog: Catalog,
    readings: ReadingSource,
    *,
    since: datetime | int | None = None,
    sites: Sequence[str] = (),
    urls: Collection[str] = (),
    frames: bool = False,
    limit: int = 1_000,
) -> tuple[Change, ...]:
    """Every change of a page that publishes a statement, in the order of the log; of more than `limit` the newest ones.

    Args:
        catalog: of which archive.
        readings: loaded only where a capture says something else than the one before it.
        since: only what captures show that were begun later than this, or that have this place in the log or a later
            one.
        sites: hosts or sites (a host without `www.`); all by default.
        urls: pages; all by default.
        frames: tell also what changed around statements: links, documents, languages, menus, white space. This loads
            the readings of all captures whose bytes differ.
        limit: at most so many.

    Raises:
        CatalogUnusable: SQLite failed.
    """
    with failures(catalog.path):
        rows = list(_rows(catalog, since, sites, urls, frames=frames))
    found: list[Change] = []
    for candidate in reversed(list(_candidates(rows, frames=frames))):
        if not _is_since(candidate.after, since):
            continue
        if (change := _judged(candidate, readings, frames=frames)) is not None:
            found.append(change)
            if len(found) == limit:
                break
    return tuple(reversed(found))


@dataclass(frozen=True, slots=True)
class _Row:
    capture_id: str
    leaf_index: int
    captured: str
    target: str
    page: int
    url: str
    site: str
    outcome: str
    version: int | None
    payload_sha256: str | None
    warc_sha256: str
    source_sha256: str | None
    reader: str | None
    kind: str | None
    content_sha256: str | None
    title: str | None
    reasons: str | None

    @property
    def seen(self) -> Seen:
        return Seen(
            self.capture_id, self.leaf_index, self.captured, self.url if self.outcome != "failed" else self.target,
            self.source_sha256, self.payload_sha256, self.warc_sha256, self.reader,
        )  # fmt: skip

    @property
    def published(self) -> bool:
        return self.kind in PUBLISHED


@dataclass(slots=True)
class _Followed:
    """What is known of one page, up to some capture."""

    last: _Row | None = None
    """The last capture that showed what the page publishes."""
    gone: _Row | None = None
    """The capture that showed that it has vanished, if it has."""
    earlier: dict[str, _Row] = field(default_factory=dict)
    """By the digest of what they said, the last captures that said so."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    kind: ChangeKind
    before: _Row
    after: _Row
    reason: str = ""
    as_in: _Row | None = None


# Pages of which not all captures say the same, or which were not always reached, or not by their own address; whatever
# leads to such a page, or was asked for where it stood, says something of it.
_ROWS: Final = """
WITH differing (page) AS (
    SELECT page FROM capture GROUP BY page HAVING min(version) IS NOT max(version) OR max(outcome = 'failed')
        OR (:frames AND min(source_sha256) IS NOT max(source_sha256))
    UNION SELECT page FROM capture JOIN page AS reached ON reached.id = page WHERE target <> reached.url),
wanted (page) AS MATERIALIZED (WANTED),
asked (target) AS MATERIALIZED (SELECT DISTINCT target FROM capture WHERE page IN (SELECT page FROM wanted))
SELECT capture_id, leaf_index, started, target, capture.page, page.url, page.site, outcome, capture.version,
    payload_sha256, warc_sha256, source_sha256, reader, version.kind, content_sha256, title,
    iif(version.kind IN ('statement', 'document'), NULL, reasons)
FROM capture JOIN page ON page.id = capture.page LEFT JOIN version ON version.id = capture.version
WHERE capture.page IN (
        SELECT page FROM wanted UNION SELECT page FROM capture WHERE target IN (SELECT target FROM asked))
    AND (:hosts IS NULL OR page.host IN (SELECT value FROM json_each(:hosts))
        OR page.site IN (SELECT value FROM json_each(:hosts)))
ORDER BY leaf_index
"""
_DIFFERING: Final = "SELECT page FROM differing"
_AT_URLS: Final = "SELECT id FROM page WHERE url IN (SELECT value FROM json_each(:urls))"
_SINCE_LEAF: Final = "SELECT page FROM differing INTERSECT SELECT page FROM capture WHERE leaf_index >= :since"
_SINCE_TIME: Final = "SELECT page FROM differing INTERSECT SELECT page FROM capture WHERE started >= :since"


def _rows(
    catalog: Catalog, since: datetime | int | None, sites: Sequence[str], urls: Collection[str], *, frames: bool
) -> Iterator[_Row]:
    wanted = _DIFFERING
    values: dict[str, object] = {
        "frames": frames,
        "hosts": json.dumps([site.lower() for site in sites]) if sites else None,
    }
    if urls:
        wanted, values["urls"] = _AT_URLS, json.dumps(sorted(urls))
    elif isinstance(since, int):
        wanted, values["since"] = _SINCE_LEAF, since
    elif since is not None:
        wanted, values["since"] = _SINCE_TIME, _moment(since)
    for row in catalog.connection.execute(_ROWS.replace("WANTED", wanted), values):
        yield _Row(*row)


def _candidates(rows: Sequence[_Row], *, frames: bool) -> Iterator[_Candidate]:
    pages: dict[int, _Followed] = {}
    targets: dict[str, int] = {}
    for row in rows:
        asked = targets.get(row.target)
        if row.outcome == "failed":
            there = pages.get(row.page if asked is None else asked)
            if there is not None:
                yield from _vanish(there, row, "it could not be captured: nothing was reached")
            continue
        if row.version is None:
            continue  # Not read: nothing can be told of it.
        page = pages.get(row.page)
        if asked is not None and asked != row.page:
            yield from _led_elsewhere(pages, asked, row)
            page = pages.get(row.page)
        if page is None:
            page = pages[row.page] = _Followed()
        if row.published or asked is None:
            targets[row.target] = row.page
        yield from _followed(page, row, frames=frames)


def _led_elsewhere(pages: dict[int, _Followed], asked: int, row: _Row) -> Iterator[_Candidate]:
    """The address of one page leads to another one now."""
    before = pages[asked]
    if before.last is None:
        return
    if row.published and row.page not in pages:
        # The page goes on under its new address.
        pages[row.page] = before
    elif not row.published or row.content_sha256 != before.last.content_sha256:
        yield from _vanish(before, row, f"its address leads to {row.url}")


def _followed(page: _Followed, row: _Row, *, frames: bool) -> Iterator[_Candidate]:
    if not row.published:
        reason = json.loads(row.reasons or "{}").get("kind", "")
        yield from _vanish(page, row, f"what is there is no statement (“{row.kind}”): {reason}")
        return
    last, gone = page.last, page.gone
    content = row.content_sha256 or ""
    if last is not None:
        differs = row.content_sha256 != last.content_sha256
        as_in = page.earlier.get(content) if differs else None
        if gone is not None:
            yield _Candidate("returned", last, row, f"it was gone at {gone.captured}", as_in)
        elif differs:
            yield _Candidate("changed", last, row, as_in=as_in)
        elif row.page != last.page:
            yield _Candidate("moved", last, row, f"from {last.url} to {row.url}")
        elif frames and row.source_sha256 != last.source_sha256:
            yield _Candidate("changed", last, row)
    page.last, page.gone = row, None
    page.earlier[content] = row


def _vanish(page: _Followed, row: _Row, reason: str) -> Iterator[_Candidate]:
    if page.last is None or page.gone is not None:
        return
    if row.source_sha256 is None or row.source_sha256 != page.last.source_sha256:
        if row.reader is not None and row.reader != page.last.reader:
            reason = f"{reason}; read by {row.reader}, before by {page.last.reader}"
        page.gone = row
        yield _Candidate("vanished", page.last, row, reason)


def _judged(candidate: _Candidate, readings: ReadingSource, *, frames: bool) -> Change | None:
    before, after = candidate.before, candidate.after
    kind, reason, changed = candidate.kind, candidate.reason, None
    same_bytes = before.source_sha256 == after.source_sha256
    if kind != "vanished" and not same_bytes:
        one, other = readings.reading(before.capture_id), readings.reading(after.capture_id)
        if one is None or other is None:
            missing = before.capture_id if one is None else after.capture_id
            kind, reason = _uncompared(kind, reason, f"the reading of {missing} is not there: sijill read {missing}")
        else:
            try:
                changed = compare_readings(one, other)
            except DifferentReaders as err:
                kind, reason = _uncompared(kind, reason, f"{err}: sijill read --again")
    if kind == "changed" and (changed is None or not (changed.statement or (frames and changed.around))):
        return None
    return Change(
        kind=kind,
        site=before.site,
        title=before.title or after.title,
        before=before.seen,
        after=after.seen,
        reason=reason,
        as_in=None if candidate.as_in is None else candidate.as_in.seen,
        changed=changed,
    )


def _uncompared(kind: ChangeKind, reason: str, why: str) -> tuple[ChangeKind, str]:
    """A page that has returned, or moved, has done so whether or not its text can be compared."""
    return ("not-compared", why) if kind == "changed" else (kind, f"{reason}; {why}")


def _is_since(row: _Row, since: datetime | int | None) -> bool:
    if since is None:
        return True
    return row.leaf_index >= since if isinstance(since, int) else row.captured >= _moment(since)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
