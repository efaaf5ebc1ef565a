"""Runs and organisations for the viewer: run statements are kept in memory in short, since listing them reads all."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sijill.archive.crawl.site import Schedule
from sijill.flows.crawl.journal import last_sign_of_life
from sijill.flows.crawl.record import load_report
from sijill.flows.signing import load
from sijill.flows.viewing.faults import told
from sijill.flows.viewing.sites import ViewedSites
from sijill.flows.wiring import Archive
from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.attest.run import RunPredicate, parse_run_statement
from sijill.provenance.errors import LogDamaged, ProvenanceError
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import attested_entry, kind_folder
from sijill.storage.errors import NotFound, StorageError, StoreFailure
from sijill.viewer.source import Organisation, RunFacts, Runs, StoredRun

_AT_ONCE = 200
"""Statements that are read before the pages see them."""


@dataclass(slots=True)
class ViewedRuns:
    """What is known of runs; `refresh` reads what came since, everything else only looks it up."""

    archive: Archive
    sites: ViewedSites
    _known: dict[str, RunFacts] = field(default_factory=dict)
    _unusable: set[str] = field(default_factory=set)
    _sorted: tuple[RunFacts, ...] = ()
    _complete: bool = False
    _working: dict[str, datetime] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self) -> None:
        """Take in runs that were recorded since, the newest first.

        Raises:
            StorageError: the store failed; what was read stays.
        """
        ids = [attested_entry(key, Kind.RUN) for key in self.archive.store.list(kind_folder(Kind.RUN))]
        new = sorted({one for one in ids if one is not None} - self._known.keys() - self._unusable, reverse=True)
        for at in range(0, len(new), _AT_ONCE):
            for run_id in new[at : at + _AT_ONCE]:
                self._take(run_id)
            self._sort(complete=False)
        self._sort(complete=True)
        self._working = {
            site.id: seen
            for site in self.sites.current()
            if (seen := last_sign_of_life(self.archive, site.id)) is not None
        }

    def runs(self, *, site_id: str | None, offset: int, limit: int) -> Runs:
        """See `ArchiveSource.runs`."""
        with self._guard:
            rows, complete = self._sorted, self._complete
        if site_id is not None:
            rows = tuple(row for row in rows if row.site_id == site_id)
        return Runs(len(rows), rows[offset : offset + limit], complete)

    def run(self, run_id: str) -> StoredRun:
        """See `ArchiveSource.run`."""
        with told():
            found = load(self.archive, Kind.RUN, run_id, parse_run_statement)
            keyids = tuple(sorted(parse_envelope(found.envelope).verified_by(self.archive.attestation_keys)))
            try:
                return StoredRun(found.statement, keyids, load_report(self.archive, run_id), None)
            except (NotFound, LogDamaged) as err:
                return StoredRun(found.statement, keyids, None, str(err))

    def organisations(self) -> tuple[Organisation, ...]:
        """See `ArchiveSource.organisations`."""
        now = self.archive.clock()
        sites = self.sites.current()
        listed = {site.id for site in sites}
        with self._guard:
            former = {row.site_id: row.site_name for row in reversed(self._sorted) if row.site_id not in listed}
        return (
            *(
                Organisation(site.id, site.name, site, _next(site.schedule, now), self._working.get(site.id))
                for site in sites
            ),
            *(Organisation(site_id, name, None, None, None) for site_id, name in sorted(former.items())),
        )

    def _take(self, run_id: str) -> None:
        try:
            predicate = load(self.archive, Kind.RUN, run_id, parse_run_statement).statement.predicate
        except StoreFailure:
            raise
        except (ProvenanceError, StorageError):
            # An audit says what is wrong with it; its own page does, too.
            self._unusable.add(run_id)
        else:
            self._known[run_id] = _facts(predicate)

    def _sort(self, *, complete: bool) -> None:
        rows = tuple(self._known[run_id] for run_id in sorted(self._known, reverse=True))
        with self._guard:
            self._sorted, self._complete = rows, complete or self._complete


def _facts(predicate: RunPredicate) -> RunFacts:
    return RunFacts(
        run_id=predicate.run_id,
        site_id=predicate.site.id,
        site_name=predicate.site.name,
        trigger=predicate.trigger,
        due=predicate.due,
        started=predicate.started,
        ended=predicate.ended,
        counts=predicate.counts,
        problems=predicate.problems,
        missed=len(predicate.missed),
    )


def _next(schedule: Schedule | None, now: datetime) -> datetime | None:
    if schedule is None:
        return None
    from cronsim import CronSim

    found = next(CronSim(schedule.cron, now.astimezone(ZoneInfo(schedule.timezone))), None)
    return None if found is None else found.astimezone(UTC)
