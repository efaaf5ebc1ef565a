"""What is to be dealt with, given what is listed of a site and what its documents name. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sijill.archive.crawl.found import How
from sijill.archive.crawl.ledger import Ledger
from sijill.archive.crawl.pages import Planned, Task
from sijill.archive.crawl.searching import Findings
from sijill.archive.crawl.site import Site

_DEEPEST_SITEMAP = 3
"""How many sitemaps may name one another; the protocol allows for one index above the sets."""


def task_of(site: Site, url: str) -> Task:
    """What a page is for."""
    return Task.STATEMENT if site.is_statement(url) else Task.LIST


def seeds(site: Site) -> Iterator[Planned]:
    """What the archivist listed."""
    for url in site.sitemaps:
        yield Planned(url, url, How.START.value, Task.SITEMAP)
    for url in site.feeds:
        yield Planned(url, url, How.START.value, Task.FEED)
    for url in site.start:
        yield Planned(url, url, How.START.value, task_of(site, url))


def plans(site: Site, planned: Planned, findings: Findings) -> Iterator[Planned]:
    """What the document `planned` names, and how near each is to where the crawl starts."""
    how = How.OLDER if planned.task is Task.FEED else How.LINK
    # Feeds first: a page may link to its own feed as well, and would have it taken for a page.
    for url in findings.feeds:
        yield Planned(url, planned.url, how.value, Task.FEED, planned.depth + 1)
    for one in findings.found:
        depth = _depth(planned, one.how)
        yield Planned(one.url, one.via, one.how.value, task_of(site, one.url), depth, one.lastmod)
    if planned.depth < _DEEPEST_SITEMAP:
        for url in findings.sitemaps:
            yield Planned(url, planned.url, How.SITEMAP.value, Task.SITEMAP, planned.depth + 1)


@dataclass(frozen=True, slots=True)
class LetIn:
    """What a document named."""

    new: tuple[Planned, ...]
    """What nothing had named before."""
    problems: tuple[str, ...]
    """Of the document, and what of it was passed over."""


def let_in(site: Site, ledger: Ledger, planned: Planned, findings: Findings) -> LetIn:
    """Let in what the document `planned` names."""
    before, problems = ledger.passed_over, findings.problems
    new = tuple(plan for plan in plans(site, planned, findings) if ledger.let_in(plan, by=planned.task))
    if passed_over := ledger.passed_over - before:
        most = site.limits.sitemap_urls
        problems = (
            *problems,
            f"{planned.url}: {passed_over} of its URLs were passed over; the site's sitemaps may name {most} in all",
        )
    return LetIn(new, problems)


def _depth(planned: Planned, how: How) -> int:
    # The next page of a list is as near as the list: an archive of twenty years goes on for hundreds of pages.
    same = planned.task in (Task.SITEMAP, Task.FEED) or how in (How.OLDER, How.CANONICAL, How.HREFLANG)
    return planned.depth if same else planned.depth + 1
