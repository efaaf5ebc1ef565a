"""One body under its several names: the alias table `data/organisations.toml`. Pure.

A name finds its organisation by `name_key`, so that an alias need be listed only where words differ: another language,
a misspelling that was published, an acronym that stands alone. A key that two organisations share finds neither.
"""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sijill.archive.reading.normalise import name_key


@dataclass(frozen=True, slots=True)
class Organisations:
    """Names of organisations by the keys of their names and aliases."""

    by_key: Mapping[str, str]

    def of(self, name: str) -> str | None:
        """The name in the table of the organisation that `name` names; None if the table has it not, or twice."""
        return self.of_key(name_key(name))

    def of_key(self, key: str) -> str | None:
        """The same for the `name_key` of a name."""
        return self.by_key.get(key)

    def with_more(self, other: Organisations) -> Organisations:
        """This table and another; where both know a key, the other's entry stands."""
        return Organisations({**self.by_key, **other.by_key})


@functools.cache
def organisations() -> Organisations:
    """The table that comes with the package."""
    text = (importlib.resources.files(__package__) / "data" / "organisations.toml").read_text("utf-8")
    return of_entries(tomllib.loads(text)["organisations"])


def of_entries(entries: list[dict[str, Any]]) -> Organisations:
    """The table of parsed entries: `name`, and `aliases` where it has some."""
    found: dict[str, str | None] = {}
    for entry in entries:
        name = str(entry["name"])
        for alias in (name, *entry.get("aliases", ())):
            key = name_key(str(alias))
            found[key] = name if found.get(key, name) == name else None
    return Organisations({key: name for key, name in found.items() if key and name is not None})
