"""The replay server: archived pages, answered from their captures alone, as an ASGI application of its own."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final

from sijill.viewer.errors import ViewerError
from sijill.viewer.replay.addresses import Address, Passes, parse_address
from sijill.viewer.replay.answering import Answer, Answering, Asked, text_answer
from sijill.viewer.replay.captures import Captures
from sijill.viewer.replay.pages import STYLED, error_page, forbidden_page, frame_page, missing_page
from sijill.viewer.replay.policy import common_headers
from sijill.viewer.replay.records import CaptureSource

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Fields = Iterable[tuple[bytes, bytes]]

LARGEST_BODY: Final = 1 << 20
"""Bytes of what a page may send; it is hashed and dropped."""
_THREADS: Final = 8
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_STAND_IN: Final = "/stand-in.js"
_WINDOW: Final = "document"


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """Where the replay server stands, and who may ask it."""

    hosts: frozenset[str]
    """The values of the field Host that are answered, in lower case."""
    viewer: str
    """The origin of the viewer, whose pages may show replayed ones in a frame."""
    admits: Callable[[Fields], bool] | None = None
    """Whether a request that carries no pass may be answered by its header fields; None if anybody may look who does
    not come from another site."""


class ReplayApp:
    """The replay server as an ASGI application."""

    def __init__(
        self,
        source: CaptureSource,
        settings: ReplaySettings,
        passes: Passes,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Answer from `source`; `passes` are those that the viewer puts into its links."""
        self._settings = settings
        self._passes = passes
        self._answering = Answering(Captures(source, monotonic), settings.viewer)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="replay")
        self._stand_in = files("sijill.viewer.replay").joinpath("scripts", "stand_in.js").read_bytes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3.0."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._send(await self._answer(scope, receive), scope["method"], receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                self._pool.shutdown(wait=False, cancel_futures=True)
                return

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        fields = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if fields.get(b"host", "").lower() not in self._settings.hosts:
            return text_answer(HTTPStatus.MISDIRECTED_REQUEST, "This server does not answer to that name.")
        method = scope["method"]
        if method not in _METHODS:
            return text_answer(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET, HEAD, POST and OPTIONS.").adding(
                {"Allow": ", ".join(sorted(_METHODS))}
            )
        path = (scope.get("raw_path") or scope["path"].encode("utf-8")).decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        if path == _STAND_IN:
            return _script(self._stand_in)
        address = parse_address(path, query)
        if address is None:
            return self._unknown(path, query, fields)
        if refusal := self._refusal(address, scope, fields):
            return refusal
        body = await _body_digest(receive) if method == "POST" else None
        if method == "POST" and body is None:
            return text_answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "More than a page may send.")
        asked = Asked(
            address=address,
            method="GET" if method == "HEAD" else method,
            destination=fields.get(b"sec-fetch-dest", ""),
            nested=self._passes.admits(address) and fields.get(b"sec-fetch-site", "") in ("", "cross-site"),
            origin=fields.get(b"origin", ""),
            body=body or None,
        )
        if method == "OPTIONS":
            return self._answering.preflight(asked, fields.get(b"access-control-request-headers", ""))
        loop = asyncio.get_running_loop()
        try:
            if asked.destination == _WINDOW and address.mode != "raw":
                return await loop.run_in_executor(self._pool, self._framed, asked)
            return await loop.run_in_executor(self._pool, self._answering.answer, asked)
        except ViewerError as err:
            return self._answering.page(asked, err.status, error_page(err, address))

    def _framed(self, asked: Asked) -> Answer:
        """The page in a frame: alone in a window, its scripts could take the window elsewhere."""
        stamped = self._passes.stamped(asked.address)
        captured = self._answering.captured(asked)
        if captured is None:
            return self._answering.page(asked, HTTPStatus.NOT_FOUND, missing_page(asked.address))
        return Answer(
            HTTPStatus.OK,
            {
                **common_headers(f"{STYLED}; frame-src 'self'; frame-ancestors 'none'"),
                "Content-Type": "text/html; charset=utf-8",
                "Cache-Control": "private, no-cache",
                "Vary": "Sec-Fetch-Dest",
                **self._answering.memento(asked.address.url, captured),
            },
            frame_page(stamped, captured, self._settings.viewer).encode("utf-8"),
        )

    def _refusal(self, address: Address, scope: Scope, fields: dict[bytes, str]) -> Answer | None:
        """What is answered in place of the page if the request does not carry the pass; None if it may go on.

        What a browser asks for the viewer's sake comes from the same site or from nobody; a program says nothing.
        """
        if self._passes.admits(address):
            return None
        site = fields.get(b"sec-fetch-site", "")
        admits = self._settings.admits
        if site == "cross-site" or (admits is not None and not admits(scope["headers"])):
            return Answer(
                HTTPStatus.FORBIDDEN,
                {**common_headers(STYLED), "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"},
                forbidden_page().encode("utf-8"),
            )
        if fields.get(b"sec-fetch-dest") in ("iframe", "frame"):
            # From here on the addresses of the page carry the pass, those included that its scripts make.
            return self._redirect(self._passes.stamped(address).path)
        return None

    def _unknown(self, path: str, query: str, fields: dict[bytes, str]) -> Answer:
        """A path that is no address: what a style sheet or a module meant to ask its own site for, by its Referer."""
        referrer = fields.get(b"referer", "")
        scheme, _, rest = referrer.partition("://")
        host, slash, path_of = rest.partition("/")
        known = parse_address(*_split(slash + path_of)) if host.lower() in self._settings.hosts and scheme else None
        if known is not None and self._passes.admits(known) and len(path) > 1:
            origin = "/".join(known.url.split("/", 3)[:3])
            return self._redirect(known.prefix + origin + path + (f"?{query}" if query else ""))
        return Answer(
            HTTPStatus.NOT_FOUND,
            {**common_headers(STYLED), "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"},
            missing_page(None).encode("utf-8"),
        )

    def _redirect(self, path: str) -> Answer:
        headers = {**common_headers(STYLED), "Location": path, "Cache-Control": "no-store"}
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return Answer(HTTPStatus.TEMPORARY_REDIRECT, headers, b"")

    async def _send(self, answer: Answer, method: str, receive: Receive, send: Send) -> None:
        headers = dict(answer.headers)
        if isinstance(answer.body, bytes):
            headers["Content-Length"] = str(len(answer.body))
        fields = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": int(answer.status), "headers": fields})
        if method == "HEAD" or isinstance(answer.body, bytes):
            body = answer.body if isinstance(answer.body, bytes) and method != "HEAD" else b""
            await send({"type": "http.response.body", "body": body})
            return
        await self._stream(answer.body, receive, send)

    async def _stream(self, pieces: Iterator[bytes], receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        leaving = asyncio.ensure_future(_left(receive))
        try:
            while not leaving.done():
                piece = await loop.run_in_executor(self._pool, next, pieces, b"")
                await send({"type": "http.response.body", "body": piece, "more_body": bool(piece)})
                if not piece:
                    return
        except ViewerError:
            # Part of it is sent: the server breaks the connection off, so that nobody takes it for the whole.
            return
        finally:
            leaving.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body_digest(receive: Receive) -> str | None:
    """SHA-256 of the body of a request, empty if it has none; None if it is larger than is read."""
    digest, size, more = hashlib.sha256(), 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        data = message.get("body", b"")
        size += len(data)
        if size > LARGEST_BODY:
            return None
        digest.update(data)
        more = message.get("more_body", False)
    return digest.hexdigest() if size else ""


def _split(text: str) -> tuple[str, str]:
    path, _, query = text.partition("?")
    return path, query


def _script(data: bytes) -> Answer:
    headers = {
        **common_headers("default-src 'none'; sandbox"),
        "Content-Type": "text/javascript; charset=utf-8",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, max-age=600",
    }
    return Answer(HTTPStatus.OK, headers, data)
