"""HTML for reports: escaping, tables, facts. Pure; the same input gives the same bytes on every machine, for good.

So nothing here may depend on a library's version, a locale, a clock, or the Unicode tables of the interpreter.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Final

MAX_SHOWN: Final = 1_000
"""Characters of one foreign text that are shown."""
MAX_ROWS: Final = 1_000
"""Rows of the longest table; what is left out is counted."""

# Controls, invisible formatting, direction overrides and isolates, tags, private use, noncharacters. By fixed ranges:
# what counts as assigned changes with the version of Unicode. U+200C and U+200D stay, Arabic needs them.
_ACTIVE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\uf8ff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff\U000effff-\U0010ffff]"
)


def text(value: str, *, limit: int = MAX_SHOWN) -> str:
    """Text from outside, escaped, set apart from the direction of what surrounds it, and cut at `limit` characters.

    What a browser or reader would act on without showing it stands there by its number, as a box.
    """
    cut = f" <i>(cut; {len(value):,} characters in all)</i>" if len(value) > limit else ""
    return f'<bdi dir="auto">{_escaped(value[:limit])}</bdi>{cut}'


def plain(value: str) -> str:
    """Our own words, escaped."""
    return html.escape(value, quote=True)


def code(value: str) -> str:
    """A digest, key or name: to be compared character by character; left to right."""
    return f'<code dir="ltr">{_escaped(value[:MAX_SHOWN])}</code>'


def url(value: str, *, limit: int = MAX_SHOWN) -> str:
    """A URL as text; never a link, because a report must not send its reader anywhere."""
    return f'<span class="url" dir="ltr">{text(value, limit=limit)}</span>'


def number(value: int) -> str:
    """A number with its thousands apart."""
    return f"{value:,}"


def count(value: int, noun: str) -> str:
    """`3 exchanges`, `1 exchange`."""
    return f"{value:,} {noun}{'' if value == 1 else 's'}"


def paragraph(markup: str, *, kind: str = "") -> str:
    """A paragraph, of a class if `kind` names one."""
    return f'<p class="{kind}">{markup}</p>\n' if kind else f"<p>{markup}</p>\n"


def small(markup: str, *, kind: str = "") -> str:
    """A line of its own in small print, of a class if `kind` names one."""
    return f'<span class="{f"small {kind}".rstrip()}">{markup}</span>'


def items(markup: Iterable[str]) -> str:
    """A list of points."""
    return "<ul>\n" + "".join(f"<li>{item}</li>\n" for item in markup) + "</ul>\n"


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """A table of names (our words) and values (markup)."""
    body = "".join(f'<tr><th scope="row">{plain(name)}</th><td>{value}</td></tr>\n' for name, value in rows)
    return f'<table class="facts">\n{body}</table>\n'


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "", limit: int = MAX_ROWS) -> str:
    """A table of headings (our words) and cells (markup); its head is repeated on each printed page."""
    remaining = iter(rows)
    listed = itertools.islice(remaining, limit)
    head = "".join(f'<th scope="col">{plain(heading)}</th>' for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in listed)
    made = f'<table class="{kind}">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n'
    return made + more(sum(1 for _ in remaining))


def more(left: int) -> str:
    """A line that says how many rows are not shown, if any are not."""
    return paragraph(f"{number(left)} more are in the attestation and not shown here.", kind="note") if left > 0 else ""


def section(name: str, title: str, *parts: str) -> str:
    """A section under its heading."""
    return f'<section id="{name}">\n<h2>{plain(title)}</h2>\n{"".join(parts)}</section>\n'


def _escaped(value: str) -> str:
    shown = html.escape(value, quote=True)
    return _ACTIVE.sub(lambda found: f"<mark>U+{ord(found[0]):04X}</mark>", shown)
