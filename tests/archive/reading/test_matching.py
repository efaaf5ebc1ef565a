import random

from sijill.archive.reading.matching import Text, cluster, compare
from sijill.archive.reading.shingles import Candidates, minhash, shingled

_RANDOM = random.Random(7)
_WORDS = [f"word{number}" for number in range(3000)]


def prose(paragraphs: int, words: int = 40) -> list[str]:
    return [" ".join(_RANDOM.choices(_WORDS, k=words)) for _ in range(paragraphs)]


def text(paragraphs: list[str], *, card: bool = False, url: str = "") -> Text:
    return Text(shingled("\n\n".join(paragraphs)), card, url)


def test_moved_paragraphs_leave_a_text_whole() -> None:
    whole = prose(8)

    match = compare(text(whole), text(whole[4:] + whole[:4]))

    assert (match.kind, match.jaccard) == ("full", 1.0)


def test_one_word_changed_in_each_paragraph_leaves_a_text_whole() -> None:
    whole = prose(8)
    edited = [paragraph.replace(paragraph.split()[20], "changed") for paragraph in whole]

    assert compare(text(whole), text(edited)).kind == "full"


def test_two_paragraphs_of_eight_are_an_excerpt_and_which_is_the_part_is_said() -> None:
    whole = prose(8)

    assert compare(text(whole), text(whole[:2])).kind == "excerpt"
    assert not compare(text(whole), text(whole[:2])).first_is_part
    assert compare(text(whole[:2]), text(whole)).first_is_part


def test_a_card_is_a_teaser_however_long_and_a_few_lines_are_one_without_being_a_card() -> None:
    whole = prose(8)

    assert compare(text(whole), text(whole[:2], card=True)).kind == "teaser"
    assert compare(text(whole), text(whole[:1])).kind == "teaser"


def test_texts_with_half_in_common_are_different() -> None:
    common = prose(4)

    assert compare(text(common + prose(4)), text(common + prose(4))).kind == "different"


def test_texts_fall_into_statements_whatever_their_order() -> None:
    one, other = prose(8), prose(8)
    texts = [
        text(one[:3]),
        text(other),
        text(one),
        text(other[5:]),
        text(one[::-1]),
        text(prose(3)),
        text(one[:1], card=True),
        text([], card=True),
    ]

    for shuffled in (list(range(len(texts))), [4, 2, 7, 6, 0, 5, 3, 1]):
        relations = cluster([texts[each] for each in shuffled])
        found = dict(zip(shuffled, relations, strict=True))
        of = {each: relation and relation.statement for each, relation in found.items()}
        assert of[0] == of[2] == of[4] == of[6]
        assert of[1] == of[3]
        assert len({of[0], of[1], of[5]}) == 3
        assert of[7] is None
        assert [found[each] and found[each].kind for each in (0, 3, 6)] == ["excerpt", "excerpt", "teaser"]


def test_a_card_that_leads_to_a_page_is_its_teaser_though_it_quotes_nothing() -> None:
    page = text(prose(5), url="http://example.org/a")

    relations = cluster([text(["Our newest statement"], card=True, url="http://example.org/a"), page])

    assert relations[0] is not None
    assert relations[1] is not None
    assert (relations[0].statement, relations[0].kind) == (relations[1].statement, "teaser")


def test_a_short_quotation_is_found_among_many_texts() -> None:
    candidates: Candidates[int] = Candidates()
    many = [prose(6) for _ in range(200)]
    for number, paragraphs in enumerate(many):
        candidates.add(number, shingled("\n".join(paragraphs)))

    assert candidates.of(shingled(" ".join(many[77][3].split()[5:20]))) == [77]


def test_minhash_is_the_same_in_every_run() -> None:
    first = minhash(shingled("one two three four five six").shingles).hashvalues

    assert [int(value) for value in first[:3]] == [
        int(value) for value in minhash(shingled("One, two: THREE four five six!").shingles).hashvalues[:3]
    ]


def test_an_empty_text_is_like_nothing() -> None:
    assert compare(text([]), text([])).kind == "different"
    assert cluster([text([]), text([])])[0] != cluster([text([]), text([])])[1]
