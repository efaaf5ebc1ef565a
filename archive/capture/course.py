"""The course of one capture: the hops to the page and what it needs, one exchange after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from sijill.archive.capture.content import decode
from sijill.archive.capture.exchange import (
    Exchange,
    FailureKind,
    Limits,
    Purpose,
    Response,
    RevisitKind,
)
from sijill.archive.capture.fetch import Fetcher
from sijill.archive.capture.fetching import LONG, Fetching, Pending
from sijill.archive.capture.known import Known, KnownResources, as_revisit, conditions, is_unusable, may_be_reused
from sijill.archive.capture.reference import Reference, References, Use
from sijill.archive.capture.requisites import Page, read_html
from sijill.archive.capture.stylesheet import decode_css, read_css
from sijill.archive.capture.target import parse_target
from sijill.archive.errors import BadTarget

_READ = 10 << 20
"""Most bytes of a page or style sheet, decoded, that are searched for what it needs."""
_DEEPEST = 5
"""How deep frames and style sheets may refer to further ones and be followed."""
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s\"';]{1,60})", re.IGNORECASE)
_ACCEPT_PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_SHORT = 200
_SEARCHED = frozenset({Use.STYLE, Use.FRAME})
"""What is looked into for what it refers to."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The page that the hops ended at."""

    url: str
    content: Page | None
    """None if it is not HTML."""


@dataclass(frozen=True, slots=True)
class Hops:
    """What came of fetching something, redirects included."""

    url: str
    """Of the last hop."""
    exchanges: list[Exchange]
    response: Response | None
    """That of the last hop, which may be one received before."""


@dataclass(frozen=True, slots=True)
class _Task:
    """Something to be fetched, hops included, under way in another thread."""

    reference: Reference
    depth: int
    hops: Pending[Hops]
    environment: str | None
    """The encoding of the page that refers to it."""


class Course:
    """The course of one capture: what was fetched so far and what is not as it should be."""

    def __init__(
        self,
        fetcher: Fetcher,
        limits: Limits,
        on_exchange: Callable[[Exchange], None] | None,
        known: KnownResources | None,
    ) -> None:
        self._fetcher = fetcher
        self._known = known
        self._limits = limits
        self._on_exchange = on_exchange
        self._seen: set[str] = set()
        self._admitted = 0
        self._left_out = 0
        self._too_deep = False
        self._tasks: list[_Task] = []
        self.shown: dict[str, Hops] = {}
        """What a browser asked for already, one hop each, by URL."""
        self.exchanges: list[Exchange] = []
        self.reasons: list[str] = []

    def reach_page(self, url: str) -> Arrival | None:
        """Follow redirects, by Location and by meta refresh, to the page; None if there is none at their end."""
        via: str | None = None
        for _ in range(self._limits.redirects + 1):
            exchange = self._fetcher.fetch(url, purpose=Purpose.PAGE, via=via, headers={"Accept": _ACCEPT_PAGE})
            exchange, arrival = self.arrive(exchange)
            self.record(exchange)
            if exchange.redirect_to is None:
                return arrival
            via, url = exchange.url, exchange.redirect_to
        self.record(self.too_many_redirects(url, Purpose.PAGE, via))
        return None

    def arrive(self, exchange: Exchange) -> tuple[Exchange, Arrival | None]:
        """A hop on the way to the page with its meta refresh, if it has one; and the page, if it is the last hop."""
        self._seen.add(exchange.url)
        if exchange.response is None or exchange.redirect_to is not None:
            return exchange, None
        content = self._read_page(exchange.url, exchange.response)
        # Only a page that was there redirects; what says "not found" and then leads away is kept for itself.
        ok = 200 <= exchange.response.status < 300
        if ok and content and content.refresh and content.refresh not in self._seen:
            return replace(exchange, redirect_to=content.refresh), None
        return exchange, Arrival(exchange.url, content)

    def lead_on(self, url: str) -> None:
        """Say that the last hop on the way to the page led to `url` by a script, if nothing in it said so."""
        places = [place for place, exchange in enumerate(self.exchanges) if exchange.purpose is Purpose.PAGE]
        if places and self.exchanges[places[-1]].answered and self.exchanges[places[-1]].redirect_to is None:
            self.exchanges[places[-1]] = replace(self.exchanges[places[-1]], redirect_to=url)

    def admit(self) -> bool:
        """Whether one more requisite may be fetched; it is counted."""
        if self._admitted >= self._limits.requisites:
            self._left_out += 1
            return False
        self._admitted += 1
        return True

    def fetch_requisites(self, page: Arrival, dom: bytes | None = None) -> None:
        """Fetch what the page refers to and what that refers to in turn, several at once.

        Args:
            page: where the hops ended.
            dom: the document as a browser had it in the end, UTF-8, if one showed it: scripts may have put there
                what the page as sent does not refer to.
        """
        if page.content is None:
            self._say_what_is_left_out()
            return
        executor = Fetching(self._limits.parallel, quick=self._is_quick(page))
        try:
            self._admit(executor, page.content.references, page.url, 1, page.content.encoding)
            if dom is not None:
                self._admit(executor, read_html(dom[:_READ], page.url, "utf-8").references, page.url, 1, "utf-8")
            # In the order they were found, whatever arrives first: the same page gives the same numbers, and of two
            # that refer to the same thing always the same one is named as the way to it.
            for task in self._tasks:
                hops = task.hops.result()
                for exchange in hops.exchanges:
                    self.record(exchange)
                if hops.response is not None:
                    self._follow(executor, task, hops.url, hops.response)
        except BaseException:
            self._fetcher.close()
            raise
        finally:
            executor.shutdown()
        self._say_what_is_left_out()

    def _say_what_is_left_out(self) -> None:
        if self._left_out:
            self.reasons.append(f"{self._left_out} more than the limit of {self._limits.requisites} were not fetched")
        if self._too_deep:
            self.reasons.append(f"what lies deeper than {_DEEPEST} frames or style sheets was not looked for")

    def _is_quick(self, page: Arrival) -> bool:
        """Whether whatever the page needs is likely to come at once: its own server does so, and no other is named."""
        origin, hop = parse_target(page.url).origin + "/", self.exchanges[-1]
        references = page.content.references if page.content is not None else ()
        near = all(reference.url.startswith(origin) for reference in references)
        return near and (hop.ended - hop.started).total_seconds() < LONG

    def _admit(
        self,
        executor: Fetching,
        references: Iterable[Reference],
        via: str,
        depth: int,
        environment: str | None,
    ) -> None:
        for reference in references:
            if reference.url in self._seen:
                continue
            self._seen.add(reference.url)
            had = self._shown_hops(reference.url)
            if had is not None:
                hops = executor.submit(_had, had)
            elif self.admit():
                hops = executor.submit(self._fetch_hops, reference, via)
            else:
                continue
            self._tasks.append(_Task(reference, depth, hops, environment))

    def _shown_hops(self, url: str) -> Hops | None:
        """What a browser's requests for `url` ended at, if it made any; the exchanges are recorded already."""
        hop = self.shown.get(url)
        for _ in range(self._limits.redirects):
            if hop is None or not hop.exchanges or (leads_to := hop.exchanges[-1].redirect_to) is None:
                break
            if leads_to not in self.shown:
                return Hops(hop.url, [], None)
            hop = self.shown[leads_to]
        return None if hop is None else Hops(hop.url, [], hop.response)

    def _fetch_hops(self, reference: Reference, via: str) -> Hops:
        purpose = Purpose.DOCUMENT if reference.use is Use.DOCUMENT else Purpose.REQUISITE
        hops: list[Exchange] = []
        url = reference.url
        for _ in range(self._limits.redirects + 1):
            referrer = _referrer(via, url)
            headers = {"Referer": referrer} if referrer else {}
            hop = self.fetch_hop(url, purpose, via, headers, content=reference.use in _SEARCHED)
            hops += hop.exchanges
            leads_to = hops[-1].redirect_to
            if leads_to is None:
                return Hops(hop.url, hops, hop.response)
            via, url = hops[-1].url, leads_to
        return Hops(url, [*hops, self.too_many_redirects(url, purpose, via)], None)

    def fetch_hop(
        self, url: str, purpose: Purpose, via: str | None, headers: Mapping[str, str], *, content: bool
    ) -> Hops:
        """Fetch `url`, unless it is known and need not be asked for; on a condition if it is known and must be.

        Args:
            url: a request URL.
            purpose: why.
            via: the URL whose content led here.
            headers: as `Fetcher.fetch` takes them.
            content: whether the response itself is needed.
        """
        fetcher, known, asked = self._fetcher, None, {}
        if self._known is not None:
            known = self._known.find(url, content=content, deadline=fetcher.deadline, called_off=lambda: fetcher.closed)
        if known is not None and content and known.response is None:
            known = None
        if known is not None and not _may_be_read_by(known, headers):
            known = None
        if known is not None:
            if known.this_run and known.original.url == url and may_be_reused(known.headers):
                reused = fetcher.reused(url, purpose=purpose, via=via, original=known.original)
                return Hops(url, [reused], known.response)
            asked = conditions(known.headers)
        exchange = fetcher.fetch(url, purpose=purpose, via=via, headers={**headers, **asked})
        made = [as_revisit(exchange, known, asked) if known is not None else exchange]
        if asked and is_unusable(made[0]):
            made.append(fetcher.fetch(url, purpose=purpose, via=via, headers=headers))
        last = made[-1]
        if self._known is not None:
            self._known.received(last)
        unsent = known is not None and last.revisit is not None and last.revisit.kind is RevisitKind.NOT_MODIFIED
        return Hops(last.url, made, known.response if known is not None and unsent else last.response)

    def _follow(self, executor: Fetching, task: _Task, url: str, response: Response) -> None:
        """Look into a style sheet or frame for what it refers to."""
        if response.status >= 400:
            return
        is_style = task.reference.use is Use.STYLE or response.media_type == "text/css"
        is_frame = task.reference.use is Use.FRAME and response.media_type in _HTML
        if not is_style and not is_frame:
            return
        if task.depth >= _DEEPEST:
            self._too_deep = True
            return
        if spent := self._fetcher.spent():
            self.reasons.append(f"{_shown(url)}: not searched for what it needs: {spent}")
            return
        if is_style:
            references: Iterable[Reference] = self._read_style(url, response, task.environment)
            environment = task.environment
        else:
            frame = self._read_page(url, response)
            references = [r for r in frame.references if r.use is not Use.DOCUMENT] if frame else ()
            environment = frame.encoding if frame else None
        self._admit(executor, references, url, task.depth + 1, environment)

    def _read_page(self, url: str, response: Response) -> Page | None:
        if response.media_type is not None and response.media_type not in _HTML:
            return None
        data = self._decoded(url, response)
        if response.media_type is None and not data.lstrip().startswith(b"<"):
            return None
        return read_html(data, url, _charset(response))

    def _read_style(self, url: str, response: Response, environment: str | None) -> References:
        references = References(url)
        read_css(decode_css(self._decoded(url, response), _charset(response), environment), references)
        return references

    def _decoded(self, url: str, response: Response) -> bytes:
        content = decode(response, limit=_READ)
        # A response that broke off is a reason already; that it cannot be decoded to its end follows from it.
        if content.problem and response.truncated is None:
            self.reasons.append(f"{_shown(url)}: not wholly searched for what it needs: {content.problem}")
        return content.data

    def too_many_redirects(self, url: str, purpose: Purpose, via: str | None) -> Exchange:
        """The exchange that stands for the hop that was one too many."""
        detail = f"more than {self._limits.redirects} redirects"
        return self._fetcher.not_fetched(url, purpose=purpose, via=via, kind=FailureKind.REDIRECT_LIMIT, detail=detail)

    def record(self, exchange: Exchange, *, needed: bool = True) -> None:
        """Give an exchange its number, and note what keeps the capture from being complete if it is `needed`."""
        numbered = replace(exchange, number=len(self.exchanges) + 1)
        self.exchanges.append(numbered)
        if needed:
            self.reasons.extend(reason for reason in _objections(numbered) if reason not in self.reasons)
        if self._on_exchange is not None:
            self._on_exchange(numbered)


def _had(hops: Hops) -> Hops:
    return hops


def _objections(exchange: Exchange) -> Iterable[str]:
    response, name = exchange.response, f"{exchange.purpose} {_shown(exchange.url)}"
    if exchange.failure is not None:
        yield f"{name}: {exchange.failure.kind}: {exchange.failure.detail}"
    elif response is not None and response.truncated is not None:
        yield f"{name}: cut short ({response.truncated})"
    elif response is not None and response.status >= 400 and exchange.purpose is not Purpose.PAGE:
        yield f"{name}: HTTP status {response.status}"
    if exchange.tls is not None and exchange.server is not None and not exchange.tls.verified:
        host = parse_target(exchange.url).authority
        yield f"the certificate of {host} does not validate: {exchange.tls.verify_error}"


def _may_be_read_by(known: Known, headers: Mapping[str, str]) -> bool:
    """Whether a browser would let a script read a stored response (Fetch Standard §4.10), or none asks for that."""
    origin = next((value for name, value in headers.items() if name.lower() == "origin"), None)
    allowed = next((v for n, v in known.headers if n.lower() == "access-control-allow-origin"), None)
    return origin is None or allowed in {"*", origin}


def _charset(response: Response) -> str | None:
    found = _CHARSET.search(response.header("content-type") or "")
    return found[1] if found else None


def _referrer(via: str, url: str) -> str | None:
    """What a browser would name as the referrer: Referrer Policy, strict-origin-when-cross-origin."""
    try:
        source, target = parse_target(via), parse_target(url)
    except BadTarget:  # a redirect to something that will not be fetched
        return None
    if source.origin == target.origin:
        return str(source)
    return None if source.scheme == "https" and target.scheme == "http" else source.origin + "/"


def _shown(url: str) -> str:
    return url if len(url) <= _SHORT else url[: _SHORT - 1] + "…"
