import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sijill.archive.reading.normalise import name_key
from sijill.archive.reading.organisations import Organisations, of_entries, organisations
from sijill.archive.reading.signatories import find_signatories
from sijill.archive.reading.statement import Block, BlockKind, Place


def blocks(*pieces: tuple[BlockKind, str] | tuple[BlockKind, str, int]) -> list[Block]:
    """Blocks one after another; the third of a piece is its group, else a group of its own."""
    made, at = [], 0
    for number, (kind, text, *group) in enumerate(pieces):
        level = 2 if kind == "heading" else int(kind == "item")
        cells = tuple(text.split("\t")) if kind == "row" else ()
        made.append(
            Block(kind, text, Place(at, at + len(text)), group[0] if group else 1000 + number, level, cells=cells)
        )
        at += len(text) + 2
    return made


def names(made: list[Block]) -> list[str]:
    return [each.verbatim for listed in find_signatories(made).lists for each in listed.signatories]


TEXT: tuple[BlockKind, str] = ("paragraph", "We ask that the road be opened before the winter, and that it stay open.")


def test_numbers_typed_before_names_are_kept_apart_and_places_point_at_the_names() -> None:
    made = blocks(
        TEXT,
        ("heading", "Signatory organisations (3):"),
        ("line", "1. Alpha Aid", 1),
        ("line", "٢- بيت الذاكرة", 1),
        ("line", "3) Gamma (GG)", 1),
    )
    text = "\n\n".join(block.text for block in made)

    found = find_signatories(made).lists[0]

    assert [(each.verbatim, each.number) for each in found.signatories] == [
        ("Alpha Aid", 1),
        ("بيت الذاكرة", 2),
        ("Gamma (GG)", 3),
    ]
    assert [text[each.place.start : each.place.end] for each in found.signatories] == [
        "Alpha Aid",
        "بيت الذاكرة",
        "Gamma (GG)",
    ]
    assert found.signatories[2].normalised == "Gamma"


def test_a_name_that_begins_with_a_number_keeps_it() -> None:
    made = blocks(
        ("heading", "Signatories"), ("item", "17-October Movement", 1), ("item", "Alpha Aid", 1), ("item", "Beta", 1)
    )

    assert names(made) == ["17-October Movement", "Alpha Aid", "Beta"]


@pytest.mark.parametrize(
    "heading",
    [
        "States signatory to the Treaty",
        "Signatories to the Convention",
        "The signatories meet in Barqa",
        "Recommendations",
        "Our partners",
        "Why we signed",
        "الدول الموقعة على الاتفاقية",
    ],
)
def test_a_heading_that_says_something_else_heads_no_signatories(heading: str) -> None:
    made = blocks(TEXT, ("heading", heading), ("item", "Republic of Talwan", 1), ("item", "Union of Ports", 1))

    assert names(made) == []


@pytest.mark.parametrize(
    "heading",
    [
        "SIGNATORIES",
        "Signed by:",
        "List of signatory organisations in Talwan",
        "The undersigned organisations:",
        "47 signatories",
        "الموقِّعون:",
        "المنظّمات الموقّعة أدناه",
        "الجهات الموقعة على البيان",
        "Les organisations signataires :",
        "Ont signé cet appel",
    ],
)
def test_headings_of_the_data_files_head_signatories(heading: str) -> None:
    made = blocks(TEXT, ("paragraph", heading), ("item", "Republic Watch", 1), ("item", "Union of Ports", 1))

    assert names(made) == ["Republic Watch", "Union of Ports"]


def test_the_list_ends_where_another_heading_begins() -> None:
    made = blocks(
        ("heading", "Signatories"),
        ("item", "Alpha Aid", 1),
        ("item", "Beta Union", 1),
        ("heading", "Background"),
        ("item", "Opened in 1974", 2),
    )

    assert names(made) == ["Alpha Aid", "Beta Union"]


def test_others_who_are_counted_are_not_invented() -> None:
    found = find_signatories(
        blocks(
            ("heading", "الموقعون"),
            ("item", "بيت الذاكرة", 1),
            ("item", "مرصد الجسور", 1),
            ("item", "و12 منظمة أخرى", 1),
        )
    )

    assert [each.verbatim for each in found.lists[0].signatories] == ["بيت الذاكرة", "مرصد الجسور"]
    assert "12 others" in found.reason


def test_names_in_prose_before_a_dash_are_not_signatories() -> None:
    made = blocks(
        (
            "paragraph",
            "Our five organizations – the Alpha Association, Families for Answers, and the Beta Network – have asked.",
        )
    )

    assert names(made) == []


def test_lines_at_the_foot_count_only_under_a_text_that_is_signed_by_several() -> None:
    foot: list[tuple[BlockKind, str, int]] = [("line", "Alpha Association", 1), ("line", "Families for Answers", 1)]

    assert names(blocks(("paragraph", "We, the undersigned, ask for an answer."), TEXT, *foot)) == [
        "Alpha Association",
        "Families for Answers",
    ]
    assert names(blocks(TEXT, *foot)) == []
    assert (
        names(blocks(("paragraph", "We, the undersigned, ask for an answer."), ("paragraph", "We thank:"), *foot)) == []
    )


def test_the_arabic_and_is_parted_from_a_name_only_if_that_is_sure() -> None:
    made = blocks(("paragraph", "بيان صادر عن ثلاث منظمات: بيت الذاكرة، وكالة الساحل، ومركز الضمير."))

    assert names(made) == ["بيت الذاكرة", "وكالة الساحل", "مركز الضمير"]


def test_a_table_gives_the_column_that_its_head_names() -> None:
    made = blocks(
        ("heading", "Signatories"),
        ("row", "Country\tOrganisation", 1),
        ("row", "Talwan\tAlpha Aid", 1),
        ("row", "Marjan\tBeta", 1),
    )

    assert names(made) == ["Alpha Aid", "Beta"]


def test_one_body_is_one_body_under_its_names() -> None:
    known = organisations()

    assert (
        known.of("Caesar Fmilies Association")
        == known.of("رابطة عائلات قيصر")
        == known.of("The Caesar Families Association (CFA)")
    )
    assert known.of("Sahlan Documentation Center") == "Sahlan Documentation Centre"
    assert known.of("Somebody Else") is None


def test_an_alias_of_two_bodies_finds_neither() -> None:
    known = of_entries([{"name": "Alpha Aid", "aliases": ["AA"]}, {"name": "Arable Action", "aliases": ["AA"]}])

    assert known.of("AA") is None
    assert known.with_more(Organisations({name_key("AA"): "Alpha Aid"})).of("AA") == "Alpha Aid"


def test_ten_thousand_items_are_read_in_time_that_grows_with_them() -> None:
    made = blocks(
        ("heading", "Signatories"),
        *(("item", f"{number}. Association of Village {number}", 1) for number in range(1, 10_001)),
    )
    started = time.monotonic()

    assert len(names(made)) == 10_000
    assert time.monotonic() - started < 60


kinds: st.SearchStrategy[BlockKind] = st.sampled_from(["heading", "paragraph", "line", "item", "row"])
texts = st.one_of(
    st.sampled_from(
        ["Signatories:", "الموقعون", "and 3 others", "Alpha, Beta; Gamma", "1. ", "•", "Signed by: A", "\t", ""]
    ),
    st.text(max_size=40).filter(lambda text: "\n" not in text),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(kinds, texts, st.integers(1, 3)), max_size=12))
def test_whatever_the_blocks_are_names_stand_where_their_places_say(pieces: list[tuple[BlockKind, str, int]]) -> None:
    made = blocks(*pieces)
    text = "\n\n".join(block.text for block in made)

    for listed in find_signatories(made).lists:
        for each in listed.signatories:
            if not any(
                block.kind == "row" and block.place.start <= each.place.start < block.place.end for block in made
            ):
                assert text[each.place.start : each.place.end] == each.verbatim
            assert any(character.isalpha() for character in each.verbatim)
