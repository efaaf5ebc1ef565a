"""The front page, organisations, runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sijill.archive.catalog.captures import captures
from sijill.archive.catalog.figures import Figures
from sijill.archive.catalog.statement_rows import statement_rows
from sijill.archive.crawl.pages import PageOutcome
from sijill.viewer import asked
from sijill.viewer.errors import NotHere
from sijill.viewer.plots import over_time
from sijill.viewer.source import Organisation, RunFacts
from sijill.viewer.viewer import Viewer

_NEWEST = 8
_ROWS = 100
_FAILURES = (PageOutcome.FAILED, PageOutcome.PUT_ASIDE)


@dataclass(frozen=True, slots=True)
class Health:
    """An organisation and how its crawls have gone."""

    organisation: Organisation
    hosts: tuple[str, ...]
    last_run: RunFacts | None
    captures: int
    failed: int
    """Captures of which the page was not reached."""

    @property
    def run_failures(self) -> int:
        """URLs that failed in the last run."""
        return 0 if self.last_run is None else sum(self.last_run.counts.get(one, 0) for one in _FAILURES)


def routes(viewer: Viewer) -> Sequence[Route]:
    """The addresses of these pages."""
    pages = _Pages(viewer)
    return (
        Route("/", pages.home),
        Route("/organisations", pages.organisations),
        Route("/organisations/{id}", pages.organisation),
        Route("/runs", pages.runs),
        Route("/runs/{id}", pages.run),
    )


@dataclass(frozen=True, slots=True)
class _Pages:
    viewer: Viewer

    def home(self, request: Request) -> Response:
        source = self.viewer.source
        with source.catalog() as catalog:
            figures = self.viewer.figures.get(catalog)
            newest = captures(catalog, limit=_NEWEST)
            statements = statement_rows(catalog, figures.statements[:_NEWEST])
            health = self._health(figures, source.organisations())
        return self.viewer.pages.page(
            request,
            "home.html",
            figures=figures,
            newest=newest,
            statements=tuple(statements.values()),
            health=health,
            plot=over_time(figures.all_times, figures.unit),
        )

    def organisations(self, request: Request) -> Response:
        with self.viewer.source.catalog() as catalog:
            figures = self.viewer.figures.get(catalog)
        health = self._health(figures, self.viewer.source.organisations())
        plots = {one.organisation.id: over_time(figures.times_of(one.hosts), figures.unit) for one in health}
        unusable = self.viewer.source.sites_unusable
        return self.viewer.pages.page(
            request, "organisations.html", health=health, plots=plots, sites_unusable=unusable
        )

    def organisation(self, request: Request) -> Response:
        site_id = asked.site_id(request)
        source = self.viewer.source
        found = next((one for one in source.organisations() if one.id == site_id), None)
        if found is None:
            raise NotHere(f"no organisation {site_id}")
        outcome = asked.text(request, "outcome") or None
        leaf = asked.leaf(request, asked.ROWS)
        with source.catalog() as catalog:
            figures = self.viewer.figures.get(catalog)
            [health] = self._health(figures, (found,))
            rows = captures(catalog, hosts=health.hosts, outcome=outcome, limit=leaf.size, offset=leaf.offset)
        outcomes = figures.outcomes_of(health.hosts)
        return self.viewer.pages.page(
            request,
            "organisation.html",
            health=health,
            outcomes=outcomes,
            outcome=outcome,
            captures=rows,
            leaf=leaf,
            last=leaf.last(outcomes.get(outcome, 0) if outcome else sum(outcomes.values())),
            runs=source.runs(site_id=site_id, limit=10),
            plot=over_time(figures.times_of(health.hosts), figures.unit),
        )

    def runs(self, request: Request) -> Response:
        leaf = asked.leaf(request, asked.ROWS)
        runs = self.viewer.source.runs(offset=leaf.offset, limit=leaf.size)
        return self.viewer.pages.page(request, "runs.html", runs=runs, leaf=leaf, last=leaf.last(runs.total))

    def run(self, request: Request) -> Response:
        found = self.viewer.source.run(asked.entry_id(request))
        leaf = asked.leaf(request, _ROWS)
        outcome = asked.text(request, "outcome") or None
        planned = [] if found.report is None else list(found.report.planned)
        rows = [row for row in planned if outcome is None or row.outcome == outcome]
        return self.viewer.pages.page(
            request,
            "run.html",
            run=found,
            predicate=found.statement.predicate,
            rows=rows[leaf.offset : leaf.offset + leaf.size],
            total=len(rows),
            outcome=outcome,
            leaf=leaf,
            last=leaf.last(len(rows)),
        )

    def _health(self, figures: Figures, organisations: Sequence[Organisation]) -> list[Health]:
        return [self._health_of(figures, one) for one in organisations]

    def _health_of(self, figures: Figures, organisation: Organisation) -> Health:
        site = organisation.site
        hosts = () if site is None else figures.hosts_of({host.host for host in site.hosts})
        outcomes = figures.outcomes_of(hosts)
        last = self.viewer.source.runs(site_id=organisation.id, limit=1).rows
        return Health(organisation, hosts, last[0] if last else None, sum(outcomes.values()), outcomes.get("failed", 0))
