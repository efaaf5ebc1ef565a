"""What is written into a catalog, and that it is whole whenever its writer is killed."""

import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.rows import Forgotten, Position, Unread, VersionRelation
from sijill.archive.catalog.search import search
from sijill.archive.catalog.statements import find_statement, signatories, statements
from sijill.archive.errors import CatalogUnusable

A, B, C = "https://alpha.example/en/s/", "https://beta.example/s/", "https://alpha.example/ar/s/"


def urls(found):
    return [one.url for one in found.publications]


def test_a_page_that_goes_back_keeps_all_three_captures(catalog, rows):
    other = rows.ENGLISH.replace("welcome", "condemn")
    texts = [rows.ENGLISH, other, rows.ENGLISH]
    rows.advance(catalog, *(rows.added(n, A, text) for n, text in enumerate(texts)))
    (page,) = find_statement(catalog, rows.capture_id(1)).publications
    assert [one.version for one in page.captures] == [1, 2, 1]
    assert [version.number for version in page.versions] == [1, 2]
    assert search(catalog, "welcome").hits[0].newest
    assert not search(catalog, "condemn").hits[0].newest


def test_the_same_words_on_two_sites_are_one_statement_named_by_the_first(catalog, rows):
    rows.advance(
        catalog,
        rows.added(0, "https://else.example/", "Something else. " * 30),
        rows.added(1, A, rows.ENGLISH, day="2018-11-16"),
        rows.added(2, B, rows.ENGLISH.upper().replace(", ", " – "), day="2018-11-15"),
    )
    found = find_statement(catalog, rows.capture_id(2))
    assert (found.row.statement_id, found.row.publications) == (rows.capture_id(1), 2)
    assert found.row.published == "2018-11-15"
    assert found.row.sites == ("alpha.example", "beta.example")
    assert statements(catalog).total == 2


def test_short_texts_may_be_equal_by_chance(catalog, rows):
    rows.advance(catalog, rows.added(0, A, "Page not found"), rows.added(1, B, "Page not found"))
    assert statements(catalog).total == 2


def test_languages_join_only_if_both_pages_say_so(catalog, rows):
    english, arabic = (A, "language"), (C, "language")
    rows.advance(
        catalog,
        rows.added(0, A, rows.ENGLISH, links=[arabic]),
        rows.added(1, B, "Another text that points here. " * 10, links=[english, arabic]),
        rows.added(2, C, rows.ARABIC, language="ar", links=[english]),
    )
    found = find_statement(catalog, rows.capture_id(2))
    assert urls(found) == [A, C]
    assert found.row.languages == ("en", "ar")


def test_a_card_is_a_teaser_whichever_came_first(catalog, rows):
    home = {"kind": "index", "links": [(A, "teaser"), (B, "teaser")]}
    rows.advance(
        catalog,
        rows.added(0, A, rows.ENGLISH),
        rows.added(1, "https://home.example/", "Cards", **home),
        rows.added(2, B, "Another statement, quite another. " * 10),
    )
    for number in (0, 2):
        (related,) = find_statement(catalog, rows.capture_id(number)).related
        assert (related.url, related.kind) == ("https://home.example/", "teaser")
    assert find_statement(catalog, rows.capture_id(1)) is None


def test_relations_that_are_handed_in(catalog, rows):
    rows.advance(
        catalog,
        rows.added(0, A, rows.ENGLISH),
        rows.added(1, B, rows.ENGLISH[:150]),
        rows.added(2, C, rows.ENGLISH.replace("years", "days")),
    )
    catalog.matched(
        [1, 2, 3],
        [
            VersionRelation(3, 1, "same", 0.97),
            VersionRelation(2, 1, "excerpt", 0.6, 0.1),
            VersionRelation(9, 1, "same"),
        ],
    )
    found = find_statement(catalog, rows.capture_id(0))
    assert urls(found) == [A, C]
    assert [(one.url, one.kind, one.score) for one in found.related] == [(B, "excerpt", 0.6)]


def test_joining_goes_over_any_number_of_steps_in_any_order(catalog, rows):
    pages = [f"https://s{n}.example/" for n in range(6)]
    rows.advance(catalog, *(rows.added(n, url, f"text {n} " * 5) for n, url in enumerate(pages)))
    for one, other in [(5, 4), (1, 2), (4, 3), (2, 3)]:
        catalog.matched([], [VersionRelation(one + 1, other + 1, "same")])
    assert urls(find_statement(catalog, rows.capture_id(5))) == pages[1:]
    assert find_statement(catalog, rows.capture_id(4)).row.statement_id == rows.capture_id(1)


def test_one_body_in_several_spellings(catalog, rows):
    one = rows.signed("The Day After", organisation="the-day-after")
    other = rows.signed("The Day After (TDA)", organisation="the-day-after")
    rows.advance(
        catalog,
        rows.added(0, A, rows.ENGLISH, signatories=one, day="2018-11-15"),
        rows.added(1, B, "Quite another statement. " * 10, signatories=other, day="2022-01-14"),
        rows.added(2, B, "Quite another statement. " * 11, day="2022-01-14"),
    )
    for name in ("the day AFTER", "The Day After (TDA)", "the-day-after"):
        (found,) = signatories(catalog, name)
        assert found.spellings == ("The Day After", "The Day After (TDA)")
        assert [(signed.url, signed.newest) for signed in found.signed] == [(B, False), (A, True)]
        assert found.signed[1].source_sha256 == rows.digest("payload", rows.ENGLISH)
    (gone,) = find_statement(catalog, rows.capture_id(1)).signatories
    assert gone.withdrawn
    assert [found.name for found in signatories(catalog, "after")] == ["the-day-after"]
    assert signatories(catalog, "unheard of") == ()


def test_a_reading_that_comes_later_and_one_that_replaces_it(catalog, rows):
    rows.advance(catalog, rows.added(0, A), rows.added(1, B, outcome="failed"))
    assert catalog.outstanding("test/1") == {rows.capture_id(0): None}
    assert catalog.attach([rows.made(0, rows.ENGLISH), rows.made(7, "no such capture")]) == 1
    assert catalog.outstanding("test/1") == {}
    assert catalog.outstanding("test/2") == {rows.capture_id(0): "test/1"}
    catalog.attach([rows.made(0, rows.ENGLISH.replace("warrants", "orders"), reader="test/2")])
    assert search(catalog, "warrants").total == 0
    assert search(catalog, "orders").hits[0].capture_id == rows.capture_id(0)
    assert catalog.connection.execute("SELECT count(*) FROM version").fetchone() == (1,)


def everything_in(path):
    found = b""
    for ending in ("", "-wal"):
        file = path.with_name(path.name + ending)
        found += file.read_bytes() if file.exists() else b""
    return found


def test_what_is_forgotten_is_nowhere_in_the_file(catalog, rows):
    secret = rows.ENGLISH + " Unobtainium witness."
    names = rows.signed("Quixotic Network")
    rows.advance(
        catalog,
        rows.added(0, A, secret, signatories=names),
        rows.added(1, A, rows.ENGLISH),
        rows.added(2, B, rows.ENGLISH),
        rows.added(3, C, secret.replace("We", "They")),
        Unread(rows.capture_id(9), 4, rows.digest("x"), "missing"),
    )
    assert b"unobtainium" in everything_in(catalog.path).lower()
    rows.advance(catalog, Forgotten(rows.capture_id(0)), Forgotten(rows.capture_id(3)), Forgotten(rows.capture_id(9)))
    left = everything_in(catalog.path).lower()
    assert b"unobtainium" not in left
    assert b"quixotic" not in left
    assert C.encode() not in left
    assert catalog.unread() == ()
    assert search(catalog, "unobtainium").total == 0
    assert search(catalog, "warrants").total == 2
    assert find_statement(catalog, rows.capture_id(2)).row.statement_id == rows.capture_id(1)
    catalog.connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")


def test_what_joined_two_statements_is_forgotten(catalog, rows):
    pages = [f"https://s{n}.example/" for n in range(3)]
    rows.advance(catalog, *(rows.added(n, url, f"text {n} " * 5) for n, url in enumerate(pages)))
    catalog.matched([], [VersionRelation(1, 2, "same"), VersionRelation(2, 3, "same")])
    assert statements(catalog).total == 1
    rows.advance(catalog, Forgotten(rows.capture_id(1)))
    assert [row.statement_id for row in statements(catalog).rows] == [rows.capture_id(2), rows.capture_id(0)]


def test_text_that_no_database_can_hold(catalog, rows):
    odd = "A\ud800B\0C " * 40
    rows.advance(catalog, rows.added(0, A, odd, title=odd, signatories=rows.signed("x\0y\udfff")))
    assert search(catalog, "A").hits[0].title is not None
    rows.advance(catalog, Forgotten(rows.capture_id(0)))
    catalog.connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")


def test_a_step_that_another_process_did_is_not_done_twice(tmp_path, rows):
    with Catalog(tmp_path / "c") as one, Catalog(tmp_path / "c") as other:
        start = one.position()
        after = Position("test/log", 1, bytes(32), (bytes(32),))
        assert one.advance(start, after, [rows.added(0, A, rows.ENGLISH)])
        assert not other.advance(start, after, [rows.added(0, A, rows.ENGLISH)])
        other.restart(start)
        assert other.position() == after
        other.restart(after)
        assert one.position() == start
        assert search(one, "warrants").total == 0


def test_another_version_of_the_tables_is_thrown_away(tmp_path, rows):
    path = tmp_path / "catalog.sqlite"
    with Catalog(path) as catalog:
        rows.advance(catalog, rows.added(0, A, rows.ENGLISH))
        catalog.connection.execute("ALTER TABLE page ADD COLUMN new TEXT")
        catalog.connection.execute("PRAGMA user_version = 999")
    with Catalog(path) as catalog:
        assert catalog.position().size == 0
        rows.advance(catalog, rows.added(0, A, rows.ENGLISH))
        assert search(catalog, "warrants").total == 1


def test_a_damaged_file_is_moved_aside_and_another_program_s_is_left_alone(tmp_path):
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    with Catalog(path) as catalog:
        assert catalog.position().size == 0
    assert path.with_name("catalog.sqlite.damaged").read_bytes().startswith(b"not a database")
    foreign = tmp_path / "foreign.sqlite"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE diary (entry TEXT)")
    connection.commit()
    connection.close()
    with pytest.raises(CatalogUnusable, match="another program"):
        Catalog(foreign)
    with pytest.raises(CatalogUnusable):
        Catalog(tmp_path / "no" / "folder")


WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from conftest import ENGLISH, added, advance
from pathlib import Path
from sijill.archive.catalog.catalog import Catalog
with Catalog(Path(sys.argv[2])) as catalog:
    for number in range(catalog.position().size, 100_000):
        advance(catalog, added(number, f"https://s{number % 7}.example/{number}/", f"{ENGLISH} number{number}"))
        print(number, flush=True)
"""


def test_whoever_is_killed_leaves_a_smaller_catalog_that_is_right(tmp_path, rows):
    path = tmp_path / "catalog.sqlite"
    command = [sys.executable, "-c", textwrap.dedent(WRITER), Path(__file__).parent, path]
    for stop in (3, 11, 20):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            while int(writer.stdout.readline()) < stop:
                pass
            writer.send_signal(signal.SIGKILL)
        with Catalog(path) as catalog:
            size = catalog.position().size
            assert size > stop
            count = catalog.connection.execute("SELECT count(*), max(leaf_index) FROM capture").fetchone()
            assert count == (size, size - 1)
            assert search(catalog, "warrants", limit=100).total == size
            assert catalog.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            catalog.connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
