"""`sites.toml`: which organisations' sites are crawled; read strictly, with faults named by line."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from sijill.archive.capture.browser.rendering import BrowserMode
from sijill.archive.capture.target import parse_target
from sijill.archive.crawl.site import CrawlLimits, Politeness, Schedule, Site
from sijill.archive.crawl.urls import PathPattern, ScopeHost
from sijill.archive.errors import BadPattern, BadTarget
from sijill.flows.crawl.sites_faults import first_fault
from sijill.flows.errors import BadSites
from sijill.flows.settings import OneLine

FILE_NAME = "sites.toml"
_LARGEST = 10 << 20
_GIBIBYTE = 1 << 30
_FIELDS = 5

EXAMPLE = """\
# sijill: the organisations whose statement pages are archived. One [[sites]] for each. Unknown keys are refused.
# Check it with: sijill sites check            See what a crawl would find with: sijill sites check --online

[[sites]]
id = "example-network"               # short and for ever: it stands in every record of a run
name = "Example Network for Human Rights"
languages = ["ar", "en"]             # of its statements
start = ["https://example.org/", "https://example.org/ar/"]   # pages that list statements, or lead to such
feeds = ["https://example.org/feed/"]                         # RSS or Atom; those that pages name are read as well
sitemaps = []                        # beside those that robots.txt names

# Scope. A URL is in scope if it is on one of the hosts, matches include (all if empty) and does not match exclude.
hosts = ["example.org", "www.example.org"]   # the hosts of start if left out; "host:8080" for another port
include = []                         # e.g. ["/news/**", "/ar/**"]
exclude = ["/shop/**", "/wp-login.php"]

# What is a statement page, and gets a capture of its own; all other pages in scope are only read for links.
#   *    any characters within one segment, and at least one if it is all of the segment
#   **   as a whole segment: any number of segments, none included
#   ?    what follows is matched with the query; pages with a query are statements only if a pattern has one
# Escapes and scripts do not matter: "/بيانات/*" is the same as its percent-encoded form. A slash at the end of a path
# does not matter either, unless the pattern ends with one. Write patterns narrowly: "/blog/*/*/*/*" is
# /blog/2018/11/15/title/ and not the lists above it.
statements = ["/statements/*", "/ar/بيانات/*", "/view.php?id=*"]

browser = "never"                    # statement pages shown in Chromium, for those that scripts draw, and for pictures:
                                     # "never", "auto" (if there is one), "always"; what sijill.toml says if left out

[sites.schedule]                     # leave it out for sites that are crawled on demand only
cron = "15 3 * * *"                  # minute, hour, day of month, month, day of week
timezone = "Asia/Beirut"             # IANA name

[sites.limits]                       # of one run
pages = 1000                         # statement pages
depth = 3                            # links from a start page; next pages of a list count as the list itself
bytes = 5_368_709_120
seconds = 21_600
links_per_page = 2000
feed_bytes = 50_000_000
sitemap_bytes = 50_000_000           # of one sitemap, decompressed
sitemap_urls = 50_000

[sites.politeness]
delay_seconds = 1.0                  # between two requests to one host; a longer Crawl-delay in robots.txt counts more
concurrency = 2                      # pages of one host at one time
obey_robots = true                   # false: captured all the same, and the record says what robots.txt said
max_retry_after_seconds = 300        # the longest that a server may ask to wait
"""


def _url(text: str) -> str:
    try:
        return str(parse_target(text))
    except BadTarget as err:
        raise ValueError(err.reason) from err


def _host(text: str) -> ScopeHost:
    try:
        return ScopeHost.parse(text)
    except BadTarget as err:
        raise ValueError(f"{text[:200]!r} is not a host: {err.reason}") from err


def _pattern(text: str) -> PathPattern:
    try:
        return PathPattern.parse(text)
    except BadPattern as err:
        raise ValueError(str(err)) from err


def _cron(text: str) -> str:
    from datetime import UTC, datetime

    from cronsim import CronSim, CronSimError

    if len(text.split()) != _FIELDS:
        raise ValueError(f"{text!r} has not {_FIELDS} fields: minute, hour, day of month, month, day of week")
    try:
        next(CronSim(text, datetime.now(UTC)))
    except CronSimError as err:
        raise ValueError(f"{text!r} is no schedule ({str(err).lower()})") from err
    except StopIteration as err:
        raise ValueError(f"{text!r} never comes: there is no such day") from err
    return text


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as err:
        raise ValueError(f"{text!r} is not a time zone of the IANA database, such as 'Asia/Beirut'") from err
    return text


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("not_text", "must be text in quotes")
    return value


def _listed(value: object) -> object:
    if not isinstance(value, list):
        raise PydanticCustomError("not_a_list", 'must be a list: ["...", "..."]')
    return tuple(value)


Url = Annotated[OneLine, AfterValidator(_url)]
Host = Annotated[ScopeHost, BeforeValidator(lambda value: _host(str(_text(value))))]
Pattern = Annotated[PathPattern, BeforeValidator(lambda value: _pattern(str(_text(value))))]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
_LIST = BeforeValidator(_listed)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class ScheduleSection(_Section):
    """When a site is due."""

    cron: Annotated[OneLine, AfterValidator(_cron)]
    timezone: Annotated[OneLine, AfterValidator(_timezone)]


class LimitsSection(_Section):
    """Bounds of one run."""

    pages: int = Field(default=1000, ge=1, le=20_000)
    depth: int = Field(default=3, ge=0, le=20)
    bytes: int = Field(default=5 * _GIBIBYTE, ge=1 << 20, le=10_240 * _GIBIBYTE)
    seconds: float = Field(default=6 * 3600.0, gt=0, le=7 * 86_400, strict=False)
    links_per_page: int = Field(default=2000, ge=1, le=100_000)
    feed_bytes: int = Field(default=50_000_000, ge=1024, le=_GIBIBYTE)
    sitemap_bytes: int = Field(default=50_000_000, ge=1024, le=_GIBIBYTE)
    sitemap_urls: int = Field(default=50_000, ge=1, le=1_000_000)


class PolitenessSection(_Section):
    """How hard a host may be asked."""

    delay_seconds: float = Field(default=1.0, ge=0, le=3600, strict=False)
    concurrency: int = Field(default=2, ge=1, le=32)
    obey_robots: bool = True
    max_retry_after_seconds: float = Field(default=300.0, ge=0, le=86_400, strict=False)


class SiteSection(_Section):
    """One organisation."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    name: OneLine
    languages: Annotated[tuple[Language, ...], _LIST] = Field(default=(), max_length=50)
    start: Annotated[tuple[Url, ...], _LIST] = Field(min_length=1, max_length=1000)
    feeds: Annotated[tuple[Url, ...], _LIST] = Field(default=(), max_length=1000)
    sitemaps: Annotated[tuple[Url, ...], _LIST] = Field(default=(), max_length=1000)
    hosts: Annotated[tuple[Host, ...], _LIST] = Field(default=(), max_length=200)
    include: Annotated[tuple[Pattern, ...], _LIST] = Field(default=(), max_length=200)
    exclude: Annotated[tuple[Pattern, ...], _LIST] = Field(default=(), max_length=200)
    statements: Annotated[tuple[Pattern, ...], _LIST] = Field(min_length=1, max_length=200)
    browser: Literal["never", "auto", "always"] | None = None
    schedule: ScheduleSection | None = None
    limits: LimitsSection = LimitsSection()
    politeness: PolitenessSection = PolitenessSection()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        excluded = {pattern.text for pattern in self.exclude}
        for what, patterns in (("include", self.include), ("statements", self.statements)):
            for pattern in patterns:
                if pattern.text in excluded:
                    raise ValueError(f"{what}: {pattern.text!r} can never match, because exclude has it too")
        if "/**" in excluded:
            raise ValueError("exclude: '/**' leaves nothing of the site")
        site = self.site
        for url in self.start:
            verdict = site.scope(url)
            if not verdict.in_scope:
                raise ValueError(f"start: {url} is out of scope: {verdict.reason}")
        return self

    @property
    def site(self) -> Site:
        """The site as crawls know it."""
        return Site(
            id=self.id,
            name=self.name,
            start=_once(self.start),
            hosts=self.hosts or _once(_host_of(url) for url in self.start),
            statements=self.statements,
            languages=_once(language.lower() for language in self.languages),
            feeds=_once(self.feeds),
            sitemaps=_once(self.sitemaps),
            include=self.include,
            exclude=self.exclude,
            schedule=None if self.schedule is None else Schedule(self.schedule.cron, self.schedule.timezone),
            limits=CrawlLimits(**self.limits.model_dump()),
            politeness=Politeness(**self.politeness.model_dump()),
            browser=None if self.browser is None else BrowserMode(self.browser),
        )


class SitesFile(_Section):
    """The whole of `sites.toml`."""

    sites: Annotated[tuple[SiteSection, ...], _LIST] = Field(min_length=1, max_length=10_000)

    @model_validator(mode="after")
    def _ids_once(self) -> Self:
        seen: set[str] = set()
        for site in self.sites:
            if site.id in seen:
                raise ValueError(f"the id {site.id!r} is there twice")
            seen.add(site.id)
        return self


_KEYS = {
    "": SitesFile.model_fields,
    "sites": SiteSection.model_fields,
    "schedule": ScheduleSection.model_fields,
    "limits": LimitsSection.model_fields,
    "politeness": PolitenessSection.model_fields,
}


def read_sites(path: Path) -> tuple[Site, ...]:
    """Read and check a sites file.

    Raises:
        BadSites: it is missing, is not TOML, or has an unknown key, an impossible value or pattern; the message is
            one line that names file, line and key of the first fault.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        text = data.decode()
    except FileNotFoundError as err:
        raise BadSites(f"{path}: no such file; print one to start from with: sijill sites example") from err
    except OSError as err:
        raise BadSites(f"{path}: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise BadSites(f"{path}: not UTF-8 at byte {err.start}") from err
    if len(data) > _LARGEST:
        raise BadSites(f"{path}: larger than {_LARGEST} bytes")
    try:
        parsed = SitesFile.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as err:
        raise BadSites(f"{path}: not TOML: {err}") from err
    except ValidationError as err:
        raise BadSites(f"{path}{first_fault(err, text, _KEYS)}") from err
    return tuple(section.site for section in parsed.sites)


def pick_sites(sites: Collection[Site], ids: Iterable[str]) -> tuple[Site, ...]:
    """The sites with these ids, in the order of the ids.

    Raises:
        BadSites: there is none with such an id.
    """
    known = {site.id: site for site in sites}
    for site_id in ids:
        if site_id not in known:
            near = difflib.get_close_matches(site_id, known, n=1)
            hint = f"; is it {near[0]!r}?" if near else ""
            raise BadSites(f"no site has the id {site_id[:80]!r}{hint}")
    return tuple(known[site_id] for site_id in dict.fromkeys(ids))


def _host_of(url: str) -> ScopeHost:
    return ScopeHost.parse(parse_target(url).authority)


def _once(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))
