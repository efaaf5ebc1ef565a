"""Which pages publish one statement: what is joined by `same` and `language`, over any number of steps, and excerpts.

A statement is named by the page of it that came into the log first, so that the order of work changes nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self

_SHORTEST_TEXT: Final = 200
"""Characters of index text: shorter texts may be equal by chance."""
_LEAST_SHARE: Final = 0.33
"""Of what a whole and its excerpt say, both say this much: of a smaller part the whole is no publication, as of the
statements that a report for a year reprints."""

_JOINING: Final = """
SELECT page, other, kind, score FROM relation
WHERE page = :page AND (kind IN ('same', 'language') OR (kind = 'excerpt' AND share >= :share))
UNION ALL SELECT page, other, kind, score FROM relation
WHERE other = :page AND (kind IN ('same', 'language') OR (kind = 'excerpt' AND share >= :share))
"""


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


def relate(
    connection: sqlite3.Connection, page: int, other: int, kind: str, score: float, *, share: float = 1.0
) -> None:
    """Note how a page stands to another; that of the better score stays."""
    if kind in ("same", "language"):
        page, other = sorted((page, other))
    connection.execute(
        "INSERT INTO relation VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET score = excluded.score, "
        "share = excluded.share WHERE (excluded.score, excluded.share) > (score, share)",
        (page, other, kind, score, share),
    )


def regroup(connection: sqlite3.Connection, pages: Iterable[int]) -> None:
    """Work out again which statement each of `pages` belongs to, and all that are joined to them."""
    # A page that nothing is joined to stands for itself already.
    waiting = {
        page
        for (page,) in connection.execute(
            "SELECT page FROM relation WHERE page IN (SELECT value FROM json_each(?1)) "
            "UNION SELECT other FROM relation WHERE other IN (SELECT value FROM json_each(?1))",
            (json.dumps(list(pages)),),
        ).fetchall()
    }
    while waiting:
        near = _Near.of(connection, waiting.pop())
        groups = near.groups()
        for group in groups:
            first = min(group, key=near.first_leaf.__getitem__)
            connection.executemany(
                "UPDATE page SET statement = ?1 WHERE id = ?2 AND statement <> ?1", [(first, page) for page in group]
            )
        waiting -= near.first_leaf.keys()


@dataclass(slots=True)
class _Near:
    """All pages that can be reached from one, by whatever makes pages publications of one statement."""

    first_leaf: dict[int, int] = field(default_factory=dict)
    joined: list[tuple[int, int]] = field(default_factory=list)
    excerpts: list[tuple[float, int, int, int]] = field(default_factory=list)
    """Score, the place in the log of the whole as a negative number, the part and the whole."""

    @classmethod
    def of(cls, connection: sqlite3.Connection, page: int) -> Self:
        near = cls()
        relations: set[tuple[int, int, str, float]] = set()
        step, seen = {page}, set[int]()
        while step:
            seen |= step
            further: set[int] = set()
            for one in step:
                row = connection.execute(
                    "SELECT first_leaf FROM page WHERE id = ? AND statement IS NOT NULL", (one,)
                ).fetchone()
                if row is not None:
                    near.first_leaf[one] = row[0]
                    found = connection.execute(_JOINING, {"page": one, "share": _LEAST_SHARE}).fetchall()
                    relations.update(found)
                    further.update(other for pair in found for other in pair[:2])
            step = further - seen
        for one, other, kind, score in sorted(relations):
            if one in near.first_leaf and other in near.first_leaf:
                if kind == "excerpt":
                    near.excerpts.append((score, -near.first_leaf[other], one, other))
                else:
                    near.joined.append((one, other))
        return near

    def groups(self) -> list[list[int]]:
        """The pages of each statement: those that are the same, and with them what is an excerpt of one of theirs.

        What is an excerpt of several that differ goes with the one that holds most of it, and does not join them.
        """
        head = {page: page for page in self.first_leaf}

        def find(page: int) -> int:
            while head[page] != page:
                head[page] = head[head[page]]
                page = head[page]
            return page

        for one, other in self.joined:
            head[find(other)] = find(one)
        whole: dict[int, tuple[float, int, int]] = {}
        for score, place, part, other in self.excerpts:
            if find(part) != find(other):
                whole[find(part)] = max(whole.get(find(part), (0.0, 0, 0)), (score, place, find(other)))
        for part, (_, _, other) in sorted(whole.items()):
            # Not if the whole has come to belong to the part already.
            if find(other) != part:
                head[part] = find(other)
        found: dict[int, list[int]] = {}
        for page in head:
            found.setdefault(find(page), []).append(page)
        return list(found.values())
