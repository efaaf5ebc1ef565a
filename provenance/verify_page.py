"""The verifier as one page for a browser, `verify.html`, which a package may hold so that it can be verified offline.

It is built from `viewer/verifier` by `make verifier`, and lies here so that nothing needs a build to run. A package
may hold it and nothing else under its name: a page that someone changed could say of any package what it likes.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from sijill.archive.digest import digest_bytes

NAME: Final = "verify.html"
MAX_PAGE: Final = 8 << 20
"""The largest page that is looked at, in bytes."""

_EARLIER: Final[frozenset[str]] = frozenset()
"""SHA-256 of pages that came with earlier releases, lowercase hexadecimal: packages that hold them stay good."""


def shipped_page() -> bytes | None:
    """The page that came with this software; None if it came without."""
    page = files(__package__).joinpath(NAME)
    return page.read_bytes() if page.is_file() else None


def known_digests() -> frozenset[str]:
    """SHA-256, lowercase hexadecimal, of the pages that a package may hold."""
    page = shipped_page()
    return _EARLIER if page is None else _EARLIER | {digest_bytes(page).sha256.hex}
