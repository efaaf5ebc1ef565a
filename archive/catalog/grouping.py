"""Which pages publish one statement: what is joined by `same` and `language`, over any number of steps.

A statement is named by the page of it that came into the log first, so that the order of work changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

_SHORTEST_TEXT: Final = 200
"""Characters of index text: shorter texts may be equal by chance."""


def comparable(words: str) -> bool:
    """Whether a text is long enough for its equals to be the same statement."""
    return len(words) >= _SHORTEST_TEXT


def join_equal(connection: sqlite3.Connection, page: int, version: int, text_sha256: str) -> None:
    """Join a page to the first other one that published the same words."""
    row = connection.execute(
        "SELECT page FROM version WHERE text_sha256 = ? AND id <> ? AND page <> ? ORDER BY id LIMIT 1",
        (text_sha256, version, page),
    ).fetchone()
    if row is not None:
        relate(connection, page, row[0], "same", 1.0)


def follow_links(connection: sqlite3.Connection, page: int, url: str) -> None:
    """Join a page to those it names as other languages and that name it as well; note where it is a card of another."""
    naming = connection.execute("SELECT kind, page FROM link WHERE url = ? AND page <> ?", (url, page)).fetchall()
    named = connection.execute(
        "SELECT link.kind, page.id, page.statement IS NOT NULL FROM link JOIN page ON page.url = link.url "
        "WHERE link.page = ?1 AND page.id <> ?1",
        (page,),
    ).fetchall()
    if not naming and not named:
        return
    (published,) = connection.execute("SELECT statement IS NOT NULL FROM page WHERE id = ?", (page,)).fetchone()
    # A page of which all languages say that it is their other one, such as a front page, does not join them.
    back = {other for kind, other in naming if kind == "language"}
    for kind, other, other_published in named:
        if kind == "language" and published and other_published and other in back:
            relate(connection, page, other, "language", 1.0)
        elif kind == "teaser" and other_published:
            relate(connection, page, other, "teaser", 1.0)
    for kind, other in naming:
        if kind == "teaser" and published:
            relate(connection, other, page, "teaser", 1.0)


def relate(connection: sqlite3.Connection, page: int, other: int, kind: str, score: float) -> None:
    """Note how a page stands to another; that of the better score stays."""
    if kind in ("same", "language"):
        page, other = sorted((page, other))
    connection.execute(
        "INSERT INTO relation VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET score = max(score, excluded.score)",
        (page, other, kind, score),
    )


def regroup(connection: sqlite3.Connection, pages: Iterable[int]) -> None:
    """Work out again which statement each of `pages` belongs to, and all that are joined to them."""
    waiting = set(pages)
    while waiting:
        group: dict[int, int] = {}
        step = {waiting.pop()}
        while step:
            for page in step:
                row = connection.execute(
                    "SELECT first_leaf FROM page WHERE id = ? AND statement IS NOT NULL", (page,)
                ).fetchone()
                if row is not None:
                    group[page] = row[0]
            step = {other for page in step & group.keys() for other in _joined(connection, page)} - group.keys()
        if group:
            first = min(group, key=group.__getitem__)
            connection.executemany(
                "UPDATE page SET statement = ?1 WHERE id = ?2 AND statement <> ?1", [(first, page) for page in group]
            )
        waiting -= group.keys()


def _joined(connection: sqlite3.Connection, page: int) -> list[int]:
    rows = connection.execute(
        "SELECT other FROM relation WHERE page = ?1 AND kind IN ('same', 'language') "
        "UNION SELECT page FROM relation WHERE other = ?1 AND kind IN ('same', 'language')",
        (page,),
    )
    return [other for (other,) in rows]
