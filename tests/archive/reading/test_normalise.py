import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.archive.reading.normalise import acronym, fold, name_key, normalised_name, tidy


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("مركز سهلان للتوثيق", "ﻣﺮﻛﺰ ﺳﻬﻼﻥ ﻟﻠﺘﻮﺛﻴﻖ"),  # presentation forms
        ("رابطة معتقلي", "رابطه معتقلى"),
        ("أين هم", "اين هـم"),  # alef, tatweel
        ("مركَز", "مركز"),
        ("١٢ تشرين", "12 تشرين"),
        ("\u200fمركز\u200e", "مركز"),
        ("Women’s  Network", "women's network"),
        ("PÊL", "pel"),
    ],
)
def test_spellings_that_differ_only_in_form_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Sahlan Documentation Centre (SDC)", "Sahlan Documentation Center"),
        ("Hand & Hand", "Hand and Hand"),
        ("Syrian Legal Network -NL", "Syrian Legal Network – NL"),
        ("«أين هم؟» حملة", "أين هم حملة"),
    ],
)
def test_spellings_of_one_name_have_one_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_names_of_two_bodies_have_two_keys() -> None:
    assert name_key("Bar of the Southern Towns") != name_key("Bar of the Northern Towns")


def test_only_an_acronym_in_brackets_is_left_out() -> None:
    assert acronym("Network of Former Detainees (NFDM)") == "NFDM"
    assert normalised_name("The Coalition of Families (Massar)") == "The Coalition of Families (Massar)"
    assert normalised_name("Sahlan  Documentation Centre (SDC);") == "Sahlan Documentation Centre"


@given(st.text())
def test_forms_are_stable(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)
    assert fold(fold(text)) == fold(text)
