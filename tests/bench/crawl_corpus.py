"""The corpus that tests/bench/crawl.py crawls, and its server: python crawl_corpus.py PAGES SHARED

The same arguments give the same bytes on every machine. Prints the port once it listens, serves HTTP/1.1 with
connections kept open on 127.0.0.2 to 127.0.0.11, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

HOSTS = tuple(f"127.0.0.{number}" for number in range(2, 12))
IMAGES = 2
"""Pictures of its own that each page shows."""
_SYLLABLES = (
    "ba",
    "de",
    "fo",
    "gu",
    "ha",
    "ji",
    "ko",
    "lu",
    "me",
    "ni",
    "pa",
    "ro",
    "su",
    "ta",
    "ve",
    "bre",
    "tion",
    "ing",
)
_LINKS = 12


@dataclass(frozen=True, slots=True)
class Corpus:
    """What one host serves, by path: media type and body."""

    files: dict[str, tuple[str, bytes]]

    @property
    def size(self) -> int:
        """Bytes of all bodies together."""
        return sum(len(body) for _, body in self.files.values())


def make(host: int, pages: int, shared: int) -> Corpus:
    """The files of the host with this number: `pages` pages, each with its own pictures and `shared` shared files."""
    chance = random.Random(f"{host}")
    words = _vocabulary(chance)
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    common = [("/site.css", "text/css", _style(chance)), ("/logo.png", "image/png", _picture(chance, b"\x89PNG\r\n"))]
    files: dict[str, tuple[str, bytes]] = {"/robots.txt": ("text/plain", b"User-agent: *\nDisallow: /private/\n")}
    for path, media_type, body in common[:shared]:
        files[path] = (media_type, body)
    links = [f"/statements/{number}/" for number in range(pages)]
    items = "\n".join(f'<li><a href="{path}">Statement {number}</a></li>' for number, path in enumerate(links))
    files["/"] = ("text/html; charset=utf-8", _page("All statements", f"<ul>\n{items}\n</ul>", shared).encode())
    for number, path in enumerate(links):
        for image in range(IMAGES):
            files[f"{path}{image}.jpg"] = ("image/jpeg", _picture(chance, b"\xff\xd8\xff\xe0"))
        body = _article(chance, words, weights, number, links)
        files[path] = ("text/html; charset=utf-8", _page(f"Statement {number}", body, shared).encode())
    return Corpus(files)


def _vocabulary(chance: random.Random) -> list[str]:
    return ["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4))) for _ in range(4000)]


def _article(
    chance: random.Random, words: Sequence[str], weights: Sequence[float], number: int, links: Sequence[str]
) -> str:
    """10 to 60 KB of text in paragraphs, with pictures and links to other pages."""
    left, paragraphs = chance.randint(10_000, 60_000), []
    while left > 0:
        text = " ".join(chance.choices(words, weights, k=chance.randint(30, 150)))
        paragraphs.append(f'<p class="text p{chance.randint(0, 9)}">{text.capitalize()}.</p>')
        left -= len(text)
    pictures = [f'<img src="{image}.jpg" width="640" height="480" alt="{image}">' for image in range(IMAGES)]
    others = [chance.choice(links) for _ in range(_LINKS)] + [links[(number + 1) % len(links)]]
    navigation = "".join(f'<li><a rel="related" href="{escape(path)}">see also {path}</a></li>' for path in others)
    return "\n".join([*pictures, *paragraphs, f"<nav><ul>{navigation}</ul></nav>"])


def _page(title: str, body: str, shared: int) -> str:
    style = '<link rel="stylesheet" href="/site.css">' if shared > 0 else ""
    logo = '<img src="/logo.png" alt="logo">' if shared > 1 else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>{style}</head>\n'
        f"<body><header>{logo}<h1>{title}</h1></header>\n{body}\n</body></html>\n"
    )


def _style(chance: random.Random) -> bytes:
    rules = [
        f".p{number} {{ margin: {chance.randint(0, 40)}px; color: #{chance.randrange(1 << 24):06x}; padding: 4px; }}"
        for number in range(300)
    ]
    return "\n".join(rules).encode()


def _picture(chance: random.Random, magic: bytes) -> bytes:
    """What a compressor can do nothing about, as with the body of a JPEG file."""
    return magic + chance.randbytes(chance.randint(5_000, 40_000))


def _responses(corpus: Corpus) -> dict[bytes, bytes]:
    return {
        path.encode(): (
            f"HTTP/1.1 200 OK\r\nServer: corpus\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
            'Last-Modified: Tue, 12 Nov 2024 08:00:00 GMT\r\nETag: "1"\r\n\r\n'
        ).encode()
        + body
        for path, (media_type, body) in corpus.files.items()
    }


class _Connection(asyncio.Protocol):
    """Answers requests as they come."""

    def __init__(self, responses: dict[bytes, bytes]) -> None:
        self._responses = responses
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while b"\r\n\r\n" in self._pending:
            request, _, self._pending = self._pending.partition(b"\r\n\r\n")
            path = request.split(b" ", 2)[1]
            missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
            self._transport.write(self._responses.get(path, missing))


async def _serve(pages: int, shared: int) -> None:
    loop = asyncio.get_running_loop()
    corpora = [make(number, pages // len(HOSTS), shared) for number in range(len(HOSTS))]
    port = 0
    for host, corpus in zip(HOSTS, corpora, strict=True):
        responses = _responses(corpus)
        server = await loop.create_server(lambda held=responses: _Connection(held), host, port, backlog=512)
        port = server.sockets[0].getsockname()[1]
    urls = sum(len(corpus.files) for corpus in corpora)
    print(json.dumps({"port": port, "urls": urls, "bytes": sum(corpus.size for corpus in corpora)}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
