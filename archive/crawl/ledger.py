"""The books of a run: what is let in, what is turned away and why, and what it came to. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from sijill.archive.capture.target import parse_target
from sijill.archive.crawl.frontier import MOST, Frontier
from sijill.archive.crawl.pages import HostRobots, PageOutcome, Planned, Row, RunOutcome, Step, Task
from sijill.archive.crawl.site import Site
from sijill.archive.crawl.traps import Traps
from sijill.archive.errors import BadTarget

_TURNED_AWAY = 5_000
"""URLs that are listed although nothing is done with them; further ones are counted."""
_PROBLEMS = 500
_MANY = 3
"""So many URLs that lead to one page are worth a remark."""
_NO_LIST = re.compile(
    r"\.(?:7z|avi|bmp|css|csv|docx?|eot|epub|exe|gif|gz|ico|jpe?g|js|json|m4a|mov|mp[34]|odt|ogg|pdf|png|pptx?|rar|svg"
    r"|tar|tiff?|ttf|wav|web[mp]|woff2?|xlsx?|xml|zip)\Z",
    re.IGNORECASE,
)
"""What names no pages in a way that a crawl reads, and is fetched with the page that shows or links it."""


class Ledger:
    """What a run has let in and turned away, and the outcomes so far."""

    def __init__(self, site: Site) -> None:
        self.frontier = Frontier()
        self.captured = 0
        """Statement pages captured."""
        self.size = 0
        """Bytes received."""
        self.passed_over = 0
        """URLs that sitemaps name beyond the limit of the site, each as often as it is named."""
        self._site = site
        self._traps = Traps()
        self._done: dict[str, Row] = {}
        self._turned_away: dict[str, Row] = {}
        self._omitted = 0
        self._problems: dict[str, None] = {}
        self._payloads: dict[str, str] = {}
        self._texts: dict[str, list[str]] = {}
        self._refused: Counter[str] = Counter()
        self._of_all: list[str] = []
        self._named_by_sitemaps = 0

    def let_in(self, planned: Planned, *, by: Task | None = None) -> bool:
        """Let a URL in or turn it away, which something of the kind `by` names; returns whether nothing had before.

        What sitemaps name beyond the limit of the site is passed over, and may still be let in if a page names it.
        """
        url = planned.url
        before = self._turned_away.get(url)
        nearer = before is not None and before.outcome is PageOutcome.LIMIT_REACHED and self._is_near(planned)
        if self.frontier.seen(url) or (before is not None and not nearer):
            return False
        if by is Task.SITEMAP and planned.task in (Task.STATEMENT, Task.LIST):
            if self._named_by_sitemaps >= self._site.limits.sitemap_urls:
                self.passed_over += 1
                return False
            self._named_by_sitemaps += 1
        if nearer:
            del self._turned_away[url]
        outcome, reason = self._objection(planned)
        if outcome is not None:
            self._turn_away(planned, outcome, reason)
        elif not self.frontier.add(planned):
            self._omitted += 1
        return True

    def account(self, step: Step) -> Row:
        """Take in a step that is done."""
        if step.outcome is None:
            raise ValueError(f"{step.planned.url} is still under way")
        planned = step.planned
        row = Row(
            planned.url,
            planned.via,
            planned.how,
            planned.task,
            step.outcome,
            step.reason,
            step.capture_id,
            step.earlier,
            step.final_url,
            step.status,
            step.sha256,
            step.text_sha256,
        )
        self._done[planned.url] = row
        self.frontier.done(planned.url)
        self.captured += step.capture_id is not None
        self.size += step.size
        if step.sha256 is not None and step.outcome in (PageOutcome.CAPTURED, PageOutcome.UNCHANGED):
            self._payloads.setdefault(step.sha256, planned.url)
            self._texts.setdefault(step.text_sha256 or step.sha256, []).append(planned.url)
        self._refused.update(dict(step.refused))
        for problem in step.problems:
            self.remark(problem)
        return row

    def same_as(self, sha256: str | None, text_sha256: str | None) -> str | None:
        """Which page of this run has the same bytes already, or at least the same text, in words."""
        if sha256 is not None and (other := self._payloads.get(sha256)) is not None:
            return f"the same bytes as {other}"
        others = None if text_sha256 is None else self._texts.get(text_sha256)
        return f"the same text as {others[0]}" if others else None

    def leave(self, waiting: Iterable[Planned], outcome: PageOutcome, reason: str) -> None:
        """Record URLs that were let in and will not be dealt with."""
        for planned in waiting:
            self._done[planned.url] = _row(planned, outcome, reason)

    def remark(self, problem: str) -> None:
        """Record something that could not be read, or is odd."""
        if len(self._problems) < _PROBLEMS:
            self._problems[problem] = None

    def remark_on_all(self, problem: str) -> None:
        """Record something odd about the site as a whole."""
        self._of_all.append(problem)

    @property
    def done(self) -> int:
        """URLs that have an outcome, those turned away left out."""
        return len(self._done)

    def outcome(self, robots: tuple[HostRobots, ...]) -> RunOutcome:
        """What the run came to."""
        # What is said of the whole comes before what is said of each page, of which there may be more than is kept.
        problems = dict.fromkeys((*self._remarks(), *self._problems))
        rows = (*self._done.values(), *self._turned_away.values())
        omitted = self._omitted + max(0, len(rows) - MOST)
        refused = tuple(sorted(self._refused.items()))
        return RunOutcome(rows[:MOST], omitted, robots, tuple(problems), self.size, refused)

    def _remarks(self) -> Iterator[str]:
        yield from self._of_all
        if not any(row.task is Task.STATEMENT for row in self._done.values()):
            yield "no statement page was found"
        for url, count in self._led_to().items():
            yield f"{count} pages lead to {url}"
        for urls in self._texts.values():
            if len(urls) >= _MANY:
                yield f"{len(urls)} statement pages have the same text, the first of them {urls[0]}"
        if self._refused:
            told = ", ".join(f"{count} {scheme}" for scheme, count in sorted(self._refused.items()))
            yield f"links of pages that are not for a crawl to follow: {told}"

    def _led_to(self) -> dict[str, int]:
        counts = Counter(
            row.final_url
            for row in self._done.values()
            if row.task is Task.STATEMENT and row.final_url is not None and row.final_url != row.url
        )
        return {url: count for url, count in counts.items() if count >= _MANY}

    def _objection(self, planned: Planned) -> tuple[PageOutcome | None, str]:
        url = planned.url
        if planned.how == "start":
            return None, ""
        if planned.task in (Task.SITEMAP, Task.FEED):
            named = _on_hosts(self._site, url)
            if not named:
                return PageOutcome.OUT_OF_SCOPE, f"a {planned.task} on another host"
            return (None, "") if self._is_near(planned) else (PageOutcome.LIMIT_REACHED, "named by too many in a row")
        verdict = self._site.scope(url)
        if not verdict.in_scope:
            return PageOutcome.OUT_OF_SCOPE, verdict.reason
        if planned.task is Task.LIST and _NO_LIST.search(urlsplit(url).path):
            return PageOutcome.OUT_OF_SCOPE, "neither a statement page nor a page that names any"
        if not self._is_near(planned):
            return PageOutcome.LIMIT_REACHED, f"more than {self._site.limits.depth} links from where the crawl starts"
        if trap := self._traps.trap(url, is_list=planned.task is Task.LIST):
            return PageOutcome.TRAP, trap
        return None, ""

    def _is_near(self, planned: Planned) -> bool:
        return planned.depth <= self._site.limits.depth

    def _turn_away(self, planned: Planned, outcome: PageOutcome, reason: str) -> None:
        if len(self._turned_away) < _TURNED_AWAY:
            self._turned_away[planned.url] = _row(planned, outcome, reason)
        else:
            self._omitted += 1


def waiting(frontier: Frontier) -> Iterator[Planned]:
    """Take everything that waits."""
    for host in frontier.hosts():
        yield from frontier.drain(host)


def _row(planned: Planned, outcome: PageOutcome, reason: str) -> Row:
    return Row(planned.url, planned.via, planned.how, planned.task, outcome, reason)


def _on_hosts(site: Site, url: str) -> bool:
    try:
        parsed = parse_target(url)
    except BadTarget:
        return False
    return any(host.matches(parsed) for host in site.hosts)
