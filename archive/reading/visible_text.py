"""The words that an HTML page shows, to tell whether a page has changed: all of them, menus and footers too. Pure.

It is not the text of a statement: nothing is told apart from what surrounds it. No style sheet is applied and no script
run, so that words which a style hides count, and words which a script would put there do not. What a picture shows, and
which picture it is, is no word; what stands in a frame is another document.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable

import webencodings
from lxml import etree

from sijill.archive.capture.requisites import page_encoding, parse_html

READER = "visible-text/1"
"""Names the rules below: texts are compared only if they were read by the same ones."""
LONGEST = 16 << 20
"""Bytes of a page; larger ones are not read."""
_UNSEEN = frozenset({"script", "style", "noscript", "iframe", "noframes", "noembed", "datalist", "head"})
"""With scripts on, which is how pages are meant to be seen, noscript shows nothing."""
_INLINE = frozenset(
    {"a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
     "kbd", "mark", "q", "rb", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tspan",
     "tt", "u", "var", "wbr"}
)  # fmt: skip
"""Elements that do not part the words before and after them."""
_MAYBE_UNSEEN = _UNSEEN | {"template"}
_DESCRIBED = frozenset({"img", "area"})
_INVISIBLE = dict.fromkeys((0x00AD, 0x200B, 0x2060, 0xFEFF))
"""Soft hyphen, zero width space, word joiner, byte order mark: where a line may break is not what it says."""


def visible_text(data: bytes, charset: str | None = None) -> str | None:
    """The title and the words of an HTML page, a single space between words, in Unicode's form NFC.

    The same page under other markup has the same text: attributes count for nothing, but for the `alt` of pictures.
    Never raises on what a page is; time and memory are bounded by its size.

    Args:
        data: the page, all of it, without content coding.
        charset: what Content-Type says of it.

    Returns:
        None if nothing can be read: the page shows no words outside its title, or is longer than `LONGEST`.
    """
    if len(data) > LONGEST:
        return None
    text, _ = webencodings.decode(data, page_encoding(data, charset))
    root = parse_html(text)
    if root is None:
        return None
    body = _folded(_pieces(root))
    if not any(character.isalnum() for character in body):
        return None
    title = next(root.iter("title"), None)
    named = "" if title is None else _folded(str(part) for part in title.itertext())
    return f"{named}\n{body}"


def visible_text_sha256(data: bytes, charset: str | None = None) -> str | None:
    """SHA-256 of the visible text in UTF-8, lowercase hexadecimal; None if nothing can be read."""
    text = visible_text(data, charset)
    return None if text is None else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _folded(pieces: Iterable[str]) -> str:
    words = unicodedata.normalize("NFC", "".join(pieces)).translate(_INVISIBLE).split()
    return " ".join(words)


def _pieces(root: etree._Element) -> list[str]:
    unseen, pieces = 0, list[str]()
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = str(element.tag).lower()
        hidden = tag in _MAYBE_UNSEEN and _is_unseen(tag, element)
        if event == "start":
            unseen += hidden
        else:
            unseen -= hidden
        if unseen:
            continue
        if tag not in _INLINE:
            pieces.append(" ")
        if event == "start":
            if tag in _DESCRIBED and (alternative := element.get("alt")):
                pieces.append(alternative)
            text = element.text
        else:
            text = element.tail
        if text:
            pieces.append(text)
    return pieces


def _is_unseen(tag: str, element: etree._Element) -> bool:
    # A declarative shadow root is shown in its host's place.
    return tag in _UNSEEN or (tag == "template" and element.get("shadowrootmode") is None)
