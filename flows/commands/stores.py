"""What concerns the store: what it can do, and copies of it."""

from __future__ import annotations

from pathlib import Path

import click

from sijill.flows.commands.options import as_json, open_archive
from sijill.flows.errors import ExitStatus


@click.group(epilog="Example: sijill store probe")
def store() -> None:
    """The store itself: what it can do, and copies of it."""


@store.command("probe", epilog="Example: sijill store probe")
@as_json
@click.pass_obj
def store_probe(config: Path, as_json: bool) -> None:
    """Try out with canary objects what the store really does; sign and log the finding.

    Settings may demand what must be shown: store.require.
    """
    from sijill.flows import evidence
    from sijill.flows.console import print_probe
    from sijill.flows.probe import probe_store

    archive = open_archive(config)
    probed = probe_store(archive)
    evidence.seal(archive)
    print_probe(archive, probed, as_json=as_json)


@click.command(epilog="Example: sijill copy s3://bucket/prefix?endpoint=https://s3.example.org")
@click.argument("store_url")
@click.option("--compare", is_flag=True, help="Copy nothing; say whether both are equal, or in what they differ.")
@as_json
@click.pass_obj
def copy(config: Path, store_url: str, compare: bool, as_json: bool) -> None:
    """Copy the whole archive to another store, every object verified; or compare the two.

    An interrupted copy is completed by running it again.
    """
    from sijill.flows.console import print_copy
    from sijill.flows.copying import copy_archive
    from sijill.flows.progress import StatusLine

    archive = open_archive(config)
    with StatusLine(quiet=as_json) as progress:
        copied = copy_archive(archive, store_url, only_compare=compare, show=progress.show)
    print_copy(archive, copied, as_json=as_json)
    if copied.differences:
        raise SystemExit(ExitStatus.FAILED)
