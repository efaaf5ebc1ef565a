"""Which media of a page are files, and what it says of itself."""

import pytest

from sijill.archive.capture.browser.metadata import read_description, read_media
from sijill.archive.capture.browser.rendering import NotCollectedKind


def media(*sources, current="", asked=False, live=False):
    element = {"tag": "video", "current": current, "live": live, "asked": asked}
    return {"media": [element | {"sources": [{"url": url, "type": kind} for url, kind in sources]}]}


def frame(url, delayed=""):
    return {"frames": [{"tag": "iframe", "url": url, "delayed": delayed, "type": ""}]}


@pytest.mark.parametrize(
    ("url", "media_type"),
    [
        ("https://a.example/live.m3u8", ""),
        ("https://a.example/live.M3U8?token=1", ""),
        ("https://a.example/manifest", "application/dash+xml"),
        ("https://a.example/x", "application/vnd.apple.mpegurl; charset=utf-8"),
        ("blob:https://a.example/1", ""),
        ("data:video/mp4;base64,AAAA", ""),
    ],
)
def test_what_is_no_file_is_listed_as_not_collected(url, media_type):
    found = read_media(media((url, media_type)))
    assert found.files == ()
    assert [(one.kind, one.url) for one in found.not_collected] == [(NotCollectedKind.STREAM, url)]


def test_the_first_source_that_is_a_file_stands_for_the_rest():
    found = read_media(
        media(("https://a.example/x.mpd", ""), ("https://a.example/x.webm", ""), ("https://a.example/x.mp4", ""))
    )
    assert found.files == found.missing == ("https://a.example/x.webm",)
    assert [one.url for one in found.not_collected] == ["https://a.example/x.mpd"]


def test_what_the_browser_asked_for_is_not_missing():
    found = read_media(media(("https://a.example/x.mp4", ""), current="https://a.example/x.mp4", asked=True))
    assert found.files == ("https://a.example/x.mp4",)
    assert found.missing == ()


@pytest.mark.parametrize(
    ("url", "platform"),
    [
        ("https://www.youtube.com/embed/abc", "YouTube"),
        ("https://player.vimeo.com/video/1", "Vimeo"),
        ("https://www.facebook.com/plugins/video.php?href=x", "Facebook"),
        ("https://notyoutube.com/embed/abc", None),
        ("https://www.youtube.com.evil.example/embed/abc", None),
        ("https://www.youtube.com/about", None),
        ("https://[bad", None),
        ("", None),
    ],
)
def test_players_of_other_platforms(url, platform):
    for found in (read_media(frame(url)), read_media(frame("", url))):
        assert [one.reason for one in found.not_collected] == ([f"player of {platform}"] if platform else [])


def test_json_ld_is_quoted_as_written_and_may_be_anything():
    nested = "[" * 100_000
    found = {
        "url": "https://a.example/", "title": "T", "language": "", "direction": "ltr", "encoding": "UTF-8",
        "contentType": "text/html", "metas": [["date", "2026"], ["update-frequency", "x"]], "links": [], "times": [],
        "itemDates": [], "shadowRoots": 0,
        "jsonLd": ['{"@graph": [{"datePublished": "2026-01-02", "x": 1.5}]}', "{broken", nested, '"\\ud800"'],
        "facts": {
            "webdriver": True, "contentWidth": 1, "contentHeight": 1, "animationsRunning": 0, "images": 0, "frames": 0,
        },
    }  # fmt: skip
    page = read_description(found)
    assert [(script["valid"], script["dates"]) for script in page["jsonLd"]] == [
        (True, [["datePublished", "2026-01-02"]]),
        (False, []),
        (False, []),
        (True, []),
    ]
    assert page["jsonLd"][2]["text"] == nested
    assert [(date["where"], date["value"]) for date in page["dates"]] == [("meta", "2026"), ("json-ld", "2026-01-02")]
