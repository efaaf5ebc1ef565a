"""What was received before: when it may stand for a response, and on what condition a server is asked for it again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from sijill.archive.capture.exchange import Exchange, Original, Purpose, Response, Revisit, RevisitKind

Headers = Sequence[tuple[str, str]]

# RFC 9110 §8.8.3. A longer one is not worth a request that a server may refuse for its size.
_ETAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]{0,400}"')
_DATE: Final = re.compile(r"[A-Za-z]{3}, \d{2} [A-Za-z]{3} \d{4} \d{2}:\d{2}:\d{2} GMT", re.ASCII)
_SAME_IN_EVERY_CAPTURE: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "origin", "user-agent", "x-forwarded-proto"}
)
"""Request fields that every request for a requisite has alike, or that none has."""
_ASK_AGAIN: Final = frozenset({"no-store", "no-cache"})


@dataclass(frozen=True, slots=True)
class Known:
    """A response that the archive holds, checked to be there when this was made."""

    original: Original
    headers: tuple[tuple[str, str], ...]
    """The header as received with it; names as sent."""
    this_run: bool
    """Whether a capture of the same run received it, or was told that it is unchanged."""
    response: Response | None
    """The response itself, to be read without fail; None if it was not asked for."""


class KnownResources(Protocol):
    """What a capture may know of URLs; shared between its threads.

    Neither method raises when what should be known cannot be had: then it is not known, and fetched in full.
    """

    def find(self, url: str, *, content: bool, deadline: float, called_off: Callable[[], bool]) -> Known | None:
        """What is known of `url`, None if nothing.

        If another capture is receiving it, waits for that one, but not beyond `deadline`.

        Args:
            url: a request URL.
            content: whether the response itself is needed; it always comes with style sheets.
            deadline: by `time.monotonic`.
            called_off: whether nobody waits for the answer any more.
        """

    def received(self, exchange: Exchange) -> None:
        """Say what came of a request for a URL that `find` was asked about; the number is not known yet."""


def can_be_original(exchange: Exchange) -> bool:
    """Whether the response may stand for others: whole, with status 200, and what is left of it after its head is it.

    The page itself never does, so that no page depends on what another page's capture says.
    """
    response = exchange.response
    return (
        response is not None
        and exchange.revisit is None
        and exchange.failure is None
        and exchange.purpose is not Purpose.PAGE
        and exchange.method == "GET"
        and exchange.redirect_to is None
        # What is wrong with a certificate is said in the capture that met it, and would be said nowhere else.
        and (exchange.tls is None or exchange.tls.verified)
        and response.status == 200
        and _is_plain(response)
    )


def may_be_reused(headers: Headers) -> bool:
    """Whether a response with this header may stand for another one in the same run, with nobody asked.

    RFC 9111 is for caches, and an archive is none; but what a server says must not be stored or varies with each
    request is another thing each time, and so is what sets a cookie.
    """
    if _value(headers, "set-cookie") is not None or _members(headers, "cache-control") & _ASK_AGAIN:
        return False
    return _members(headers, "vary") <= _SAME_IN_EVERY_CAPTURE


def conditions(headers: Headers) -> dict[str, str]:
    """The fields that make a request for the same resource conditional (RFC 9110 §13.1); empty if it names nothing."""
    found = {}
    etag, modified = _value(headers, "etag"), _value(headers, "last-modified")
    if etag is not None and _ETAG.fullmatch(etag):
        found["If-None-Match"] = etag
    if modified is not None and _DATE.fullmatch(modified):
        found["If-Modified-Since"] = modified
    return found


def as_revisit(exchange: Exchange, known: Known, asked: Mapping[str, str]) -> Exchange:
    """`exchange` as a revisit of what is known, if it brought just that; as it is if not.

    Args:
        exchange: what came of a request for the same URL.
        known: of that URL.
        asked: the conditions that the request was made under.
    """
    response = exchange.response
    if response is None or exchange.failure is not None or not _is_plain(response):
        return exchange
    if exchange.url != known.original.url:
        return exchange
    kind = None
    if response.status == 304 and asked and _is_same_version(response, asked):
        kind = RevisitKind.NOT_MODIFIED
    elif can_be_original(exchange) and _is_identical(response, known):
        kind = RevisitKind.IDENTICAL
    return exchange if kind is None else replace(exchange, revisit=Revisit(kind, known.original))


def is_unusable(exchange: Exchange) -> bool:
    """Whether a conditional request was answered in a way that brings nothing: the resource must be asked for anew."""
    return exchange.response is not None and exchange.response.status == 304 and exchange.revisit is None


def _is_plain(response: Response) -> bool:
    """Whether it is whole, and nothing stands between or behind its head and payload."""
    return (
        response.truncated is None
        and not response.surplus
        and not response.transfer_coded
        and response.raw.size == response.head_size + response.payload.size
    )


def _is_identical(response: Response, known: Known) -> bool:
    return (
        response.payload == known.original.payload
        and response.media_type == known.original.media_type
        and response.header("content-encoding") == _value(known.headers, "content-encoding")
    )


def _is_same_version(response: Response, asked: Mapping[str, str]) -> bool:
    """RFC 9110 §15.4.5: a 304 has the entity tag that a 200 would have had; §8.8.3.2: compared weakly."""
    sent, stated = asked.get("If-None-Match"), response.header("etag")
    if response.raw.size != response.head_size:
        return False
    return sent is None or stated is None or sent.removeprefix("W/") == stated.removeprefix("W/")


def _value(headers: Headers, name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name), None)


def _members(headers: Headers, name: str) -> set[str]:
    """The comma-separated members of all fields `name`, in lower case, arguments left out."""
    joined = ",".join(value for key, value in headers if key.lower() == name).lower()
    return {member.partition("=")[0].strip() for member in joined.split(",") if member.strip()}
