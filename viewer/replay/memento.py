"""How mementos, TimeGates and TimeMaps refer to each other (RFC 7089, RFC 8288). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

LINK_FORMAT = "application/link-format"


def link(target: str, **parameters: str) -> str:
    """A link of a Link header or a TimeMap (RFC 8288 §3); `target` is ASCII and holds no angle bracket."""
    return "; ".join([f"<{target}>", *(f'{name}="{value}"' for name, value in parameters.items())])


def memento_links(viewer: str, url: str, more: Iterable[str] = ()) -> str:
    """The Link header that leads from a memento of `url`, a request URL, to everything else about it."""
    return ", ".join(
        [
            link(url, rel="original"),
            link(f"{viewer}/timegate/{url}", rel="timegate"),
            link(f"{viewer}/timemap/link/{url}", rel="timemap", type=LINK_FORMAT),
            link(f"{viewer}/timemap/json/{url}", rel="timemap", type="application/json"),
            *more,
        ]
    )


def http_date(moment: datetime) -> str:
    """`moment` as Memento-Datetime has it: IMF-fixdate (RFC 7089 §2.1.1.2)."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def parse_http_date(text: str) -> datetime | None:
    """The moment of an Accept-Datetime header; None if it is none."""
    if len(text) > 64:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
