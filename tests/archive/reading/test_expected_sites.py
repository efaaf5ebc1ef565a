"""The sample sites, page by page, as their `expected.json` says: what is found, and what is left out."""

import json
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest

from sijill.archive.reading.reading import read_statement

PROJECT = Path(__file__).resolve().parents[3]
BUNDLED = PROJECT / "deployments" / "demo" / "sites"
SHARED = PROJECT.parent / "shared" / "sites"


def pages(sites, expected):
    if not expected.exists():
        return []
    found = []
    for key, want in json.loads(expected.read_text("utf-8")).items():
        host, _, path = key.partition("/")
        file = sites / host / ("404.html" if want.get("kind") == "gone" else Path(unquote(path), "index.html"))
        if want.get("kind") != "moved":
            found.append(pytest.param(file, f"http://{host}/{path}", want, id=key))
    return found


ALL = pages(BUNDLED, BUNDLED.parent / "expected.json") + pages(SHARED, SHARED / "expected.json")


def read(file, url):
    return read_statement(file.read_bytes(), media_type="text/html", charset=None, url=url)


@pytest.mark.skipif(
    not SHARED.exists(), reason="the sites in ../shared/sites are not there: only the bundled ones are read"
)
def test_the_shared_sites_are_read_too():
    assert any(SHARED in page.values[0].parents for page in ALL)


@pytest.mark.parametrize(("file", "url", "want"), ALL)
def test_page_is_read_as_expected(file, url, want):
    reading = read(file, url)
    stated = want.get("kind", "")
    by_script = "by a script" in stated  # only its rendered DOM has the text
    kind = "index" if "index" in stated else "other" if stated == "gone" else "empty" if by_script else "statement"
    assert reading.kind == kind, reading.kind_reason
    if "title" in want:
        assert reading.title.value == want["title"]
    if "date" in want:
        assert (reading.date.value and reading.date.value.date.isoformat()) == want["date"], reading.date
    assert reading.language.value == want.get("language", reading.language.value)
    if "language_versions" in want:
        versions = {code: urljoin(url, path) for code, path in want["language_versions"].items()}
        assert {version.language: version.url for version in reading.versions} == versions
    if "linked_documents" in want:
        assert [one.url for one in reading.documents] == [urljoin(url, path) for path in want["linked_documents"]]
    for words in want.get("not_in_text", ()):
        assert words not in reading.text
    assert {urljoin(url, path) for path in want.get("links", ())} <= set(reading.links)
    if "signatories" in want and not by_script:
        assert [one.verbatim for found in reading.signatories for one in found.signatories] == want["signatories"]


@pytest.mark.parametrize(("file", "url", "want"), ALL)
def test_places_hold_what_they_say(file, url, want):
    reading = read(file, url)
    ends = [0, *(place.end for place in reading.paragraphs)]
    for end, place in zip(ends, reading.paragraphs, strict=False):
        assert end <= place.start < place.end <= len(reading.text)
        assert not reading.text[end : place.start].strip()
    for found in reading.signatories:
        for one in found.signatories:
            assert reading.text[one.place.start : one.place.end] == one.verbatim


@pytest.mark.parametrize(("file", "url", "want"), [page for page in ALL if "index" in page.values[2].get("kind", "")])
def test_cards_of_an_index_have_title_and_address(file, url, want):
    reading = read(file, url)
    assert {urljoin(url, path) for path in want.get("links", ())} <= {teaser.url for teaser in reading.teasers}
    assert all(len(teaser.title) > 5 for teaser in reading.teasers)


def test_a_changed_menu_changes_the_frame_and_nothing_else():
    file, url, _ = next(page.values for page in ALL if "joint-statement-keep" in page.id)
    data = file.read_bytes()
    before = read(file, url)
    menu = data.replace(b"Reports</a></li>", b"Reports</a></li><li><a href=/donate/>Donate</a></li>", 1)
    after = read_statement(menu, media_type="text/html", charset=None, url=url)
    assert menu != data
    assert after.frame_sha256 != before.frame_sha256
    assert (after.text, after.signatories, after.date, after.links) == (
        before.text,
        before.signatories,
        before.date,
        before.links,
    )


def test_a_changed_word_changes_the_text_and_not_the_frame():
    file, url, _ = next(page.values for page in ALL if "joint-statement-keep" in page.id)
    changed = file.read_bytes().replace(b"deep concern", b"great concern")
    before, after = read(file, url), read_statement(changed, media_type="text/html", charset=None, url=url)
    assert after.text == before.text.replace("deep concern", "great concern") != before.text
    assert after.frame_sha256 == before.frame_sha256
