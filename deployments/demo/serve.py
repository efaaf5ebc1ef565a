"""Serves a folder of host folders on loopback, as the sites of those hosts.

    python deployments/demo/serve.py [--root DIR] [--address IP] [--port N]

One server answers for every host and tells them apart by the `Host` header. Nothing resolves the host names: whoever
fetches pins them to the address (`ServedSites.pins`). Responses are the same at every start, but for `Date`.
"""

from __future__ import annotations

import argparse
import gzip
import re
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

BUNDLED = Path(__file__).resolve().parent / "sites"

LAST_MODIFIED = "Wed, 05 Feb 2025 09:00:00 GMT"

MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".ico": "image/x-icon",
        ".jpg": "image/jpeg",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".pdf": "application/pdf",
        ".png": "image/png",
        ".rss": "application/rss+xml",
        ".svg": "image/svg+xml",
        ".ttf": "font/ttf",
        ".txt": "text/plain; charset=utf-8",
        ".webp": "image/webp",
        ".woff2": "font/woff2",
        ".xml": "application/xml",
    }
)

NAMING_HOSTS = frozenset({".html", ".rss", ".txt", ".xml"})
"""Files of these kinds name the sites by absolute addresses."""

CHUNK = 1024


@dataclass(frozen=True, slots=True)
class Special:
    """How the response for one address differs from the plain one.

    Attributes:
        moved_to: The address answers 301 with this `Location`.
        gone: There is no such page, though pages link to it: 404 with the host's `404.html`.
        chunked_gzip: The body goes out gzip-encoded, in chunks of 1024 bytes, to clients that take both.
        charset: Whether the media type names the character set.
    """

    moved_to: str | None = None
    gone: bool = False
    chunked_gzip: bool = False
    charset: bool = True


JOINT_STATEMENT = "/2024/11/12/joint-statement-keep-the-records-of-zarqun/"

SPECIAL: Mapping[tuple[str, str], Special] = MappingProxyType(
    {
        ("sahlandoc.example", "/node/118"): Special(moved_to=JOINT_STATEMENT),
        ("sahlandoc.example", "/2019/03/02/visit-to-bir-nasr/"): Special(gone=True),
        ("sahlandoc.example", JOINT_STATEMENT): Special(chunked_gzip=True),
        ("zarqunfamilies.example", "/bayanat/sijillat-al-qalaa/"): Special(charset=False),
    }
)
"""By host and path. Other folders than the bundled one hold none of these hosts, so it leaves them alone."""


@dataclass(frozen=True, slots=True)
class ServedSites:
    """Where the sites can be reached while they are served."""

    address: str
    port: int
    hosts: tuple[str, ...]

    def url(self, host: str, path: str = "/") -> str:
        """Return the absolute URL of `path` (percent-encoded, beginning with a slash) on `host`.

        Raises:
            ValueError: `host` is not served, or `path` does not begin with a slash.
        """
        if host not in self.hosts:
            raise ValueError(f"{host} is not among the served hosts: {', '.join(self.hosts)}")
        if not path.startswith("/"):
            raise ValueError(f"{path} does not begin with a slash")
        return f"http://{host}{_port_suffix(self.port)}{path}"

    @property
    def pins(self) -> dict[str, str]:
        """The address to connect to for each "host:port"."""
        return {f"{host}:{self.port}": self.address for host in self.hosts}


@contextmanager
def serve_sites(
    root: Path = BUNDLED,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    special: Mapping[tuple[str, str], Special] = SPECIAL,
) -> Iterator[ServedSites]:
    """Serve the folders of `root`, each as the host of its name, until the block ends; port 0 takes a free one.

    Files are read anew for each request. When the block ends, the connections still open are closed.

    Raises:
        ValueError: `root` holds no folder.
        OSError: The address or port cannot be had.
    """
    folders = {entry.name: entry.resolve() for entry in sorted(root.iterdir()) if _is_site(entry)}
    if not folders:
        raise ValueError(f"{root} holds no folder to serve")
    with _SiteServer((address, port), folders, special) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield ServedSites(address, server.server_port, tuple(folders))
        finally:
            server.shutdown()
            thread.join()


def _is_site(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith((".", "_"))


def _port_suffix(port: int) -> str:
    return "" if port == 80 else f":{port}"


class _SiteServer(ThreadingHTTPServer):
    request_queue_size = 64

    def __init__(
        self,
        where: tuple[str, int],
        folders: Mapping[str, Path],
        special: Mapping[tuple[str, str], Special],
    ) -> None:
        self.folders = folders
        self.special = special
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(where, _SiteHandler)
        names = b"|".join(re.escape(host).encode() for host in folders)
        self._host_names = re.compile(rb"(//(?:" + names + rb"))(?![\w.:-])")

    def with_port(self, body: bytes) -> bytes:
        """Return `body` with this server's port added where it names one of the hosts in an address."""
        suffix = _port_suffix(self.server_port).encode()
        return self._host_names.sub(lambda name: name[1] + suffix, body)

    def get_request(self) -> tuple[socket.socket, Any]:
        request, client = super().get_request()
        with self._lock:
            self._connections.add(request)
        return request, client

    def close_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().close_request(request)

    def server_close(self) -> None:
        super().server_close()
        with self._lock:
            for connection in self._connections:
                # A thread that waits for the next request on a kept connection sees its end and closes it.
                # The client may have ended it already.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong, unless it is only that the client has gone away."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _SiteHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "sample-sites"
    sys_version = ""
    timeout = 60
    disable_nagle_algorithm = True
    server: _SiteServer

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def version_string(self) -> str:
        return self.server_version

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def _answer(self) -> None:
        named = self.headers.get_all("Host", [])
        if len(named) != 1:
            self._send_text(HTTPStatus.BAD_REQUEST, "exactly one Host is needed")
            return
        host = named[0].partition(":")[0].lower()
        site = self.server.folders.get(host)
        if site is None:
            self._send_text(HTTPStatus.MISDIRECTED_REQUEST, "no such host here")
            return
        address = urlsplit(self.path)
        special = self.server.special.get((host, address.path), Special())
        if special.moved_to is not None:
            self._send_redirect(special.moved_to)
            return
        found = None if special.gone else _find(site, address.path)
        if found is None:
            self._send_not_found(site)
        elif not found.is_dir():
            self._send_file(HTTPStatus.OK, found, special)
        elif not address.path.endswith("/"):
            self._send_redirect(address._replace(scheme="", netloc="", path=address.path + "/").geturl())
        elif (found / "index.html").is_file():
            self._send_file(HTTPStatus.OK, found / "index.html", special)
        else:
            self._send_not_found(site)

    def _send_file(self, status: HTTPStatus, file: Path, special: Special) -> None:
        body = file.read_bytes()
        if file.suffix in NAMING_HOSTS:
            body = self.server.with_port(body)
        media_type = MEDIA_TYPES.get(file.suffix, "application/octet-stream")
        if not special.charset:
            media_type = media_type.partition(";")[0]
        headers = {"Content-Type": media_type, "Last-Modified": LAST_MODIFIED}
        if special.chunked_gzip:
            headers["Vary"] = "Accept-Encoding"
            if self._takes_chunked_gzip():
                self._send_chunked_gzip(status, headers, body)
                return
        self._send(status, headers, body)

    def _takes_chunked_gzip(self) -> bool:
        return self.request_version == "HTTP/1.1" and "gzip" in self.headers.get("Accept-Encoding", "").lower()

    def _send_chunked_gzip(self, status: HTTPStatus, headers: Mapping[str, str], body: bytes) -> None:
        encoded = gzip.compress(body, compresslevel=9, mtime=0)
        parts = [encoded[start : start + CHUNK] for start in range(0, len(encoded), CHUNK)]
        chunked = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])
        self._send_head(status, {**headers, "Content-Encoding": "gzip", "Transfer-Encoding": "chunked"})
        self._send_body(chunked)

    def _send_not_found(self, site: Path) -> None:
        page = site / "404.html"
        if page.is_file():
            self._send_file(HTTPStatus.NOT_FOUND, page, Special())
        else:
            self._send_text(HTTPStatus.NOT_FOUND, "not found")

    def _send_redirect(self, location: str) -> None:
        self._send_text(HTTPStatus.MOVED_PERMANENTLY, "moved", {"Location": location})

    def _send_text(self, status: HTTPStatus, text: str, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self._send(status, {"Content-Type": MEDIA_TYPES[".txt"], **headers}, f"{text}\n".encode())

    def _send(self, status: HTTPStatus, headers: Mapping[str, str], body: bytes) -> None:
        self._send_head(status, {**headers, "Content-Length": str(len(body))})
        self._send_body(body)

    def _send_head(self, status: HTTPStatus, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, body: bytes) -> None:
        if self.command != "HEAD":
            self.wfile.write(body)


def _find(site: Path, path: str) -> Path | None:
    """Return the file or folder of `site` that a request's percent-encoded `path` names, None where there is none.

    Only a folder answers to a path that ends with a slash. Nothing outside `site` is ever found.
    """
    names = unquote(path, errors="replace").strip("/").split("/")
    if any(name in {"", ".", ".."} or "\0" in name for name in names) and names != [""]:
        return None
    found = site.joinpath(*names).resolve()
    if not found.is_relative_to(site) or not (found.is_dir() or (found.is_file() and not path.endswith("/"))):
        return None
    return found


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Serve a folder of host folders on loopback.")
    parser.add_argument("--root", type=Path, default=BUNDLED, help="the folder of host folders")
    parser.add_argument("--address", default="127.0.0.1", help="the address to listen at")
    parser.add_argument("--port", type=int, default=8765, help="the port to listen at; 0 takes a free one")
    options = parser.parse_args()
    with serve_sites(options.root, address=options.address, port=options.port) as sites:
        for host in sites.hosts:
            print(f"{sites.url(host)} at {sites.address}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
