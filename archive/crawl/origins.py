"""What robots.txt of each origin says, and what that means for a URL. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from sijill.archive.crawl.document import Document
from sijill.archive.crawl.pages import HostRobots, Known, PageOutcome, Planned, Robots, Task
from sijill.archive.crawl.robots import RobotsRules
from sijill.archive.crawl.site import Politeness
from sijill.archive.crawl.urls import absolute
from sijill.archive.errors import BadTarget


@dataclass(frozen=True, slots=True)
class Turned:
    """A URL that will not be asked for."""

    outcome: PageOutcome
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What robots.txt asks for beside leaving pages alone."""

    delay: float | None
    """Seconds between requests."""
    sitemaps: tuple[str, ...]
    """Where it says that sitemaps are."""


@dataclass(frozen=True, slots=True)
class _Origin:
    rules: RobotsRules
    failure: str | None
    """Why there was no answer; None if there was one."""
    no_host: bool
    """Whether it was because the host has no address, so that there is nobody to be asked."""


class Origins:
    """The robots.txt files of a run."""

    def __init__(self, user_agent: str, politeness: Politeness) -> None:
        self._user_agent = user_agent
        self._obey = politeness.obey_robots
        self._longest_delay = politeness.max_retry_after_seconds
        self._origins: dict[str, _Origin] = {}

    def missing(self, planned: Planned) -> str | None:
        """The origin whose robots.txt has to be read before `planned` is fetched; None if there is none."""
        origin = origin_of(planned.url)
        return None if planned.task is Task.SITEMAP or origin in self._origins else origin

    def take(self, origin: str, document: Document) -> Asked:
        """Take in what came of fetching robots.txt of `origin`; returns what it asks for."""
        rules = RobotsRules.parse(document.status, document.content_type, document.body)
        self._origins[origin] = _Origin(rules, document.failure, document.no_host)
        delay = rules.crawl_delay(self._user_agent, longest=self._longest_delay) if self._obey else None
        return Asked(delay, tuple(_absolute(document.final_url, rules.sitemaps)))

    def decide(self, planned: Planned, known: Mapping[str, Known]) -> Robots | Turned:
        """Whether `planned` may be fetched: what robots.txt says of it, or what becomes of it unasked."""
        if planned.task is Task.SITEMAP:
            return Robots(consulted=False, decision=None, reason="a sitemap is there for robots")
        found = self._origins[origin_of(planned.url)]
        failure = "" if found.failure is None else f" ({found.failure})"
        if found.no_host:
            if planned.task is Task.STATEMENT and planned.url in known:
                # Nobody is there who could be asked too much, and the absence is worth a capture.
                return Robots(consulted=True, decision=None, reason=f"no robots.txt{failure}")
            return Turned(PageOutcome.FAILED, found.failure or "")
        decision = found.rules.decide(planned.url, self._user_agent)
        if decision.allowed:
            return Robots(consulted=True, decision="allowed", reason=decision.reason)
        if not self._obey:
            return Robots(consulted=True, decision="disallowed", reason=f"{decision.reason}; settings do not obey it")
        return Turned(PageOutcome.REFUSED_BY_ROBOTS, decision.reason + failure)

    def sources(self) -> Iterator[HostRobots]:
        """Where the decisions for each origin came from."""
        for origin, found in sorted(self._origins.items()):
            yield HostRobots(
                origin, found.rules.note if found.failure is None else f"{found.rules.note}: {found.failure}"
            )


def origin_of(url: str) -> str:
    """Scheme, host and port of a request URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _absolute(base: str, references: Iterable[str]) -> Iterator[str]:
    for reference in references:
        try:
            yield absolute(base, reference)
        except BadTarget:
            continue
