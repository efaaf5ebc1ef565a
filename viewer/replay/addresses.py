"""Addresses on the replay server, and the passes in them that keep other sites from reading what is replayed.

`/<capture id>/<14-digit UTC time>/<mode>[.<pass>]/<archived URL>`: the archived URL stands there as it is, its query
being the query of the whole. A replayed page has an origin that is nobody's, so its requests look to the server like
those of any other site in a sandbox; the pass, which only pages of the same capture carry, tells them apart.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from sijill.provenance.attest.timestamps import CAPTURE_ID

_PASS_BYTES: Final = 16
_KEY_BYTES: Final = 32
_ADDRESS: Final = re.compile(
    rf"/(?P<capture>{CAPTURE_ID.pattern})/(?P<time>[0-9]{{14}})"
    r"/(?P<mode>page|still|rendered|raw)(?:\.(?P<token>[A-Za-z0-9_-]{22}))?"
    r"/(?P<scheme>https?):/{1,2}(?P<rest>[!-~]+)"
)
LONGEST: Final = 16 << 10
"""Characters of an address."""


class Mode(StrEnum):
    """How an archived answer is given back."""

    PAGE = "page"
    """Addresses in it lead to the replay server, and its scripts run."""
    STILL = "still"
    """Likewise, but no script runs."""
    RENDERED = "rendered"
    """The document as the browser had built it when it was captured, in place of what the server had sent; no script
    runs."""
    RAW = "raw"
    """The archived bytes, nothing rewritten; no script runs."""

    @property
    def inside(self) -> Mode:
        """The mode of what a document refers to."""
        return Mode.STILL if self is Mode.RENDERED else self


@dataclass(frozen=True, slots=True)
class Address:
    """What is asked of the replay server."""

    capture_id: str
    time: str
    """14 digits, UTC."""
    mode: Mode
    url: str
    """The archived URL."""
    token: str | None = None
    """The pass."""

    @property
    def prefix(self) -> str:
        """What addresses of everything else of the same capture begin with."""
        return f"/{self.capture_id}/{self.time}/{self._mode}/"

    @property
    def path(self) -> str:
        """The address without the origin of the replay server."""
        return self.prefix + self.url

    @property
    def _mode(self) -> str:
        return self.mode if self.token is None else f"{self.mode}.{self.token}"


def parse_address(path: str, query: str) -> Address | None:
    """What a request asks for; None if it is nothing of ours.

    Args:
        path: as it stands in the request line, percent-encoding kept, without query.
        query: what follows the question mark.
    """
    if len(path) + len(query) > LONGEST:
        return None
    found = _ADDRESS.fullmatch(path)
    if found is None:
        return None
    # Proxies fold two slashes within a path into one.
    url = f"{found['scheme']}://{found['rest']}" + (f"?{query}" if query else "")
    return Address(found["capture"], found["time"], Mode(found["mode"]), url, found["token"])


def address_time(moment: datetime) -> str:
    """`moment`, which is in UTC, with 14 digits."""
    return moment.strftime("%Y%m%d%H%M%S")


class Passes:
    """Makes and knows passes, each for one capture; they hold as long as the key is in use."""

    def __init__(self, key: bytes) -> None:
        """`key` is 32 random bytes that nobody else knows.

        Raises:
            ValueError: it is not that long.
        """
        if len(key) != _KEY_BYTES:
            raise ValueError(f"a key for passes has {_KEY_BYTES} bytes")
        self._key = key

    def issue(self, capture_id: str) -> str:
        """The pass for a capture."""
        digest = hmac.digest(self._key, b"sijill replay pass\n" + capture_id.encode("ascii"), "sha256")
        return urlsafe_b64encode(digest[:_PASS_BYTES]).rstrip(b"=").decode("ascii")

    def admits(self, address: Address) -> bool:
        """Whether an address carries the pass for its capture."""
        return address.token is not None and hmac.compare_digest(address.token, self.issue(address.capture_id))

    def stamped(self, address: Address) -> Address:
        """The same address with the pass for its capture."""
        return replace(address, token=self.issue(address.capture_id))


@dataclass(frozen=True, slots=True)
class ReplayLinks:
    """Makes the addresses that the viewer gives to archived pages."""

    origin: str
    """Of the replay server, without a slash at its end."""
    passes: Passes

    def __call__(self, capture_id: str, moment: datetime, url: str, mode: Mode = Mode.PAGE) -> str:
        """Where `url` as captured at `moment` is shown in a frame of the viewer; carries the pass."""
        address = Address(capture_id, address_time(moment), mode, url)
        return self.origin + self.passes.stamped(address).path

    def lasting(self, capture_id: str, moment: datetime, url: str, mode: Mode = Mode.PAGE) -> str:
        """The same without the pass: an address that stays as it is when the server is started again."""
        return self.origin + Address(capture_id, address_time(moment), mode, url).path
