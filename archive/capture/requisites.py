"""What an HTML page needs to be shown, and what it is called. Pure: bytes in, values out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import webencodings
from lxml import etree

from sijill.archive.capture.reference import Reference, References, Use, same_site
from sijill.archive.capture.stylesheet import read_css

_SPACE = " \t\n\f\r"
_TITLE_LENGTH = 1000
_LONGEST_WAIT = 10
"""Seconds a meta refresh may wait and still be a redirect; longer ones reload what is meant to be read."""
_PRESCAN = 4096
_META_CHARSET = re.compile(
    rb"<meta[^>]{0,1000}?charset\s{0,100}=\s{0,100}[\"']?\s{0,100}([A-Za-z0-9:_.\-]{1,60})", re.IGNORECASE
)
_XLINK = "{http://www.w3.org/1999/xlink}href"
_DOCUMENT = re.compile(r"\.(?:pdf|docx?|odt)\Z", re.IGNORECASE)
_REGIONS = frozenset({"nav", "aside", "header", "footer", "article", "main", "svg", "noscript"})
_LINKS = frozenset(
    {"stylesheet", "icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon", "preload", "modulepreload",
     "manifest"}
)  # fmt: skip
_ATTRIBUTES: dict[str, tuple[tuple[str, Use], ...]] = {
    "img": (("src", Use.OTHER), ("data-src", Use.OTHER)),
    "source": (("src", Use.OTHER), ("data-src", Use.OTHER)),
    "video": (("poster", Use.OTHER), ("src", Use.OTHER)),
    "audio": (("src", Use.OTHER),),
    "track": (("src", Use.OTHER),),
    "input": (("src", Use.OTHER),),
    "script": (("src", Use.OTHER),),
    "iframe": (("src", Use.FRAME),),
    "frame": (("src", Use.FRAME),),
    "embed": (("src", Use.FRAME),),
    "object": (("data", Use.FRAME),),
    "image": (("href", Use.OTHER), ("xlink:href", Use.OTHER), (_XLINK, Use.OTHER)),
    "use": (("href", Use.OTHER), ("xlink:href", Use.OTHER), (_XLINK, Use.OTHER)),
    "body": (("background", Use.OTHER),),
    "table": (("background", Use.OTHER),),
    "td": (("background", Use.OTHER),),
    "th": (("background", Use.OTHER),),
}
_SOURCE_SETS = ("srcset", "data-srcset", "imagesrcset")
_SPECIAL = frozenset({"a", "area", "iframe", "link", "meta", "style", "title"})
_HEAD_TAGS = frozenset(
    {"base", "basefont", "bgsound", "link", "meta", "noframes", "noscript", "script", "style", "template", "title"}
)
_ANYWHERE = etree.XPath("//*[@style or " + " or ".join(f"@{name}" for name in _SOURCE_SETS) + "]")
"""Elements that may refer to something whatever they are called."""
_MAY_BE_DOCUMENT = re.compile(r"p\s*d\s*f|d\s*o\s*c|o\s*d\s*t", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """What an HTML document says of itself and what it refers to."""

    title: str | None
    """White space folded, at most 1,000 characters; None if there is none."""
    refresh: str | None
    """The request URL that a meta refresh leads to within 10 seconds; None if it leads nowhere else."""
    references: tuple[Reference, ...]
    """In the order of the document, each URL once, the document itself left out."""
    encoding: str
    """The encoding the text was read in, by its WHATWG name."""


def read_html(data: bytes, url: str, charset: str | None = None) -> Page:
    """Read an HTML document.

    Args:
        data: the document, decoded from its content coding.
        url: where it was found.
        charset: what Content-Type says of it.
    """
    encoding = page_encoding(data, charset)
    text, encoding = webencodings.decode(data, encoding)
    root = parse_html(text)
    query_encoding = "utf-8" if encoding.name.startswith("utf-16") else encoding.codec_info.name
    reader = _Reader(url, References(url, query_encoding=query_encoding))
    if root is not None:
        reader.references.base = _base(root, reader.references)
        reader.read(root)
    kept = tuple(reference for reference in reader.references if reference.url != url)
    return Page(reader.title, reader.refresh if reader.refresh != url else None, kept, encoding.name)


def srcset_urls(value: str) -> Iterator[str]:
    """The URLs of a srcset attribute, all candidates, as written (HTML §4.8.4.3.10)."""
    position = 0
    while True:
        start = _SRCSET_GAP.match(value, position)
        found = _SRCSET_URL.match(value, start.end() if start else position)
        if found is None:
            return
        url = found[0].rstrip(",")
        position = found.end()
        if url == found[0]:  # no comma ended it: descriptors follow, and commas in parentheses do not end those
            descriptors = _SRCSET_DESCRIPTORS.match(value, position)
            position = descriptors.end() if descriptors else position
        if url:
            yield url


_SRCSET_GAP = re.compile(f"[{_SPACE},]*")
_SRCSET_URL = re.compile(f"[^{_SPACE}]+")
_SRCSET_DESCRIPTORS = re.compile(r"[^,(]*(?:\([^)]*\)?[^,(]*)*")


def page_encoding(data: bytes, charset: str | None) -> webencodings.Encoding:
    """HTML §13.2.3.2, with UTF-8 for pages that say nothing and are valid UTF-8."""
    if charset and (stated := webencodings.lookup(charset)):
        return stated
    meta = _META_CHARSET.search(data, 0, _PRESCAN)
    if meta and (named := webencodings.lookup(meta[1].decode("ascii"))):
        return webencodings.UTF8 if named.name.startswith("utf-16") else named
    try:
        data.decode()
    except UnicodeDecodeError:
        return webencodings.lookup("windows-1252")
    return webencodings.UTF8


def parse_html(text: str) -> etree._Element | None:
    """The root element of a page, as forgivingly as libxml2 can; None if there is no element."""
    # libxml2 takes NUL for the end; huge_tree lets pages nest as deep as some do (a page's size is bounded elsewhere).
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(text.replace("\0", "\ufffd").encode(), parser)
    except etree.XMLSyntaxError:  # nothing in it that could be an element
        return None
    if root is not None:
        _end_head(root)
    return root


def _end_head(root: etree._Element) -> None:
    """End the head where a browser would (HTML §13.2.6.4.4): the parser, older than `main` and `article`, reads on."""
    head = root.find("head")
    if head is None:
        return
    beyond = [child for child in head if isinstance(child.tag, str)]
    while beyond and beyond[0].tag in _HEAD_TAGS:
        del beyond[0]
    if not beyond:
        return
    body = root.find("body")
    if body is None:
        body = etree.SubElement(root, "body")
    last, body.text, following = beyond[-1], None, body.text
    last.tail = (last.tail or "") + (following or "")
    body[:0] = beyond


def _base(root: etree._Element, references: References) -> str:
    for element in root.iter("base"):
        if href := element.get("href"):
            return references.absolute(href) or references.base
    return references.base


class _Reader:
    """Goes through a document once, in its order."""

    def __init__(self, url: str, references: References) -> None:
        self.references = references
        self.title: str | None = None
        self.refresh: str | None = None
        self._host = urlsplit(url).hostname or ""
        self._inside: Counter[str] = Counter()
        self._special: dict[str, Callable[[etree._Element], None]] = {
            "a": self._read_anchor,
            "area": self._read_anchor,
            "iframe": self._read_srcdoc,
            "link": self._read_link,
            "meta": self._read_meta,
            "style": lambda element: read_css(_text(element), references),
            "title": self._read_title,
        }

    def read(self, root: etree._Element) -> None:
        # Most elements of a page are paragraphs and the like: they are passed over without leaving C.
        tags = {*_REGIONS, *_SPECIAL, *_ATTRIBUTES, *_tags_anywhere(root)}
        for event, element in etree.iterwalk(root, events=("start", "end"), tag=tags):
            tag = str(element.tag)
            if tag in _REGIONS:
                self._inside[tag] += 1 if event == "start" else -1
            if event == "start":
                self._read_element(tag, element)

    def _read_element(self, tag: str, element: etree._Element) -> None:
        for attribute, use in _ATTRIBUTES.get(tag, ()):
            self.references.add(element.get(attribute), use)
        if tag in self._special:
            self._special[tag](element)
        for attribute in _SOURCE_SETS:
            if candidates := element.get(attribute):
                for candidate in srcset_urls(candidates):
                    self.references.add(candidate)
        if style := element.get("style"):
            read_css(style, self.references)

    def _read_srcdoc(self, element: etree._Element) -> None:
        # Only the outermost: each could hold the next otherwise.
        srcdoc = element.get("srcdoc") if "srcdoc" not in self._inside else None
        inner = parse_html(srcdoc) if srcdoc else None
        if inner is not None:
            self._inside["srcdoc"] += 1
            self.read(inner)
            del self._inside["srcdoc"]

    def _read_link(self, element: etree._Element) -> None:
        relations = set((element.get("rel") or "").lower().split())
        if relations & _LINKS:
            self.references.add(element.get("href"), Use.STYLE if "stylesheet" in relations else Use.OTHER)

    def _read_anchor(self, element: etree._Element) -> None:
        """A link to a document of the same site, unless it stands in navigation rather than in the text."""
        href = (element.get("href") or "").lstrip()
        # Only a glance, since most links lead elsewhere; a query alone leaves the path as it is.
        if not _MAY_BE_DOCUMENT.search(self.references.base + href if href[:1] == "?" else href):
            return
        target = self.references.absolute(href)
        parts = urlsplit(target or "")
        if target is None or not _DOCUMENT.search(parts.path) or not same_site(parts.hostname or "", self._host):
            return
        in_text = self._inside["article"] or self._inside["main"]
        at_edge = self._inside["header"] or self._inside["footer"]
        if not (self._inside["nav"] or self._inside["aside"] or (at_edge and not in_text)):
            self.references.add(target, Use.DOCUMENT)

    def _read_title(self, element: etree._Element) -> None:
        if self.title is None and not self._inside["svg"] and "srcdoc" not in self._inside:
            self.title = " ".join(_text(element).split())[:_TITLE_LENGTH] or None

    def _read_meta(self, element: etree._Element) -> None:
        # With scripts on, which is how pages are meant to be seen, what noscript holds does not happen.
        if (element.get("http-equiv") or "").strip().lower() != "refresh" or self._inside["noscript"]:
            return
        if self.refresh is None and "srcdoc" not in self._inside:
            self.refresh = self.references.absolute(refresh_target(element.get("content") or ""))


def _tags_anywhere(root: etree._Element) -> set[str]:
    found = _ANYWHERE(root)
    return {str(one.tag) for one in found if isinstance(one, etree._Element)} if isinstance(found, list) else set()


def _text(element: etree._Element) -> str:
    return "".join(str(part) for part in element.itertext())


def refresh_target(content: str) -> str | None:
    """The URL of a meta refresh as written (HTML §4.2.5.3), if it does not wait longer than a redirect would."""
    text = content.strip(_SPACE)
    digits = len(text) - len(text.lstrip("0123456789"))
    after = text[digits:].lstrip("0123456789.")
    rest = after.lstrip(_SPACE)
    if rest[:1] in {";", ","}:
        rest = rest[1:].lstrip(_SPACE)
    elif rest == after:
        return None
    if digits > 6 or int(text[:digits] or "0") > _LONGEST_WAIT:
        return None
    if rest[:3].lower() == "url" and rest[3:].lstrip(_SPACE)[:1] == "=":
        rest = rest[3:].lstrip(_SPACE)[1:].lstrip(_SPACE)
    if rest[:1] in {'"', "'"}:
        rest = rest[1:].partition(rest[0])[0]
    return rest or None
