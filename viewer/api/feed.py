"""The Atom feed of changes (RFC 4287). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, cast
from urllib.parse import quote

from lxml import etree

from sijill.archive.catalog.changes import Change
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.viewer.api.telling import change_id, summary

MEDIA_TYPE: Final = "application/atom+xml"
_ATOM: Final = "http://www.w3.org/2005/Atom"
_NAMESPACES: Final = cast("dict[str, str]", {None: _ATOM})
# XML 1.0 §2.2: no other control characters, and no surrogates, may stand in a document.
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def feed(changes: Sequence[Change], *, archive: str, origin: str, viewer: str, now: datetime) -> bytes:
    """The feed of `changes`, which are in the order of the log; the newest comes first.

    Args:
        changes: what to tell.
        archive: who archives; empty if that is concealed.
        origin: the name of the log, which is what the feed is about, wherever it is served.
        viewer: the origin of the viewer.
        now: when nothing has changed yet, the feed is as old as this.
    """
    root = etree.Element(f"{{{_ATOM}}}feed", nsmap=_NAMESPACES)
    updated = changes[-1].after.captured if changes else format_timestamp(now)
    _add(root, "id", f"urn:sijill:changes:{quote(origin, safe='')}")
    _add(root, "title", f"Changed statements: {archive or origin}")
    _add(root, "updated", updated)
    _add(_add(root, "author"), "name", archive or origin)
    _link(root, "self", f"{viewer}/feed.atom", MEDIA_TYPE)
    _link(root, "alternate", f"{viewer}/", "text/html")
    for change in reversed(changes):
        entry = _add(root, "entry")
        _add(entry, "id", change_id(change))
        _add(entry, "title", change.title or change.after.url)
        _add(entry, "updated", change.after.captured)
        _add(entry, "summary", summary(change)).set("type", "text")
        _link(entry, "alternate", f"{viewer}/captures/{change.after.capture_id}", "text/html")
        _link(entry, "related", f"{viewer}/captures/{change.before.capture_id}", "text/html")
        _add(entry, "category").set("term", change.kind)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    element = etree.SubElement(parent, f"{{{_ATOM}}}{name}")
    element.text = None if text is None else _NOT_XML.sub("\ufffd", text)
    return element


def _link(parent: etree._Element, relation: str, target: str, media_type: str) -> None:
    link = _add(parent, "link")
    link.set("rel", relation)
    link.set("type", media_type)
    link.set("href", target)
