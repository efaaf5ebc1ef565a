"""Where the addresses of one archived document lead on the replay server. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import webencodings

from sijill.archive.capture.target import resolve
from sijill.archive.errors import BadTarget
from sijill.viewer.replay.addresses import Address

BYTES: Final = "latin-1"
"""The encoding in which each byte is one character: a document is rewritten in it and keeps all its other bytes."""
_NOT_OF_ASCII: Final = ("utf-16", "iso-2022-jp", "hz-gb-2312", "replacement")
_FRAGMENT: Final = "!$&'()*+,-./:;=?@_~%"


def keeps_ascii(encoding: webencodings.Encoding) -> bool:
    """Whether the markup of a document in `encoding` can be told from its bytes alone."""
    return not str(encoding.name).startswith(_NOT_OF_ASCII)


@dataclass(slots=True)
class Rewriter:
    """Leads the addresses of one document to the replay server: knows its base and its encoding."""

    address: Address
    """Of the document."""
    encoding: webencodings.Encoding | None = None
    """In which its bytes, taken as characters, are to be decoded; None if it is text already."""
    query_encoding: str = "utf-8"
    first: str = ""
    """As `html.Wrapping` says."""
    base: str = field(init=False)

    def __post_init__(self) -> None:
        self.base = self.address.url

    def wrap(self, reference: str) -> str | None:
        """As `html.Wrapping` says."""
        written, hash_sign, fragment = reference.strip().partition("#")
        if not written:
            return None
        try:
            url = resolve(self.base, written, query_encoding=self.query_encoding)
        except BadTarget:  # of another scheme, or nothing that could be requested
            return None
        return f"{self.address.prefix}{url}{hash_sign}{quote(fragment, safe=_FRAGMENT)}"

    def rebase(self, reference: str) -> str | None:
        """As `html.Wrapping` says."""
        wrapped = self.wrap(reference)
        if wrapped is not None:
            self.base = wrapped.removeprefix(self.address.prefix)
        return wrapped

    def decode(self, text: str) -> str:
        """As `html.Wrapping` says."""
        if self.encoding is None or text.isascii():
            return text
        try:
            data = text.encode(BYTES)
        except UnicodeEncodeError:  # an escape in it stood for a character that no byte is
            return text
        return str(webencodings.decode(data, self.encoding)[0])

    def within(self) -> Rewriter:
        """As `html.Wrapping` says."""
        inner = Rewriter(self.address, None, self.query_encoding, self.first)
        inner.base = self.base
        return inner
