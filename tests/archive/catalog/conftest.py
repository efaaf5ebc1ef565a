from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace

import pytest

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.rows import (
    Added,
    CaptureRow,
    PageLink,
    Position,
    PublishedOn,
    ReadingRow,
    SignatoryRow,
)

ENGLISH = (
    "We, the undersigned Syrian organisations, welcome the arrest warrants and ask every court to go on. The families "
    "of detainees have waited for years for accountability, and impunity must end. Signed by civil society."
)
ARABIC = (
    "نحن المنظمات الموقّعة أدناه نرحب بمذكرات التوقيف ونطالب كل محكمة بالمضيّ قدماً. لقد انتظرت عائلات المعتقلين سنوات "
    "طويلة من أجل المساءلة والعدالة، ويجب أن ينتهي الإفلات من العقاب في سوريا كلها وفي كل مكان منذ ٢٠١١."
)


def digest(*parts):
    return sha256(repr(parts).encode()).hexdigest()


def capture_id(number):
    letters = "".join("abcdefghijklmnopqrstuvwxyz234567"[number >> shift & 31] for shift in range(55, -5, -5))
    return f"20261121t011630z-{letters}"


def signed(*names, organisation=None):
    return tuple(
        SignatoryRow(name, name.casefold(), organisation, number, 0, len(name)) for number, name in enumerate(names, 1)
    )


def added(number, url, text=None, *, outcome="complete", **reading):
    """A capture, with a reading if there is a text."""
    row = CaptureRow(
        capture_id=capture_id(number),
        leaf_index=number,
        envelope_sha256=digest("envelope", number),
        target=url,
        final_url=None if outcome == "failed" else url,
        started=datetime(2026, 11, 21, 1, 16, 30, tzinfo=UTC) + timedelta(hours=number),
        outcome=outcome,
        warc_sha256=digest("warc", number),
        payload_sha256=digest("payload", text),
        media_type="text/html",
    )
    return Added(row, None if text is None else made(number, text, **reading))


def made(number, text, *, day=None, links=(), **members):
    """A reading."""
    published = None
    if day is not None:
        first = date.fromisoformat(day if len(day) == 10 else f"{day}-01")
        last = first if len(day) == 10 else (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        published = PublishedOn(first, last, "day" if len(day) == 10 else "month", "metadata", day)
    given = {"kind": "statement", "title": text[:30], "language": "en", "reader": "test/1", **members}
    return ReadingRow(
        capture_id=capture_id(number),
        source_sha256=digest("payload", text),
        text=text,
        published=published,
        links=tuple(PageLink(*link) for link in links),
        **given,
    )


def advance(catalog, *changes):
    """Take changes in as the next entries of a log; each gets a position of its own."""
    for change in changes:
        before = catalog.position()
        size = before.size + 1
        after = Position("test/log", size, digest(before.root, size)[:32].encode(), (bytes(32),) * size.bit_count())
        assert catalog.advance(before, after, [change])


@pytest.fixture
def catalog(tmp_path):
    with Catalog(tmp_path / "catalog.sqlite") as opened:
        yield opened


@pytest.fixture(scope="session")
def rows():
    """What rows are made with."""
    return SimpleNamespace(
        ENGLISH=ENGLISH,
        ARABIC=ARABIC,
        added=added,
        advance=advance,
        capture_id=capture_id,
        digest=digest,
        made=made,
        signed=signed,
    )
