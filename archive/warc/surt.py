"""The sort-friendly form of a URL that pywb and other replay tools look up in an index (SURT).

`https://www.Example.org/A/?b=2&a=1` becomes `org,example)/a?a=1&b=2`. The rules are those of the Internet Archive's
canonicalizer, as far as they concern http(s) URLs that a capture can hold: ASCII, host names in Punycode. They lose
information on purpose, so a key is for finding, never for telling URLs apart. Tests compare with the `surt` package
that pywb uses, which is no dependency of ours because its licence is the AGPL.
"""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HEX = re.compile(rb"[0-9A-Fa-f]{2}")
_KEPT = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "#%")

_SESSION_SEGMENT = re.compile(r"\((?:[a-z]\([0-9a-z]{24}\))+\)|\([0-9a-z]{24}\)", re.IGNORECASE)
_SESSION_PAIRS = (
    re.compile(r"jsessionid=[0-9a-z]{32}(&|$)", re.IGNORECASE),
    re.compile(r"phpsessid=[0-9a-z]{32}(&|$)", re.IGNORECASE),
    re.compile(r"sid=[0-9a-z]{32}(&|$)", re.IGNORECASE),
    re.compile(r"aspsessionid[a-z]{8}=[a-z]{24}(&|$)", re.IGNORECASE),
    re.compile(r"cfid=[^&]+&cftoken=[^&]+(&|$)", re.IGNORECASE),
)


def surt(url: str) -> str:
    """The key of an absolute http(s) URL; any other URI is its own key.

    Raises:
        ValueError: the port is not a number.
    """
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return url
    host = re.sub(r"\.\.+", ".", parts.hostname).strip(".")
    host = re.sub(r"^www[0-9]*\.", "", host)
    port = parts.port
    key = ",".join(reversed(host.split(".")))
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        key += f":{port}"
    query = _query(parts.query)
    return f"{key}){_path(parts.path)}" + (f"?{query}" if query else "")


def _reescape(text: str) -> str:
    """Percent-decode until nothing changes, then encode once what is not printable ASCII."""
    data = text.encode()
    if b"%" not in data:
        return quote_from_bytes(data, safe=_KEPT)
    decoded = bytearray()
    for byte in data:
        decoded.append(byte)
        # What was decoded may complete another escape, which "%2541" does twice.
        while decoded[-3:-2] == b"%" and _HEX.fullmatch(decoded[-2:]):
            decoded[-3:] = bytes([int(decoded[-2:], 16)])
    return quote_from_bytes(bytes(decoded), safe=_KEPT)


def _path(path: str) -> str:
    kept: list[str] = []
    for segment in _reescape(path).split("/")[1:]:
        if segment == ".." and kept:
            kept.pop()
        elif segment != ".":
            kept.append(segment)
    segments = [segment for segment in kept[:-1] if segment] + kept[-1:]
    return ("/" + "/".join(_without_session(segments))).lower().removesuffix("/") or "/"


def _without_session(segments: list[str]) -> list[str]:
    """ASP.NET writes the session as a path segment before an .aspx page."""
    for place, segment in enumerate(segments[:-1]):
        if _SESSION_SEGMENT.fullmatch(segment) and ".aspx" in "/".join(segments[place + 1 :]).lower():
            return segments[:place] + segments[place + 1 :]
    return segments


def _query(query: str) -> str:
    text = _reescape(query)
    for pair in _SESSION_PAIRS:
        found = list(pair.finditer(text))
        if found:
            last = found[-1]
            text = text[: last.start()] + text[last.end() :]
    pairs = sorted(tuple(pair.split("=", 1)) for pair in text.lower().split("&"))
    return "&".join("=".join(pair) for pair in pairs)
