"""What an HTML page links to: other pages, its languages, its feeds, the next page of a list. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from urllib.parse import parse_qsl, urlsplit

import webencodings
from lxml import etree

# The page is read as the capture reads it for what it needs: one way to tell an encoding, one way to parse.
from sijill.archive.capture.requisites import page_encoding, parse_html, refresh_target
from sijill.archive.crawl.found import Found, How, Problem, Refused
from sijill.archive.crawl.urls import LONGEST_LINE, absolute, without_tracking
from sijill.archive.errors import BadTarget

MOST_REFUSED = 100
"""Links not followed that are given, each with its reason; the others are counted."""
_MOST_SCHEMES = 30
_SCHEME = re.compile(r"[\s\x00-\x1f]{0,100}([a-zA-Z][a-zA-Z0-9+.-]{0,29}):")
_UNREAD = re.compile(r"[\t\r\n]")
_FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/rdf+xml"})
_LABEL_PIECES = 30
_LONGEST_LABEL = 60
_NUMBERED = re.compile(r"/(?:page|seite|pagina|sayfa|p|صفحة)[/-]?\d{1,5}/?\Z", re.IGNORECASE)
_PAGE_PARAMETERS = frozenset({"page", "paged", "pg", "p", "start", "offset", "seite", "sayfa"})
_OLDER_CLASSES = frozenset(
    {"nav-previous", "next", "next-page", "nextpostslink", "pager-next", "pager__item--next", "page-next",
     "pagination-next", "older", "older-posts", "load-more"}
)  # fmt: skip
OLDER_WORDS: dict[str, frozenset[str]] = {
    "ar": frozenset({"التالي", "التالية", "الصفحة التالية", "المقالات الأقدم", "مقالات أقدم", "مواضيع أقدم", "أقدم",
                     "تدوينات أقدم", "المشاركات الأقدم", "رسائل أقدم", "بيانات أقدم", "المزيد من البيانات",
                     "عرض المزيد", "تحميل المزيد"}),
    "ckb": frozenset({"دواتر", "کۆنتر", "لاپەڕەی دواتر"}),
    "de": frozenset({"ältere beiträge", "ältere einträge", "nächste seite", "nächste", "weiter", "mehr laden"}),
    "en": frozenset({"older posts", "older entries", "older articles", "older news", "older", "older statements",
                     "previous posts", "previous entries", "next page", "next", "more statements", "more news",
                     "more posts", "load more", "show more"}),
    "es": frozenset({"entradas antiguas", "entradas anteriores", "más antiguas", "página siguiente", "siguiente",
                     "cargar más", "ver más"}),
    "fa": frozenset({"بعدی", "صفحه بعد", "نوشته‌های قدیمی‌تر", "قدیمی‌تر", "مطالب قدیمی‌تر"}),
    "fr": frozenset({"articles plus anciens", "articles précédents", "plus ancien", "plus anciens", "page suivante",
                     "suivant", "suivante", "voir plus", "charger plus"}),
    "he": frozenset({"הבא", "העמוד הבא", "פוסטים ישנים", "ישנים יותר"}),
    "ku": frozenset({"pêş", "paşê", "rûpela paşê", "yên kevintir", "nivîsên kevintir"}),
    "ru": frozenset({"следующая", "следующая страница", "далее", "старые записи", "предыдущие записи"}),
    "tr": frozenset({"sonraki", "sonraki sayfa", "daha eski", "eski yazılar", "önceki yazılar", "daha fazla"}),
}  # fmt: skip
"""By language: what is written on the link to the next, older, page of a list."""
_OLDER = frozenset(word for words in OLDER_WORDS.values() for word in words)


@dataclass(frozen=True, slots=True)
class Links:
    """What a page links to, in the order of the page, each URL once."""

    found: tuple[Found, ...]
    feeds: tuple[Found, ...]
    """Feeds that the page says are its own."""
    refused: tuple[Refused, ...]
    """Links that no request can be made of: the first of them."""
    refused_schemes: tuple[tuple[str, int], ...]
    """How many of all of them have which scheme, by name; what is no URL of http(s) counts as `malformed`."""
    problems: tuple[Problem, ...]
    language: str | None
    """Of the page, as its html element says; in lower case."""


def read_links(data: bytes, url: str, *, limit: int, charset: str | None = None, cut: str | None = None) -> Links:
    """Read the links of an HTML page; never raises on what it is.

    Args:
        data: the page, without content coding.
        url: where it was found.
        limit: most URLs that are given.
        charset: what Content-Type says of it.
        cut: why `data` is not all there was, if it is not.
    """
    text, encoding = webencodings.decode(data, page_encoding(data, charset))
    root = parse_html(text)
    if root is None:
        what = "there is no element in it" if data.strip() else "it is empty"
        return Links((), (), (), (), (Problem(url, cut or what),), None)
    reader = _Reader(url, "utf-8" if encoding.name.startswith("utf-16") else encoding.codec_info.name, limit)
    reader.read(root)
    problems = [Problem(url, cut)] if cut else []
    if reader.more:
        problems.append(Problem(url, f"it has more than {limit} links; the first {limit} are read"))
    return Links(
        tuple(reader.found.values()),
        tuple(reader.feeds.values()),
        tuple(reader.refused.values()),
        tuple(sorted(reader.schemes.items())),
        tuple(problems),
        _tag(root.get("lang")),
    )


class _Reader:
    """Goes through a page once."""

    def __init__(self, url: str, query_encoding: str, limit: int) -> None:
        self.found: dict[str, Found] = {}
        self.feeds: dict[str, Found] = {}
        self.refused: dict[str, Refused] = {}
        self.schemes: Counter[str] = Counter()
        self.more = False
        self._url = url
        self._base = url
        self._query_encoding = query_encoding
        self._limit = limit

    def read(self, root: etree._Element) -> None:
        for element in root.iter("base"):
            if (href := element.get("href")) and (base := self._absolute(href)):
                self._base = base
                break
        for element in root.iter("link", "a", "area", "meta"):
            if self.more:
                return
            if element.tag == "meta":
                self._read_meta(element)
                continue
            href = element.get("href")
            if not href or not href.strip() or href.strip().startswith("#"):
                continue
            relations = frozenset((element.get("rel") or "").lower().split())
            if element.tag == "link":
                self._read_link(element, href, relations)
            else:
                self._read_anchor(element, href, relations)

    def _read_link(self, element: etree._Element, href: str, relations: frozenset[str]) -> None:
        if "alternate" in relations and (element.get("type") or "").strip().lower() in _FEED_TYPES:
            if len(self.feeds) < MOST_REFUSED and (address := self._absolute(href)):
                self.feeds.setdefault(address, Found(address, self._url, How.LINK))
        elif "alternate" in relations and element.get("hreflang"):
            self._add(href, How.HREFLANG, _tag(element.get("hreflang")))
        elif "canonical" in relations:
            self._add(href, How.CANONICAL, None)
        elif "next" in relations:
            self._add(href, How.OLDER, None)

    def _read_meta(self, element: etree._Element) -> None:
        if (element.get("http-equiv") or "").strip().lower() == "refresh":
            target = refresh_target(element.get("content") or "")
            if target:
                self._add(target, How.LINK, None)

    def _read_anchor(self, element: etree._Element, href: str, relations: frozenset[str]) -> None:
        language = _tag(element.get("hreflang"))
        if "alternate" in relations and language:
            self._add(href, How.HREFLANG, language)
        else:
            self._add(href, How.LINK, language, element=element, relations=relations)

    def _add(
        self,
        href: str,
        how: How,
        language: str | None,
        *,
        element: etree._Element | None = None,
        relations: frozenset[str] = frozenset(),
    ) -> None:
        address = self._absolute(href)
        if address is None or address == self._url:
            return
        known = self.found.get(address)
        if known is None and len(self.found) >= self._limit:
            self.more = True
            return
        if how is How.LINK and element is not None and _is_older(element, address, relations):
            how = How.OLDER
        # The same page may be linked to in several ways: the one that says most of it counts.
        if known is None or (known.how is How.LINK and how is not How.LINK):
            self.found[address] = Found(address, self._url, how, None, language or (known.language if known else None))

    def _absolute(self, href: str) -> str | None:
        if len(href) > LONGEST_LINE:
            self._refuse(href, f"longer than {LONGEST_LINE} characters")
            return None
        try:
            return without_tracking(absolute(self._base, href, query_encoding=self._query_encoding))
        except BadTarget as err:
            self._refuse(href, err.reason)
            return None

    def _refuse(self, href: str, reason: str) -> None:
        self.schemes[self._scheme(href)] += 1
        if len(self.refused) < MOST_REFUSED:
            self.refused.setdefault(href[:200], Refused(href[:200], reason))

    def _scheme(self, href: str) -> str:
        # As browsers read it: tabs and line breaks count for nothing (URL §4.4).
        found = _SCHEME.match(_UNREAD.sub("", href[:200]))
        name = found[1].lower() if found else ""
        if not name or name in {"http", "https"}:
            return "malformed"
        return name if name in self.schemes or len(self.schemes) < _MOST_SCHEMES else "other"


def _is_older(element: etree._Element, address: str, relations: frozenset[str]) -> bool:
    """Whether a link leads to the next page of a list, by relation, address, class or label."""
    if "next" in relations:
        return True
    label = _label(element)
    if label in _OLDER:
        return True
    if set((element.get("class") or "").lower().split()) & _OLDER_CLASSES:
        return True
    return label.isdecimal() and _is_numbered(address)


def _is_numbered(address: str) -> bool:
    parts = urlsplit(address)
    if _NUMBERED.search(parts.path):
        return True
    pairs = parse_qsl(parts.query, max_num_fields=100) if parts.query.count("&") < 100 else []
    return any(name.lower() in _PAGE_PARAMETERS and value.isdecimal() for name, value in pairs)


def _label(element: etree._Element) -> str:
    """The words of a link in lower case, arrows and other marks around them left out."""
    # No more than some pieces: broken pages nest links in links.
    walk = islice(etree.iterwalk(element, events=("start", "end")), _LABEL_PIECES)
    pieces = (node.text if event == "start" else node.tail if node is not element else "" for event, node in walk)
    text = "".join((piece or "")[:_LONGEST_LABEL] for piece in pieces)
    words = unicodedata.normalize("NFC", " ".join(text.split())).casefold()[: 2 * _LONGEST_LABEL]
    return words.strip("«»‹›←→<>|…. \u200e\u200f")


def _tag(text: str | None) -> str | None:
    """A language tag in lower case; None for none, and for x-default, which names no language."""
    tag = (text or "").strip().lower().replace("_", "-")[:35]
    return tag if tag and tag != "x-default" else None
