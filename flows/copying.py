"""Copying the archive into another store, or comparing the two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sijill.flows.custody.tombstones import erased_keys
from sijill.flows.wiring import Archive
from sijill.storage.copying import Difference, compare, copy
from sijill.storage.open import open_store


@dataclass(frozen=True, slots=True)
class ArchiveCopy:
    """What a copy, or a comparison, came to."""

    target: str
    copied: int
    present: int
    erased: int
    """Objects that went from the target, because tombstones say that they are gone here."""
    differences: tuple[Difference, ...]


def copy_archive(archive: Archive, store_url: str, *, only_compare: bool, show: Callable[[str], None]) -> ArchiveCopy:
    """Copy the archive to the store at `store_url`, then compare the two; or only compare them.

    The target is used as settings say: what they lock here is locked there. What tombstones name is erased there too,
    after the tombstones and the log are there; what was removed there does not come back.

    Raises:
        StorageError: one of the stores failed; running it again goes on.
    """
    target = open_store(store_url, create=not only_compare, options=archive.settings.store.options)
    copied = present = gone = 0
    if not only_compare:
        erased = erased_keys(archive)
        done = copy(
            archive.store,
            target,
            erased=erased,
            withheld=erased_keys(replace(archive, store=target)) - erased,
            on_object=lambda number: show(f"copying: {number} objects"),
        )
        copied, present, gone = done.copied, done.present, done.erased
    differences = compare(archive.store, target, on_object=lambda number: show(f"comparing: {number} objects"))
    return ArchiveCopy(target.url, copied, present, gone, differences)
