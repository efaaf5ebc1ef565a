"""Being a witness for the logs of others. Needs no archive of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from sijill.flows.commands.options import as_json

_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))


@click.group(
    epilog="""\b
Example: a partner organisation does
  sijill witness init my-witness --name witness.example/w1
  sijill witness trust my-witness LOG_VKEY
  sijill witness serve my-witness --listen 127.0.0.1:7380
"""
)
def witness() -> None:
    """Cosign checkpoints of others' logs (c2sp.org/tlog-witness). Needs no sijill.toml."""


@witness.command("init", epilog="Example: sijill witness init my-witness --name witness.example/w1")
@_FOLDER
@click.option("--name", required=True, help="The witness's name in cosignatures, usually a URL without scheme.")
@as_json
def witness_init(folder: Path, name: str, as_json: bool) -> None:
    """Make a witness with a new key in FOLDER, which must be new or empty; print its vkey."""
    from sijill.flows.printing import print_facts, print_json
    from sijill.flows.witness.folder import init_witness

    vkey = init_witness(folder, name).verifier.vkey
    if as_json:
        print_json({"folder": str(folder), "vkey": vkey})
    else:
        print_facts({"Folder": str(folder), "Vkey": f"{vkey}  (for [[witnesses]] and trust.json of others)"})


@witness.command("trust", epilog="Example: sijill witness trust my-witness LOG_VKEY")
@_FOLDER
@click.argument("vkey")
def witness_trust(folder: Path, vkey: str) -> None:
    """Witness the log with this VKEY from now on. A witness that serves already need not be started again."""
    from sijill.flows.witness.folder import open_witness

    added = open_witness(folder).trust(vkey)
    click.echo(f"{vkey.partition('+')[0]}: {'witnessed from now on' if added else 'is witnessed already'}")


@witness.command("serve", epilog="Example: sijill witness serve my-witness --listen 127.0.0.1:7380")
@_FOLDER
@click.option("--listen", default="127.0.0.1:7380", show_default=True, metavar="HOST:PORT", help="Port 0: a free one.")
def witness_serve(folder: Path, listen: str) -> None:
    """Answer POST …/add-checkpoint until SIGINT or SIGTERM. Prints its URL when ready, then one line a request.

    It speaks plain HTTP: reached from elsewhere, it belongs behind a server that speaks TLS.
    """
    import signal
    import threading
    from datetime import UTC, datetime

    from sijill.flows.witness.folder import open_witness
    from sijill.flows.witness.server import serve_witness

    host, port = _address(listen)
    opened = open_witness(folder)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with serve_witness(opened, host, port, clock=lambda: datetime.now(UTC), show=_log) as url:
        click.echo(f"{opened.name} listens at {url}")
        stop.wait()


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdecimal() and int(port) < 65536):
        raise click.BadParameter(f"{text!r} is not HOST:PORT", param_hint="--listen")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _log(line: str) -> None:
    from datetime import UTC, datetime

    click.echo(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}", err=True)
