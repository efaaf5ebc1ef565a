"""Tiles and captions."""

import io
from datetime import UTC, datetime

import pytest
from PIL import Image

from sijill.archive.capture.browser.pictures import caption, size_of, tiles

MADE = datetime(2026, 11, 21, 1, 16, 30, tzinfo=UTC)


def png(width, height, colour=(10, 200, 30)):
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()


def captioned(data, url="https://page.example/"):
    return caption(
        data, url=url, made=MADE, capture_id="20261121t011630z-k3j5x2m4q7ab", sha256="ab" * 32, name="screenshot.png"
    )


@pytest.mark.parametrize("height", [1, 15_999, 16_000, 16_001, 40_000, 128_000])
def test_tiles_follow_each_other(height):
    at = 0
    for tile in tiles(height):
        assert tile.top == at
        assert 0 < tile.height <= 16_000
        at += tile.height
    assert at == height


@pytest.mark.parametrize("width", [1280, 320])
def test_a_captioned_copy_holds_the_whole_picture_below_the_strip(width):
    data = png(width, 700)
    copy = Image.open(io.BytesIO(captioned(data)))
    strip = copy.height - 700
    assert size_of(data) == (width, 700)
    assert 60 < strip < 300
    assert copy.crop((0, strip, width, copy.height)).tobytes() == Image.open(io.BytesIO(data)).tobytes()
    assert copy.crop((0, 0, copy.width, strip)).convert("L").getextrema()[0] < 60


def test_a_long_address_in_any_script_is_wrapped_and_plain():
    plain = captioned(png(1280, 100))
    long = captioned(png(1280, 100), "https://page.example/" + "بيان/" * 300 + "\u202e\u0000")
    assert size_of(long)[0] == 1280
    assert size_of(long)[1] > size_of(plain)[1] + 800
    picture = Image.open(io.BytesIO(long)).convert("L")
    # Nothing runs over the right edge.
    assert picture.crop((1270, 0, 1280, picture.height - 102)).getextrema()[0] > 200


def test_the_same_facts_give_the_same_strip_and_others_another():
    first = captioned(png(1280, 50))
    assert captioned(png(1280, 50)) == first
    assert captioned(png(1280, 50), "https://page.example/b") != first
