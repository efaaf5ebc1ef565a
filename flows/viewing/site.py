"""The site of `sijill serve`: the viewer on one origin, replay on another, both over one archive."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from sijill.flows.errors import BadSettings, CannotListen
from sijill.flows.viewing.source import ViewedArchive
from sijill.flows.viewing.updating import Updater
from sijill.flows.wiring import Archive
from sijill.viewer.access import SHORTEST_TOKEN, Access
from sijill.viewer.api.router import router_for
from sijill.viewer.app import Options, make_app
from sijill.viewer.replay.addresses import Passes, ReplayLinks
from sijill.viewer.replay.app import ReplayApp, ReplaySettings
from sijill.viewer.serving import CannotServe, Place, bound, listen, serving

_VERIFY_PAGE = "verify.html"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Site:
    """How the site is to be reached."""

    listen: Place
    replay_listen: Place
    token: str | None = None
    behind_proxy: bool = False
    """Whether a proxy before it decides who may look."""
    public_url: str | None = None
    """The origin by which people reach the viewer, if not by its own address."""
    replay_url: str | None = None
    """Likewise for replay."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where the site is."""

    url: str
    replay_url: str


@contextmanager
def served(archive: Archive, site: Site, *, show: Callable[[str], None]) -> Iterator[Served]:
    """Serve an archive while the context is open.

    Args:
        archive: the archive; nothing of it is written but its catalog.
        site: how it is to be reached.
        show: told what could not be done.

    Raises:
        BadSettings: it would be open to everybody, or the two origins are one.
        CannotListen: an address cannot be used.
    """
    _check(site)
    access = None if site.token is None else Access(site.token)
    with ExitStack() as stack:
        source = stack.enter_context(closing(ViewedArchive(archive)))
        try:
            sockets = [stack.enter_context(closing(listen(place))) for place in (site.listen, site.replay_listen)]
        except CannotServe as err:
            raise CannotListen(str(err)) from err
        own, other = (bound(one) for one in sockets)
        url, replay_url = site.public_url or f"http://{own}", site.replay_url or f"http://{other}"
        if url == replay_url:
            raise BadSettings(f"{url}: pages are replayed on an origin of their own; name another --replay-url")
        passes = Passes(secrets.token_bytes(_KEY_BYTES))
        links = ReplayLinks(replay_url, passes)
        stack.enter_context(Updater(archive, source, show).running())
        app = make_app(
            source,
            Options(
                hosts=_hosts(site.listen, own, url),
                access=access,
                replay=links,
                routers=(router_for(source, links, url),),
                verify_page=_verify_page(),
                secure=url.startswith("https:"),
            ),
        )
        replay = ReplayApp(
            source,
            ReplaySettings(
                hosts=_hosts(site.replay_listen, other, replay_url),
                viewer=url,
                admits=None if access is None else access.admits,
            ),
            passes,
        )
        stack.enter_context(serving([(sockets[0], app), (sockets[1], replay)]))
        yield Served(url, replay_url)


def read_token(path: Path) -> str:
    """The token in a file; one is made there if there is no such file.

    Raises:
        BadSettings: it cannot be read or made, is too short, or others may read it.
    """
    try:
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(descriptor, f"{secrets.token_urlsafe(24)}\n".encode("ascii"))
            finally:
                os.close(descriptor)
        if path.stat().st_mode & 0o077:
            raise BadSettings(f"{path}: others may read it; chmod 600 it, and put another token into it")
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as err:
        raise BadSettings(f"{path}: {getattr(err, 'strerror', None) or err}") from err
    return checked_token(token, f"{path}")


def checked_token(token: str, where: str) -> str:
    """The token, which is long enough.

    Raises:
        BadSettings: it is not, or cannot stand in a header.
    """
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise BadSettings(f"{where}: a token has {SHORTEST_TOKEN} ASCII characters at least, and no space")
    return token


def _check(site: Site) -> None:
    open_to_others = not (site.listen.loopback and site.replay_listen.loopback)
    if open_to_others and site.token is None and not site.behind_proxy:
        raise BadSettings(
            "whoever reaches that address could read the whole archive: give --token-file FILE, or say --behind-proxy "
            "if a proxy before it asks who comes"
        )


def _hosts(place: Place, own: str, url: str) -> frozenset[str]:
    """The values of the field Host that are meant: its own address, its names if it has one, the public name."""
    port = own.rpartition(":")[2]
    names = {own, f"{place.host}:{port}", urlsplit(url).netloc}
    if place.loopback:
        names |= {f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"}
    return frozenset(name.lower() for name in names)


def _verify_page() -> bytes | None:
    page = files("sijill.provenance").joinpath(_VERIFY_PAGE)
    return page.read_bytes() if page.is_file() else None
