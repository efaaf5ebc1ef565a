"""The language of a text, and where the page offers it in others. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from lxml import etree

from sijill.archive.reading.frame_words import begins, frame_words, plain
from sijill.archive.reading.markup import Page, text_of
from sijill.archive.reading.statement import Found, LanguageVersion

_SAMPLE = 8_000
_ARABIC_SCRIPT = re.compile("[\u0620-\u064a\u066e-\u06d3\ufb50-\ufdff\ufe70-\ufefc]")
_LATIN_SCRIPT = re.compile("[A-Za-z\u00c0-\u024f]")
_PERSIAN = re.compile("[پچژگ]")
_SORANI = re.compile("[ێۆڕڵەڤ]")
_WORD = re.compile(r"[^\W\d_]+")
_COMMON = {
    "en": "the of and to in that for with is are was by on this have from which we our their",
    "fr": "le la les des et du que qui dans une est pour sur par au aux nous leur avec cette",
    "de": "der die und das den von zu mit ist des dem ein eine nicht auf für wir sich im werden",
    "es": "el los las que del por con una para es en como más este sus nos entre ha sobre su",
    "tr": "ve bir bu için ile olarak da de olan çok daha ne gibi kadar sonra her biz ancak ise olduğu",
    "ku": "û ji di de bi ku ev li ser bo wî wê me na ye hat dike kir ên jî",
}
_LISTED = {code: frozenset(listed.split()) for code, listed in _COMMON.items()}
_HOME = re.compile(
    r"/?(?:index\.[a-z]+)?|/[a-z]{2}(?:[-_][A-Za-z]{2})?/?(?:index\.[a-z]+)?|/(?:arabic|english|french)/?",
    re.IGNORECASE,
)


def is_home(url: str) -> bool:
    """Whether an address is that of a site's first page, or its first page in a language."""
    return _HOME.fullmatch(urlsplit(url).path) is not None and not urlsplit(url).query


def text_language(text: str) -> str | None:
    """The language that a text is written in, by script and its most common words; None if these do not tell."""
    sample = text[:_SAMPLE]
    arabic, latin = len(_ARABIC_SCRIPT.findall(sample)), len(_LATIN_SCRIPT.findall(sample))
    if arabic + latin < 20:
        return None
    if arabic > latin:
        if len(_SORANI.findall(sample)) * 20 > arabic:
            return "ckb"
        return "fa" if len(_PERSIAN.findall(sample)) * 50 > arabic else "ar"
    words = Counter(_WORD.findall(sample.lower()))
    counts = Counter({code: sum(words[word] for word in listed) for code, listed in _LISTED.items()})
    ranked = counts.most_common(2)
    if ranked[0][1] < 3 or ranked[0][1] * 12 < words.total():
        return None
    return ranked[0][0] if ranked[0][1] > ranked[1][1] * 1.3 else None


def declared_language(page: Page) -> str | None:
    """The primary subtag of what a page says of itself."""
    html = page.root if page.root.tag == "html" else None
    stated = (
        None
        if html is None
        else html.get("lang") or html.get("{http://www.w3.org/XML/1998/namespace}lang") or html.get("xml:lang")
    )
    stated = stated or page.head.first("content-language", "og:locale", "dc.language")
    code = re.match(r"\s*([A-Za-z]{2,3})(?:[-_]|\s*$)", stated or "")
    return code[1].lower() if code else None


def language_of(text: str, declared: str | None) -> Found[str]:
    """What the text is written in; what the page declares, where the text is too short to tell."""
    written = text_language(text)
    if written is not None:
        if declared is None:
            return Found(written, "the words of the text")
        agreed = declared == written
        return Found(
            written,
            "the words of the text, as the page declares"
            if agreed
            else f"the words of the text; the page declares {declared}",
        )
    if declared is not None:
        return Found(declared, "the page declares it; the text does not tell")
    return Found(None, "not found: the text does not tell, and the page declares none")


def language_versions(
    page: Page, language: str | None, anchors: Sequence[etree._Element]
) -> tuple[LanguageVersion, ...]:
    """Where a page offers its text in other languages: one address for each language, the best stated one.

    Alternates in the head are believed; links in the page only if they are named as a language is. A page that is no
    site's first page is no version of one that is.
    """
    found: dict[str, LanguageVersion] = {}
    for code, url in page.head.alternates:
        short = code.partition("-")[0]
        if short not in {"x", language} and url != page.url:
            found.setdefault(short, LanguageVersion(short, url, "hreflang"))
    if page.head.alternates and found:
        return tuple(found.values())
    own = {id(anchor) for anchor in anchors}
    in_page = [anchor for anchor in page.root.iter("a") if anchor.get("href")]
    for anchor in sorted(in_page, key=lambda one: id(one) not in own):
        version = _offered(page, language, anchor)
        if version is not None:
            found.setdefault(version.language, version)
    return tuple(found.values())


def _offered(page: Page, language: str | None, anchor: etree._Element) -> LanguageVersion | None:
    characters = "".join(str(part) for part in anchor.itertext())
    if len(characters) > 80:
        return None
    named = frame_words().languages.get(plain(characters))
    code = (anchor.get("hreflang") or "").partition("-")[0].strip().lower() or named
    if named is None or code is None or code == language:
        return None
    url = page.absolute(anchor.get("href"))
    if url is None or url == page.url or is_home(url) != is_home(page.url):
        return None
    if anchor.get("hreflang"):
        return LanguageVersion(code, url, "available-in" if _is_offered(anchor) else "hreflang")
    return LanguageVersion(code, url, "available-in" if _is_offered(anchor) else "link-text")


def _is_offered(anchor: etree._Element) -> bool:
    """Whether the words before a link, in its paragraph or above its list, say that other languages follow."""
    one: etree._Element | None = anchor
    for _ in range(3):
        one = None if one is None else one.getparent()
        if one is None:
            return False
        before = one.getprevious()
        for element in (one, before):
            if element is not None and begins(plain(text_of(element)[:200]), frame_words().languages_offered):
                return True
    return False
