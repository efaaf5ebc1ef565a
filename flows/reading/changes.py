"""Changes of statements in an archive: listed, and told to people once.

What was told is noted in the store, at `pending/told/<capture id>` of the capture that showed the change, before it is
told: of several machines, one tells it. Whoever is killed while telling leaves a note that is not finished; after ten
minutes the next one tells it again, and says that it may have been told before. Changes older than a week are not told
any more, and their notes are removed.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sijill.archive.catalog.changes import Change, changes
from sijill.flows.errors import BadSettings, NotTold
from sijill.flows.notifying import notify
from sijill.flows.reading.catalog import open_current
from sijill.flows.reading.describing import headline, sentences
from sijill.flows.reading.stored import StoredReadings
from sijill.flows.wiring import Archive
from sijill.provenance.attest.timestamps import format_timestamp, parse_timestamp
from sijill.provenance.errors import MalformedTimestamp
from sijill.storage.errors import BadKey, NotFound
from sijill.storage.layout import PENDING, capture_started

TOLD: Final = f"{PENDING}told/"
_KINDS: Final = frozenset({"changed", "vanished", "returned"})
_LATEST: Final = timedelta(days=7)
"""How old a capture may be of which something is told."""
_KEPT: Final = timedelta(days=14)
_STALE: Final = timedelta(minutes=10)
"""After so long, whoever was about to tell something is taken to be dead."""
_MOST: Final = 500
"""Changes that are told at once; the rest is in `sijill changes`."""
_LISTED: Final = 20
_LARGEST_NOTE: Final = 4096

Raise = Callable[[Change], None]
"""Raises an event about a change."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was told."""

    changes: tuple[Change, ...]
    again: bool
    """Some of it may have been told before, by someone who was killed meanwhile."""


def tell_changes(archive: Archive, *, raise_event: Raise | None = None) -> Told:
    """Tell those in the settings of changed, vanished and returned statements that they were not told of.

    Without anybody to tell, and without `raise_event`, nothing is done.

    Raises:
        BadSettings, NotTold: see `notify`; what was not told is told by the next call.
        StorageError, LogDamaged, CatalogUnusable: nothing was told.
    """
    urls = archive.settings.notifications.urls
    if not urls and raise_event is None:
        return Told((), again=False)
    now = archive.clock()
    with open_current(archive, quiet=True) as catalog:
        recent = changes(catalog, StoredReadings(archive.store), since=now - _LATEST, limit=_MOST)
    _clear(archive, now)
    mine = [(change, again) for change, again in _claimed(archive, recent, now)]
    if not mine:
        return Told((), again=False)
    found, again = tuple(change for change, _ in mine), any(again for _, again in mine)
    try:
        if urls:
            notify(urls, title=_title(archive, found), body=_body(found, again=again))
    except (BadSettings, NotTold):
        for change in found:
            archive.store.delete(_key(change))
        raise
    for change in found:
        if raise_event is not None:
            raise_event(change)
        archive.store.replace(_key(change), _note(now, done=True))
    return Told(found, again)


def _claimed(archive: Archive, recent: Iterable[Change], now: datetime) -> Iterator[tuple[Change, bool]]:
    """The changes that are ours to tell, and whether someone may have told them already."""
    told = set(archive.store.list(TOLD))
    for change in recent:
        if change.kind not in _KINDS or not change.statement:
            continue
        key, note = _key(change), _note(now, done=False)
        if key not in told:
            if archive.store.create(key, note):
                yield change, False
        elif _is_left(archive, key, now):
            archive.store.replace(key, note)
            yield change, True


def _is_left(archive: Archive, key: str, now: datetime) -> bool:
    """Whether somebody was about to tell it, and has not come back."""
    try:
        value = json.loads(archive.store.read(key, limit=_LARGEST_NOTE))
        return not value["done"] and parse_timestamp(value["time"]) < now - _STALE
    except NotFound:
        return False
    except (ValueError, LookupError, TypeError, MalformedTimestamp):
        return True


def _clear(archive: Archive, now: datetime) -> None:
    for key in list(archive.store.list(TOLD)):
        try:
            old = capture_started(key.removeprefix(TOLD)) < now - _KEPT
        except BadKey:
            continue
        if old:
            archive.store.delete(key)


def _key(change: Change) -> str:
    return TOLD + change.after.capture_id


def _note(now: datetime, *, done: bool) -> bytes:
    # No two are the same bytes, so that of two that write one at once only one finds its own.
    value = {"done": done, "time": format_timestamp(now), "by": secrets.token_hex(8)}
    return json.dumps(value, sort_keys=True).encode("ascii")


def _title(archive: Archive, found: Sequence[Change]) -> str:
    counts = [
        f"{number} {kind}"
        for kind in ("changed", "vanished", "returned")
        if (number := sum(change.kind == kind for change in found))
    ]
    return f"{archive.settings.operator.name}: statements {', '.join(counts)}"


def _body(found: Sequence[Change], *, again: bool) -> str:
    lines = ["This may have been told before: whoever told it was interrupted.", ""] if again else []
    for change in found[:_LISTED]:
        lines += [headline(change), *(f"  {sentence}" for sentence in sentences(change)), f"  {change.before.url}"]
        lines += [f"  capture {change.before.capture_id} -> {change.after.capture_id}", ""]
    if len(found) > _LISTED:
        lines.append(f"and {len(found) - _LISTED} more: sijill changes")
    return "\n".join(lines).rstrip() + "\n"
