"""Time: timestamps by authorities outside."""

from __future__ import annotations

from pathlib import Path

import click

from sijill.flows.commands.options import as_json, open_archive
from sijill.flows.errors import ExitStatus


@click.command(epilog="Example: sijill timestamp")
@as_json
@click.pass_obj
def timestamp(config: Path, as_json: bool) -> None:
    """Have the newest checkpoint timestamped once more by every authority of the settings; meant for once a year.

    Timestamps outlive their authorities' certificates as long as a newer one covers them. Exit status 1 if an
    authority did not give one.
    """
    from sijill.flows.partners.timestamping import retimestamp
    from sijill.flows.printing import print_facts, print_json

    asked = retimestamp(open_archive(config))
    if as_json:
        print_json({"timestamps": [{"name": one.name, "held": one.held, "problem": one.problem} for one in asked]})
    else:
        print_facts({one.name: "stored" if one.held else f"MISSING: {one.problem}" for one in asked})
    if not all(one.held for one in asked):
        raise SystemExit(ExitStatus.FAILED)
