"""Bytes of a page or document to what it says: the one entry to the reader. Pure."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence

from lxml import etree

from sijill.archive.reading import documents
from sijill.archive.reading.date import is_date, publication_date
from sijill.archive.reading.decoding import decode
from sijill.archive.reading.kind import is_index, kind_of_text, login_reason
from sijill.archive.reading.language import declared_language, language_of, language_versions
from sijill.archive.reading.layout import choose_roots, regions_of
from sijill.archive.reading.linked import linked_documents, teasers_of
from sijill.archive.reading.main_text import MOST_BLOCKS, MainText, main_text, placed
from sijill.archive.reading.markup import Head, Page, read_page, text_of
from sijill.archive.reading.regions import Regions, within
from sijill.archive.reading.signatories import find_signatories
from sijill.archive.reading.statement import (
    READER,
    Block,
    BlockKind,
    Found,
    Kind,
    PublicationDate,
    Reading,
    SignatoriesFound,
    nothing_read,
)
from sijill.archive.reading.title import issuers_of, title_of

LONGEST = 20 << 20
"""Bytes of a page; larger ones are not read."""
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_TEXT = frozenset({"text/plain"})
_NONE = frozenset({"", "application/octet-stream", "binary/octet-stream", "unknown/unknown"})
_ABOVE = 400
"""Characters from the beginning of the main text in which its date may stand: title, subtitle, where, when."""
_RUNNING = 140
"""Characters of one piece of it with which the text has begun."""
_LONGEST_DATE = 70
_LINES = frozenset({"p", "div", "span", "em", "strong", "small"})


def read_statement(
    payload: bytes,
    *,
    media_type: str | None,
    charset: str | None,
    url: str,
    not_after: datetime.date | None = None,
) -> Reading:
    """What the bytes of a page or PDF say. The same arguments give the same reading; nothing that bytes are raises.

    Args:
        payload: the page, all of it, without content coding.
        media_type: as Content-Type says, or None; what begins as a PDF is one.
        charset: as Content-Type says, or None.
        url: of the page: references are resolved against it, and it may hold a date.
        not_after: the day after the capture; a later date of publication is refused, with the reason.
    """
    stated = (media_type or "").partition(";")[0].strip().lower()
    if payload[:1024].lstrip().startswith(b"%PDF-") or (stated == "application/pdf" and payload):
        return _document(payload, url, not_after)
    if not payload.strip():
        return _nothing(payload, url, "empty", "no bytes")
    if stated not in _HTML | _TEXT | _NONE or (stated in _NONE and b"<" not in payload[:4096]):
        return _nothing(payload, url, "other", f"of type {stated or 'unknown'}, which is not read")
    if len(payload) > LONGEST:
        return _nothing(payload, url, "other", f"longer than {LONGEST >> 20} MiB: not read")
    decoded = decode(payload, charset)
    if stated in _TEXT:
        return _plain_text(payload, decoded.text, decoded.notes, url, not_after)
    page = read_page(decoded.text, url.partition("#")[0])
    if page is None:
        return _nothing(payload, url, "empty", "no elements", decoded.notes)
    return _page(payload, page, decoded.notes, not_after)


def _page(payload: bytes, page: Page, notes: tuple[str, ...], not_after: datetime.date | None) -> Reading:
    regions = regions_of(page)
    index = is_index(page, regions)
    login = login_reason(page, regions)
    choose_roots(regions, page, index=index is not None)
    main = main_text(page, regions, is_date=is_date)
    kind, reason = _kind(main, index, login, regions)
    language = language_of(main.text, declared_language(page))
    title = title_of(page.head, _headings(regions), is_index=index is not None)
    date = _date(page, regions, main, kind, language.value, not_after)
    signatories = _signatories(main.blocks, kind)
    if not main.complete:
        notes = (*notes, f"the text was cut after {MOST_BLOCKS} pieces")
    return Reading(
        reader=READER,
        source_sha256=_sha256(payload),
        url=page.url,
        kind=kind,
        kind_reason=reason,
        title=title,
        date=date,
        language=language,
        issuers=issuers_of(page.head),
        text=main.text,
        paragraphs=tuple(block.place for block in main.blocks),
        signatories=signatories.lists,
        signatories_reason=signatories.reason,
        versions=language_versions(page, language.value, main.anchors),
        documents=linked_documents(page, main.anchors),
        teasers=teasers_of(page, regions.cards),
        frame_sha256=_sha256(main.frame.encode("utf-8", "replace")),
        links=main.links,
        notes=notes,
    )


def _kind(main: MainText, index: str | None, login: str | None, regions: Regions) -> tuple[Kind, str]:
    if login is not None:
        return "login", login
    if index is not None:
        return "index", index
    return kind_of_text(main.text, links=regions.sizes[regions.body].links)


def _date(
    page: Page, regions: Regions, main: MainText, kind: Kind, language: str | None, not_after: datetime.date | None
) -> Found[PublicationDate]:
    if kind in {"index", "login"}:
        return Found(None, f"not found: a page of kind “{kind}” is not looked through for one")
    times, above = _times(regions)
    return publication_date(
        page.head,
        times,
        main.blocks,
        above,
        page.url if kind == "statement" else "",
        language=language,
        not_after=not_after,
    )


def _times(regions: Regions) -> tuple[list[str], list[str]]:
    """Times that a page marks as of its publication, else those above its text; and lines there that are dates."""
    declared, above, lines, characters = list[str](), list[str](), list[str](), 0
    for root in regions.roots:
        walker = etree.iterwalk(root, events=("start",))
        for _, element in walker:
            if element in regions.frame:
                walker.skip_subtree()
                continue
            here = len((element.text or "").strip())
            characters += here
            if characters > _ABOVE or here >= _RUNNING:
                return declared or above, lines
            if element.tag == "time":
                published = "pubdate" in element.attrib or "datepublished" in (element.get("itemprop") or "").lower()
                (declared if published else above).append(element.get("datetime") or text_of(element))
            elif element.tag in _LINES and 0 < regions.sizes[element].characters <= _LONGEST_DATE:
                line = text_of(element)
                lines.extend([line] if is_date(line) and line not in lines else [])
    return declared or above, lines


def _headings(regions: Regions) -> list[etree._Element]:
    """First headings in the main text, else anywhere, else second ones in the main text."""
    inside = [heading for root in regions.roots for heading in root.iter("h1") if not within(heading, regions.frame)]
    if inside:
        return inside
    everywhere = list(regions.body.iter("h1"))
    seconds = [heading for root in regions.roots for heading in root.iter("h2") if not within(heading, regions.frame)]
    return everywhere or seconds[:1]


def _signatories(blocks: Sequence[Block], kind: Kind) -> SignatoriesFound:
    if kind in {"index", "login", "empty", "teaser"}:
        return SignatoriesFound((), f"not found: a page of kind “{kind}” is not looked through for signatories")
    return find_signatories(blocks)


def _document(payload: bytes, url: str, not_after: datetime.date | None) -> Reading:
    found = documents.pdf_text(payload)
    text, blocks = placed(list(found.pieces))
    language = language_of(text, None)
    return _of_text(payload, url, text, blocks, "document", found.reason, _document_title(found, blocks), language,
                    () if found.author is None else (found.author,), found.notes, not_after)  # fmt: skip


def _document_title(found: documents.DocumentText, blocks: Sequence[Block]) -> Found[str]:
    opening = " ".join(block.text for block in blocks[:12]).casefold()
    if found.title and found.title.casefold() in opening:
        return Found(found.title, "the document's metadata, confirmed by its beginning")
    first = next((block.text for block in blocks if any(character.isalpha() for character in block.text)), None)
    if first is not None and len(first) <= 200:
        return Found(first, "the first line")
    if found.title:
        return Found(found.title, "the document's metadata; its beginning does not confirm it")
    return Found(None, "not found: no first line that is a title" if blocks else f"not found: {found.reason}")


def _plain_text(
    payload: bytes, text: str, notes: tuple[str, ...], url: str, not_after: datetime.date | None
) -> Reading:
    pieces: list[tuple[BlockKind, str, int]] = []
    documents.add_lines(pieces, text)
    whole, blocks = placed(pieces)
    kind, reason = kind_of_text(whole, links=0)
    title = (
        Found(blocks[0].text, "the first line")
        if blocks and len(blocks[0].text) <= 200
        else Found[str](None, "not found: no first line that is a title")
    )
    return _of_text(payload, url, whole, blocks, kind, reason, title, language_of(whole, None), (), notes, not_after)


def _of_text(
    payload: bytes, url: str, text: str, blocks: tuple[Block, ...], kind: Kind, reason: str, title: Found[str],
    language: Found[str], issuers: tuple[str, ...], notes: tuple[str, ...], not_after: datetime.date | None,
) -> Reading:  # fmt: skip
    signatories = _signatories(blocks, kind) if blocks else SignatoriesFound((), f"not found: {reason}")
    return Reading(
        reader=READER,
        source_sha256=_sha256(payload),
        url=url,
        kind=kind,
        kind_reason=reason,
        title=title,
        date=publication_date(Head(), (), blocks, (), "", language=language.value, not_after=not_after),
        language=language,
        issuers=issuers,
        text=text,
        paragraphs=tuple(block.place for block in blocks),
        signatories=signatories.lists,
        signatories_reason=signatories.reason,
        versions=(),
        documents=(),
        teasers=(),
        frame_sha256=_sha256(b""),
        links=(),
        notes=notes,
    )


def _nothing(payload: bytes, url: str, kind: Kind, reason: str, notes: tuple[str, ...] = ()) -> Reading:
    return nothing_read(_sha256(payload), url, kind, reason, notes)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
