"""The archive as JSON under /api, for Memento clients, and as a feed: one router for the viewer's application."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.openapi.utils import get_openapi

from sijill.archive.catalog.captures import captures_behind
from sijill.archive.catalog.changes import changes
from sijill.archive.catalog.query import terms
from sijill.archive.catalog.search import search
from sijill.archive.catalog.statement_rows import statements_behind
from sijill.archive.catalog.statements import find_statement, signatories
from sijill.archive.reading.normalise import name_key
from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.viewer.api import cursors, models
from sijill.viewer.api import parameters as asked
from sijill.viewer.api.feed import MEDIA_TYPE as ATOM
from sijill.viewer.api.feed import feed
from sijill.viewer.api.memento import MementoRoutes
from sijill.viewer.api.problems import RESPONSES, ApiRoute, Problem
from sijill.viewer.api.runs import RunRoutes
from sijill.viewer.api.telling import change_item
from sijill.viewer.errors import BadRequest, NotHere
from sijill.viewer.replay.addresses import ReplayLinks
from sijill.viewer.source import ArchiveSource

_MOST_FOUND = 2_000
"""Hits of one search that can be paged through."""
_IN_THE_FEED = 100
_VERSION = "1"


def router_for(source: ArchiveSource, links: ReplayLinks, viewer: str) -> APIRouter:
    """Everything under /api, /timegate, /timemap and /feed.atom.

    Args:
        source: the archive.
        links: where its pages are replayed.
        viewer: the origin by which the site is reached, without a slash at its end.
    """
    routes = ApiRoutes(source, links, viewer)
    router = APIRouter()
    router.include_router(routes.router())
    router.include_router(MementoRoutes(source, links, viewer).router())
    return router


class ApiRoutes:
    """Answers out of the catalog, the store and the log."""

    def __init__(self, source: ArchiveSource, links: ReplayLinks, viewer: str) -> None:
        """See `router_for`."""
        self._source = source
        self._links = links
        self._viewer = viewer

    def router(self) -> APIRouter:
        """Their addresses, and their description at /api/openapi.json."""
        router = APIRouter(prefix="/api", route_class=ApiRoute, responses=RESPONSES)
        for path, answer in (
            ("/health", self.health),
            ("/statements", self.statements),
            ("/statements/{statement_id}", self.statement),
            ("/search", self.search),
            ("/signatories", self.signatories),
            ("/captures", self.captures),
            ("/captures/{capture_id}", self.capture),
            ("/changes", self.changes),
            ("/log/checkpoint", self.checkpoint),
        ):
            router.add_api_route(path, answer, methods=["GET"])
        RunRoutes(self._source).add_to(router)
        described = _description(router)
        router.add_api_route(
            "/openapi.json",
            lambda: Response(described, media_type="application/json"),
            methods=["GET"],
            include_in_schema=False,
        )
        outer = APIRouter(route_class=ApiRoute)
        outer.include_router(router)
        outer.add_api_route("/feed.atom", self.feed, methods=["GET"], include_in_schema=False)
        return outer

    def health(self) -> models.Health:
        """Whether the archive can be read, and how far the catalog is behind the log."""
        state = self._source.catalog_state()
        status: models.HealthStatus = (
            "impaired" if state.problem or state.log_size is None else "behind" if state.behind else "ok"
        )
        updated = None if state.updated is None else format_timestamp(state.updated)
        catalog = models.CatalogHealth(
            size=state.size,
            log_size=state.log_size,
            behind=state.behind,
            updated=updated,
            problem=state.problem,
            unread=state.unread,
        )
        return models.Health(status=status, archive=self._source.name, origin=self._source.origin, catalog=catalog)

    def statements(
        self,
        site: asked.Sites,
        language: asked.Language = None,
        first: asked.Day = None,
        last: asked.Day = None,
        signatory: asked.MaybeName = None,
        limit: asked.Limit = 50,
        cursor: asked.Cursor = None,
    ) -> models.Listed[models.StatementItem]:
        """Statements of which a version passes the filters: the newest first, undated ones last."""
        filters = asked.narrowed(site, language, first, last, signatory)
        position = cursors.statement_position(cursor)
        with self._source.catalog() as catalog:
            rows, more = statements_behind(catalog, filters, position, limit=limit)
        items = tuple(models.StatementItem.model_validate(row) for row in rows)
        return models.Listed[models.StatementItem](items=items, next=cursors.statement_cursor(more))

    def statement(self, statement_id: asked.EntryId) -> models.StatementModel:
        """One statement, by the id of any capture of it."""
        with self._source.catalog() as catalog:
            found = find_statement(catalog, statement_id)
        if found is None:
            raise NotHere(f"no statement {statement_id}")
        return models.StatementModel.model_validate(found)

    def search(
        self,
        site: asked.Sites,
        q: asked.Text = "",
        language: asked.Language = None,
        first: asked.Day = None,
        last: asked.Day = None,
        signatory: asked.MaybeName = None,
        limit: Annotated[int, Query(ge=1, le=100, description="at most so many")] = 20,
        cursor: asked.Cursor = None,
    ) -> models.Found:
        """Pages that hold all words in one of their versions and pass the filters, the best first."""
        filters = asked.narrowed(site, language, first, last, signatory)
        if filters.empty and not terms(q):
            raise BadRequest("q: no word to search for, and no filter")
        offset = cursors.offset_of(cursor, _MOST_FOUND - limit)
        with self._source.catalog() as catalog:
            found = search(catalog, q, filters, limit=offset + limit)
        items = tuple(models.HitItem.model_validate(hit) for hit in found.hits[offset:])
        more = offset + len(items) < min(found.total, _MOST_FOUND - limit)
        return models.Found(items=items, next=f"{offset + len(items)}" if more else None, total=found.total)

    def signatories(self, name: asked.Name) -> models.Listed[models.SignatoryItem]:
        """The bodies that a name may mean, each with what it signed."""
        with self._source.catalog() as catalog:
            found = signatories(catalog, name, key=name_key(name))
        items = tuple(models.SignatoryItem.model_validate(one) for one in found)
        return models.Listed[models.SignatoryItem](items=items, next=None)

    def captures(
        self,
        site: asked.Site = None,
        outcome: asked.OutcomeIs = None,
        url: asked.Url = None,
        limit: asked.Limit = 50,
        cursor: asked.Cursor = None,
    ) -> models.Listed[models.CaptureItem]:
        """Captures, those that came into the catalog last first."""
        position = cursors.capture_position(cursor)
        with self._source.catalog() as catalog:
            rows, more = captures_behind(catalog, position, site=site, outcome=outcome, url=url, limit=limit)
        items = tuple(models.CaptureItem.model_validate(row) for row in rows)
        return models.Listed[models.CaptureItem](items=items, next=cursors.capture_cursor(more))

    def capture(self, capture_id: asked.EntryId) -> models.CaptureModel:
        """One capture with its attestation, read from the store now; it is not verified but for the signatures."""
        found = self._source.envelope(capture_id)
        predicate = found.statement.predicate
        return models.CaptureModel(
            capture_id=capture_id,
            leaf_index=found.leaf_index,
            envelope_sha256=sha256(found.envelope).hexdigest(),
            keyids=found.keyids,
            replay=self._links.lasting(capture_id, predicate.times.started, predicate.final_url or predicate.target),
            attestation=json.loads(parse_envelope(found.envelope).payload),
            envelope=json.loads(found.envelope),
        )

    def changes(
        self,
        site: asked.Sites,
        since: asked.Since = None,
        frames: asked.Frames = False,
        limit: asked.Limit = 100,
    ) -> models.Changes:
        """What changed on pages from one capture to the next, in the order of the log."""
        moment = asked.moment_of(since)
        with self._source.catalog() as catalog:
            found = changes(catalog, self._source, since=moment, sites=site, frames=frames, limit=limit)
        return models.Changes(items=tuple(change_item(one) for one in found))

    def checkpoint(self) -> models.Checkpoint:
        """The newest checkpoint of the log, and who vouches for it."""
        newest = self._source.log.newest()
        if newest is None:
            raise NotHere("nothing is sealed yet")
        point = newest.checkpoint
        timestamps, witnesses = self._source.log.vouchers(point.size)
        note = newest.data.decode("utf-8")
        return models.Checkpoint(
            origin=point.origin,
            size=point.size,
            root=note.split("\n", 3)[2],
            note=note,
            timestamps=timestamps,
            witnesses=witnesses,
        )

    def feed(self) -> Response:
        """The newest changes as an Atom feed."""
        with self._source.catalog() as catalog:
            found = changes(catalog, self._source, limit=_IN_THE_FEED)
        content = feed(
            found,
            archive=self._source.name,
            origin=self._source.origin,
            viewer=self._viewer,
            now=self._source.now(),
        )
        return Response(content, media_type=ATOM)


def _description(router: APIRouter) -> bytes:
    described: dict[str, Any] = get_openapi(
        title="sijill",
        version=_VERSION,
        summary="An archive of statements, read-only",
        description="Lists are paged by cursor; errors are problems as RFC 9457 has them.",
        routes=router.routes,
    )
    schemas = described["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema()
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path in described["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    return json.dumps(described).encode("utf-8")
