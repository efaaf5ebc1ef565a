"""Memento (RFC 7089) and Atom (RFC 4287) as clients of these see them."""

import json
import re
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
from lxml import etree

from sijill.viewer.api import memento

ATOM = "{http://www.w3.org/2005/Atom}"


def links(text):
    """A Link header or a TimeMap: targets with their parameters."""
    found = re.findall(r'<([^>]*)>((?:\s*;\s*[a-z]+="[^"]*")*)', text)
    return [(target, dict(re.findall(r'([a-z]+)="([^"]*)"', rest))) for target, rest in found]


def follow(served, url, **headers):
    status, answer, _ = served.ask(f"/timegate/{url}", **headers)
    assert status == 302
    assert answer["vary"] == "accept-datetime"
    location = urlsplit(answer["location"])
    path = location.path + (f"?{location.query}" if location.query else "")
    return answer, served.ask(path, origin=served.replay)


def test_a_timegate_leads_to_the_memento_nearest_to_the_time(served):
    url = f"{served.site.origin}/statement"
    for capture in served.captures[:3]:
        # The seconds of HTTP are coarser than the time between these captures: from just before it and from far away.
        wanted = format_datetime(capture.started, usegmt=True)
        answer, (status, headers, body) = follow(served, url, Accept_Datetime=wanted)
        assert status == 200
        assert b"Joint Statement" in body
        moment = parsedate_to_datetime(headers["memento-datetime"])
        assert abs(moment - capture.started) < timedelta(seconds=2)
        relations = {one["rel"]: target for target, one in links(headers["link"])}
        assert relations["original"] == url
        assert relations["timegate"] == f"{served.origin}/timegate/{url}"
        assert {one["rel"] for _, one in links(answer["link"])} >= {
            "original",
            "timemap",
            "first memento",
            "last memento",
        }


def test_without_a_time_it_is_the_newest_and_long_ago_the_oldest(served):
    url = f"{served.site.origin}/statement"
    answer, (_, _, body) = follow(served, url)
    assert served.captures[2].id in answer["location"]
    assert b"Ninth Hour" in body
    answer, (_, _, body) = follow(served, url, Accept_Datetime="Thu, 01 Jan 2009 00:00:00 GMT")
    assert served.captures[0].id in answer["location"]
    assert b"hand over" in body
    assert b"Set-Cookie" not in body


def test_the_query_of_a_url_belongs_to_it_and_the_scheme_may_be_another(served):
    url = f"{served.site.origin}/other?a=1&b=2"
    _, (status, headers, body) = follow(served, url.replace("http:", "https:"))
    assert status == 200
    assert b"Another" in body
    assert links(headers["link"])[0][0] == url


@pytest.mark.parametrize("wanted", ["yesterday", "x" * 100, ""])
def test_a_time_that_is_none_is_refused(served, wanted):
    status, _, body = served.ask(f"/timegate/{served.site.origin}/statement", Accept_Datetime=wanted)
    assert status == 400
    assert b"Accept-Datetime" in body


def test_a_timemap_lists_every_memento(served):
    url = f"{served.site.origin}/statement"
    status, headers, body = served.ask(f"/timemap/link/{url}")
    assert status == 200
    assert headers["content-type"].startswith("application/link-format")
    found = links(body.decode())
    listed = [(target, one) for target, one in found if "memento" in one["rel"].split()]
    assert [served.captures[place].id in target for place, (target, _) in enumerate(listed)] == [True] * 3
    assert [one["rel"] for _, one in listed] == ["first memento", "memento", "last memento"]
    assert found[0] == (url, {"rel": "original"})
    for target, one in listed:
        status, answer, _ = served.ask(urlsplit(target).path, origin=served.replay)
        assert status == 200
        assert answer["memento-datetime"] == one["datetime"]
    whole = served.json(f"/timemap/json/{url}")
    assert [one["uri"] for one in whole["mementos"]["list"]] == [target for target, _ in listed]


def test_a_long_timemap_comes_in_pages(served, monkeypatch):
    monkeypatch.setattr(memento, "PAGE", 2)
    url = f"{served.site.origin}/statement"
    first = links(served.ask(f"/timemap/link/{url}")[2].decode())
    (following,) = [target for target, one in first if one["rel"] == "timemap"]
    second = links(served.ask(urlsplit(following).path)[2].decode())
    found = [target for target, one in first + second if "memento" in one["rel"].split()]
    assert len(set(found)) == len(found) == 3
    assert served.ask(f"/timemap/link/9/{url}")[0] == 404


def test_the_feed_of_changes_is_atom(served):
    status, headers, body = served.ask("/feed.atom")
    assert status == 200
    assert headers["content-type"].startswith("application/atom+xml")
    root = etree.fromstring(body)
    assert root.tag == f"{ATOM}feed"
    assert served.ask("/feed.atom")[2] == body, "the same for ever, until something changes"
    entries = root.findall(f"{ATOM}entry")
    assert len(entries) == 2
    assert served.captures[2].id in entries[0].findtext(f"{ATOM}id"), "the newest first"
    for element in (root, *entries):
        assert element.findtext(f"{ATOM}id").startswith("urn:sijill:")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", element.findtext(f"{ATOM}updated"))
        assert element.findtext(f"{ATOM}title")
    assert "<b>&</b>" in entries[0].findtext(f"{ATOM}title"), "markup in a title is text"
    ids = [item["id"] for item in json.loads(served.ask("/api/changes")[2])["items"]]
    assert [entry.findtext(f"{ATOM}id") for entry in reversed(entries)] == ids
