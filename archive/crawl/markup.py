"""Sitemaps and feeds as a stream of their items, whatever a server sends: no tree, no entities, no network. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import webencodings
from lxml import etree

_CHUNK = 1 << 16
_MOST_ELEMENTS = 2_000_000
_MOST_PARTS = 300
_LONGEST_TEXT = 10_000
_HEAD = 1 << 20
"""Characters that may stand before the first element."""
_FIRST_ELEMENT = re.compile(r"<[^\s!?/<>]")
_XML_ENCODING = re.compile(rb"""\A\s{0,100}<\?xml[^>]{0,200}?encoding\s{0,9}=\s{0,9}["']([A-Za-z0-9._:-]{1,60})["']""")
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]{0,500}\?>")
# Unescaped ampersands are the commonest fault of sitemaps; what stands in CDATA is literal. An opening that nothing
# closes would make each such search run to the end, so they are told apart by one pass from left to right.
_STRAY = re.compile(r"<!\[CDATA\[|\]\]>|&(?!(?:#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);)")


@dataclass(frozen=True, slots=True)
class Part:
    """An element inside an item."""

    name: str
    """Without namespace."""
    namespace: str
    attributes: Mapping[str, str]
    """Names as the parser gives them, `{namespace}name`."""
    text: str
    depth: int
    """1 for the item's own children."""


@dataclass(slots=True)
class Items:
    """What was read."""

    root: str = ""
    """The name of the first element, without namespace, in lower case; empty if there is none."""
    namespace: str = ""
    """Of the first element."""
    head: list[Part] = field(default_factory=list)
    """Elements outside items, the first of them."""
    items: list[tuple[str, list[Part]]] = field(default_factory=list)
    """Name of each item and the elements in it."""
    problem: str | None = None
    """Why not everything was read."""


def read_items(data: bytes, names: frozenset[str], *, limit: int, charset: str | None = None) -> Items:
    """The items of an XML document that have one of `names`; what is not well-formed is read as far as it can be.

    Time and memory are bounded by the size of `data` and by `limit`, whatever is in it.

    Args:
        data: the document.
        names: of the elements that are items, without namespace.
        limit: most items that are given.
        charset: what Content-Type says of it.
    """
    text = _without_stray_ampersands(_decoded(data, charset))
    read = Items()
    first = _FIRST_ELEMENT.search(text, 0, _HEAD)
    if first is None:
        read.problem = "there is no element in it"
        return read
    if "<!ENTITY" in text[: first.start()]:
        read.problem = "it declares entities of its own, which no sitemap or feed needs: it was not read"
        return read
    reader = _Reader(read, names, limit)
    parser = etree.XMLParser(
        target=reader, recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True, encoding="utf-8",
    )  # fmt: skip
    try:
        for position in range(first.start(), len(text), _CHUNK):
            parser.feed(text[position : position + _CHUNK].encode())
        parser.close()
        faults = parser.feed_error_log.filter_from_errors()
        if len(faults):
            read.problem = f"it is not well-formed XML ({faults[0].message[:100]}); it was read as far as it could be"
    except _EnoughRead as err:
        read.problem = err.why
    except etree.XMLSyntaxError as err:
        read.problem = f"it is not XML all through ({err.msg})"
    return read


class _EnoughRead(Exception):
    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Reader:
    """Takes the parser's events; keeps only what stands in items."""

    def __init__(self, read: Items, names: frozenset[str], limit: int) -> None:
        self._read = read
        self._names = names
        self._limit = limit
        self._elements = 0
        self._parts: list[Part] | None = None
        self._open: list[tuple[str, str, Mapping[str, str], list[str]]] = []
        self._skipped = 0
        self._item_depth = 0

    def start(self, tag: str | bytes, attrib: Mapping[str | bytes, str | bytes]) -> None:
        self._elements += 1
        if self._elements > _MOST_ELEMENTS:
            raise _EnoughRead(f"it has more than {_MOST_ELEMENTS} elements; what follows was not read")
        namespace, name = _split(str(tag))
        if not self._read.root:
            self._read.root, self._read.namespace = name.lower(), namespace
        if self._skipped or len(self._open) > _MOST_PARTS:
            self._skipped += 1
            return
        if self._parts is None and name in self._names and self._open:
            if len(self._read.items) >= self._limit:
                raise _EnoughRead(f"it has more than {self._limit} items; what follows was not read")
            self._parts = []
            self._item_depth = len(self._open)
        self._open.append((namespace, name, {str(key): str(value) for key, value in attrib.items()}, []))

    def data(self, data: str | bytes) -> None:
        if self._open and not self._skipped:
            pieces = self._open[-1][3]
            if len(pieces) < _MOST_PARTS:
                pieces.append(str(data)[:_LONGEST_TEXT])

    def comment(self, text: str | bytes) -> None:
        """Comments are passed over."""

    def end(self, _: str | bytes) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        if not self._open:
            return
        namespace, name, attributes, pieces = self._open.pop()
        depth = len(self._open)
        if self._parts is not None and depth == self._item_depth:
            self._read.items.append((name, self._parts))
            self._parts = None
            return
        kept = self._read.head if self._parts is None else self._parts
        if len(kept) < _MOST_PARTS:
            text = "".join(pieces).strip()[:_LONGEST_TEXT]
            inside = depth - self._item_depth if self._parts is not None else depth
            kept.append(Part(name, namespace, attributes, text, inside))

    def close(self) -> None:
        """Nothing is left to do."""


def _split(tag: str) -> tuple[str, str]:
    namespace, brace, name = tag.rpartition("}")
    return (namespace[1:], name) if brace else ("", tag.rpartition(":")[2])


def _decoded(data: bytes, charset: str | None) -> str:
    """RFC 7303 §3: a byte order mark, then Content-Type, then the declaration, then UTF-8."""
    declared = _XML_ENCODING.match(data)
    named = webencodings.lookup(charset) if charset else None
    if named is None and declared is not None:
        named = webencodings.lookup(declared[1].decode("ascii"))
        if named is not None and named.name.startswith("utf-16"):  # the declaration itself was read as ASCII
            named = None
    text, _ = webencodings.decode(data, named or webencodings.UTF8)
    return _XML_DECLARATION.sub("", text.replace("\0", "�"), count=1)


def _without_stray_ampersands(text: str) -> str:
    literal = False

    def escaped(found: re.Match[str]) -> str:
        nonlocal literal
        if found[0] != "&":
            literal = found[0] == "<![CDATA["
            return found[0]
        return "&" if literal else "&amp;"

    return _STRAY.sub(escaped, text)
