"""The log: its newest checkpoint, how it grew, its entries, and the proof of one."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sijill.provenance.log.entry import Kind, LogEntry
from sijill.provenance.log.merkle import leaf_hash
from sijill.provenance.log.proof import format_proof
from sijill.provenance.verify.trust import format_trust
from sijill.viewer import asked
from sijill.viewer.errors import NotHere
from sijill.viewer.plots import over_time
from sijill.viewer.viewer import Viewer

_ENTRIES: Final = 50
_PAGES: Final = {Kind.CAPTURE: "/captures/", Kind.RUN: "/runs/"}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry with its place and the page about what it is about, if there is one."""

    index: int
    entry: LogEntry

    @property
    def address(self) -> str | None:
        """The page."""
        folder = _PAGES.get(self.entry.kind)
        return None if folder is None else f"{folder}{self.entry.id}"


def routes(viewer: Viewer) -> Sequence[Route]:
    """The addresses of these pages."""
    pages = _Pages(viewer)
    return (
        Route("/log", pages.log),
        Route("/log/checkpoint", pages.checkpoint),
        Route("/log/{index}", pages.entry),
        Route("/log/{index}/proof", pages.proof),
        Route("/trust.json", pages.trust),
    )


@dataclass(frozen=True, slots=True)
class _Pages:
    viewer: Viewer

    def log(self, request: Request) -> Response:
        log = self.viewer.source.log
        newest = log.newest()
        size = 0 if newest is None else newest.checkpoint.size
        leaf = asked.leaf(request, _ENTRIES)
        end = max(0, size - leaf.offset)
        start = max(0, end - leaf.size)
        entries = [Entry(start + at, one) for at, one in enumerate(log.entries(start, end, size))] if end else []
        with self.viewer.source.catalog() as catalog:
            figures = self.viewer.figures.get(catalog)
        return self.viewer.pages.page(
            request,
            "log.html",
            size=size,
            newest=newest,
            note="" if newest is None else newest.data.decode("utf-8", "replace"),
            vouchers=log.vouchers(size) if size else ((), ()),
            entries=list(reversed(entries)),
            leaf=leaf,
            last=leaf.last(size),
            plot=over_time(figures.all_times, figures.unit, summed=True),
            keys=[key.vkey for key in self.viewer.source.trust.log_keys],
        )

    def entry(self, request: Request) -> Response:
        index, size = asked.index(request), self._size(request)
        log = self.viewer.source.log
        proof = log.proof(index, size)
        [entry] = log.entries(index, index + 1, size)
        return self.viewer.pages.page(
            request,
            "entry.html",
            entry=Entry(index, entry),
            size=size,
            proof=proof,
            leaf_sha256=leaf_hash(entry.data).hex(),
            path=[step.hex() for step in proof.hashes],
            root=base64.b64encode(proof.checkpoint.checkpoint.root).decode("ascii"),
            data=entry.data.decode("utf-8"),
            text=format_proof(proof).decode("utf-8", "replace"),
        )

    def proof(self, request: Request) -> Response:
        index = asked.index(request)
        return _text(format_proof(self.viewer.source.log.proof(index, self._size(request))))

    def checkpoint(self, request: Request) -> Response:
        newest = self.viewer.source.log.newest()
        if newest is None:
            raise NotHere("nothing was sealed yet")
        return _text(newest.data)

    def trust(self, request: Request) -> Response:
        return Response(
            format_trust(self.viewer.source.trust),
            media_type="application/json",
            headers={"Content-Disposition": 'attachment; filename="trust.json"'},
        )

    def _size(self, request: Request) -> int:
        size = asked.number(request, "size")
        if size is not None:
            return size
        newest = self.viewer.source.log.newest()
        return 0 if newest is None else newest.checkpoint.size


def _text(data: bytes) -> Response:
    return Response(data, media_type="text/plain; charset=utf-8")
