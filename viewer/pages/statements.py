"""Statements: searched, listed, one by one with publications, languages, signatories, versions and what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sijill.archive.catalog.captures import text_of
from sijill.archive.catalog.search import Filters, Found, search
from sijill.archive.catalog.statement_rows import StatementRow, statement_rows
from sijill.archive.catalog.statements import Captured, Publication, Statement, find_statement, statements
from sijill.archive.errors import BadQuery
from sijill.archive.reading.normalise import name_key
from sijill.viewer import asked
from sijill.viewer.comparison import Compared, compare
from sijill.viewer.errors import BadRequest, NotHere
from sijill.viewer.viewer import Viewer

HITS: Final = 20
_MOST_HIT_PAGES: Final = 10
_MOST_TIMELINE: Final = 200
"""Captures of a publication that its timeline shows."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A capture on the timeline of a publication."""

    captured: Captured
    before: str | None
    """The capture before it that shows another version, if it is the first of its version."""
    known: bool
    """Whether an earlier capture showed the same version, with another one in between."""


@dataclass(frozen=True, slots=True)
class Line:
    """A publication with its timeline."""

    publication: Publication
    moments: tuple[Moment, ...]
    left_out: int

    @property
    def newest(self) -> str | None:
        """The newest capture that was read."""
        return next((one.captured.capture_id for one in self.moments if one.captured.version is not None), None)


def routes(viewer: Viewer) -> Sequence[Route]:
    """The addresses of these pages."""
    pages = _Pages(viewer)
    return (
        Route("/statements", pages.statements),
        Route("/statements/{id}", pages.statement),
        Route("/statements/{id}/changes", pages.compared),
        Route("/changes", pages.changes),
    )


@dataclass(frozen=True, slots=True)
class _Pages:
    viewer: Viewer

    def statements(self, request: Request) -> Response:
        words, filters = asked.text(request, "q"), self._filters(request)
        leaf = asked.leaf(request, HITS if words else asked.ROWS)
        found = Found(0, ())
        rows: Sequence[StatementRow] = ()
        problem = False
        with self.viewer.source.catalog() as catalog:
            figures = self.viewer.figures.get(catalog)
            if words:
                if leaf.number > _MOST_HIT_PAGES:
                    raise BadRequest(f"page: only the best {HITS * _MOST_HIT_PAGES} are listed; narrow the search")
                try:
                    found = search(catalog, words, filters, limit=leaf.offset + leaf.size)
                except BadQuery:
                    problem = True
                total = found.total
            elif filters.empty:
                total = len(figures.statements)
                shown = figures.statements[leaf.offset : leaf.offset + leaf.size]
                rows = tuple(statement_rows(catalog, shown).values())
            else:
                listed = statements(catalog, filters, limit=leaf.size, offset=leaf.offset)
                total, rows = listed.total, listed.rows
        last = leaf.last(total)
        return self.viewer.pages.page(
            request,
            "statements.html",
            words=words,
            hits=found.hits[leaf.offset :],
            rows=rows,
            total=total,
            problem=problem,
            leaf=leaf,
            last=min(last, _MOST_HIT_PAGES) if words else last,
            figures=figures,
            organisations=[one for one in self.viewer.source.organisations() if one.site is not None],
        )

    def statement(self, request: Request) -> Response:
        statement_id = asked.entry_id(request)
        with self.viewer.source.catalog() as catalog:
            found = find_statement(catalog, statement_id)
            if found is None:
                raise NotHere(f"no statement {statement_id}")
            if found.row.statement_id != statement_id:
                # Any capture of a statement leads to it; which one names it may change when publications are joined.
                return RedirectResponse(f"/statements/{found.row.statement_id}", 302)
            lines = [_line(publication) for publication in found.publications]
            chosen = _side_by_side(request, lines)
            texts = [text_of(catalog, capture_id) for capture_id in chosen]
        return self.viewer.pages.page(
            request,
            "statement.html",
            statement=found,
            lines=lines,
            texts=[text for text in texts if text is not None],
            chosen=chosen,
        )

    def compared(self, request: Request) -> Response:
        statement_id = asked.entry_id(request)
        before, after = asked.asked_id(request, "before"), asked.asked_id(request, "after")
        if before is None or after is None:
            raise BadRequest("before and after: two captures are compared")
        with self.viewer.source.catalog() as catalog:
            found = find_statement(catalog, statement_id)
            known = set() if found is None else _captures_of(found)
            if found is None or not {before, after} <= known:
                raise NotHere(f"no statement {statement_id} with captures {before} and {after}")
            old, new = text_of(catalog, before), text_of(catalog, after)
        if old is None or new is None:
            raise NotHere(f"no text of {before} or {after}")
        compared: Compared = compare(old.text, new.text)
        return self.viewer.pages.page(
            request, "compared.html", statement=found, before=old, after=new, compared=compared
        )

    def changes(self, request: Request) -> Response:
        leaf = asked.leaf(request, asked.ROWS)
        kind = asked.text(request, "kind") or None
        with self.viewer.source.catalog() as catalog:
            found = [one for one in reversed(self.viewer.changes.get(catalog)) if one.statement]
        kinds = Counter(one.kind for one in found)
        rows = [one for one in found if kind is None or one.kind == kind]
        return self.viewer.pages.page(
            request,
            "changes.html",
            rows=rows[leaf.offset : leaf.offset + leaf.size],
            kinds=kinds,
            kind=kind,
            leaf=leaf,
            last=leaf.last(len(rows)),
        )

    def _filters(self, request: Request) -> Filters:
        site = asked.text(request, "site")
        hosts: tuple[str, ...] = (site,) if site else ()
        for one in self.viewer.source.organisations():
            if one.id == site and one.site is not None:
                hosts = tuple(host.host for host in one.site.hosts)
        signatory = asked.text(request, "signatory") or None
        return Filters(
            sites=hosts,
            language=asked.text(request, "language")[:35] or None,
            first=asked.day(request, "from", last=False),
            last=asked.day(request, "to", last=True),
            signatory=signatory,
            signatory_key=None if signatory is None else name_key(signatory),
        )


def _line(publication: Publication) -> Line:
    moments: list[Moment] = []
    previous: Captured | None = None
    seen: set[int] = set()
    for captured in publication.captures:
        before, known = None, False
        if captured.version is not None:
            if previous is not None and previous.version != captured.version:
                before = previous.capture_id
                known = captured.version in seen
            seen.add(captured.version)
            previous = captured
        moments.append(Moment(captured, before, known))
    kept = moments[-_MOST_TIMELINE:]
    return Line(publication, tuple(reversed(kept)), len(moments) - len(kept))


def _side_by_side(request: Request, lines: Sequence[Line]) -> list[str]:
    """The captures whose texts are shown beside one another: those asked for, or the first two languages."""
    offered = {line.newest: line.publication.language for line in lines if line.newest is not None}
    wanted = [asked.asked_id(request, name) for name in ("left", "right")]
    chosen = [one for one in wanted if one in offered]
    if chosen:
        return [one for one in chosen if one is not None]
    languages: dict[str | None, str] = {}
    for capture_id, language in offered.items():
        languages.setdefault(language, capture_id)
    return list(languages.values())[:2]


def _captures_of(statement: Statement) -> set[str]:
    return {captured.capture_id for publication in statement.publications for captured in publication.captures}
