"""Rewriting the addresses in an HTML document, in place: every other byte of it stays as it was sent. Pure.

A tokenizer in the manner of HTML §13.2.5, with as much of it as is needed to know where tags and their attributes are.
Whatever it takes wrongly costs an address that is not rewritten; what the page may reach is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5
from typing import Final, Protocol

from sijill.archive.capture.requisites import srcset_urls
from sijill.viewer.replay.css import rewrite_css

_TAG_NAME: Final = re.compile(r"[A-Za-z][^\s/>]*", re.ASCII)
_ATTRIBUTE_NAME: Final = re.compile(r"[\s/]*([^\s/>=][^\s/>=]*|=[^\s/>=]*)", re.ASCII)
_EQUALS: Final = re.compile(r"\s*=\s*", re.ASCII)
_UNQUOTED: Final = re.compile(r"[^\s>]*", re.ASCII)
_COMMENT_END: Final = re.compile(r"--!?>")
_REFERENCE: Final = re.compile(r"&(?:#([0-9]{1,8});?|#[xX]([0-9A-Fa-f]{1,7});?|([A-Za-z][A-Za-z0-9]*)(;?))(=?)")
_RAW: Final = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE | re.ASCII)
    for name in ("script", "style", "xmp", "iframe", "noembed", "noframes", "textarea", "title")
}
_ADDRESSES: Final = frozenset(
    {"href", "xlink:href", "src", "poster", "background", "action", "formaction", "manifest", "lowsrc", "dynsrc"}
)
_SOURCE_SETS: Final = frozenset({"srcset", "imagesrcset"})
_DROPPED_PRAGMAS: Final = frozenset(
    {"content-security-policy", "content-security-policy-report-only", "x-dns-prefetch-control", "set-cookie", "link"}
)
_REFRESH: Final = re.compile(r"(\s*[0-9.]*\s*[;,]?\s*(?:url\s*=\s*)?)([\"']?)(.*)", re.IGNORECASE | re.DOTALL)
_DEEPEST: Final = 3
"""Documents within documents by srcdoc."""


class Wrapping(Protocol):
    """Knows where addresses lead."""

    @property
    def first(self) -> str:
        """Markup to stand before everything that loads or runs."""

    def wrap(self, reference: str) -> str | None:
        """The address on the replay server of `reference` as written in the document; None if it is to stay."""

    def rebase(self, reference: str) -> str | None:
        """Likewise of a `<base>`, from which the later ones count."""

    def decode(self, text: str) -> str:
        """What stands in the document as `text`."""

    def within(self) -> Wrapping:
        """The same for a text that is decoded already."""


@dataclass(frozen=True, slots=True)
class _Attribute:
    name: str
    value: str
    """As written, without quotation marks."""
    start: int
    """Where what follows the name begins; equal to `end` if nothing does."""
    end: int


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str
    attributes: tuple[_Attribute, ...]
    start: int
    end: int


def rewrite_html(text: str, wrapping: Wrapping, *, depth: int = 0) -> str:
    """`text` with every address in it leading to the replay server.

    Args:
        text: a document, each character of which is one byte of it; or decoded, if its encoding is not made of ASCII.
        wrapping: knows where addresses lead.
        depth: how many documents this one stands within.
    """
    pieces: list[str] = []
    done = 0
    first = wrapping.first
    for tag in _tags(text):
        if first and tag.name not in ("html", "head"):
            pieces += (text[done : tag.start], first)
            done, first = tag.start, ""
        for start, end, new in _edits(tag, wrapping, depth):
            pieces += (text[done:start], new)
            done = end
        if first and tag.name == "head":
            pieces += (text[done : tag.end], first)
            done, first = tag.end, ""
        if tag.name == "style" and (closing := _RAW["style"].search(text, tag.end)):
            style = text[tag.end : closing.start()]
            pieces += (text[done : tag.end], rewrite_css(style, lambda url: wrapping.wrap(wrapping.decode(url))))
            done = closing.start()
    return "".join([*pieces, text[done:]])


def _tags(text: str) -> Iterator[_Tag]:
    """The start tags, in order; those within raw text, which are none, are left out."""
    at = 0
    while (at := text.find("<", at)) >= 0:
        if text.startswith("<!--", at):
            found = _COMMENT_END.search(text, at + 2)
            if found is None:
                return
            at = found.end()
        elif text[at + 1 : at + 2] in ("!", "?", "/"):
            at = text.find(">", at)
            if at < 0:
                return
        elif name := _TAG_NAME.match(text, at + 1):
            tag = _tag(text, at, name)
            if tag is None or tag.name == "plaintext":
                return
            yield tag
            at = tag.end
            if ending := _RAW.get(tag.name):
                raw = ending.search(text, at)
                if raw is None:
                    return
                at = raw.start()
        else:
            at += 1


def _tag(text: str, start: int, name: re.Match[str]) -> _Tag | None:
    """The tag that begins at `start`; None if the document ends within it."""
    attributes: list[_Attribute] = []
    at = name.end()
    while found := _ATTRIBUTE_NAME.match(text, at):
        at = found.end()
        value, begun = "", at
        if equals := _EQUALS.match(text, at):
            at = equals.end()
            quote = text[at : at + 1]
            if quote in ('"', "'"):
                end = text.find(quote, at + 1)
                if end < 0:
                    return None
                value, at = text[at + 1 : end], end + 1
            elif unquoted := _UNQUOTED.match(text, at):
                value, at = unquoted[0], unquoted.end()
        attributes.append(_Attribute(found[1].lower(), value, begun, at))
    end = text.find(">", at)
    return None if end < 0 else _Tag(name[0].lower(), tuple(attributes), start, end + 1)


def _edits(tag: _Tag, wrapping: Wrapping, depth: int) -> list[tuple[int, int, str]]:
    """What of a tag is to be replaced, by its places in the text."""
    edits: list[tuple[int, int, str]] = []
    seen: set[str] = set()
    for attribute in tag.attributes:
        # Of several attributes of one name only the first counts (HTML §13.2.5.33).
        new = None if attribute.name in seen else _rewritten(tag, attribute, wrapping, depth)
        seen.add(attribute.name)
        if new is not None:
            edits.append((attribute.start, attribute.end, f'="{_escape(new)}"'))
    return edits


def _rewritten(tag: _Tag, attribute: _Attribute, wrapping: Wrapping, depth: int) -> str | None:
    """The new value of an attribute; None if it stays."""
    name = attribute.name
    if name in _ADDRESSES or (name == "data" and tag.name == "object"):
        reference = _value(attribute, wrapping)
        return wrapping.rebase(reference) if tag.name == "base" else wrapping.wrap(reference)
    if name in _SOURCE_SETS:
        return _rewrite_source_set(_value(attribute, wrapping), wrapping)
    if name == "style":
        written = _value(attribute, wrapping)
        new = rewrite_css(written, wrapping.wrap)
        return None if new == written else new
    if name == "srcdoc" and depth < _DEEPEST:
        return rewrite_html(_value(attribute, wrapping), wrapping.within(), depth=depth + 1)
    if name == "target":
        # There is no other window to open; a link that asks for one would do nothing.
        return "_self" if attribute.value.strip().lower() in {"_blank", "_top", "_parent", "_new"} else None
    if name == "ping":
        return ""
    if name == "integrity" and tag.name == "link":
        return ""  # a style sheet is no longer byte for byte what the digest was made of
    return _rewritten_pragma(tag, attribute, wrapping) if tag.name == "meta" else None


def _rewritten_pragma(tag: _Tag, attribute: _Attribute, wrapping: Wrapping) -> str | None:
    pragma = next((one.value for one in tag.attributes if one.name == "http-equiv"), "").strip().lower()
    if attribute.name == "http-equiv" and pragma in _DROPPED_PRAGMAS:
        return "x-archived"
    if attribute.name == "content" and pragma == "refresh":
        return rewrite_refresh(_value(attribute, wrapping), wrapping)
    return None


def rewrite_refresh(value: str, wrapping: Wrapping) -> str | None:
    """A refresh, as header or as pragma (HTML §4.2.5.3), with its address rewritten; None if it has none."""
    found = _REFRESH.fullmatch(value)
    if found is None:
        return None
    written = found[3].partition(found[2])[0] if found[2] else found[3]
    wrapped = wrapping.wrap(written) if written.strip() else None
    return None if wrapped is None else f"{found[1]}{wrapped}"


def _value(attribute: _Attribute, wrapping: Wrapping) -> str:
    return _unescape(wrapping.decode(attribute.value))


def _rewrite_source_set(value: str, wrapping: Wrapping) -> str | None:
    pieces: list[str] = []
    done = 0
    for url in srcset_urls(value):
        at = value.find(url, done)
        wrapped = wrapping.wrap(url)
        if wrapped is not None:
            # A comma at its end would part it from its descriptors.
            pieces += (value[done:at], wrapped)
            done = at + len(url)
    return "".join([*pieces, value[done:]]) if pieces else None


def _unescape(text: str) -> str:
    return _REFERENCE.sub(_referred, text) if "&" in text else text


def _referred(reference: re.Match[str]) -> str:
    """A character reference within an attribute (HTML §13.2.5.73)."""
    decimal, hexadecimal, name, semicolon, equals = reference.groups()
    if name:
        # Without a semicolon it is only one of the old names, and not if "=" follows, as in a query.
        known = html5.get(name + semicolon) if semicolon or not equals else None
        return reference[0] if known is None else known + equals
    number = int(decimal or hexadecimal, 10 if decimal else 16)
    possible = 0 < number <= 0x10FFFF and not 0xD800 <= number < 0xE000
    return (chr(number) if possible else "\ufffd") + equals


def _escape(text: str) -> str:
    """`text` as it may stand in quotation marks whatever the encoding of the document."""
    escaped = text.replace("&", "&amp;").replace('"', "&quot;")
    return escaped.encode("ascii", "xmlcharrefreplace").decode("ascii")
