"""What all commands share: options, and opening the archive that the settings describe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sijill.flows.wiring import Archive

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def open_archive(config: Path) -> Archive:
    """The archive of the settings file `config`; loads what that takes only now."""
    from sijill.flows import wiring

    return wiring.open_archive(config)
