"""What an audit has found out so far: on disk, so that memory stays flat and an interrupted audit goes on.

One SQLite file, or a temporary one that goes with the process. It is the auditor's own; the archive never sees it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sijill.provenance.errors import JournalUnusable
from sijill.provenance.log.entry import Kind
from sijill.provenance.verify.archive.codes import ArchiveCode
from sijill.provenance.verify.report import Finding

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (size INTEGER PRIMARY KEY, checkpoint INTEGER NOT NULL DEFAULT 0,
    batch INTEGER NOT NULL DEFAULT 0, root BLOB);
CREATE TABLE IF NOT EXISTS vouched (size INTEGER NOT NULL, stamp INTEGER NOT NULL, party TEXT NOT NULL,
    earliest INTEGER NOT NULL, latest INTEGER NOT NULL, sha256 TEXT);
CREATE TABLE IF NOT EXISTS entries (place INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL,
    sha256 BLOB NOT NULL, done INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS named (sha256 BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS removed (capture TEXT NOT NULL, key TEXT NOT NULL, sha256 TEXT NOT NULL,
    place INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS findings (code TEXT NOT NULL, place INTEGER NOT NULL, about TEXT NOT NULL,
    found TEXT NOT NULL);
"""

_FORGET: Final = (
    "DELETE FROM kept",
    "DELETE FROM marks",
    "DELETE FROM vouched",
    "DELETE FROM entries",
    "DELETE FROM findings",
)

_LONGEST: Final = 2_000
"""Characters of a text from the archive that a finding keeps."""


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """An entry of the log, and where it is."""

    place: int
    kind: Kind
    id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A size of the log at which something happens: a checkpoint, the beginning of a batch, or both."""

    size: int
    checkpoint: bool
    batch: bool


class Journal:
    """The findings and the state of one audit. `opened_journal` makes one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def commit(self) -> None:
        """Keep all that was noted so far, whatever happens next."""
        self._connection.commit()

    @contextmanager
    def whole(self) -> Iterator[None]:
        """What is noted in the `with` statement is kept wholly or, if an exception leaves it, not at all."""
        if not self._connection.in_transaction:
            # Without this the savepoint would be a transaction of its own, and each one would wait for the disk.
            self._connection.execute("BEGIN")
        self._connection.execute("SAVEPOINT whole")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO whole")
            raise
        finally:
            self._connection.execute("RELEASE whole")

    # What the audit is of, and how far it is.

    def fact(self, name: str) -> str | None:
        """What was noted under `name`."""
        row = self._row("SELECT value FROM facts WHERE name = ?", name)
        return None if row is None else str(row[0])

    def note(self, name: str, value: str) -> None:
        """Note `value` under `name`, in the place of whatever was there."""
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def number(self, name: str) -> int:
        """The number that was noted under `name`; 0 if there is none."""
        return int(self.fact(name) or 0)

    def count(self, name: str, more: int = 1) -> None:
        """Add to the number under `name`."""
        self.note(name, str(self.number(name) + more))

    def bind(self, binding: Mapping[str, str]) -> bool:
        """Note what the audit is of; True if this goes on with an audit that was begun before.

        Raises:
            JournalUnusable: it is the journal of an audit of something else.
        """
        begun = self.fact("begun") is not None
        for name, value in binding.items():
            before = self.fact(f"of {name}")
            if begun and before != value:
                raise JournalUnusable(self._path, f"is of another audit: {name} was {before!r} and is {value!r} now")
            self.note(f"of {name}", value)
        self.note("begun", "yes")
        self.commit()
        return begun

    # Findings.

    def find(self, code: ArchiveCode, about: str, found: str, *, place: int = -1) -> None:
        """Note a fault; `place` is the entry that it is about, for the order of the report."""
        row = (str(code), place, kept_text(about), kept_text(found))
        self._connection.execute("INSERT INTO findings VALUES (?, ?, ?, ?)", row)

    def findings(self, code: ArchiveCode, limit: int) -> tuple[list[Finding], int]:
        """The first `limit` findings of a check, and how many there are."""
        rows = self._rows(
            "SELECT about, found FROM findings WHERE code = ? ORDER BY place, rowid LIMIT ?", str(code), limit
        )
        number = self._row("SELECT count(*) FROM findings WHERE code = ?", str(code))
        return [Finding(about, found) for about, found in rows], number[0] if number else 0

    # What the store keeps.

    def keep(self, rows: Iterable[tuple[str, int]]) -> None:
        """Note keys, with the sizes that the store says."""
        self._connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", rows)

    def kept_size(self, key: str) -> int | None:
        """The size that the store said `key` has, or None if it did not list it."""
        row = self._row("SELECT size FROM kept WHERE key = ?", key)
        return None if row is None else int(row[0])

    def kept_count(self) -> int:
        """How many keys were listed."""
        row = self._row("SELECT count(*) FROM kept")
        return row[0] if row else 0

    def kept(self, prefix: str = "") -> Iterator[str]:
        """The listed keys that begin with `prefix`, in bytewise order."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "\U0010ffff"
        for (key,) in self._rows("SELECT key FROM kept WHERE key >= ? AND key < ? ORDER BY key", prefix, end):
            yield key

    # The log.

    def mark(self, size: int, *, checkpoint: bool = False, batch: bool = False) -> None:
        """Note that a checkpoint is kept at a size of the log, or that a batch begins there."""
        self._connection.execute(
            "INSERT INTO marks (size, checkpoint, batch) VALUES (?, ?, ?) ON CONFLICT (size) DO UPDATE SET "
            "checkpoint = max(checkpoint, excluded.checkpoint), batch = max(batch, excluded.batch)",
            (size, checkpoint, batch),
        )

    def marks(self, most: int) -> Iterator[Mark]:
        """The marks up to a size, in their order."""
        for size, checkpoint, batch in self._rows(
            "SELECT size, checkpoint, batch FROM marks WHERE size <= ? ORDER BY size", most
        ):
            yield Mark(size, bool(checkpoint), bool(batch))

    def marked(self, first: int, last: int) -> bool:
        """Whether the log keeps a checkpoint of a size from `first` to `last`, both included."""
        return (
            self._row("SELECT 1 FROM marks WHERE checkpoint AND size BETWEEN ? AND ? LIMIT 1", first, last) is not None
        )

    def reached(self, first: int, last: int) -> bool:
        """Whether the log had a size from `first` to `last`, by its checkpoints or by its batches."""
        return self._row("SELECT 1 FROM marks WHERE size BETWEEN ? AND ? LIMIT 1", first, last) is not None

    def set_root(self, size: int, root: bytes) -> None:
        """Note the root that the entries give at a size."""
        self._connection.execute("UPDATE marks SET root = ? WHERE size = ?", (root, size))

    def root(self, size: int) -> bytes | None:
        """The root that the entries give at the size of a checkpoint that is kept."""
        row = self._row("SELECT root FROM marks WHERE size = ? AND checkpoint", size)
        return None if row is None else row[0]

    def enter(self, rows: Iterable[tuple[int, str, str, bytes]]) -> None:
        """Note entries: place, kind, id, SHA-256."""
        self._connection.executemany("INSERT INTO entries (place, kind, id, sha256) VALUES (?, ?, ?, ?)", rows)

    def index_entries(self) -> None:
        """Make entries findable by their ids. Once all are there: this is much faster than one by one."""
        self._connection.execute("CREATE INDEX IF NOT EXISTS by_id ON entries (id, kind)")

    def forget_log(self) -> None:
        """Forget what a reading of the log that was interrupted noted."""
        for forget in (
            "DELETE FROM entries",
            "DELETE FROM vouched",
            "DELETE FROM marks",
            "DELETE FROM findings",
            "DELETE FROM kept",
        ):
            self._connection.execute(forget)

    def doubles(self) -> Iterator[tuple[str, int]]:
        """Ids that several entries have, and how many."""
        yield from self._rows("SELECT id, count(*) FROM entries GROUP BY id HAVING count(*) > 1 ORDER BY id")

    def entries(self, *, captures: bool, undone: bool = False) -> Iterator[LoggedEntry]:
        """The entries of captures, or those of everything else, in their order; only those not dealt with, if so."""
        for place, kind, entry_id, sha256 in self._rows(
            "SELECT place, kind, id, sha256 FROM entries WHERE (kind = ?) = ? AND NOT (done AND ?) ORDER BY place",
            Kind.CAPTURE.value,
            captures,
            undone,
        ):
            yield LoggedEntry(place, Kind(kind), entry_id, sha256.hex())

    def entry_counts(self) -> dict[Kind, int]:
        """How many entries there are of each kind."""
        return {Kind(kind): number for kind, number in self._rows("SELECT kind, count(*) FROM entries GROUP BY kind")}

    def done_count(self) -> int:
        """How many entries were dealt with."""
        row = self._row("SELECT count(*) FROM entries WHERE done")
        return row[0] if row else 0

    def entries_of(self, entry_id: str, kind: Kind) -> list[LoggedEntry]:
        """The entries with an id and kind."""
        rows = self._rows(
            "SELECT place, sha256 FROM entries WHERE id = ? AND kind = ? ORDER BY place", entry_id, kind.value
        )
        return [LoggedEntry(place, kind, entry_id, sha256.hex()) for place, sha256 in rows]

    def id_range(self) -> tuple[str | None, str | None]:
        """The smallest and the largest id of an entry, which begin with their times."""
        first, last = self._row("SELECT min(id), max(id) FROM entries")
        return first, last

    def done(self, place: int) -> None:
        """Note that an entry was dealt with."""
        self._connection.execute("UPDATE entries SET done = 1 WHERE place = ?", (place,))

    # Who vouches for what time. Times are microseconds since 1970.

    def vouch(self, size: int, *, stamp: bool, party: str, earliest: int, latest: int, sha256: str | None) -> None:
        """Note what an outside party says of the checkpoint of a size; `sha256` is that of the timestamp's file."""
        self._connection.execute(
            "INSERT INTO vouched VALUES (?, ?, ?, ?, ?, ?)", (size, stamp, party, earliest, latest, sha256)
        )

    def vouched(self) -> Iterator[tuple[int, bool, str, int, int]]:
        """Size, whether it is a timestamp, party, earliest, latest: by size."""
        for size, stamp, party, earliest, latest in self._rows(
            "SELECT size, stamp, party, earliest, latest FROM vouched ORDER BY size, latest"
        ):
            yield size, bool(stamp), party, earliest, latest

    def stamped(self, size: int, sha256: str) -> Iterator[tuple[str, int]]:
        """Party and earliest of the timestamps over the checkpoint of a size whose file has this SHA-256."""
        yield from self._rows(
            "SELECT party, earliest FROM vouched WHERE size = ? AND stamp AND sha256 = ?", size, sha256
        )

    def is_kept_stamp(self, size: int, sha256: str) -> bool:
        """Whether a timestamp over the checkpoint of a size is kept whose file has this SHA-256."""
        query = "SELECT 1 FROM vouched WHERE size = ? AND stamp AND sha256 = ? LIMIT 1"
        return self._row(query, size, sha256) is not None

    # Objects.

    def name(self, sha256s: Iterable[str]) -> None:
        """Note that an attestation names these objects."""
        self._connection.executemany("INSERT OR IGNORE INTO named VALUES (?)", [(bytes.fromhex(s),) for s in sha256s])

    def is_named(self, sha256: str) -> bool:
        """Whether an attestation names the object."""
        return self._row("SELECT 1 FROM named WHERE sha256 = ?", bytes.fromhex(sha256)) is not None

    def remove(self, capture: str, key: str, sha256: str, place: int) -> None:
        """Note that a logged tombstone says that an object of a capture was removed."""
        self._connection.execute("INSERT INTO removed VALUES (?, ?, ?, ?)", (capture, key, sha256, place))

    def removed(self, capture: str) -> list[tuple[str, str, int]]:
        """Key, SHA-256 and the tombstone's place, for each object of a capture that was removed."""
        return list(self._rows("SELECT key, sha256, place FROM removed WHERE capture = ?", capture))

    @property
    def _path(self) -> Path | None:
        row = self._row("SELECT file FROM pragma_database_list WHERE name = 'main'")
        return Path(row[0]) if row and row[0] else None

    def _row(self, query: str, *values: Any) -> Any:
        return self._connection.execute(query, values).fetchone()

    def _rows(self, query: str, *values: Any) -> sqlite3.Cursor:
        return self._connection.execute(query, values)


@contextmanager
def opened_journal(path: Path | None) -> Iterator[Journal]:
    """The journal at `path`, or one that nobody sees again.

    What was noted is kept however the `with` statement is left; of a process that is killed, what was committed.

    Raises:
        JournalUnusable: it cannot be read or written, is in use, or is none; also for what happens to it meanwhile.
    """
    try:
        with closing(sqlite3.connect(path or "", timeout=0, isolation_level="DEFERRED")) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA synchronous = OFF" if path is None else "PRAGMA synchronous = NORMAL")
            connection.executescript(_TABLES)
            try:
                yield Journal(connection)
            finally:
                connection.commit()
    except sqlite3.Error as err:
        raise JournalUnusable(path, str(err)) from err


def kept_text(text: str) -> str:
    """A text from the archive as a finding keeps it."""
    shortened = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    # SQLite holds UTF-8, and a lone surrogate is none.
    return shortened.encode("utf-8", "replace").decode("utf-8")
