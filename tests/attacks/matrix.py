"""Which attacks there are: each one made, and what a verifier said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from victim import Verdict, Victim

Make = Callable[[Victim, Path], Verdict]
"""Given the archive and an empty folder: makes the attack there, and has it verified."""


@dataclass(frozen=True)
class Attack:
    """One attack. `code` is None if it cannot be caught, or is none and must not be."""

    where: str
    """`archive` or `package`."""
    name: str
    make: Make
    code: str | None
    needed: str
    """What the auditor had to have beside the archive's keys."""


ARCHIVES: dict[str, Attack] = {}
PACKAGES: dict[str, Attack] = {}
MADE: dict[tuple[str, str], tuple[str, ...]] = {}
"""Where, and name, of each attack that was made, and the codes that came out as failed."""


def on_archive(name: str, code: str | None, needed: str = "") -> Callable[[Make], Make]:
    """Add an attack on a stored archive, audited by `sijill-verify archive`."""
    return _adding("archive", name, code, needed)


def on_package(name: str, code: str | None, needed: str = "") -> Callable[[Make], Make]:
    """Add an attack on a package, verified by `sijill-verify`."""
    return _adding("package", name, code, needed)


def table() -> list[str]:
    """The attacks that were made, as Markdown: the code named for each first, then the others that saw it, too."""
    lines = ["| what | attack | caught by | what it took beside the archive's keys |", "|---|---|---|---|"]
    for (where, name), failed in MADE.items():
        attack = (ARCHIVES if where == "archive" else PACKAGES).get(name)
        named = [attack.code] if attack and attack.code else []
        codes = [*named, *(code for code in failed if code not in named)]
        lines.append(f"| {where} | {name} | {', '.join(codes) or 'holds'} | {attack.needed if attack else ''} |")
    return lines


def _adding(where: str, name: str, code: str | None, needed: str) -> Callable[[Make], Make]:
    def add(make: Make) -> Make:
        (ARCHIVES if where == "archive" else PACKAGES)[name] = Attack(where, name, make, code, needed)
        return make

    return add
