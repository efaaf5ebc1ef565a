"""Removing captures from the catalog with all that only they had. Within a transaction of the caller's."""

from __future__ import annotations

import json
import sqlite3

from sijill.archive.catalog.arabic import indexed
from sijill.archive.catalog.grouping import follow_links, join_equal
from sijill.archive.catalog.rows import PUBLISHED


def forget(connection: sqlite3.Connection, capture_id: str) -> set[int]:
    """Remove a capture and all that only it had; the pages whose statement may be another now."""
    connection.execute("DELETE FROM unread WHERE capture_id = ?", (capture_id,))
    row = connection.execute(
        "DELETE FROM capture WHERE capture_id = ? RETURNING page, version", (capture_id,)
    ).fetchone()
    if row is None:
        return set()
    connection.execute("UPDATE state SET wipe = 1")
    page, version = row
    if version is not None:
        drop_version(connection, version)
    return settle_page(connection, page)


def drop_version(connection: sqlite3.Connection, version: int) -> bool:
    """Remove a version that no capture is of any more; whether it was so."""
    used = connection.execute("SELECT 1 FROM capture WHERE version = ? LIMIT 1", (version,)).fetchone()
    if used is not None:
        return False
    title, text = connection.execute(
        "SELECT title, text FROM version JOIN content ON content.version = id WHERE id = ?", (version,)
    ).fetchone()
    connection.execute(
        "INSERT INTO words (words, rowid, title, body) VALUES ('delete', ?, ?, ?)",
        (version, indexed(title or ""), indexed(text)),
    )
    signed = connection.execute("SELECT signatory FROM signature WHERE version = ?", (version,)).fetchall()
    connection.execute("DELETE FROM signature WHERE version = ?", (version,))
    for (signatory,) in set(signed):
        if connection.execute("SELECT 1 FROM signature WHERE signatory = ?", (signatory,)).fetchone() is None:
            connection.execute("DELETE FROM spelling WHERE signatory = ?", (signatory,))
            connection.execute("DELETE FROM signatory WHERE id = ?", (signatory,))
    connection.execute("DELETE FROM content WHERE version = ?", (version,))
    connection.execute("DELETE FROM sketch WHERE version = ?", (version,))
    connection.execute("DELETE FROM version WHERE id = ?", (version,))
    return True


def settle_page(connection: sqlite3.Connection, page: int) -> set[int]:
    """Say anew what a page is by the captures that are left; the pages whose statement may be another now."""
    statement, url = connection.execute("SELECT statement, url FROM page WHERE id = ?", (page,)).fetchone()
    fellows = {one for (one,) in connection.execute("SELECT id FROM page WHERE statement = ?", (statement,)).fetchall()}
    first = connection.execute(
        "SELECT leaf_index, capture_id FROM capture WHERE page = ? ORDER BY leaf_index LIMIT 1", (page,)
    ).fetchone()
    connection.execute("DELETE FROM relation WHERE ?1 IN (page, other)", (page,))
    connection.executemany("UPDATE page SET statement = id WHERE id = ?", [(one,) for one in fellows])
    if first is None:
        connection.execute("DELETE FROM link WHERE page = ?", (page,))
        connection.execute("DELETE FROM page WHERE id = ?", (page,))
        return fellows - {page}
    connection.execute(
        "UPDATE page SET first_leaf = ?1, first_capture = ?2, (latest_leaf, latest_version) = (SELECT leaf_index, "
        "version FROM capture WHERE page = ?3 AND version IS NOT NULL ORDER BY leaf_index DESC LIMIT 1), "
        "statement = (SELECT ?3 FROM version WHERE page = ?3 AND kind IN (SELECT value FROM json_each(?4))) "
        "WHERE id = ?3",
        (*first, page, json.dumps(sorted(PUBLISHED))),
    )
    for version, text_sha256 in connection.execute(
        "SELECT id, text_sha256 FROM version WHERE page = ? AND text_sha256 IS NOT NULL", (page,)
    ).fetchall():
        join_equal(connection, page, version, text_sha256)
    follow_links(connection, page, url)
    # What was found out by comparing its texts went with its relations.
    connection.execute("UPDATE sketch SET matched = 0 WHERE page = ?", (page,))
    return fellows | {page}
