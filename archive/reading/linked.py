"""What a page links: documents of its text, and cards that lead to other pages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from lxml import etree

from sijill.archive.reading.frame_words import begins, frame_words, plain
from sijill.archive.reading.markup import Page, folded_text, text_of
from sijill.archive.reading.regions import Card
from sijill.archive.reading.statement import LinkedDocument, Teaser

MOST_TEASERS = 2_000
MEDIA_TYPES = MappingProxyType(
    {
        ".pdf": "application/pdf",
        ".doc": "application/msword",
        ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ".odt": "application/vnd.oasis.opendocument.text",
        ".rtf": "application/rtf",
        ".xls": "application/vnd.ms-excel",
        ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ".ppt": "application/vnd.ms-powerpoint",
        ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ".epub": "application/epub+zip",
    }
)
_LONGEST = 1_500
_STATED = frozenset(MEDIA_TYPES.values())
_UNSEEN = frozenset({"script", "style", "noscript", "template", "time", "svg", "button"})


def linked_documents(page: Page, anchors: Iterable[etree._Element]) -> tuple[LinkedDocument, ...]:
    """The documents that a text links, by the ending of their addresses or the type that the link states, each once."""
    found: dict[str, LinkedDocument] = {}
    for anchor in anchors:
        url = page.absolute(anchor.get("href"))
        if url is None or url in found:
            continue
        stated = (anchor.get("type") or "").partition(";")[0].strip().lower()
        media_type = stated if stated in _STATED else _by_ending(url)
        if media_type:
            title = (
                text_of(anchor)
                or folded_text(anchor.get("title") or "")
                or unquote(urlsplit(url).path.rpartition("/")[2])
            )
            found[url] = LinkedDocument(url, title[:_LONGEST], media_type)
    return tuple(found.values())


def teasers_of(page: Page, cards: Sequence[Card]) -> tuple[Teaser, ...]:
    """Title, address and text of each card; dates in `<time>` and links such as "Read more" are no part of the text."""
    return tuple(
        Teaser(card.url, text_of(card.heading)[:_LONGEST], _card_text(card)[:_LONGEST]) for card in cards[:MOST_TEASERS]
    )


def _by_ending(url: str) -> str | None:
    path = urlsplit(url).path.lower()
    return next((media_type for ending, media_type in MEDIA_TYPES.items() if path.endswith(ending)), None)


def _card_text(card: Card) -> str:
    pieces: list[str] = []
    walker = etree.iterwalk(card.box, events=("start", "end"))
    for event, element in walker:
        if event == "start":
            if element is card.heading or element.tag in _UNSEEN or (element is not card.box and _leads_on(element)):
                walker.skip_subtree()
            elif element.text:
                pieces.append(element.text)
        elif element is not card.box and element.tail:
            pieces.append(
                element.tail if element.tag in {"b", "strong", "em", "i", "a", "span"} else f" {element.tail}"
            )
        else:
            pieces.append(" ")
    return folded_text("".join(pieces)).strip(" ·|")


def _leads_on(element: etree._Element) -> bool:
    if element.tag != "a" or len(element) > 2:
        return False
    return begins(plain(text_of(element)[:80]), frame_words().ways_out)
