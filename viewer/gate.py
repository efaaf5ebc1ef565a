"""What every request passes before a page sees it, and what every answer gets: hosts, methods, sizes, token, headers.

The site only reads. It answers to the names it was told, so that no page elsewhere can reach it by a name of its own
(DNS rebinding), and its pages run no script and load nothing but their own files.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final

from sijill.viewer.access import Access

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Refuse = Callable[[Scope, HTTPStatus], App]
"""Makes the answer to a request that does not pass."""

LONGEST_PATH: Final = 4_096
"""Bytes of a path, and of a query."""
LOGIN: Final = "/login"
_OPEN: Final = ("/static/", LOGIN)
"""What is shown to whoever has no token: how to give one."""
_MOST_LOGIN: Final = 4_096
"""Bytes of the form with the token."""

_HEADERS: Final = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    b"cache-control": b"private, no-cache",
}
"""What an answer gets unless it says otherwise."""


def policy(*, frames: str | None = None) -> str:
    """The Content-Security-Policy of a page; `frames` is the one origin that it may show in a frame."""
    parts = [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        f"frame-src {frames}" if frames else "",
    ]
    return "; ".join(part for part in parts if part)


class Gate:
    """The application with its gate, as an ASGI application itself."""

    def __init__(self, app: App, *, hosts: frozenset[str], access: Access | None, refuse: Refuse) -> None:
        """`hosts` are the values of the field Host that are answered, in lower case."""
        self._app = app
        self._hosts = hosts
        self._access = access
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3.0."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            refused = self._fault(scope)
            app = self._app if refused is None else self._refuse(scope, refused)
            # A page is worked out in the same way for HEAD; the server keeps its body back.
            asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
            await app(asked, receive, _with_headers(send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _fault(self, scope: Scope) -> HTTPStatus | None:
        fields = [(name.lower(), value) for name, value in scope["headers"]]
        named = [value.decode("latin-1").lower() for name, value in fields if name == b"host"]
        if len(named) != 1 or named[0] not in self._hosts:
            return HTTPStatus.MISDIRECTED_REQUEST
        path = scope["path"]
        if max(len(scope.get("raw_path") or b""), len(scope["query_string"])) > LONGEST_PATH:
            return HTTPStatus.REQUEST_URI_TOO_LONG
        if scope["method"] == "POST" and path == LOGIN and self._access is not None:
            length = next((value for name, value in fields if name == b"content-length"), b"")
            fits = length.isdigit() and len(length) < 10 and int(length) <= _MOST_LOGIN
            return None if fits else HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if scope["method"] not in ("GET", "HEAD"):
            return HTTPStatus.METHOD_NOT_ALLOWED
        if self._access is not None and not path.startswith(_OPEN) and not self._access.admits(fields):
            return HTTPStatus.UNAUTHORIZED
        return None


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            fields = list(message.get("headers", ()))
            there = {name.lower() for name, _ in fields}
            own = {**_HEADERS, b"content-security-policy": policy().encode()}
            fields += [(name, value) for name, value in own.items() if name not in there]
            message = {**message, "headers": fields}
        await send(message)

    return sending
