"""Fetching what a crawl reads and does not capture: robots.txt, sitemaps, feeds, pages that list others."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sijill.archive.capture.content import decode
from sijill.archive.capture.exchange import Exchange, FailureKind, Limits, Network, Purpose, Response
from sijill.archive.capture.fetch import Fetcher
from sijill.archive.capture.guard import Resolver, system_resolver

REDIRECTS = 5
"""RFC 9309 §2.3.1.2: at least five are followed."""
_SECONDS = 60.0
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s\"';]{1,60})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Document:
    """What came of fetching a URL."""

    url: str
    """The URL asked for first."""
    final_url: str
    """Where the redirects led, as far as they were followed."""
    status: int | None
    """Of the last response; None if there was none."""
    content_type: str | None
    """The field as sent."""
    body: bytes
    """Without chunk framing and content coding, as much of it as may be read."""
    size: int
    """Bytes received, of all responses."""
    failure: str | None = None
    """Why there is no response; None if there is one."""
    no_host: bool = False
    """Whether it was because the host has no address (DNS)."""
    problem: str | None = None
    """Why `body` is not whole; None if it is."""
    retry_after: str | None = None
    """The field as sent."""

    @property
    def media_type(self) -> str | None:
        """Type and subtype in lower case; None if none is stated."""
        return ((self.content_type or "").partition(";")[0].strip().lower()) or None

    @property
    def charset(self) -> str | None:
        """The charset that Content-Type states."""
        return charset_of(self.content_type)


class Documents:
    """Fetches documents, each by connections of its own and without cookies; may be used by several threads."""

    def __init__(
        self,
        *,
        network: Network,
        user_agent: str,
        workdir: Path,
        clock: Callable[[], datetime],
        resolver: Resolver = system_resolver,
        seconds: float = _SECONDS,
    ) -> None:
        """`workdir` takes large responses while they are read; `seconds` is the most that one document may take."""
        self._network = network
        self._user_agent = user_agent
        self._workdir = workdir
        self._clock = clock
        self._resolver = resolver
        self._seconds = seconds

    def fetch(self, url: str, *, limit: int, stay: Callable[[str], bool] | None = None) -> Document:
        """Fetch `url` and follow redirects; whatever a network or server does is in what comes back.

        Args:
            url: a request URL.
            limit: the most bytes that are received, and that are read after decoding.
            stay: whether a redirect to a URL may be followed; any may if None.

        Raises:
            OSError: the working directory cannot be written.
        """
        limits = Limits(
            exchange_bytes=limit,
            exchange_seconds=self._seconds,
            capture_bytes=limit + (1 << 20),
            capture_seconds=self._seconds,
        )
        with (
            tempfile.TemporaryDirectory(dir=self._workdir, prefix="document-") as folder,
            Fetcher(
                limits=limits,
                network=self._network,
                user_agent=self._user_agent,
                workdir=Path(folder),
                clock=self._clock,
                resolver=self._resolver,
            ) as fetcher,
        ):
            return _follow(fetcher, url, limit, stay)


def charset_of(content_type: str | None) -> str | None:
    """The charset parameter of a Content-Type field."""
    found = _CHARSET.search(content_type or "")
    return found[1] if found else None


def _follow(fetcher: Fetcher, url: str, limit: int, stay: Callable[[str], bool] | None) -> Document:
    size, via, at = 0, None, url
    for hop in range(REDIRECTS + 1):
        exchange = fetcher.fetch(at, purpose=Purpose.PAGE, via=via)
        size += exchange.response.raw.size if exchange.response is not None else 0
        leads_to = exchange.redirect_to
        if leads_to is None:
            return _document(url, exchange, size, limit)
        if stay is not None and not stay(leads_to):
            return _failed(url, leads_to, size, "leads out of the site")
        if hop == REDIRECTS:
            break
        via, at = exchange.url, leads_to
    return _failed(url, at, size, f"more than {REDIRECTS} redirects")


def _document(url: str, exchange: Exchange, size: int, limit: int) -> Document:
    response, failure = exchange.response, exchange.failure
    if response is None:
        why = f"{failure.kind}: {failure.detail}" if failure is not None else "no response"
        no_host = failure is not None and failure.kind is FailureKind.DNS
        return Document(url, exchange.url, None, None, b"", size, failure=why, no_host=no_host)
    content = decode(response, limit=limit)
    return Document(
        url,
        exchange.url,
        response.status,
        response.header("content-type"),
        content.data,
        size,
        problem=_problem(response, content.problem),
        retry_after=response.header("retry-after"),
    )


def _problem(response: Response, problem: str | None) -> str | None:
    return f"cut short ({response.truncated})" if response.truncated is not None else problem


def _failed(url: str, at: str, size: int, why: str) -> Document:
    return Document(url, at, None, None, b"", size, failure=why)
