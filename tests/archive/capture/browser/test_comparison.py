"""How alike two texts and two pictures are: whole, in part, in another order, and large."""

import io
import random
import time

import pytest
from PIL import Image, ImageDraw

from sijill.archive.capture.browser.comparison import (
    RESOURCES_THRESHOLD,
    TEXT_THRESHOLD,
    THRESHOLD,
    picture_similarity,
    quality,
    reduced,
    share,
    text_similarity,
)

ARABIC = "نحن المنظمات الموقعة أدناه ندعو إلى حفظ السجلات"


@pytest.mark.parametrize(
    ("live", "replayed", "expected"),
    [
        ("", "", 1000),
        ("a b", "", 0),
        ("", "a b", 0),
        ("a  b\n c", "a b c", 1000),
        ("a b c d", "a b d", 857),
        ("a b c d", "d c b a", 250),
        ("a b c d", "e f g h", 0),
        ("x a b y", "x b a y", 750),
        (ARABIC, ARABIC, 1000),
        (ARABIC, " ".join(ARABIC.split()[:4]), 666),
        ("声明的文字", "声明文字", 888),
    ],
)
def test_texts(live, replayed, expected):
    assert text_similarity(live, replayed) == expected


def longest_by_table(first, second):
    row = [0] * (len(second) + 1)
    for one in first:
        before = row[:]
        for place, other in enumerate(second):
            row[place + 1] = before[place] + 1 if one == other else max(before[place + 1], row[place])
    return row[-1]


def test_texts_are_compared_as_the_textbook_does():
    dice = random.Random(6)
    for _ in range(200):
        first, second = ([dice.choice("abcd") for _ in range(dice.randrange(40))] for _ in range(2))
        of = len(first) + len(second)
        expected = 2000 * longest_by_table(first, second) // of if of else 1000
        assert text_similarity(" ".join(first), " ".join(second)) == expected


def test_a_hostile_text_takes_no_time():
    dice = random.Random(6)
    first, second = (" ".join(dice.choice("ab") for _ in range(29_000)) for _ in range(2))
    began = time.process_time()
    assert 700 < text_similarity(first, second) < 1000
    assert text_similarity("a " * 400_000, "b a " * 200_000) == 500
    assert time.process_time() - began < 60


def picture(*boxes, size=(640, 800), background="white"):
    made = Image.new("RGB", size, background)
    for box in boxes:
        ImageDraw.Draw(made).rectangle(box, fill="black")
    out = io.BytesIO()
    made.save(out, "PNG")
    return reduced(out.getvalue())


TEXT, IMAGE = (0, 0, 639, 159), (160, 320, 479, 479)


def test_pictures():
    whole = picture(TEXT, IMAGE)
    assert picture_similarity(whole, picture(TEXT, IMAGE)) == 1000
    assert picture_similarity(picture(), picture()) == 1000
    # The image covers a third of what there is to be seen, and the white around it counts for nothing.
    assert picture_similarity(whole, picture(TEXT)) == 666
    assert picture_similarity(picture(TEXT), whole) == 666
    assert picture_similarity(whole, picture()) == 0
    assert picture_similarity(whole, picture(TEXT, IMAGE, size=(640, 1600))) == 1000
    assert picture_similarity(picture(TEXT, background="black"), picture(TEXT, background="white")) == 0


def test_what_is_no_picture_is_an_error():
    with pytest.raises(OSError, match="cannot identify"):
        reduced(b"no picture")


def test_thresholds():
    assert share(0, 0) == 1000
    assert share(2, 3) == 666
    assert quality(1000, 1000, 1000).reason == ""
    assert quality(1000, 1000, 600).score == THRESHOLD
    assert quality(1000, 1000, 600).reason == ""
    assert "picture 595" in quality(1000, 1000, 595).reason
    assert quality(TEXT_THRESHOLD, 1000, 1000).reason == ""
    assert f"text {TEXT_THRESHOLD - 1}" in quality(TEXT_THRESHOLD - 1, 1000, 1000).reason
    assert quality(1000, RESOURCES_THRESHOLD, 1000).reason == ""
    lost = quality(1000, RESOURCES_THRESHOLD - 1, 1000, tuple(f"http://a.example/{n}" for n in range(9)))
    assert lost.reason.endswith("http://a.example/0, http://a.example/1, http://a.example/2 and 6 more")
    assert len(quality(0, 0, 0, ("http://a.example/" + "x" * 9000,) * 9).reason) < 700
