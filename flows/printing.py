"""How results are printed: facts and tables for people, JSON for machines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sijill.provenance.printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType


def print_json(value: dict[str, Any]) -> None:
    """One JSON value, indented."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_facts(facts: Mapping[str, str]) -> None:
    """Names and values, one line a fact; what could act on a terminal is made visible."""
    # One line a fact, never folded: digests and paths are there to be copied.
    bold, plain = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{bold}{name:<{width}}{plain}  {printable(value)}")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[RenderableType]]) -> None:
    """A table; as wide as it needs to be if it is piped."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    # What is piped is for other programs, or for a file: as wide as it needs to be.
    Console(highlight=False, width=None if sys.stdout.isatty() else 10_000).print(table)
