"""Runs as the API answers them."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from sijill.provenance.attest.timestamps import format_timestamp
from sijill.viewer.api import models
from sijill.viewer.api import parameters as asked
from sijill.viewer.api.cursors import offset_of
from sijill.viewer.source import ArchiveSource, RunFacts

_MOST_RUNS = 1_000_000


class RunRoutes:
    """Recorded runs."""

    def __init__(self, source: ArchiveSource) -> None:
        """Of which archive."""
        self._source = source

    def add_to(self, router: APIRouter) -> None:
        """Add their addresses."""
        router.add_api_route("/runs", self.runs, methods=["GET"])
        router.add_api_route("/runs/{run_id}", self.run, methods=["GET"])

    def runs(
        self, site: asked.SiteId = None, limit: asked.Limit = 50, cursor: asked.Cursor = None
    ) -> models.Listed[models.RunItem]:
        """Recorded runs of one organisation or of all, the newest first."""
        offset = offset_of(cursor, _MOST_RUNS)
        found = self._source.runs(site_id=site, offset=offset, limit=limit)
        behind = offset + len(found.rows)
        more = f"{behind}" if found.rows and behind < found.total else None
        return models.Listed[models.RunItem](items=tuple(_item(row) for row in found.rows), next=more)

    def run(self, run_id: asked.EntryId, limit: asked.Limit = 500, cursor: asked.Cursor = None) -> models.RunModel:
        """One run, with the URLs that it planned and what became of each."""
        offset = offset_of(cursor, _MOST_RUNS)
        found = self._source.run(run_id)
        predicate = found.statement.predicate
        planned = () if found.report is None else found.report.planned
        shown = planned[offset : offset + limit]
        behind = offset + len(shown)
        return models.RunModel(
            run_id=run_id,
            site_id=predicate.site.id,
            site_name=predicate.site.name,
            trigger=predicate.trigger,
            due=_time(predicate.due),
            started=format_timestamp(predicate.started),
            ended=format_timestamp(predicate.ended),
            counts=predicate.counts,
            problems=predicate.problems,
            missed=len(predicate.missed),
            keyids=found.keyids,
            problem=found.problem,
            planned=tuple(
                models.RunPage(url=row.url, outcome=row.outcome, reason=row.reason, capture_id=row.capture_id)
                for row in shown
            ),
            next=f"{behind}" if shown and behind < len(planned) else None,
        )


def _item(facts: RunFacts) -> models.RunItem:
    return models.RunItem(
        run_id=facts.run_id,
        site_id=facts.site_id,
        site_name=facts.site_name,
        trigger=facts.trigger,
        due=_time(facts.due),
        started=format_timestamp(facts.started),
        ended=format_timestamp(facts.ended),
        counts=dict(facts.counts),
        problems=facts.problems,
        missed=facts.missed,
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_timestamp(moment)
