"""URLs that look like one of endlessly many: session ids, calendars, repeating paths. Pure."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import unquote, urlsplit

_MOST_SEGMENTS = 20
_MOST_PARAMETERS = 8
_MOST_SAME_PARAMETER = 3
_IN_A_ROW = 3
"""Times that a segment, or a run of them, may follow itself before it counts as endless."""
_SESSION = re.compile(
    r"[;&?/](phpsessid|jsessionid|aspsessionid\w{0,20}|asp\.net_sessionid|sessionid|session_id|cfid|cftoken|oscsid"
    r"|zenid)=[^;&?/]{4,}"
    # Short names mean other things as well: only what is long and of letters and digits is a session's id.
    r"|[;&?/](sid|sess|s)=(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]{20,}(?=[;&?/]|$)",
    re.IGNORECASE,
)
_ASP_SESSION = re.compile(r"/\([A-Za-z]\([0-9a-z]{20,}\)\)/", re.IGNORECASE)  # ASP.NET cookieless sessions
_CALENDAR = re.compile(
    r"(?:^|/)(?:calendar|events?|agenda|kalender|takvim|calendrier|تقويم|التقويم)/(?:[a-z-]{1,12}/)?"
    r"[12]\d{3}(?:[/-][01]?\d(?:[/-][0-3]?\d)?)/?\Z",
    re.IGNORECASE,
)
_DATE_PARAMETERS = frozenset(
    {"tribe-bar-date", "eventdate", "event-date", "ical", "outlook-ical", "cal_date", "cal_month", "calendar"}
)
_NUMBER = re.compile(r"\d+")
_MACHINE_MADE = re.compile(r"[0-9a-f]{16,}", re.IGNORECASE)
_OTHER_RENDERINGS = frozenset({"replytocom", "share", "like_comment", "add-to-cart"})
_NESTED = re.compile(r"%25(?:25)+[0-9a-f]{2}", re.IGNORECASE)
_MOST_SHAPES = 10_000


def trap(url: str) -> str | None:
    """Why the request URL `url` looks like one of endlessly many; None if it does not."""
    parts = urlsplit(url)
    path = unquote(parts.path, errors="replace")
    if session := _SESSION.search(f"{parts.path}?{parts.query}"):
        return f"it carries a session id ({(session[1] or session[2]).lower()})"
    if _ASP_SESSION.search(parts.path):
        return "it carries a session id in its path"
    segments = [segment for segment in path.split("/") if segment]
    return _path_trap(segments) or _query_trap(parts.query) or _calendar(path)


class Traps:
    """Judges the URLs of one run, and counts how many lists of one shape have come."""

    def __init__(self, *, per_shape: int = 500) -> None:
        """Let in at most `per_shape` lists that differ only in numbers, machine-made names and values of queries."""
        self._per_shape = per_shape
        self._shapes: Counter[str] = Counter()

    def trap(self, url: str, *, is_list: bool = False) -> str | None:
        """As the function `trap`; a list is counted too, so each must be asked about once."""
        if (reason := trap(url)) is not None or not is_list:
            return reason
        shape = _shape(url)
        if shape not in self._shapes and len(self._shapes) >= _MOST_SHAPES:
            shape = ""  # whoever makes up that many shapes gets one for all others
        self._shapes[shape] += 1
        if self._shapes[shape] > self._per_shape:
            return f"it is one of more than {self._per_shape} that differ only in numbers and queries"
        return None


def _path_trap(segments: list[str]) -> str | None:
    if len(segments) > _MOST_SEGMENTS:
        return f"its path has {len(segments)} segments"
    for length in range(1, len(segments) // _IN_A_ROW + 1):
        for start in range(len(segments) - length * _IN_A_ROW + 1):
            run = segments[start : start + length]
            if length == 1 and len(run[0]) <= 2 and run[0].isdigit():  # 2011/11/11/11 is a date with an hour or a part
                continue
            if all(segments[start + k * length : start + (k + 1) * length] == run for k in range(1, _IN_A_ROW)):
                return f"its path repeats {'/'.join(run)[:60]!r}"
    return None


def _query_trap(query: str) -> str | None:
    if not query:
        return None
    names = [unquote(pair.partition("=")[0], errors="replace").lower() for pair in query.split("&") if pair]
    if len(names) > _MOST_PARAMETERS:
        return f"it has {len(names)} query parameters"
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > _MOST_SAME_PARAMETER and not name.endswith("[]"):
        return f"its query has {name[:40]!r} {times} times"
    found = set(names)
    if other := found & _OTHER_RENDERINGS:
        return f"it asks for an action or another rendering of a page ({min(other)})"
    if date := found & _DATE_PARAMETERS:
        return f"it is a page of a calendar ({min(date)})"
    if _NESTED.search(query):
        return "its query holds URLs within URLs"
    return None


def _calendar(path: str) -> str | None:
    return "it is a page of a calendar" if _CALENDAR.search(path) else None


def _shape(url: str) -> str:
    parts = urlsplit(url)
    names = "&".join(sorted(pair.partition("=")[0] for pair in parts.query.split("&")))
    path = _NUMBER.sub("0", _MACHINE_MADE.sub("x", parts.path))
    return f"{parts.netloc}{path}?{names}"[:500]
