"""What concerns the store: what it can do, whether it kept what it was given, copies, holds."""

from __future__ import annotations

from pathlib import Path

import click

from sijill.flows.commands.options import as_json, open_archive
from sijill.flows.errors import ExitStatus


@click.command(epilog="Example: sijill audit")
@as_json
@click.pass_obj
def audit(config: Path, as_json: bool) -> None:
    """Look for second versions and deletions in the store, and read every capture back.

    Exit status 1 if anything is not as it must be.
    """
    from sijill.flows.audit import audit_store
    from sijill.flows.console import print_audit
    from sijill.flows.progress import StatusLine

    with StatusLine(quiet=as_json) as progress:
        audited = audit_store(open_archive(config), show=progress.show)
    print_audit(audited, as_json=as_json)
    if audited.faults:
        raise SystemExit(ExitStatus.FAILED)


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


@click.command(epilog="Example: sijill hold 20261121t011630z-k3j5x2m4q7ab")
@click.argument("capture_id")
@as_json
@click.pass_obj
def hold(config: Path, capture_id: str, as_json: bool) -> None:
    """Put a legal hold on a capture: the store refuses to delete its objects until the hold is released."""
    from sijill.flows.console import print_locks
    from sijill.flows.holds import hold as put_hold
    from sijill.flows.holds import locks

    archive = open_archive(config)
    put_hold(archive, capture_id)
    print_locks(locks(archive, capture_id), as_json=as_json)


@click.command(epilog="Example: sijill release 20261121t011630z-k3j5x2m4q7ab")
@click.argument("capture_id")
@as_json
@click.pass_obj
def release(config: Path, capture_id: str, as_json: bool) -> None:
    """Take the legal hold off a capture; a retention stays until its end."""
    from sijill.flows.console import print_locks
    from sijill.flows.holds import locks
    from sijill.flows.holds import release as end_hold

    archive = open_archive(config)
    end_hold(archive, capture_id)
    print_locks(locks(archive, capture_id), as_json=as_json)
