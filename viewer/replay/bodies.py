"""Archived bodies as they are given back: rewritten if they are markup or style, else as they were sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Final

import webencodings

from sijill.archive.capture.content import decoded
from sijill.archive.capture.requisites import page_encoding
from sijill.archive.capture.stylesheet import decode_css
from sijill.archive.warc.http_message import ResponseHead
from sijill.viewer.replay.addresses import Address, Mode
from sijill.viewer.replay.css import rewrite_css
from sijill.viewer.replay.html import rewrite_html
from sijill.viewer.replay.rewriting import BYTES, Rewriter, keeps_ascii

LARGEST: Final = 24 << 20
"""Bytes of a document that is rewritten; a larger one is given as it was sent, and what it refers to stays away."""
LARGEST_STYLE: Final = 8 << 20
_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
_MARKUP: Final = _HTML | {"image/svg+xml"}
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9:_.\-]{1,60})", re.IGNORECASE)
_LOOKS_LIKE_HTML: Final = re.compile(
    rb"\s*<(?:!doctype\s+html|html|head|body|script|title|table|div|h1)\b", re.IGNORECASE
)
_SNIFFED: Final = 512


@dataclass(frozen=True, slots=True)
class Body:
    """What was made of an archived body."""

    data: bytes
    content_type: str


def media_type_of(head: ResponseHead) -> str | None:
    """The type in lower case; None if the server stated none."""
    return head.media_type.lower() if head.media_type else None


def is_rewritten(head: ResponseHead, *, shown: bool) -> bool:
    """Whether a body with this head holds addresses that can be rewritten.

    Args:
        head: as archived.
        shown: whether a window or a frame asks for it, which takes what has no type for what it looks like.
    """
    media_type = media_type_of(head)
    return media_type in _MARKUP or media_type == "text/css" or (media_type is None and shown)


def rewritten(pieces: Iterator[bytes], head: ResponseHead, address: Address, *, began: int | None) -> Body | None:
    """A whole body with its addresses leading to the replay server; None if it cannot be had as a whole, or be read.

    Args:
        pieces: the de-chunked payload.
        head: as archived.
        address: of the body.
        began: milliseconds since 1970 at which the clock of its scripts begins; None if it is no document to be shown.
    """
    media_type = media_type_of(head)
    limit = LARGEST_STYLE if media_type == "text/css" else LARGEST
    content = decoded(pieces, head.headers, limit=limit)
    if len(content.data) == limit or (content.problem is not None and not content.data):
        return None
    stated = next((value for name, value in head.headers if name.lower() == "content-type"), "")
    found = _CHARSET.search(stated)
    charset = found[1] if found else None
    if media_type == "text/css":
        return _style(content.data, charset, stated, address)
    if media_type is None and not _LOOKS_LIKE_HTML.match(content.data[:_SNIFFED]):
        return None
    return markup(content.data, charset, media_type or "text/html", address, began=began)


def markup(data: bytes, charset: str | None, media_type: str, address: Address, *, began: int | None) -> Body:
    """A document with its addresses leading to the replay server; its encoding is kept if its markup is ASCII."""
    encoding = page_encoding(data, charset)
    scripted = began is not None and address.mode is Mode.PAGE and media_type in _HTML
    first = _stand_in(address, began or 0) if scripted else ""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or not keeps_ascii(encoding):
        text, encoding = webencodings.decode(data, encoding)
        rewriter, name = Rewriter(address, first=first), "utf-8"
    else:
        text = data.decode(BYTES)
        query = "utf-8" if encoding.name == "x-user-defined" else encoding.codec_info.name
        rewriter, name = Rewriter(address, encoding, query, first), encoding.name
    new = rewrite_html(text, rewriter)
    return Body(new.encode(BYTES if rewriter.encoding else "utf-8", "replace"), f"{media_type}; charset={name}")


def _style(data: bytes, charset: str | None, stated: str, address: Address) -> Body:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or (charset or "").lower().startswith("utf-16"):
        text = decode_css(data, charset, None)
        return Body(rewrite_css(text, Rewriter(address).wrap).encode("utf-8", "replace"), "text/css; charset=utf-8")
    rewriter = Rewriter(address, webencodings.lookup(charset or "utf-8") or webencodings.UTF8)
    new = rewrite_css(data.decode(BYTES), lambda written: rewriter.wrap(rewriter.decode(written)))
    return Body(new.encode(BYTES, "replace"), stated)


def _stand_in(address: Address, began: int) -> str:
    """What runs before every script of a document; see scripts/stand_in.js."""
    prefix, url = escape(address.prefix), escape(address.url)
    return f'<script src="/stand-in.js" data-prefix="{prefix}" data-url="{url}" data-began="{began}"></script>'
