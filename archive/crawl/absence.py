"""What a server sends for pages that do not exist: who sends a page then never says that one is gone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sijill.archive.crawl.document import Document
from sijill.archive.crawl.origins import origin_of
from sijill.archive.crawl.pages import Captured, Planned, Task
from sijill.archive.crawl.searching import is_html
from sijill.archive.digest import digest_bytes
from sijill.archive.reading.visible_text import visible_text_sha256

NO_SUCH_PAGE = "/sijill-asks-for-a-page-that-does-not-exist"
"""Asked for once on each origin that has pages to capture."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """That a page is what its server sends for pages that do not exist."""

    reason: str
    everything: bool
    """Whether the server sends it for pages that do exist as well: it says nothing about them then."""


@dataclass(frozen=True, slots=True)
class _Sent:
    status: int
    final_url: str
    moved: bool
    mark: str


class Absences:
    """What the servers of a run send for pages that do not exist."""

    def __init__(self, may_ask: Callable[[str], bool]) -> None:
        """`may_ask` is told a URL and says whether robots.txt allows to ask for it."""
        self._may_ask = may_ask
        self._asked: set[str] = set()
        self._sent: dict[str, _Sent] = {}
        self._homes: dict[str, list[_Sent]] = {}

    def missing(self, planned: Planned) -> str | None:
        """The origin that has to be asked for `NO_SUCH_PAGE` before `planned` is captured; None if none has."""
        origin = origin_of(planned.url)
        if planned.task is not Task.STATEMENT or origin in self._asked:
            return None
        self._asked.add(origin)
        return origin if self._may_ask(f"{origin}{NO_SUCH_PAGE}") else None

    def take(self, origin: str, document: Document) -> None:
        """Take in what came of asking `origin` for `NO_SUCH_PAGE`."""
        if (sent := _sent(document)) is not None:
            self._sent[origin] = sent

    def look_at_start(self, document: Document) -> None:
        """Take in a page where the crawl starts, which does exist."""
        if (sent := _sent(document)) is not None:
            self._homes.setdefault(origin_of(document.url), []).append(sent)

    def likeness(self, url: str, captured: Captured) -> Likeness | None:
        """Whether the page captured at `url` is what its server sends for pages that do not exist."""
        origin = origin_of(url)
        sent = self._sent.get(origin)
        if sent is None or captured.final_url is None or not captured.whole:
            return None
        everything = self._is_everything(origin)
        if sent.moved and captured.final_url == sent.final_url:
            # Whoever sends strangers to a page has that page.
            if url == sent.final_url and not everything:
                return None
            return Likeness(f"leads to {sent.final_url}, as what does not exist there does", everything)
        if captured.shown is not None and everything:
            return None  # one page for all, and scripts fill it: what they made of it is there to be judged
        if sent.mark == mark(captured.media_type, captured.charset, captured.body):
            return Likeness("the same text as is sent there for pages that do not exist", everything)
        return None

    def remarks(self) -> Iterator[str]:
        """What is odd about servers, in a sentence each."""
        for origin, sent in sorted(self._sent.items()):
            where = f" by {sent.final_url}" if sent.moved else ""
            if self._is_everything(origin):
                yield f"{origin} answers with one page whatever is asked for{where}: nothing can be told of its pages"
            else:
                yield (
                    f"{origin} answers for pages that do not exist with status {sent.status}{where}: "
                    "a crawl cannot tell there that a page is gone"
                )

    def _is_everything(self, origin: str) -> bool:
        sent = self._sent[origin]
        return any(
            home.mark == sent.mark or (home.moved and sent.moved and home.final_url == sent.final_url)
            for home in self._homes.get(origin, ())
        )


def mark(media_type: str | None, charset: str | None, body: bytes) -> str:
    """What two pages have in common that say the same: SHA-256 of their text, or if none can be read, of the bytes."""
    text = visible_text_sha256(body, charset) if is_html(media_type, body) else None
    return text or digest_bytes(body).sha256.hex


def _sent(document: Document) -> _Sent | None:
    if document.status is None or not 200 <= document.status < 300:
        return None
    moved = document.final_url != document.url
    return _Sent(document.status, document.final_url, moved, mark(document.media_type, document.charset, document.body))
