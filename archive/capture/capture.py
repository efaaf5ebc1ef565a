"""Capturing a page: the hops to it, what it needs, and what the whole came to."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from sijill.archive.capture.browsed import BrowsedPage
from sijill.archive.capture.browser.rendering import NotShown, Rendering
from sijill.archive.capture.browser.seams import Browser
from sijill.archive.capture.course import Course
from sijill.archive.capture.exchange import Capture, Exchange, Limits, Network, Outcome
from sijill.archive.capture.fetch import Fetcher
from sijill.archive.capture.guard import Resolver, system_resolver
from sijill.archive.capture.known import KnownResources
from sijill.archive.capture.target import parse_target
from sijill.archive.errors import BrowserUnavailable

_DOM: Final = 10 << 20
"""Most bytes of the document as shown that are searched for what it needs."""


def capture_page(
    target: str,
    *,
    capture_id: str,
    user_agent: str,
    workdir: Path,
    clock: Callable[[], datetime],
    limits: Limits | None = None,
    network: Network | None = None,
    resolver: Resolver = system_resolver,
    on_exchange: Callable[[Exchange], None] | None = None,
    started: datetime | None = None,
    known: KnownResources | None = None,
    browser: Browser | None = None,
    browser_required: bool = True,
) -> Capture:
    """Fetch `target`, follow where it leads, and fetch everything the page needs.

    Whatever servers and networks do is in the capture that comes back; it ends within `limits`.

    Args:
        target: a URL, kept verbatim.
        capture_id: the capture's id.
        user_agent: the value of User-Agent.
        workdir: a folder for large responses; bodies refer to files in it, and the caller removes it when they are
            no longer needed.
        clock: gives the time, aware, in UTC.
        limits: bounds; the defaults of `Limits` if None.
        network: which addresses may be reached; only global ones if None.
        resolver: gives the addresses of a host name.
        on_exchange: is told each exchange, in the order of their numbers, as soon as its place is known.
        started: the moment that the capture's id was made from, just now; None to ask the clock.
        known: what the page needs that was received before; None to fetch and store everything in full. The page
            itself always is.
        browser: shows the page; what it asks for is fetched, and then what the page refers to and it did not ask for.
            None for plain HTTP.
        browser_required: if no browser can be had: raise, or capture by plain HTTP and say so.

    Raises:
        BadTarget: `target` cannot be captured; nothing was sent.
        OSError: `workdir` cannot be written to.
        UnusableTrustAnchors: the file of the trust anchors cannot be read.
        BrowserUnavailable: `browser_required`, and there is none; nothing was sent.
    """
    url = str(parse_target(target))
    limits = limits or Limits()
    started = started or clock()
    deadline = time.monotonic() + limits.capture_seconds
    with Fetcher(
        limits=limits,
        network=network or Network(),
        user_agent=user_agent,
        workdir=workdir,
        clock=clock,
        resolver=resolver,
    ) as fetcher:
        course = Course(fetcher, limits, on_exchange, known)
        page, rendering, fallback = None, None, None
        if browser is not None:
            browsed = BrowsedPage(course, fetcher, limits)
            try:
                shown = browsed.show(
                    browser,
                    url,
                    capture_id=capture_id,
                    user_agent=user_agent,
                    workdir=workdir,
                    clock=clock,
                    deadline=deadline,
                )
            except BrowserUnavailable as err:
                if browser_required:
                    raise
                fallback = str(err)
            else:
                page = browsed.arrival
                rendering = shown if isinstance(shown, Rendering) else None
                fallback = shown.reason if isinstance(shown, NotShown) and page is not None else None
        if not course.exchanges:
            page = course.reach_page(url)
        if rendering is not None:
            course.reasons.extend(f"the browser: {problem}" for problem in rendering.problems)
        if page is not None:
            course.fetch_requisites(page, _dom(rendering))
    outcome = Outcome.FAILED if page is None else Outcome.PARTIAL if course.reasons else Outcome.COMPLETE
    return Capture(
        id=capture_id,
        target=target,
        final_url=page.url if page else None,
        outcome=outcome,
        reasons=tuple(course.reasons),
        started=started,
        ended=clock(),
        exchanges=tuple(course.exchanges),
        limits=limits,
        user_agent=user_agent,
        title=page.content.title if page and page.content else None,
        rendering=rendering if page is not None else None,
        browser_fallback=fallback,
    )


def _dom(rendering: Rendering | None) -> bytes | None:
    """The document as the browser had it in the end."""
    made = rendering.file("dom.html") if rendering is not None else None
    if made is None:
        return None
    with made.body.open() as reader:
        return reader.read(_DOM)
