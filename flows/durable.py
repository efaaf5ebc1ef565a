"""Files that must be there after a loss of power: written, and on disk before anything relies on them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from sijill.flows.errors import OutputUnusable


def replace_durably(path: Path, data: bytes) -> None:
    """Put `data` in the place of what is at `path`, in one step, and have it on disk before returning.

    Raises:
        OutputUnusable: it cannot be written; the file is as it was.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("wb") as file:
            file.write(data)
            sync(file)
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as err:
        raise OutputUnusable(f"{path}: {err.strerror}") from err


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on disk before returning."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync(file: IO[bytes]) -> None:
    """Have what was written to `file` on disk before returning."""
    file.flush()
    os.fsync(file.fileno())
