"""The quality of a browser capture: what was written of it is replayed without a network and compared with the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sijill.archive.capture.browser.rendering import Rendering
from sijill.archive.capture.browser.seams import Browser
from sijill.archive.capture.exchange import Capture, Original, Outcome
from sijill.archive.capture.target import parse_target
from sijill.archive.warc.dependencies import cut
from sijill.flows.wiring import Archive
from sijill.flows.workfolder import WorkItem
from sijill.storage.errors import StorageError
from sijill.storage.layout import object_key

_DEPENDENCIES = "dependencies"


def with_quality(archive: Archive, browser: Browser, capture: Capture, rendering: Rendering, item: WorkItem) -> Capture:
    """`capture` with what a replay of it is like; partial, with the reason, if that is not the page that was seen.

    Args:
        archive: where the records are that it takes from other captures.
        browser: the one that showed the page.
        capture: what was captured.
        rendering: what the browser made of it.
        item: its WARC, written but for the fetch log.
    """
    if rendering.file("text.txt") is None:
        return capture  # the page was lost while it was shown, which is a reason already
    # Playwright, which it needs, is loaded already.
    from sijill.archive.capture.browser.replay import check

    try:
        dependencies = _taken(archive, capture, item.spool / _DEPENDENCIES)
    except StorageError as err:
        return _partial(capture, f"the capture could not be replayed: {err}")
    quality = check(
        browser,
        rendering,
        str(parse_target(capture.target)),
        warc=item.warc,
        dependencies=dependencies,
        failed=[exchange.url for exchange in capture.exchanges if not exchange.answered],
        user_agent=capture.user_agent,
        workdir=item.spool,
        clock=archive.clock,
    )
    capture = replace(capture, rendering=replace(rendering, quality=quality))
    return _partial(capture, quality.reason) if quality.reason else capture


def _taken(archive: Archive, capture: Capture, path: Path) -> Path | None:
    """The records that the capture takes from others, in a file; None if it takes none.

    Raises:
        StorageError: the store failed.
    """
    originals = {
        exchange.revisit.record: exchange.revisit.original for exchange in capture.exchanges if exchange.revisit
    }
    if not originals:
        return None
    with path.open("xb") as file:
        for original in originals.values():
            file.writelines(_member(archive, original))
    return path


def _member(archive: Archive, original: Original) -> list[bytes]:
    with archive.store.open(object_key(original.warc.sha256.hex)) as source:
        return list(cut(source, [(original.offset, original.member.size)]))


def _partial(capture: Capture, reason: str) -> Capture:
    outcome = Outcome.PARTIAL if capture.outcome is Outcome.COMPLETE else capture.outcome
    return replace(capture, outcome=outcome, reasons=(*capture.reasons, reason))
