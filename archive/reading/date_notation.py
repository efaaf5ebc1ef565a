"""Dates as they are written: in English, French and Arabic, in words and in numbers. Pure."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

_LATIN = {
    1: "january jan janvier janv", 2: "february feb fevrier fevr", 3: "march mar mars", 4: "april apr avril avr",
    5: "may mai", 6: "june jun juin", 7: "july jul juillet juil", 8: "august aug aout",
    9: "september sept sep septembre", 10: "october oct octobre", 11: "november nov novembre",
    12: "december dec decembre",
}  # fmt: skip
_ARABIC = {
    1: ("يناير", "كانون الثاني", "كانون ثاني", "كانون2", "جانفي"), 2: ("فبراير", "شباط", "فيفري"),
    3: ("مارس", "اذار"), 4: ("ابريل", "نيسان", "افريل"), 5: ("مايو", "ايار", "ماي"),
    6: ("يونيو", "يونيه", "حزيران", "جوان"), 7: ("يوليو", "يوليه", "تموز", "جويليه"), 8: ("اغسطس", "غشت", "اب", "اوت"),
    9: ("سبتمبر", "ايلول", "شتنبر"), 10: ("اكتوبر", "تشرين الاول", "تشرين اول"),
    11: ("نوفمبر", "تشرين الثاني", "تشرين ثاني", "نونبر"), 12: ("ديسمبر", "كانون الاول", "كانون اول", "دجنبر"),
}  # fmt: skip
_MONTHS = {name: month for month, names in _LATIN.items() for name in names.split()} | {
    name: month for month, names in _ARABIC.items() for name in names
}
_MONTH = "(?:" + "|".join(sorted(map(re.escape, _MONTHS), key=len, reverse=True)) + r")(?![^\W\d_])\.?"
_PAIR = rf"(?P<m>{_MONTH})(?:\s*[/\\(\-]\s*(?P<m2>{_MONTH})\)?)?"
_YEAR = r"(?P<y>(?:19|20)[0-9]{2})(?![0-9])"
_DAY = r"(?<![0-9])(?P<d>[0-3]?[0-9])"
_OF = r"(?:st|nd|rd|th|er)?(?:\s+of)?[\s.\-]{1,3}(?:من\s+)?(?:شهر\s+)?"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_DAY}{_OF}{_PAIR}[\s,،.\-]{{1,3}}(?:(?:عام|سنه|لعام)\s+)?{_YEAR}",
        rf"(?<![^\W\d_]){_PAIR}\s+(?P<d>[0-3]?[0-9])(?:st|nd|rd|th)?[\s,،]{{1,3}}{_YEAR}",
        r"(?<![0-9/.\-])(?P<y>(?:19|20)[0-9]{2})\s?[/.\-]\s?(?P<n>[01]?[0-9])\s?[/.\-]\s?(?P<d>[0-3]?[0-9])(?![0-9])",
        rf"(?<![0-9/.\-])(?P<a>[0-3]?[0-9])\s?(?P<s>[/.\-])\s?(?P<b>[0-3]?[0-9])\s?(?P=s)\s?{_YEAR}",
    )
)
_MONTH_ALONE = re.compile(rf"(?<![^\W\d_])(?<![0-9]\s){_PAIR},?\s+{_YEAR}")
FOLDED = str.maketrans("أإآٱىیةکéèêëàâûùîïôç", "اااايي" + "هك" + "eeeeaauuiioc")
_DIGITS = {ord(digit): str(value) for zero in "٠۰" for value in range(10) for digit in (chr(ord(zero) + value),)}
_DAY_FIRST = frozenset({"ar", "fr"})
"""Languages whose pages write the day of "05/06/2018" first; English ones do either."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A date in a line; `date` None if it cannot be read in one way only, with the reason."""

    start: int
    end: int
    date: datetime.date | None
    precision: str
    reason: str = ""


def mentions(text: str, language: str | None = None) -> list[Mention]:
    """The dates in a text in the form `tidy`, in order, none in another."""
    plain_text = text.translate(_DIGITS).lower().translate(FOLDED)
    if len(plain_text) != len(text) or not re.search(r"(?:19|20)[0-9]{2}", plain_text):
        return []
    found: list[Mention] = []
    for pattern in (*_PATTERNS, _MONTH_ALONE):
        for match in pattern.finditer(plain_text):
            if any(match.start() < other.end and other.start < match.end() for other in found):
                continue
            if mention := _mention(match, language):
                found.append(mention)
    return sorted(found, key=lambda mention: mention.start)


def _mention(match: re.Match[str], language: str | None) -> Mention | None:
    parts = match.groupdict()
    start, end, year = match.start(), match.end(), int(parts["y"])
    if parts.get("m"):
        month = _MONTHS[parts["m"].rstrip(".")]
        if parts.get("m2") and _MONTHS[parts["m2"].rstrip(".")] != month:
            return Mention(start, end, None, "day", f"“{match[0]}” names two months")
    elif parts.get("n"):
        month = int(parts["n"])
    else:
        first, second = int(parts["a"]), int(parts["b"])
        if first <= 12 and second <= 12 and first != second and language not in _DAY_FIRST:
            return Mention(start, end, None, "day", f"“{match[0]}” can be read in two ways")
        parts["d"], month = (parts["a"], second) if second <= 12 else (parts["b"], first)
    day = parts.get("d")
    try:
        return Mention(start, end, datetime.date(year, month, int(day) if day else 1), "day" if day else "month")
    except ValueError:
        return Mention(start, end, None, "day", f"“{match[0]}” is no date of the calendar")
