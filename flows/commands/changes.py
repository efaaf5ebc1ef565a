"""What changed on the pages that the archive has captured more than once."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sijill.flows.commands.catalog import csv_option, hosts_of, one_form
from sijill.flows.commands.options import as_json, open_archive

if TYPE_CHECKING:
    from sijill.archive.catalog.catalog import Catalog


@click.command(epilog="Example: sijill changes --since 2026-11-01 --csv")
@click.option("--since", metavar="DATE|ID", help="Only what was captured on this day or later, or after this capture.")
@click.option("--site", "sites", multiple=True, help="A host, or an id of the sites file; may be repeated.")
@click.option("--frames", is_flag=True, help="Also what changed around statements: links, documents, languages, menus.")
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="At most the newest N."
)
@as_json
@csv_option
@click.pass_obj
def changes(
    config: Path,
    since: str | None,
    sites: tuple[str, ...],
    frames: bool,
    limit: int,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List statements that changed, vanished or returned, in the order of the log.

    Each is told by the two captures that show it. Text, title, date and signatories are told apart; a moved paragraph
    is moved, and a changed menu is no change.
    """
    from sijill.archive.catalog.changes import changes as found_changes
    from sijill.flows.reading.catalog import open_current
    from sijill.flows.reading.printing_changes import print_changes
    from sijill.flows.reading.stored import StoredReadings

    one_form(as_json, as_csv)
    hosts = tuple(host for site in sites for host in hosts_of(config, site))
    archive = open_archive(config)
    with open_current(archive, quiet=as_json or as_csv) as catalog:
        begin = None if since is None else _begin(catalog, since)
        found = found_changes(
            catalog, StoredReadings(archive.store), since=begin, sites=hosts, frames=frames, limit=limit
        )
    print_changes(found, limit=limit, as_json=as_json, as_csv=as_csv)


def _begin(catalog: Catalog, text: str) -> datetime | int:
    """From when on: a time, or a place in the log."""
    from sijill.archive.catalog.captures import find_capture

    found = find_capture(catalog, text)
    if found is not None:
        return found.leaf_index + 1
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError as err:
        raise click.BadParameter(
            f"{text[:100]!r} is no day and no capture in the log: write 2026-11-15, or the id of a capture",
            param_hint="--since",
        ) from err
