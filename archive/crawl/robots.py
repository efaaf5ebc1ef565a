"""robots.txt (RFC 9309): what a server asks crawlers to leave alone. Pure; the only module that imports protego."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from protego import Protego

READ_BYTES = 500 << 10
"""RFC 9309 §2.5: at least 500 KiB must be read; nothing beyond is."""
MOST_SITEMAPS = 100
_MOST_EXPLAINED = 2000
_RULE = re.compile(r"(?:dis?s?al+ow|diasllow|disallaw)(?:\s*:|\s)\s*(\S.*)", re.IGNORECASE)
_AGENT = re.compile(r"user(?:-|\s+)?agent(?:\s*:|\s)\s*(.*)", re.IGNORECASE)
_PRODUCT = re.compile(r"(?<![\w@.:/-])[\w-]+(?=/)")
_OTHERS = "some-other-crawler"
_NOBODY = "nobody at all"


class Source(StrEnum):
    """Where the decisions come from."""

    RULES = "rules"
    """robots.txt was read."""
    NONE = "none"
    """There is no robots.txt, or what is there holds no rules: everything is allowed."""
    UNREACHABLE = "unreachable"
    """Whether there are rules could not be learnt: everything is disallowed."""


@dataclass(frozen=True, slots=True)
class RobotsDecision:
    """Whether a URL may be fetched."""

    allowed: bool
    reason: str
    line: int | None
    """Of the rule in robots.txt that disallows, from 1; None if it is allowed or no single line says so."""


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    pattern: str


class RobotsRules:
    """What robots.txt of one host says, for any user agent."""

    def __init__(self, source: Source, note: str, text: str = "") -> None:
        self.source = source
        self.note = note
        """How `source` came about, and what was passed over."""
        self._lines = text.splitlines()
        self._for_agent: dict[str, _Group] = {}
        self.sitemaps: tuple[str, ...] = tuple(dict.fromkeys(self._group("").protego.sitemaps))[:MOST_SITEMAPS]
        """The values of its Sitemap lines as written."""

    @classmethod
    def parse(cls, status: int | None, content_type: str | None, body: bytes) -> Self:
        """What follows from the answer to a request for /robots.txt, redirects followed.

        Args:
            status: of the last response; None if there was none.
            content_type: its Content-Type field.
            body: without content coding; the first 500 KiB are read.
        """
        if status is None:
            return cls(Source.UNREACHABLE, "robots.txt could not be fetched")
        if status == 429 or not 200 <= status < 500:  # RFC 9309 §2.3.1.4; who is asked to wait does not go on
            return cls(Source.UNREACHABLE, f"robots.txt answered with status {status}")
        if status >= 300:  # §2.3.1.3; and §2.3.1.2 for redirects that lead nowhere
            return cls(Source.NONE, f"robots.txt answered with status {status}: everything is allowed")
        start = body.removeprefix(b"\xef\xbb\xbf").lstrip()
        if start.startswith(b"<"):
            named = f" of type {content_type.partition(';')[0].strip()[:60]}" if content_type else ""
            return cls(Source.NONE, f"robots.txt is a page{named}, not rules: everything is allowed")
        if b"\0" in start[:READ_BYTES]:
            return cls(Source.NONE, "robots.txt is binary, not rules: everything is allowed")
        note = "robots.txt was read"
        if len(body) > READ_BYTES:
            note += f" as far as its first {READ_BYTES} bytes; it is larger"
            # A rule that is cut in two could say something else.
            body = body[:READ_BYTES].rpartition(b"\n")[0]
        return cls(Source.RULES, note, body.decode("utf-8-sig", errors="replace"))

    def decide(self, url: str, user_agent: str) -> RobotsDecision:
        """Whether `user_agent`, a product token or a whole User-Agent field, may fetch the request URL `url`."""
        if self.source is Source.UNREACHABLE:
            return RobotsDecision(False, f"{self.note}: everything is disallowed until it answers", None)
        if self.source is Source.NONE:
            return RobotsDecision(True, self.note, None)
        group = self._group(user_agent)
        if group.protego.can_fetch(url, group.name):
            return RobotsDecision(True, "robots.txt allows it", None)
        line = group.line_against(url)
        if line is None:
            return RobotsDecision(False, "robots.txt disallows it", None)
        return RobotsDecision(False, f"robots.txt disallows {line.pattern[:200]} in line {line.number}", line.number)

    def crawl_delay(self, user_agent: str, *, longest: float) -> float | None:
        """The pause in seconds between requests that it asks of `user_agent`, at most `longest`; None if none."""
        group = self._group(user_agent)
        delays = [group.protego.crawl_delay(group.name) or 0.0]
        if rate := group.protego.request_rate(group.name):
            delays.append(rate.seconds / rate.requests)
        return min(max(delays), longest) or None

    def _group(self, user_agent: str) -> _Group:
        if user_agent not in self._for_agent:
            self._for_agent[user_agent] = _Group(self._lines, user_agent)
        return self._for_agent[user_agent]


class _Group:
    """The lines that are for one user agent.

    Every other crawler's name becomes one and the same: thousands of names above thousands of rules would otherwise
    be multiplied with each other.
    """

    def __init__(self, lines: list[str], user_agent: str) -> None:
        products = _products(user_agent)
        kept: list[str] = []
        names: set[str] = set()
        for line in lines:
            written = line.partition("#")[0].strip()
            if written.lower().startswith("user"):
                named = _AGENT.match(written)
                if named is None:
                    kept.append("")
                    continue
                name = _product(named[1])
                if name != "*" and name not in products:
                    name = _OTHERS
                names.add(name)
                kept.append(f"User-agent: {name}")
            else:
                kept.append(written)
        ours = max((name for name in names if name not in {"*", _OTHERS}), key=len, default=None)
        self.name = ours or _NOBODY
        # RFC 9309 §2.2.1: only the group of the most specific name counts; shorter ones are for others.
        text = "\n".join(_renamed(line, ours) for line in kept)
        self.protego = Protego.parse(text)
        self._rules = self._applying(kept, ours or "*")
        self._alone: dict[int, Protego] = {}

    def line_against(self, url: str) -> _Line | None:
        """The longest rule that disallows `url`: the one that counts, given that all together do (§2.2.2)."""
        for rule in self._rules[:_MOST_EXPLAINED]:
            if rule.number not in self._alone:
                self._alone[rule.number] = Protego.parse(f"User-agent: *\nDisallow: {rule.pattern}")
            if not self._alone[rule.number].can_fetch(url, "*"):
                return rule
        return None

    @staticmethod
    def _applying(lines: list[str], name: str) -> list[_Line]:
        rules: list[_Line] = []
        applies = after_rule = False
        for number, line in enumerate(lines, start=1):
            if line.startswith("User-agent: "):
                applies = (applies and not after_rule) or line == f"User-agent: {name}"
                after_rule = False
            elif line and not line.lower().startswith(("sitemap", "site-map", "host")):
                after_rule = True
                if applies and (rule := _RULE.match(line)):
                    rules.append(_Line(number, rule[1]))
        return sorted(rules, key=lambda rule: len(rule.pattern), reverse=True)


def _product(value: str) -> str:
    """The product token that a line names, in lower case; `*` for all."""
    text = value.strip()
    return "*" if text.startswith("*") else re.split(r"[\s/*]", text, maxsplit=1)[0].lower() or _OTHERS


def _products(user_agent: str) -> frozenset[str]:
    """The product tokens of a User-Agent field (RFC 9110 §10.1.5), or the one that it consists of, in lower case."""
    agent = user_agent.strip().lower()
    return frozenset(_PRODUCT.findall(agent)) or frozenset(agent.split()[:1])


def _renamed(line: str, ours: str | None) -> str:
    if not line.startswith("User-agent: ") or line in {"User-agent: *", f"User-agent: {ours}"}:
        return line
    return f"User-agent: {_OTHERS}"
