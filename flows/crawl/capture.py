"""Captures for a crawl: each page is one capture, made and stored as `sijill capture` does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass

from sijill.archive.capture.browser.rendering import BrowserMode
from sijill.archive.capture.content import decode
from sijill.archive.capture.exchange import Exchange, FailureKind, Outcome, Purpose, Response
from sijill.archive.capture.spool import MemoryBody
from sijill.archive.crawl.document import charset_of
from sijill.archive.crawl.pages import Captured, Robots
from sijill.archive.digest import digest_bytes
from sijill.archive.errors import MalformedWarc
from sijill.archive.warc.http_message import ResponseParser
from sijill.archive.warc.reader import read_records
from sijill.flows import evidence
from sijill.flows.browsing import Browsing
from sijill.flows.crawl.resources import RunResources
from sijill.flows.errors import TombstonedCapture, UnknownCapture
from sijill.flows.stored_captures import StoredCapture, load_capture
from sijill.flows.wiring import Archive
from sijill.provenance.attest import members, parts
from sijill.provenance.attest.attestation import Orchestrator, Subject, Trigger
from sijill.provenance.attest.attestation import Robots as AttestedRobots
from sijill.storage.errors import NotFound
from sijill.storage.layout import object_key

_SEARCHED = 10 << 20
"""Most bytes of a page that are searched for links, decoded."""
_DOM = "dom.html"


@dataclass(frozen=True, slots=True)
class ArchiveCaptures:
    """Captures pages into an archive; safe to share between threads."""

    archive: Archive
    trigger: Trigger
    orchestrator: Orchestrator | None = None
    readiness: evidence.Readiness | None = None
    """What all captures share; by default each finds it out for itself."""
    resources: RunResources | None = None
    """What captures of the run know of sub-resources; by default everything is stored in full."""
    browsing: Browsing | None = None
    """The browser that shows pages, one after the other; by default all are captured by plain HTTP."""
    mode: BrowserMode = BrowserMode.NEVER

    def capture(self, url: str, *, robots: Robots, begun: Callable[[str], None]) -> Captured:
        """Capture `url`, store and queue the capture; `begun` is told its id before anything is sent.

        Raises:
            StorageError: the store did not take it; the capture waits in the work folder.
            BrowserUnavailable: there must be a browser, and it does not start.
        """
        page = _Page()
        with (
            nullcontext() if self.browsing is None else self.browsing.turn(self.mode) as browser,
            nullcontext() if self.resources is None else self.resources.capturing() as known,
        ):
            archived = evidence.archive_url(
                self.archive,
                url,
                readiness=self.readiness,
                trigger=self.trigger,
                orchestrator=self.orchestrator,
                on_exchange=page.look_at,
                on_begin=begun,
                robots=AttestedRobots(robots.consulted, robots.decision, robots.reason[: parts.MAX_TEXT]),
                known=known,
                browser=browser,
                browser_required=self.mode is BrowserMode.ALWAYS,
            )
            if known is not None:
                known.stored(archived)
        capture = archived.capture
        hop = next((one for one in reversed(capture.exchanges) if one.purpose is Purpose.PAGE), None)
        response = capture.page.response if capture.page is not None else None
        return Captured(
            capture_id=capture.id,
            partial=capture.outcome is Outcome.PARTIAL,
            final_url=capture.final_url,
            status=None if response is None else response.status,
            failure=_failure(hop),
            no_host=hop is not None and hop.failure is not None and hop.failure.kind is FailureKind.DNS,
            sha256=None if response is None else response.payload.sha256.hex,
            retry_after=None if response is None else response.header("retry-after"),
            size=sum(one.response.raw.size for one in capture.exchanges if one.response is not None),
            media_type=None if response is None else response.media_type,
            charset=None if response is None else charset_of(response.header("content-type")),
            body=page.body,
            whole=page.whole,
            shown=_dom(self.archive, archived.files.get(_DOM)),
        )

    def recall(self, capture_id: str, url: str) -> Captured | None:
        """A capture of `url` that a killed worker stored, read from the store; None if there is none.

        Raises:
            StorageError: the store failed.
            ProvenanceError: what is stored is not an attestation.
        """
        try:
            stored = load_capture(self.archive, capture_id)
        except (UnknownCapture, TombstonedCapture):
            return None
        predicate = stored.statement.predicate
        if predicate.target != url:
            return None
        hop = _last_hop(predicate.exchanges)
        there = hop is not None and predicate.final_url is not None and hop.status is not None
        response = _stored_response(self.archive, stored, hop) if hop is not None and there else None
        content = None if response is None else decode(response, limit=_SEARCHED)
        received = hop is not None and hop.truncated is None and hop.failure is None
        return Captured(
            capture_id=capture_id,
            partial=predicate.outcome is Outcome.PARTIAL,
            final_url=predicate.final_url,
            status=hop.status if hop is not None and there else None,
            failure=None if hop is None or hop.failure is None else f"{hop.failure.kind}: {hop.failure.detail}",
            no_host=hop is not None and hop.failure is not None and hop.failure.kind is FailureKind.DNS,
            sha256=hop.payload.digest.sha256 if hop is not None and there and hop.payload is not None else None,
            retry_after=None if response is None else response.header("retry-after"),
            size=sum(one.payload.size for one in predicate.exchanges if one.payload and not one.revisit),
            media_type=None if response is None else response.media_type,
            charset=None if response is None else charset_of(response.header("content-type")),
            body=b"" if content is None else content.data,
            whole=received and content is not None and content.problem is None,
            shown=_dom(self.archive, next((one for one in stored.statement.subject if one.name == _DOM), None)),
        )


class _Page:
    """Keeps the text of the page while it is captured: its body may be a file that goes with the capture."""

    def __init__(self) -> None:
        self.body = b""
        self.whole = False

    def look_at(self, exchange: Exchange) -> None:
        if exchange.purpose is Purpose.PAGE and exchange.response is not None:
            content = decode(exchange.response, limit=_SEARCHED)
            received = exchange.response.truncated is None and exchange.failure is None
            self.body, self.whole = content.data, received and content.problem is None


def _dom(archive: Archive, subject: Subject | members.Subject | None) -> bytes | None:
    """The document as a browser had it in the end; None if there is none, or it is too long to be searched."""
    if subject is None or subject.digests.size > _SEARCHED:
        return None
    try:
        return archive.store.read(object_key(subject.digests.sha256.hex), limit=_SEARCHED)
    except NotFound:
        return None


def _failure(hop: Exchange | None) -> str | None:
    if hop is None or hop.failure is None:
        return None
    return f"{hop.failure.kind}: {hop.failure.detail}"


def _last_hop(exchanges: Sequence[members.Exchange]) -> members.Exchange | None:
    return next((one for one in reversed(exchanges) if one.purpose is Purpose.PAGE), None)


def _stored_response(archive: Archive, stored: StoredCapture, hop: members.Exchange) -> Response | None:
    """The page's response out of the stored WARC; None if it is not there."""
    block = b""
    with suppress(NotFound, MalformedWarc), archive.store.open(stored.warc_key) as source:
        for record in read_records(source):
            if record.id == hop.record:
                block = b"".join(record.chunks()) if record.size <= _SEARCHED else b""
                break
    parser, payload = ResponseParser(), bytearray()
    for piece in parser.feed(block):
        payload += piece
    head = parser.head
    if head is None:
        return None
    digests = digest_bytes(bytes(payload))
    return Response(
        MemoryBody(block), head.size, head.version, head.status, head.reason, head.headers, digests, 0, None
    )
