"""Searching: what is found, what is not, and that nothing a person types is an error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.query import match_of, terms
from sijill.archive.catalog.search import Filters, find_signatories, search, snippet
from sijill.archive.errors import BadQuery

A, B, C, D = (
    f"https://{host}/s/" for host in ("www.alpha.example", "ar.beta.example", "beta.example", "gamma.example")
)
NOTE = "A note on détente and the Court's e.V archives in 2022."
CARD = "Home. Accountability: we, the undersigned ..."


@pytest.fixture(scope="module")
def filled(tmp_path_factory, rows):
    with Catalog(tmp_path_factory.mktemp("search") / "catalog.sqlite") as catalog:
        rows.advance(
            catalog,
            rows.added(0, A, rows.ENGLISH, day="2018-11-15", signatories=rows.signed("Syrian Archive", "Kesh Malek")),
            rows.added(1, B, rows.ARABIC, language="ar", day="2018-11", title="بيان مشترك: العدالة"),
            rows.added(2, C, NOTE, language="en-GB", day="2022-01-14"),
            rows.added(3, D, CARD, kind="index", title="Home", language=None),
            rows.added(4, A, rows.ENGLISH.replace("years", "decades"), day="2018-11-15"),
            rows.added(5, "https://gone.example/", None, outcome="failed"),
            rows.added(6, "https://unread.example/"),
        )
        yield catalog


def urls(catalog, text, **filters):
    return [hit.url for hit in search(catalog, text, Filters(**filters)).hits]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("arrest warrants", [A]),
        ("warrants ARREST", [A]),
        ("arrest nothing", []),
        ('"arrest warrants"', [A]),
        ('"warrants arrest"', []),
        ("“arrest warrants” court", [A]),
        ("«arrest warrants", [A]),
        ("detain*", [A]),
        ("detain", []),
        ("detente", [C]),
        ("e.V", [C]),
        ("Court's", [C]),
        ("years", [A]),
        ("decades", [A]),
        ("years decades", []),
        ("accountability", [A, D]),
        ("عدالة", [B]),
        ("العداله", [B]),
        ("المُوقَّعـة", [B]),
        ('"بمذكرات توقيف"', [B]),
        ("الموق*", [B]),
        ("موق*", [B]),
        ("2011", [B]),
        ("٢٠١١", [B]),
        ("٢٠٢٢", [C]),
    ],
)
def test_words_phrases_and_beginnings(filled, text, found):
    assert urls(filled, text) == found


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"sites": ("alpha.example",)}, [A]),
        ({"sites": ("www.alpha.example",)}, [A]),
        ({"sites": ("beta.example",)}, [C, B]),
        ({"sites": ("ar.beta.example",)}, [B]),
        ({"sites": ("eta.example",)}, []),
        ({"sites": ("alpha.example", "gamma.example")}, [A, D]),
        ({"language": "en"}, [A, C]),
        ({"language": "EN-gb"}, [C]),
        ({"language": "e%"}, []),
        ({"language": "ar"}, [B]),
        ({"signatory": "kesh malek"}, [A]),
        ({"signatory": "malek"}, [A]),
        ({"signatory": "nobody at all"}, []),
        ({"signatory": "'; DROP TABLE page; --"}, []),
    ],
)
def test_filters_without_words(filled, filters, found):
    assert sorted(urls(filled, "", **filters)) == sorted(found)


def test_dates_are_of_publication_and_a_month_is_all_its_days(filled):
    from datetime import date

    assert set(urls(filled, "", first=date(2018, 11, 20))) == {B, C}
    assert set(urls(filled, "", last=date(2018, 11, 1))) == {B}
    assert set(urls(filled, "", first=date(2018, 11, 15), last=date(2018, 11, 15))) == {A, B}
    assert urls(filled, "accountability", first=date(2010, 1, 1)) == [A]


def test_a_hit_names_the_bytes_it_was_read_from(filled, rows):
    hit = search(filled, "decades").hits[0]
    assert (hit.capture_id, hit.newest) == (rows.capture_id(4), True)
    assert hit.source_sha256 == rows.digest("payload", rows.ENGLISH.replace("years", "decades"))
    assert hit.warc_sha256 == rows.digest("warc", 4)
    assert hit.statement_id == rows.capture_id(0)
    old = search(filled, "years").hits[0]
    assert (old.capture_id, old.newest) == (rows.capture_id(0), False)
    assert search(filled, "ارب").total == 0
    assert search(filled, "undersigned").hits[-1].statement_id is None
    assert search(filled, '"بمذكرات توقيف"').hits[0].published == "2018-11"


def test_a_title_counts_more_than_the_text(catalog, rows):
    filler = "word " * 40
    rows.advance(
        catalog,
        rows.added(0, A, f"{filler} impunity impunity", title="Something else"),
        rows.added(1, B, f"{filler} nothing", title="Impunity"),
    )
    assert urls(catalog, "impunity") == [B, A]


def test_total_counts_pages_and_limit_bounds_hits(catalog, rows):
    rows.advance(catalog, *(rows.added(n, f"https://s{n % 5}.example/", f"word number {n}") for n in range(15)))
    found = search(catalog, "word", limit=2)
    assert (found.total, len(found.hits)) == (5, 2)


@pytest.mark.parametrize("text", ["", "  ", '""', "***", "- / : ^", "\u064b\u064b", "\x00"])
def test_no_word_and_no_filter(filled, text):
    with pytest.raises(BadQuery):
        search(filled, text)


@pytest.mark.parametrize(
    "text",
    [
        '"',
        '"a',
        "a AND",
        "NOT",
        "title:x",
        "NEAR(a b)",
        "a* *",
        "^a",
        "-a",
        "{x y}: z",
        "a + b",
        "(",
        "a\0b",
        "\ud800",
        "½",
    ],
)
def test_no_syntax_error_by_hand(filled, text):
    search(filled, text, Filters(language="en"))


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=60) | st.text(alphabet='ab "*+-:(){}^NEARORNOT٣ال\u064b“«', max_size=40))
def test_whatever_is_typed_is_no_syntax_error(filled, text):
    search(filled, text, Filters(language="en"))
    find_signatories(filled, text)
    snippet("We, the undersigned. " * 3, terms(text))


def test_a_flood_of_words_is_cut():
    assert len(terms(" ".join(f"w{n}" for n in range(5000)))) == 64
    assert match_of(terms('"a b" c* d')) == '("a" + "b") AND ("c") AND ("d")'


def marked(found):
    return [found.text[start:end] for start, end in found.marks]


def test_snippets_show_the_text_as_it_was_read(rows):
    assert marked(snippet(rows.ARABIC, terms("عداله سوريا"))) == ["والعدالة", "سوريا"]
    assert marked(snippet(rows.ENGLISH, terms('"arrest warrants" detain*'))) == ["arrest warrants", "detainees"]
    assert marked(snippet(rows.ENGLISH, terms('"warrants arrest"'))) == []


def test_a_snippet_is_where_most_different_words_are():
    text = "court " * 50 + "x " * 100 + "the court said impunity ends " + "y " * 100
    found = snippet(text, terms("court impunity"))
    assert marked(found) == ["court", "impunity"]
    assert found.text.startswith("…")
    assert found.text.endswith("…")
    assert "\n" not in snippet("a\nb\r\n\tc", terms("b")).text


@given(st.text(max_size=300), st.text(max_size=20))
@settings(deadline=None)
def test_marks_are_in_order_and_inside(text, asked):
    found = snippet(text, terms(asked))
    ends = [place for mark in found.marks for place in mark]
    assert ends == sorted(ends)
    assert all(0 <= place <= len(found.text) for place in ends)
