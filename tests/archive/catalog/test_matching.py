"""Publications of one statement found among the pages of a catalog: incrementally, and the same in any order."""

import random

import pytest

from sijill.archive.catalog.arabic import indexed
from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.matching import match_statements
from sijill.archive.catalog.rows import Forgotten
from sijill.archive.catalog.sketch import hashes_of, sketch
from sijill.archive.catalog.statements import find_statement, statements

A, B, C, D = (f"https://{name}.example/statement" for name in "abcd")


def prose(seed, count):
    chance = random.Random(seed)
    words = ["".join(chance.choices("abcdefghijklmnop", k=chance.randint(2, 9))) for _ in range(600)]
    return "\n\n".join(" ".join(chance.choices(words, k=40)) for _ in range(count // 40))


def groups(catalog):
    rows = catalog.connection.execute("SELECT statement, url FROM page WHERE statement IS NOT NULL ORDER BY id")
    found = {}
    for statement, url in rows:
        found.setdefault(statement, set()).add(url)
    return sorted(map(sorted, found.values()))


def test_a_sketch_keeps_the_same_of_what_texts_share():
    text = prose(1, 2_000)
    whole = set(hashes_of(sketch(indexed(text))))
    part = set(hashes_of(sketch(indexed(text[3_000:6_000]))))
    assert len(part - whole) <= 2
    assert 0.08 < len(whole) / 2_000 < 0.18
    assert not whole & set(hashes_of(sketch(indexed(prose(2, 2_000)))))
    assert sketch("") == sketch("one") == b""


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_full_excerpt_and_other(catalog, rows, order):
    text = prose(3, 400)
    said = {A: text, B: text.replace("a", "e", 3), C: text[: len(text) // 2], D: prose(4, 400)}
    changes = [rows.added(number, url, words) for number, (url, words) in enumerate(said.items())]
    for number in order:
        rows.advance(catalog, changes[number])
        assert match_statements(catalog) == 1
    assert match_statements(catalog) == 0
    assert groups(catalog) == [[A, B, C], [D]]
    found = find_statement(catalog, rows.capture_id(2))
    parts = {one.url: one.excerpt_of for one in found.publications}
    assert (parts[A], parts[B], parts[C] in (A, B)) == (None, None, True)


def test_an_excerpt_of_two_does_not_join_them_and_goes_with_the_one_that_holds_more(catalog, rows):
    shared = prose(5, 200)
    one, other = f"{shared}\n\n{prose(6, 280)}", f"{shared[:1100]}\n\n{prose(7, 280)}"
    rows.advance(catalog, rows.added(0, A, other), rows.added(1, B, one), rows.added(2, C, shared))
    match_statements(catalog)
    assert groups(catalog) == [[A], [B, C]]


def test_small_parts_of_one_report_stay_apart(catalog, rows):
    parts = [prose(seed, 200) for seed in range(10, 18)]
    rows.advance(catalog, rows.added(0, A, "\n\n".join(parts), kind="document"))
    rows.advance(catalog, rows.added(1, B, parts[0]), rows.added(2, C, parts[1]))
    match_statements(catalog)
    assert groups(catalog) == [[A], [B], [C]]
    assert [(one.url, one.kind) for one in find_statement(catalog, rows.capture_id(0)).related] == [
        (B, "excerpt"),
        (C, "excerpt"),
    ]


def test_signatories_alone_make_no_two_texts_alike(catalog, rows):
    names = "\n".join(f"Network {prose(seed, 40)[:25]}" for seed in range(60))
    for number, url in enumerate((A, B)):
        text = f"{prose(20 + number, 120)}\n\n{names}"
        signed = rows.signed(*names.splitlines())
        placed = []
        for row in signed:
            start = text.index(row.verbatim)
            placed.append(type(row)(row.verbatim, row.key, None, row.number, start, start + len(row.verbatim)))
        rows.advance(catalog, rows.added(number, url, text, signatories=tuple(placed)))
    match_statements(catalog)
    assert groups(catalog) == [[A], [B]]


def test_versions_in_two_languages(catalog, rows):
    numbers = "On 14 of 2011, 4,300 people of 87 villages and 1,204 of 36 towns. "
    day = {"day": "2018-11-15"}
    rows.advance(
        catalog,
        rows.added(0, A, prose(30, 200) + numbers, **day),
        rows.added(1, B, rows.ARABIC + "٢٠١١ ٤٬٣٠٠ ٨٧ ١٬٢٠٤ ٣٦ ١٤", language="ar", **day),
        rows.added(2, C, rows.ARABIC[::-1], language="ar", links=((D, "language"),), **day),
        rows.added(3, D, prose(31, 200), language="en-GB", **day),
        rows.added(4, "https://e.example/", prose(32, 200), language="en", links=((C, "language"),), day="2019-01-01"),
    )
    match_statements(catalog)
    assert groups(catalog) == [[A, B], [C, D], ["https://e.example/"]]


def test_what_was_found_is_found_again_when_a_capture_is_forgotten(catalog, rows):
    text = prose(40, 300)
    rows.advance(
        catalog,
        rows.added(0, A, text),
        rows.added(1, B, text.replace("a", "e", 2)),
        rows.added(2, B, text.replace("a", "o", 2)),
    )
    match_statements(catalog)
    assert groups(catalog) == [[A, B]]
    rows.advance(catalog, Forgotten(rows.capture_id(2)))
    match_statements(catalog)
    assert groups(catalog) == [[A, B]]
    rows.advance(catalog, Forgotten(rows.capture_id(1)))
    assert match_statements(catalog) == 0
    assert groups(catalog) == [[A]]
    assert catalog.connection.execute("SELECT count(*) FROM relation").fetchone() == (0,)


def test_two_processes_that_compare_at_once(tmp_path, rows):
    text = prose(50, 300)
    with Catalog(tmp_path / "c") as one, Catalog(tmp_path / "c") as other:
        rows.advance(one, rows.added(0, A, text), rows.added(1, B, text.replace("a", "e", 2)))
        assert match_statements(other) == 2
        assert match_statements(one) == 0
        assert statements(one).total == 1
