"""The catalog as it is written: a view of the log that can be thrown away, and goes on from where it stands.

Each change is one transaction that also moves the position in the log, so that whoever is killed leaves a smaller
catalog that is right. Any number of processes may read; of two that write, one finds its step done and goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sijill.archive.catalog.arabic import indexed
from sijill.archive.catalog.forgetting import drop_version, forget, settle_page
from sijill.archive.catalog.grouping import comparable, follow_links, join_equal, regroup, relate
from sijill.archive.catalog.rows import (
    PUBLISHED,
    Added,
    CaptureRow,
    Change,
    Forgotten,
    Position,
    Prepared,
    ReadingRow,
    Unread,
    VersionRelation,
    site_of,
)
from sijill.archive.catalog.schema import connect, empty, failures, writing
from sijill.archive.catalog.sketch import COMPARED

_HASH: Final = 32


class Catalog:
    """One catalog file; close it, or use it in a `with` statement. Not to be shared between threads."""

    def __init__(self, path: Path) -> None:
        """Open the catalog at `path`, or make an empty one there.

        Raises:
            CatalogUnusable: the file can be neither read nor made; so does every method when SQLite fails.
        """
        self.path = path
        self.connection = connect(path)
        self._bodies: dict[tuple[str, str], int] = {}
        """The signatories that the transaction under way has met, by identity and spelling."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    def position(self) -> Position:
        """Up to where the log is in the catalog."""
        with failures(self.path):
            origin, size, root, peaks = self.connection.execute(
                "SELECT origin, size, root, peaks FROM state"
            ).fetchone()
        return Position(origin, size, root, tuple(peaks[at : at + _HASH] for at in range(0, len(peaks), _HASH)))

    def restart(self, found: Position) -> None:
        """Throw everything away, unless another process has moved the catalog from `found` meanwhile."""
        with self._writing():
            if self.position() == found:
                empty(self.connection)

    def advance(self, before: Position, after: Position, changes: Iterable[Change]) -> bool:
        """Take in what the log has between two positions.

        Returns:
            Whether it was done; False if the catalog does not stand at `before` (another process moved it).
        """
        with self._writing():
            if self.position() != before:
                return False
            touched: set[int] = set()
            for change in changes:
                match change:
                    case Added():
                        touched |= self._add(change)
                    case Unread():
                        self._note_unread(change)
                    case Forgotten():
                        # What is removed may be among what this transaction has met.
                        self._bodies.clear()
                        touched |= forget(self.connection, change.capture_id)
            regroup(self.connection, touched)
            self.connection.execute(
                "UPDATE state SET origin = ?, size = ?, root = ?, peaks = ?",
                (after.origin, after.size, after.root, b"".join(after.peaks)),
            )
        self.wipe()
        return True

    def attach(self, readings: Iterable[ReadingRow]) -> int:
        """Take in readings of captures that the catalog has; returns how many those were."""
        count = 0
        touched: set[int] = set()
        with self._writing():
            for reading in readings:
                row = self.connection.execute(
                    "SELECT page.id, page.url, leaf_index, version FROM capture JOIN page ON page.id = capture.page "
                    "WHERE capture_id = ?",
                    (reading.capture_id,),
                ).fetchone()
                if row is not None:
                    page, url, leaf_index, old = row
                    version = self._version(page, reading, Prepared.of(reading))
                    self.connection.execute(
                        "UPDATE capture SET version = ?, reader = ?, source_sha256 = ? WHERE capture_id = ?",
                        (version, reading.reader, reading.source_sha256, reading.capture_id),
                    )
                    touched |= self._show(page, url, leaf_index, reading, version)
                    if old is not None and drop_version(self.connection, old):
                        self._bodies.clear()
                        touched |= settle_page(self.connection, page)
                    count += 1
            regroup(self.connection, touched)
        return count

    def retry(self, captures: Iterable[Added]) -> None:
        """Take in captures whose attestations could not be read before."""
        with self._writing():
            touched: set[int] = set()
            for one in captures:
                gone = self.connection.execute(
                    "DELETE FROM unread WHERE capture_id = ? AND envelope_sha256 = ?",
                    (one.capture.capture_id, one.capture.envelope_sha256),
                ).rowcount
                if gone:
                    touched |= self._add(one)
            regroup(self.connection, touched)

    def matched(self, versions: Iterable[int], relations: Iterable[VersionRelation]) -> None:
        """Take in what comparing versions with all others has shown; what was removed meanwhile is left out."""
        with self._writing():
            touched: set[int] = set()
            for one in relations:
                pages = self._pages_of(one)
                if pages is not None:
                    relate(self.connection, *pages, one.kind, one.score, share=one.share)
                    touched |= {*pages}
            self.connection.executemany("UPDATE sketch SET matched = 1 WHERE version = ?", [(one,) for one in versions])
            regroup(self.connection, touched)

    def wipe(self) -> None:
        """Leave nothing of what was forgotten in the file, if that is still to be done.

        The index keeps words until its parts are merged, and the file keeps pages that nothing uses any more.
        """
        with failures(self.path):
            (due,) = self.connection.execute("SELECT wipe FROM state").fetchone()
            if due:
                self.connection.execute("INSERT INTO words (words) VALUES ('optimize')")
                self.connection.execute("VACUUM")
                self.connection.execute("UPDATE state SET wipe = 0")
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def outstanding(self, reader: str) -> dict[str, str | None]:
        """The captures of pages that were reached and have no reading by this version of the reader, oldest first.

        With each, the version of which it has a reading, if any.
        """
        with failures(self.path):
            rows = self.connection.execute(
                "SELECT capture_id, reader FROM capture WHERE outcome <> 'failed' AND (reader IS NULL OR reader <> ?) "
                "ORDER BY leaf_index",
                (reader,),
            )
            return dict(rows.fetchall())

    def unread(self) -> tuple[Unread, ...]:
        """The captures whose attestations could not be read, in the order of the log."""
        with failures(self.path):
            rows = self.connection.execute("SELECT * FROM unread ORDER BY leaf_index").fetchall()
        return tuple(Unread(*row) for row in rows)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._bodies.clear()
        with failures(self.path), writing(self.connection):
            yield

    def _add(self, added: Added) -> set[int]:
        row, reading = added.capture, added.reading
        url = row.url
        page = self._page(row, url)
        version = None
        if reading is not None:
            version = self._version(page, reading, added.prepared or Prepared.of(reading))
        self.connection.execute(
            "INSERT OR IGNORE INTO capture (capture_id, leaf_index, envelope_sha256, target, final_url, started, "
            "outcome, warc_sha256, payload_sha256, media_type, page, version, reader, source_sha256) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.capture_id,
                row.leaf_index,
                row.envelope_sha256,
                row.target,
                row.final_url,
                _moment(row.started),
                row.outcome,
                row.warc_sha256,
                row.payload_sha256,
                row.media_type,
                page,
                version,
                reading and reading.reader,
                reading and reading.source_sha256,
            ),
        )
        if reading is None or version is None:
            return set()
        return self._show(page, url, row.leaf_index, reading, version)

    def _page(self, row: CaptureRow, url: str) -> int:
        # In single steps: an upsert opens a savepoint, at which FTS5 writes out what it has gathered.
        found = self.connection.execute("SELECT id, first_leaf FROM page WHERE url = ?", (url,)).fetchone()
        if found is None:
            inserted = self.connection.execute(
                "INSERT INTO page (url, host, site, first_leaf, first_capture) VALUES (?, ?, ?, ?, ?)",
                (url, *site_of(url), row.leaf_index, row.capture_id),
            )
            return _number(inserted.lastrowid)
        page, first_leaf = found
        if row.leaf_index < first_leaf:
            self.connection.execute(
                "UPDATE page SET first_leaf = ?, first_capture = ? WHERE id = ?", (row.leaf_index, row.capture_id, page)
            )
        return int(page)

    def _show(self, page: int, url: str, leaf_index: int, reading: ReadingRow, version: int) -> set[int]:
        """Say which version a capture of a page shows; the pages whose statement may be another now."""
        newest = self.connection.execute(
            "UPDATE page SET latest_leaf = ?1, latest_version = ?2 WHERE id = ?3 AND coalesce(latest_leaf, -1) <= ?1",
            (leaf_index, version, page),
        ).rowcount
        if reading.kind in PUBLISHED:
            self.connection.execute("UPDATE page SET statement = id WHERE id = ? AND statement IS NULL", (page,))
        if newest:
            self.connection.execute("DELETE FROM link WHERE page = ?", (page,))
            if reading.links:
                self.connection.executemany(
                    "INSERT OR IGNORE INTO link VALUES (?, ?, ?)",
                    [(page, _storable(link.url), link.kind) for link in reading.links],
                )
        follow_links(self.connection, page, url)
        return {page}

    def _version(self, page: int, reading: ReadingRow, prepared: Prepared) -> int:
        content, body = prepared.content_sha256, prepared.body
        row = self.connection.execute(
            "SELECT id FROM version WHERE page = ? AND content_sha256 = ?", (page, content)
        ).fetchone()
        if row is not None:
            return int(row[0])
        said = reading.published
        whole = reading.kind in PUBLISHED and comparable(body)
        text_sha256 = sha256(body.encode("utf-8", "surrogatepass")).hexdigest() if whole else None
        inserted = self.connection.execute(
            "INSERT INTO version (page, content_sha256, text_sha256, kind, title, date_first, date_last, "
            "date_precision, date_source, date_verbatim, language, issuers, reasons, characters) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                page,
                content,
                text_sha256,
                reading.kind,
                reading.title and _storable(reading.title),
                said and said.first.isoformat(),
                said and said.last.isoformat(),
                said and said.precision,
                said and said.source,
                said and _storable(said.verbatim),
                reading.language and reading.language.lower(),
                json.dumps(reading.issuers),
                json.dumps(reading.reasons),
                len(reading.text),
            ),
        )
        version = _number(inserted.lastrowid)
        self.connection.execute("INSERT INTO content VALUES (?, ?)", (version, _storable(reading.text)))
        self.connection.execute(
            "INSERT INTO words (rowid, title, body) VALUES (?, ?, ?)", (version, prepared.title, body)
        )
        self._sign(version, reading)
        if reading.kind in COMPARED:
            self.connection.execute("INSERT INTO sketch VALUES (?, ?, 0, ?)", (version, page, prepared.sketch))
        if text_sha256 is not None:
            join_equal(self.connection, page, version, text_sha256)
        return version

    def _sign(self, version: int, reading: ReadingRow) -> None:
        rows = []
        for position, one in enumerate(reading.signatories):
            name = _storable(one.verbatim)
            signatory = self._signatory(_storable(one.identity), one.organisation, name)
            rows.append((version, position, signatory, name, one.number, one.start, one.end))
        self.connection.executemany("INSERT INTO signature VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _signatory(self, identity: str, organisation: str | None, name: str) -> int:
        if (identity, name) in self._bodies:
            return self._bodies[identity, name]
        self.connection.execute(
            "INSERT INTO signatory (identity, organisation, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (identity, organisation, organisation or name),
        )
        (signatory,) = self.connection.execute("SELECT id FROM signatory WHERE identity = ?", (identity,)).fetchone()
        self.connection.execute("INSERT OR IGNORE INTO spelling VALUES (?, ?)", (indexed(name), signatory))
        self._bodies[identity, name] = int(signatory)
        return int(signatory)

    def _note_unread(self, change: Unread) -> None:
        self.connection.execute(
            "INSERT OR REPLACE INTO unread VALUES (?, ?, ?, ?)",
            (change.capture_id, change.leaf_index, change.envelope_sha256, change.reason),
        )

    def _pages_of(self, relation: VersionRelation) -> tuple[int, int] | None:
        row = self.connection.execute(
            "SELECT one.page, other.page FROM version AS one, version AS other WHERE one.id = ? AND other.id = ?",
            (relation.version, relation.other),
        ).fetchone()
        return None if row is None or row[0] == row[1] else (int(row[0]), int(row[1]))


def _number(lastrowid: int | None) -> int:
    if lastrowid is None:
        raise ValueError("an inserted row has no number")
    return lastrowid


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _storable(text: str) -> str:
    # SQLite keeps UTF-8, which has no halves of surrogate pairs, and text up to the first NUL.
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
