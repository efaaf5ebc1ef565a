"""The date of publication: from what a page declares, else from a line of its text that is a date. Pure.

A date within a sentence is never taken: it is when something happened. Two readings of one notation ("05/06/2018" in
English), two dates that contradict each other in one place, a date that cannot be: not found, and why.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence

from sijill.archive.reading.date_notation import FOLDED, Mention, mentions
from sijill.archive.reading.frame_words import begins, frame_words, plain
from sijill.archive.reading.markup import Head
from sijill.archive.reading.normalise import tidy
from sijill.archive.reading.statement import Block, DateSource, Found, PublicationDate

EARLIEST = 1990
"""No page of the web is older."""

_YEAR_IN_DIGITS = re.compile(r"\d{4}")
_WEEKDAYS = frozenset(
    {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "mon", "tue", "tues", "wed", "thu",
     "thur", "thurs", "fri", "sat", "sun", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
     "الاثنين", "الثلاثاء", "الاربعاء", "الخميس", "الجمعه", "السبت", "الاحد", "يوم"}
)  # fmt: skip
_LABELS = frozenset(
    {"published", "publication", "date", "dated", "posted", "on", "issued", "released", "release", "at", "the", "le",
     "du", "publie", "fait", "نشر", "نشرت", "بتاريخ", "تاريخ", "النشر", "صدر", "في", "الموافق",
     "م", "ميلادي", "ميلاديه", "التاريخ", "تحريرا", "حرر"}
)  # fmt: skip
_HIJRI = re.compile(
    r"[0-9٠-٩]{1,2}\s+(?:محرم|صفر|ربيع|جماد[ىي]|رجب|شعبان|رمضان|شوال|ذو|ذي)(?:\s+[^\W\d_]+)?[\s،]+[0-9٠-٩]{4}\s*(?:هـ|ه)?"
)
_BY = re.compile(r"(?:by|par|بقلم|كتبه)\s", re.IGNORECASE)
_ENDS = "|·•–—-:،,()[]/;"
_LONG_LINE = 160
_PLACE = 70
_DATE_TYPES = frozenset(
    {"article", "newsarticle", "blogposting", "report", "webpage", "reportagenewsarticle", "scholarlyarticle"}
)
_META = ("article:published_time", "og:article:published_time", "datepublished", "article:published",
         "parsely-pub-date", "dc.date.issued", "dcterms.issued", "dcterms.created", "dc.date", "dcterms.date",
         "citation_publication_date", "publishdate", "publish_date", "pubdate", "date")  # fmt: skip
_ISO = re.compile(
    r"((?:19|20)[0-9]{2})-([0-9]{2})-([0-9]{2})(?:[T ][0-9:.,]*\s?(?:Z|[+-][0-9:]{2,5})?)?$", re.IGNORECASE
)
_IN_URL = re.compile(r"/((?:19|20)[0-9]{2})[/-]([01]?[0-9])(?:[/-]([0-3]?[0-9]))?(?=[/-])")


def publication_date(
    head: Head, times: Sequence[str], blocks: Sequence[Block], above: Sequence[str], url: str, *, language: str | None,
    not_after: datetime.date | None = None,
) -> Found[PublicationDate]:  # fmt: skip
    """When a page was published.

    Args:
        head: what the page declares.
        times: of the main text's `<time>` elements that stand above the running text, or declare a publication.
        blocks: the main text.
        above: lines above the running text that are no part of it: dates that stand alone.
        url: of the page.
        language: of the text; "05/06/2018" is read as 5 June in Arabic and French only.
        not_after: what was published later cannot be in these bytes (the day after the capture, for other time zones).
    """
    refused: list[str] = []
    declared: tuple[tuple[DateSource, Sequence[str], str], ...] = (
        ("json-ld", _json_ld(head), "datePublished in JSON-LD"),
        ("metadata", _meta(head), "metadata of the page"),
        ("time-element", times, "a time element above the text"),
    )
    for source, values, how in declared:
        found = _declared(source, values, how, not_after, refused)
        if found:
            return _with_text(found, _lines(above, blocks, language, not_after, []))
    for mention in _lines(above, blocks, language, not_after, refused):
        return mention
    if found := _from_url(url, not_after):
        return found
    return Found(
        None, "not found: " + ("; ".join(dict.fromkeys(refused)) or "no declared date, and no line that is a date")
    )


def is_date(line: str) -> bool:
    """Whether a line is a date and nothing else, but for a weekday and words such as "published on"."""
    if len(line) > _PLACE or not _YEAR_IN_DIGITS.search(line):
        return False
    text = tidy(line)
    found = mentions(text)
    return (
        len(found) == 1
        and found[0].precision == "day"
        and not _rest(text[: found[0].start] + " " + text[found[0].end :])
    )


def _rest(text: str) -> str:
    """What is left of a line without weekdays, labels and marks."""
    kept = [word for word in re.split(r"[\s" + re.escape(_ENDS) + r".]+", text) if word]
    return " ".join(word for word in kept if not _says_nothing(word))


def _says_nothing(word: str) -> bool:
    folded = word.lower().translate(FOLDED)
    return folded in _WEEKDAYS or folded in _LABELS


def _lines(
    above: Sequence[str],
    blocks: Sequence[Block],
    language: str | None,
    not_after: datetime.date | None,
    refused: list[str],
) -> list[Found[PublicationDate]]:
    """The date of a line above the text, or of one below it; none if there are several."""
    bodies = [
        at for at, block in enumerate(blocks) if block.kind in {"paragraph", "line"} and len(block.text) >= _LONG_LINE
    ]
    first = bodies[0] if bodies else len(blocks)
    last = bodies[-1] if bodies else len(blocks)
    top = [*above, *(block.text for block in blocks[:first] if block.kind in {"paragraph", "line"})]
    opening = [blocks[first].text[:120]] if bodies else []
    # Below the last long paragraph stand the date, the signatories, who to ask.
    foot = [block.text for block in blocks[last + 1 :] if block.kind in {"paragraph", "line", "heading"}]
    for lines, where, opens in (
        (top, "above the text", False),
        (opening, "at the beginning of the text", True),
        (foot, "below the text", False),
    ):
        found: dict[tuple[datetime.date, str], str] = {}
        unlabelled = 0
        for line in lines:
            text = tidy(line)
            if not opens and len(text) > _LONG_LINE:
                continue
            for mention in mentions(text, language):
                if not _is_dateline(text, mention, opens=opens):
                    continue
                unlabelled += 1
                if mention.date is None:
                    refused.append(mention.reason)
                elif reason := _impossible(mention.date, not_after):
                    refused.append(reason)
                else:
                    found.setdefault((mention.date, mention.precision), text[mention.start : mention.end])
        days = {key: value for key, value in found.items() if key[1] == "day"} or found
        if len(days) == 1:
            ((date, precision), verbatim) = next(iter(days.items()))
            if unlabelled > len(found) and refused:
                continue
            return [
                Found(
                    PublicationDate(date, "day" if precision == "day" else "month", "text", verbatim), f"a line {where}"
                )
            ]
        if days:
            refused.append(f"several dates {where}: " + ", ".join(sorted(days.values())))
            return []
    return []


def _is_dateline(text: str, mention: Mention, *, opens: bool) -> bool:
    """Whether a date stands apart in its line: alone, after a place, between marks; not within a sentence."""
    before, after = _HIJRI.sub("", text[: mention.start]).rstrip(), text[mention.end :].lstrip()
    words = plain(before)
    if begins(words, frame_words().other_dates) or any(
        words.endswith(f" {word}") for word in frame_words().other_dates
    ):
        return False
    if opens:
        return bool(after) and after[0] in "–—-:|)" and len(before) <= _PLACE and not re.search(r"[.!?؟]\s", before)
    if len(before) > _PLACE or len(after) > _PLACE:
        return False
    stripped = _rest(before)
    if stripped and not _parted(before):
        return False
    after = _HIJRI.sub("", after)
    return not _rest(after) or after[0] in _ENDS + "." or _BY.match(after) is not None


def _parted(before: str) -> bool:
    """Whether a mark, with or without weekday and label, parts the words before a date from it."""
    while before:
        if before[-1] in _ENDS:
            # A sentence may also have a comma before a date, but is longer than a place.
            return before[-1] not in ",،" or len(before.rpartition("|")[2].split()) <= 6
        head, _, word = before.rpartition(" ")
        if not _says_nothing(word):
            return False
        before = head.rstrip()
    return True


def _declared(
    source: DateSource, values: Iterable[str], how: str, not_after: datetime.date | None, refused: list[str]
) -> Found[PublicationDate] | None:
    dates: dict[datetime.date, str] = {}
    for value in values:
        found = _ISO.match(value.strip())
        if found is None:
            read = [mention for mention in mentions(tidy(value)) if mention.date and mention.precision == "day"]
            if len(read) != 1 or len(value) > 60:
                refused.append(f"{how} says “{value[:40]}”, which is no date")
                continue
            date = read[0].date
        else:
            try:
                date = datetime.date(int(found[1]), int(found[2]), int(found[3]))
            except ValueError:
                refused.append(f"{how} says “{value[:40]}”, which is no date of the calendar")
                continue
        if date is None:
            continue
        if reason := _impossible(date, not_after):
            refused.append(f"{how}: {reason}")
            continue
        dates.setdefault(date, value.strip())
    if len(dates) == 1:
        ((date, verbatim),) = dates.items()
        return Found(PublicationDate(date, "day", source, verbatim), how)
    if dates:
        refused.append(f"{how} gives several dates: " + ", ".join(sorted(dates.values())))
    return None


def _with_text(found: Found[PublicationDate], lines: list[Found[PublicationDate]]) -> Found[PublicationDate]:
    if not lines or found.value is None or lines[0].value is None:
        return found
    other = lines[0].value
    if other.date == found.value.date or other.precision == "month":
        return found
    return Found(found.value, f"{found.reason}; {lines[0].reason} says {other.verbatim}")


def _impossible(date: datetime.date, not_after: datetime.date | None) -> str | None:
    if date.year < EARLIEST:
        return f"{date} is before the web"
    if not_after is not None and date > not_after:
        return f"{date} is after the capture"
    return None


def _json_ld(head: Head) -> list[str]:
    stated: list[tuple[bool, str]] = []
    for value in head.json_ld:
        kinds = value.get("@type")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        names = {kind.lower() for kind in kinds if isinstance(kind, str)} & _DATE_TYPES
        date = value.get("datePublished")
        if names and isinstance(date, str) and date.strip():
            stated.append((bool(names - {"webpage"}), date))
    articles = [date for is_article, date in stated if is_article]
    return articles or [date for _, date in stated]


def _meta(head: Head) -> list[str]:
    for name in _META:
        if values := head.meta.get(name):
            return values
    return []


def _from_url(url: str, not_after: datetime.date | None) -> Found[PublicationDate] | None:
    found = _IN_URL.search(url.partition("?")[0])
    if found is None:
        return None
    try:
        date = datetime.date(int(found[1]), int(found[2]), int(found[3] or 1))
    except ValueError:
        return None
    if _impossible(date, not_after):
        return None
    return Found(
        PublicationDate(date, "day" if found[3] else "month", "url", found[0]),
        "the address of the page; nothing in the page says it",
    )
