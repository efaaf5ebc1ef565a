"""An archive as `sijill.viewer.source.ArchiveSource`."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import BinaryIO

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.errors import CatalogUnusable
from sijill.archive.reading.statement import Reading
from sijill.flows.crawl.sites import FILE_NAME
from sijill.flows.custody.chain import chain
from sijill.flows.custody.events import Voucher
from sijill.flows.custody.tombstones import find_tombstone, tombstone_line
from sijill.flows.reading.catalog import open_catalog
from sijill.flows.reading.stored import StoredReadings
from sijill.flows.stored_captures import load_capture
from sijill.flows.viewing.faults import told
from sijill.flows.viewing.log import ViewedLog
from sijill.flows.viewing.packages import MadePackages
from sijill.flows.viewing.runs import ViewedRuns
from sijill.flows.viewing.sites import ViewedSites
from sijill.flows.wiring import Archive
from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.verify.trust import TrustRoot
from sijill.storage.errors import StoreFailure
from sijill.storage.layout import object_key
from sijill.viewer.errors import Unavailable
from sijill.viewer.source import (
    CatalogState,
    CustodyEvent,
    Organisation,
    Package,
    Runs,
    StoredEnvelope,
    StoredRun,
    Verdict,
)


class ViewedArchive:
    """See `ArchiveSource`; close it, or use it in a `with` statement of `contextlib.closing`."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._packages = MadePackages(archive)
        self._readings = StoredReadings(archive.store)
        self._sites = ViewedSites(archive.folder / FILE_NAME)
        self.view_of_runs = ViewedRuns(archive, self._sites)
        self.log = ViewedLog(archive)
        self._state = CatalogState(0, None, None, None, 0)
        self._guard = threading.Lock()

    def close(self) -> None:
        """Remove what was made."""
        self._packages.close()

    @property
    def name(self) -> str:
        """See `ArchiveSource.name`."""
        operator = self._archive.settings.operator
        return "" if operator.conceal else operator.name

    @property
    def origin(self) -> str:
        """See `ArchiveSource.origin`."""
        return self._archive.settings.log.origin

    @property
    def trust(self) -> TrustRoot:
        """See `ArchiveSource.trust`."""
        return self._archive.trust

    def now(self) -> datetime:
        """See `ArchiveSource.now`."""
        return self._archive.clock()

    @contextmanager
    def catalog(self) -> Iterator[Catalog]:
        """See `ArchiveSource.catalog`."""
        with ExitStack() as stack:
            with told():
                catalog = stack.enter_context(open_catalog(self._archive))
                catalog.connection.execute("PRAGMA query_only = ON")
            try:
                yield catalog
            except CatalogUnusable as err:
                raise Unavailable(str(err)) from err

    def catalog_state(self) -> CatalogState:
        """See `ArchiveSource.catalog_state`."""
        with self._guard:
            return self._state

    def set_catalog_state(self, state: CatalogState) -> None:
        """Remember how far the catalog is."""
        with self._guard:
            self._state = state

    def read(self, key: str, *, limit: int) -> bytes:
        """See `ArchiveSource.read`."""
        with told():
            return self._archive.store.read(key, limit=limit)

    @contextmanager
    def open_object(self, sha256: str) -> Iterator[BinaryIO]:
        """See `ArchiveSource.open_object`."""
        with ExitStack() as stack:
            with told():
                source = stack.enter_context(self._archive.store.open(object_key(sha256)))
            try:
                yield source
            except StoreFailure as err:
                raise Unavailable(str(err)) from err

    def envelope(self, capture_id: str) -> StoredEnvelope:
        """See `ArchiveSource.envelope`."""
        with told():
            found = load_capture(self._archive, capture_id)
            signed = parse_envelope(found.envelope).verified_by(self._archive.attestation_keys)
            return StoredEnvelope(capture_id, found.envelope, found.statement, tuple(sorted(signed)), found.leaf_index)

    def removal(self, capture_id: str) -> str | None:
        """See `ArchiveSource.removal`."""
        with told():
            found = find_tombstone(self._archive, capture_id)
            return None if found is None else tombstone_line(found)

    def package(self, capture_id: str) -> Package:
        """See `ArchiveSource.package`."""
        return self._packages.package(capture_id)

    def verdict(self, capture_id: str) -> Verdict:
        """See `ArchiveSource.verdict`."""
        return self._packages.verdict(capture_id)

    def report(self, capture_id: str) -> bytes:
        """See `ArchiveSource.report`."""
        return self._packages.report(capture_id)

    def custody(self, capture_id: str) -> Sequence[CustodyEvent]:
        """See `ArchiveSource.custody`."""
        with told():
            return tuple(
                CustodyEvent(
                    event.at,
                    event.step.value,
                    event.detail,
                    # Where an archive keeps its objects is nothing for everyone who looks at it.
                    f"{event.vouched_by}" if event.vouched_by is Voucher.STORE else f"{event.vouched_by}: {event.by}",
                    event.doubt,
                )
                for event in chain(self._archive, capture_id)
            )

    def runs(self, *, site_id: str | None = None, offset: int = 0, limit: int = 50) -> Runs:
        """See `ArchiveSource.runs`."""
        return self.view_of_runs.runs(site_id=site_id, offset=offset, limit=limit)

    def run(self, run_id: str) -> StoredRun:
        """See `ArchiveSource.run`."""
        return self.view_of_runs.run(run_id)

    def organisations(self) -> tuple[Organisation, ...]:
        """See `ArchiveSource.organisations`."""
        return self.view_of_runs.organisations()

    @property
    def sites_unusable(self) -> bool:
        """See `ArchiveSource.sites_unusable`."""
        return self._sites.unusable

    def reading(self, capture_id: str) -> Reading | None:
        """See `Readings.reading`."""
        with told():
            return self._readings.reading(capture_id)
