"""Who may look: whoever knows the token, once by a form and then by a cookie, or by a header with each request."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from typing import Final

COOKIE: Final = "sijill"
SHORTEST_TOKEN: Final = 16
"""Characters; what is shorter can be guessed by trying."""
_BEARER: Final = b"bearer "


class Access:
    """The token of a site."""

    def __init__(self, token: str) -> None:
        """The token must have `SHORTEST_TOKEN` characters at least.

        Raises:
            ValueError: it has fewer.
        """
        if len(token) < SHORTEST_TOKEN:
            raise ValueError(f"a token has {SHORTEST_TOKEN} characters at least")
        self._token = token.encode("utf-8")
        # What is in the browser is not the token, and is worth nothing after the token is changed.
        self.cookie = hmac.new(self._token, b"sijill viewer", hashlib.sha256).hexdigest()

    def is_token(self, text: str) -> bool:
        """Whether `text` is the token; takes the same time whatever it is."""
        return hmac.compare_digest(text.encode("utf-8", "replace"), self._token)

    def admits(self, fields: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether a request with these header fields, whose names are in lower case, may be answered."""
        for name, value in fields:
            if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
                if hmac.compare_digest(value[len(_BEARER) :].strip(), self._token):
                    return True
            elif name == b"cookie" and self._has_cookie(value.decode("latin-1")):
                return True
        return False

    def _has_cookie(self, field: str) -> bool:
        try:
            found = SimpleCookie(field).get(COOKIE)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode("utf-8"), self.cookie.encode("ascii"))
