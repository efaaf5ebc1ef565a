"""Serving ASGI applications on sockets until told to stop."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import uvicorn

from sijill.viewer.errors import ViewerError
from sijill.viewer.gate import App

_BACKLOG: Final = 128
_MOST_CONNECTIONS: Final = 200
_IDLE_SECONDS: Final = 30
_GRACE_SECONDS: Final = 10
"""How long answers under way are waited for at the end."""
_MOST_HEADER: Final = 32 << 10


class CannotServe(ViewerError):
    """An address cannot be listened at."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen. Port 0 is a free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def listen(place: Place) -> socket.socket:
    """A socket that listens.

    Raises:
        CannotServe: the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((place.host, place.port))
        opened.listen(_BACKLOG)
    except (OSError, OverflowError) as err:
        opened.close()
        reason = getattr(err, "strerror", None) or str(err)
        raise CannotServe(f"cannot listen at {place.host} port {place.port}: {reason}") from err
    return opened


def bound(opened: socket.socket) -> str:
    """`host:port` of a socket, as URLs have it."""
    host, port = opened.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextmanager
def serving(served: Sequence[tuple[socket.socket, App]]) -> Iterator[None]:
    """Serve applications, each on its socket, in a thread while the context is open."""
    servers = [_Server(_config(app)) for _, app in served]

    async def run() -> None:
        await asyncio.gather(*(server.serve([opened]) for server, (opened, _) in zip(servers, served, strict=True)))

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="serving")
    thread.start()
    try:
        for server in servers:
            server.ready.wait(_GRACE_SECONDS)
        yield
    finally:
        for server in servers:
            server.should_exit = True
        thread.join()
        for opened, _ in served:
            opened.close()


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        lifespan="off",
        ws="none",
        http="h11",
        loop="asyncio",
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        h11_max_incomplete_event_size=_MOST_HEADER,
    )


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever started it, and says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: this is no main thread."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self.ready.set()
