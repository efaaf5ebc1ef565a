"""The archive in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sijill.flows.commands.options import open_archive

if TYPE_CHECKING:
    from sijill.viewer.serving import Place


@click.command(epilog="Example: sijill serve --open")
@click.option("--listen", default="127.0.0.1:7390", show_default=True, metavar="HOST:PORT", help="Port 0: a free one.")
@click.option(
    "--replay-listen",
    default=None,
    metavar="HOST:PORT",
    help="Where archived pages are replayed, apart from all else. Default: the port after that of --listen.",
)
@click.option("--open", "opened", is_flag=True, help="Open it in the system's browser.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Only who knows the token in this file may look; it is made if there is none.",
)
@click.option("--token", envvar="SIJILL_TOKEN", metavar="TOKEN", help="The same, better given as SIJILL_TOKEN.")
@click.option("--behind-proxy", is_flag=True, help="A proxy before it decides who may look.")
@click.option("--public-url", metavar="URL", help="The origin by which people reach it through the proxy.")
@click.option("--replay-url", metavar="URL", help="Likewise for replay: another host, or another port.")
@click.pass_obj
def serve(
    config: Path,
    listen: str,
    replay_listen: str | None,
    opened: bool,
    token_file: Path | None,
    token: str | None,
    behind_proxy: bool,
    public_url: str | None,
    replay_url: str | None,
) -> None:
    """Serve the archive to browsers, read-only, until SIGINT or SIGTERM. Prints its address when ready.

    Only this machine reaches it, unless --listen says otherwise; then a token or a proxy must guard it. The catalog is
    brought up to date at the start and every half minute. It speaks plain HTTP: reached from elsewhere, it belongs
    behind a server that speaks TLS.
    """
    import signal
    import threading

    from sijill.flows.viewing.site import Site, checked_token, read_token, served

    if token_file is not None and token is not None:
        raise click.UsageError("--token or --token-file, not both")
    place = _place(listen, "--listen")
    site = Site(
        listen=place,
        replay_listen=_beside(place) if replay_listen is None else _place(replay_listen, "--replay-listen"),
        token=read_token(token_file) if token_file else None if token is None else checked_token(token, "--token"),
        behind_proxy=behind_proxy,
        public_url=_origin(public_url, "--public-url"),
        replay_url=_origin(replay_url, "--replay-url"),
    )
    archive = open_archive(config)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with served(archive, site, show=lambda line: click.echo(line, err=True)) as found:
        click.echo(f"{found.url}/")
        if opened:
            click.launch(f"{found.url}/")
        stop.wait()


def _place(text: str, option: str) -> Place:
    from sijill.viewer.serving import Place

    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdecimal() and int(port) < 65536):
        raise click.BadParameter(f"{text!r} is not HOST:PORT", param_hint=option)
    return Place(host.removeprefix("[").removesuffix("]"), int(port))


def _beside(place: Place) -> Place:
    from sijill.viewer.serving import Place

    return Place(place.host, (place.port + 1) % 65536 if place.port else 0)


def _origin(url: str | None, option: str) -> str | None:
    from urllib.parse import urlsplit

    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise click.BadParameter(f"{url!r} is not an origin such as https://archive.example", param_hint=option)
    return f"{parts.scheme}://{parts.netloc}"
