"""What a page says of itself, and which of its media are files. Pure: what the scripts read goes in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sijill.archive.capture.browser.rendering import NotCollected, NotCollectedKind

READING: Final = {"string": 2000, "list": 500, "jsonLd": 100_000, "html": 32 << 20, "text": 16 << 20}
"""Most characters of one value, entries of one list, characters of one JSON-LD script, of the DOM and of the text."""

_MANIFEST_TYPES = frozenset(
    {"application/x-mpegurl", "application/vnd.apple.mpegurl", "audio/mpegurl", "audio/x-mpegurl",
     "application/dash+xml", "application/vnd.ms-sstr+xml"}
)  # fmt: skip
_MANIFEST = re.compile(r"\.(?:m3u8?|mpd|ism/manifest)\Z", re.IGNORECASE)
_MEDIA = re.compile(r"\.(?:mp4|m4v|m4a|webm|ogv|ogg|oga|opus|mp3|aac|wav|flac|mov)\Z", re.IGNORECASE)
_PLAYERS: Final[tuple[tuple[str, str, str], ...]] = (
    # host, how the path begins, platform
    ("youtube.com", "/embed", "YouTube"),
    ("youtube.com", "/live_chat", "YouTube"),
    ("youtube-nocookie.com", "", "YouTube"),
    ("youtu.be", "", "YouTube"),
    ("player.vimeo.com", "", "Vimeo"),
    ("vimeo.com", "", "Vimeo"),
    ("dailymotion.com", "", "Dailymotion"),
    ("dai.ly", "", "Dailymotion"),
    ("facebook.com", "", "Facebook"),
    ("fb.watch", "", "Facebook"),
    ("instagram.com", "", "Instagram"),
    ("tiktok.com", "", "TikTok"),
    ("twitter.com", "", "X"),
    ("x.com", "", "X"),
    ("t.me", "", "Telegram"),
    ("rumble.com", "", "Rumble"),
    ("odysee.com", "", "Odysee"),
    ("twitch.tv", "", "Twitch"),
    ("ok.ru", "/videoembed", "OK"),
    ("vk.com", "/video", "VK"),
    ("rutube.ru", "", "Rutube"),
    ("aparat.com", "", "Aparat"),
    ("soundcloud.com", "", "SoundCloud"),
    ("open.spotify.com", "/embed", "Spotify"),
    ("embed.podcasts.apple.com", "", "Apple Podcasts"),
    ("anchor.fm", "", "Spotify"),
    ("podbean.com", "", "Podbean"),
    ("mixcloud.com", "", "Mixcloud"),
    ("buzzsprout.com", "", "Buzzsprout"),
    ("brightcove.net", "", "Brightcove"),
    ("jwplayer.com", "", "JW Player"),
    ("jwplatform.com", "", "JW Player"),
    ("kaltura.com", "", "Kaltura"),
    ("wistia.net", "", "Wistia"),
    ("wistia.com", "", "Wistia"),
    ("streamable.com", "", "Streamable"),
    ("embed.ted.com", "", "TED"),
    ("archive.org", "/embed", "Internet Archive"),
    ("peertube.tv", "/videos/embed", "PeerTube"),
)
_STAND_INS = (
    ("youtube", "YouTube"),
    ("vimeo", "Vimeo"),
    ("twitter", "X"),
    ("instagram", "Instagram"),
    ("fb-", "Facebook"),
)
_DATE_NAME = re.compile(
    r"(?:^|[:._-])(?:date|published|modified|updated|created|issued|(?:published|modified|updated|release)_time)"
    r"|date(?:published|modified|created|posted|updated)?$|pubdate|last-modified",
    re.IGNORECASE,
)
_LINKED_DATES = ("datePublished", "dateModified", "dateCreated", "uploadDate")
_FEEDS = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"})
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Media:
    """What a page plays."""

    files: tuple[str, ...]
    """URLs of video and audio files, each once, in the order of the page."""
    missing: tuple[str, ...]
    """Those of `files` that the browser did not ask for by itself."""
    not_collected: tuple[NotCollected, ...]


def read_media(found: Mapping[str, Any]) -> Media:
    """What of the media that `media.js` found are files, and what is not collected."""
    files: dict[str, bool] = {}
    omitted: dict[NotCollected, None] = {}
    for element in found.get("media", ()):
        if element["live"]:
            omitted[_stream("", f"{element['tag']} element plays what a script gives it")] = None
        current = element["current"]
        candidates = ([{"url": current, "type": ""}] if current else []) + (element["sources"] if not current else [])
        for source in candidates:
            reason = _no_file(source["url"], source["type"])
            if reason:
                omitted[_stream(source["url"], reason)] = None
                continue
            files[source["url"]] = files.get(source["url"], False) or bool(element["asked"])
            break  # the browser takes the first that it can play
    for frame in found.get("frames", ()):
        for url in (frame["url"], frame["delayed"]):
            if platform := _platform(url):
                omitted[NotCollected(NotCollectedKind.PLAYER, url, f"player of {platform}")] = None
            elif url and _MEDIA.search(_path(url)):
                files.setdefault(url, False)
    for one in found.get("embeds", ()):
        kind = f"{one['tag']} {one['name']}"
        platform = next((name for mark, name in _STAND_INS if mark in kind), "another platform")
        url = one["url"]
        if not url and one["id"] and platform == "YouTube":
            url = f"https://www.youtube.com/embed/{one['id']}"
        omitted[NotCollected(NotCollectedKind.PLAYER, url, f"stands in for a player of {platform}")] = None
    return Media(tuple(files), tuple(url for url, asked in files.items() if not asked), tuple(omitted))


def read_description(found: Mapping[str, Any]) -> dict[str, Any]:
    """What `describe.js` read, as `page.json` has it: JSON values with text, integers and truth values only."""
    metas = [(name, value) for name, value in found["metas"] if value]
    linked = [_linked(text) for text in found["jsonLd"]]
    links = found["links"]
    return {
        "url": found["url"],
        "title": found["title"],
        "language": found["language"],
        "direction": found["direction"],
        "encoding": found["encoding"],
        "contentType": found["contentType"],
        "canonical": next((link["href"] for link in links if "canonical" in link["rel"].split()), None),
        "description": _first(metas, "description"),
        "author": _first(metas, "author"),
        "openGraph": _named(metas, ("og:", "article:", "book:", "profile:", "video:", "fb:")),
        "twitter": _named(metas, ("twitter:",)),
        "jsonLd": linked,
        "dates": list(_dates(found, metas, linked)),
        "feeds": [
            {"url": link["href"], "type": link["type"], "title": link["title"]}
            for link in links
            if "alternate" in link["rel"].split() and link["type"].lower() in _FEEDS
        ],
        "translations": [
            {"language": link["hreflang"], "url": link["href"]}
            for link in links
            if "alternate" in link["rel"].split() and link["hreflang"]
        ],
        "automationVisible": found["facts"]["webdriver"],
        "contentWidth": found["facts"]["contentWidth"],
        "contentHeight": found["facts"]["contentHeight"],
        "animationsRunning": found["facts"]["animationsRunning"],
        "images": found["facts"]["images"],
        "frames": found["facts"]["frames"],
        "shadowRoots": found["shadowRoots"],
    }


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _no_file(url: str, media_type: str) -> str | None:
    scheme = url.partition(":")[0].lower()
    if scheme in {"blob", "mediasource", "mediastream"}:
        return "played by a script, piece by piece"
    if scheme not in {"http", "https"}:
        return f"not fetched from the network: {scheme[:20]}"
    if media_type.partition(";")[0].strip().lower() in _MANIFEST_TYPES or _MANIFEST.search(_path(url)):
        return "a list of pieces, not a file"
    return None


def _stream(url: str, reason: str) -> NotCollected:
    return NotCollected(NotCollectedKind.STREAM, url, reason)


def _platform(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    for name, path, platform in _PLAYERS:
        if (host == name or host.endswith("." + name)) and parts.path.startswith(path):
            return platform
    return None


def _first(metas: list[tuple[str, str]], name: str) -> str | None:
    return next((value for found, value in metas if found.lower() == name), None)


def _named(metas: list[tuple[str, str]], prefixes: tuple[str, ...]) -> list[list[str]]:
    return [[name, value] for name, value in metas if name.lower().startswith(prefixes)]


def _linked(text: str) -> dict[str, Any]:
    """One JSON-LD script, as written: what it says is quoted, not interpreted."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"text": text, "valid": False, "dates": []}
    return {"text": text, "valid": True, "dates": list(_linked_dates(value, 0))[:50]}


def _linked_dates(value: Any, depth: int) -> Iterator[list[str]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for inner in value[:200]:
            yield from _linked_dates(inner, depth + 1)
    elif isinstance(value, dict):
        for name, inner in list(value.items())[:200]:
            if name in _LINKED_DATES and isinstance(inner, str):
                yield [name, inner[:200].encode("utf-8", "replace").decode()]
            else:
                yield from _linked_dates(inner, depth + 1)


def _dates(
    found: Mapping[str, Any], metas: list[tuple[str, str]], linked: list[dict[str, Any]]
) -> Iterator[dict[str, str]]:
    for name, value in metas:
        if _DATE_NAME.search(name):
            yield {"where": "meta", "name": name, "value": value}
    for script in linked:
        for name, value in script["dates"]:
            yield {"where": "json-ld", "name": name, "value": value}
    for item in found["itemDates"]:
        yield {"where": "itemprop", "name": item["name"], "value": item["value"]}
    for time in found["times"]:
        yield {"where": "time", "name": time["text"], "value": time["value"]}
