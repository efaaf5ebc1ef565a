"""The tables of the catalog, and opening the file. A file of another version is emptied: it is rebuilt from the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sijill.archive.errors import CatalogUnusable

VERSION: Final = 2
"""Raised with any change of tables or of what is put into them."""
_APPLICATION: Final = 0x73696A6C  # "sijl"
_BUSY_MILLISECONDS: Final = 60_000

_TABLES: Final = """
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), origin TEXT NOT NULL, size INTEGER NOT NULL,
    root BLOB NOT NULL, peaks BLOB NOT NULL, wipe INTEGER NOT NULL);
INSERT INTO state VALUES (1, '', 0, x'', x'', 0);

-- A page is a URL; statement is the page of its cluster that came into the log first.
CREATE TABLE page (id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, host TEXT NOT NULL, site TEXT NOT NULL,
    first_leaf INTEGER NOT NULL, first_capture TEXT NOT NULL, latest_leaf INTEGER, latest_version INTEGER,
    statement INTEGER);
CREATE INDEX page_host ON page (host);
CREATE INDEX page_statement ON page (statement, first_leaf) WHERE statement IS NOT NULL;

CREATE TABLE version (id INTEGER PRIMARY KEY, page INTEGER NOT NULL, content_sha256 TEXT NOT NULL,
    text_sha256 TEXT, kind TEXT NOT NULL, title TEXT, date_first TEXT, date_last TEXT, date_precision TEXT,
    date_source TEXT, date_verbatim TEXT, language TEXT, issuers TEXT NOT NULL, reasons TEXT NOT NULL,
    characters INTEGER NOT NULL, UNIQUE (page, content_sha256));
CREATE INDEX version_text ON version (text_sha256) WHERE text_sha256 IS NOT NULL;
CREATE INDEX version_day ON version (date_first) WHERE date_precision = 'day' AND kind = 'statement';

-- Apart from the rest, so that going through many versions reads few bytes.
CREATE TABLE content (version INTEGER PRIMARY KEY, text TEXT NOT NULL);

-- By which texts are found that may have something in common, see matching; matched: compared with all others.
CREATE TABLE sketch (version INTEGER PRIMARY KEY, page INTEGER NOT NULL, matched INTEGER NOT NULL,
    hashes BLOB NOT NULL);
CREATE INDEX sketch_unmatched ON sketch (version) WHERE matched = 0;
CREATE INDEX sketch_page ON sketch (page);

CREATE TABLE capture (id INTEGER PRIMARY KEY, capture_id TEXT NOT NULL UNIQUE, leaf_index INTEGER NOT NULL,
    envelope_sha256 TEXT NOT NULL, target TEXT NOT NULL, final_url TEXT, started TEXT NOT NULL, outcome TEXT NOT NULL,
    warc_sha256 TEXT NOT NULL, payload_sha256 TEXT, media_type TEXT, page INTEGER NOT NULL, version INTEGER,
    reader TEXT, source_sha256 TEXT);
CREATE INDEX capture_page ON capture (page, leaf_index);
CREATE INDEX capture_version ON capture (version, leaf_index) WHERE version IS NOT NULL;
CREATE INDEX capture_reader ON capture (reader) WHERE outcome <> 'failed';

CREATE TABLE unread (capture_id TEXT PRIMARY KEY, leaf_index INTEGER NOT NULL, envelope_sha256 TEXT NOT NULL,
    reason TEXT NOT NULL);

CREATE TABLE signatory (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, organisation TEXT,
    name TEXT NOT NULL);
CREATE TABLE signature (version INTEGER NOT NULL, position INTEGER NOT NULL, signatory INTEGER NOT NULL,
    verbatim TEXT NOT NULL, number INTEGER, start INTEGER NOT NULL, end INTEGER NOT NULL,
    PRIMARY KEY (version, position)) WITHOUT ROWID;
CREATE INDEX signature_signatory ON signature (signatory, version);
CREATE TABLE spelling (words TEXT NOT NULL, signatory INTEGER NOT NULL, PRIMARY KEY (words, signatory)) WITHOUT ROWID;

CREATE TABLE link (page INTEGER NOT NULL, url TEXT NOT NULL, kind TEXT NOT NULL,
    PRIMARY KEY (page, url, kind)) WITHOUT ROWID;
CREATE INDEX link_url ON link (url);
CREATE TABLE relation (page INTEGER NOT NULL, other INTEGER NOT NULL, kind TEXT NOT NULL, score REAL NOT NULL,
    share REAL NOT NULL, PRIMARY KEY (page, other, kind)) WITHOUT ROWID;
CREATE INDEX relation_other ON relation (other);

-- Without content of its own: what was put in is worked out again from the version when it must go.
CREATE VIRTUAL TABLE words USING fts5(title, body, content='', tokenize='unicode61 remove_diacritics 2');
-- Bytes of new words that are kept in memory before they are written; a transaction of many captures needs as many.
INSERT INTO words (words, rank) VALUES ('hashsize', 33554432);
"""


def connect(path: Path) -> sqlite3.Connection:
    """The catalog at `path`, made if it is not there; emptied if its tables are of another version.

    A damaged file is moved aside, to the same name with `.damaged` behind it.

    Raises:
        CatalogUnusable: the folder cannot be written, another program's database is there, or someone holds the lock.
    """
    with failures(path):
        try:
            return _connected(path)
        except sqlite3.DatabaseError as err:
            if getattr(err, "sqlite_errorcode", None) not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise
        try:
            path.replace(path.with_name(f"{path.name}.damaged"))
            for ending in ("-wal", "-shm"):
                path.with_name(path.name + ending).unlink(missing_ok=True)
        except OSError as err:
            raise CatalogUnusable(path, err.strerror or str(err)) from err
        return _connected(path)


@contextmanager
def failures(path: Path) -> Iterator[None]:
    """Turn whatever SQLite cannot do into one error that says what to do.

    Raises:
        CatalogUnusable: in its place.
    """
    try:
        yield
    except sqlite3.Error as err:
        raise CatalogUnusable(path, str(err)) from err


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One change of the catalog: wholly or not at all, and nobody else's meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        # SQLite has rolled back on its own where it could not go on.
        with suppress(sqlite3.OperationalError):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def empty(connection: sqlite3.Connection) -> None:
    """Make all tables anew; within `writing`."""
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'words_%'"
    ).fetchall()
    for (name,) in tables:
        connection.execute(f'DROP TABLE "{name}"')
    for statement in _statements():
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_MILLISECONDS / 1000)
    try:
        _check_ours(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        # A loss of power may cost the newest changes, and never the file: they are read from the log again.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -65536")
        if _version(connection) != VERSION:
            with writing(connection):
                if _version(connection) != VERSION:
                    empty(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_ours(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != _APPLICATION and tables:
        raise CatalogUnusable(path, "a database of another program is there")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _statements() -> Iterator[str]:
    whole = ""
    for line in _TABLES.splitlines():
        whole += line + "\n"
        if sqlite3.complete_statement(whole):
            yield whole
            whole = ""
