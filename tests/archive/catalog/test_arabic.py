"""One key for all spellings of a word, and the same for what is indexed and what is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.archive.catalog.arabic import beginnings, indexed, word_key, words


@pytest.mark.parametrize(
    "spellings",
    [
        ["العدالة", "عدالة", "عَدَالَة", "والعدالــة", "بالعدالة", "العداله", "للعدالة", "ﺍﻟﻌﺪﺍﻟﺔ"],
        ["أحمد", "احمد", "إحمد", "آحمد", "ٱحمد", "أَحْمَد"],
        ["إلى", "الى", "الي", "إِلَى"],
        ["مسؤول", "مسوول"],
        ["لاجئون", "ﻻﺟﺌﻮﻥ", "لاجيون"],
        ["٢٠١٨", "2018", "۲۰۱۸"],
        ["کردستان", "كردستان"],
        ["Éric", "eric", "ERIC", "E\u0301ric"],
        ["Straße", "STRASSE"],
        ["civil", "ci\u00advil", "ci\u200bvil", "\u202acivil\u202c"],
        ["الله"],
    ],
)
def test_spellings_of_one_word(spellings):
    assert len({word_key(one) for one in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("الله", "له"), ("كتاب", "كتب"), ("بالغ", "غ"), ("والد", "د"), ("detained", "detain"), ("علم", "عالم")],
)
def test_words_that_stay_apart(one, other):
    assert word_key(one) != word_key(other)


def test_places_are_those_of_the_text_as_it_is():
    text = "قال: «العَدَالَة» e.V snake_case ــ"
    assert [text[word.start : word.end] for word in words(text)] == ["قال", "العَدَالَة", "e", "V", "snake", "case"]


def test_a_beginning_may_be_of_the_word_or_of_what_follows_the_article():
    assert beginnings("العد") == ("العد", "عد")
    assert beginnings("detain") == ("detain",)


@given(st.text())
def test_any_text_gives_the_same_keys_both_ways(text):
    assert indexed(text).split() == [word.key for word in words(text)]
    assert all(text[word.start : word.end] for word in words(text))


@given(st.text(alphabet="العدةأإآىوبكفلّـَ٣ a1"))
def test_a_key_is_its_own_key_but_for_the_article(text):
    for word in words(text):
        assert word.key.isalnum()
        assert word_key(word.key) in (word.key, word_key(word_key(word.key)))
