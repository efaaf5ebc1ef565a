"""The wall: the only address that the browser can connect to. It lets nothing through and says who wanted to pass."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

_HEAD: Final = 8 << 10
_SECONDS: Final = 5
_REFUSAL: Final = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Wall:
    """A proxy on this machine that refuses everything (RFC 9110 §9.3.6 for CONNECT)."""

    def __init__(self) -> None:
        self.refused: Callable[[str, int], None] | None = None
        """Is told host and port of whatever was refused."""
        self._server: asyncio.Server | None = None
        self.host = "127.0.0.1"
        self.port = 0

    async def build(self) -> None:
        """Listen, at an address that nothing else of this machine has.

        Raises:
            OSError: no port can be had.
        """
        own = f"127.{secrets.randbelow(254) + 1}.{secrets.randbelow(254) + 1}.{secrets.randbelow(253) + 2}"
        for host in (own, "127.0.0.1"):  # not every system has all of 127.0.0.0/8
            try:
                self._server = await asyncio.start_server(self._serve, host, 0, limit=_HEAD)
            except OSError:
                if host != own:
                    raise
            else:
                self.host, self.port = self._server.sockets[0].getsockname()[:2]
                return

    async def tear_down(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n"), _SECONDS)
            writer.write(_REFUSAL)
            await asyncio.wait_for(writer.drain(), _SECONDS)
            if self.refused is not None and (found := _wanted(head)):
                self.refused(*found)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # it went away, or does not speak HTTP
        finally:
            writer.close()


def _wanted(line: bytes) -> tuple[str, int] | None:
    """Host and port of a request line, if it has them."""
    method, _, rest = line.decode("iso-8859-1").partition(" ")
    target = rest.partition(" ")[0]
    try:
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        port = parts.port or 80
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname else None
