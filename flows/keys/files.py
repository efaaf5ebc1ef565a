"""The files of private keys while one key takes the place of another: no key is ever half written, or lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sijill.flows.durable import sync_folder
from sijill.flows.wiring import Archive
from sijill.provenance.attest.key_event import Purpose
from sijill.provenance.attest.keys import PublicKey, SigningKey, write_signing_key
from sijill.provenance.errors import KeyFileUnusable


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where the private key of one purpose is, its successor while a rotation goes on, and its predecessors."""

    used: Path

    @classmethod
    def of(cls, archive: Archive, purpose: Purpose) -> KeyFiles:
        """Those that the archive's settings name."""
        section = archive.settings.keys
        return cls(archive.folder / (section.attestation if purpose is Purpose.ATTESTATION else section.log))

    @property
    def new(self) -> Path:
        """The key that is to be used next; there only while a rotation goes on."""
        return self.used.with_name(f"{self.used.name}.new")

    def retired(self, key: PublicKey) -> Path:
        """Where the private half of `key` is kept after its use."""
        return self.used.parent / "retired" / f"{key.keyid}.pem"


def write_key(path: Path, key: SigningKey) -> None:
    """Have `key` in the file `path`, wholly or not at all; what was there is replaced.

    Raises:
        KeyFileUnusable: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        # What a killed process left there was never used for anything.
        draft.unlink(missing_ok=True)
    except OSError as err:
        raise KeyFileUnusable(path, err.strerror or str(err)) from err
    write_signing_key(draft, key)
    move_durably(draft, path)


def move_durably(source: Path, target: Path) -> None:
    """Give the file `source` the name `target` in one step, in the place of what is there, and have that on disk.

    Raises:
        KeyFileUnusable: it cannot be done.
    """
    try:
        source.replace(target)
        sync_folder(target.parent)
    except OSError as err:
        raise KeyFileUnusable(target, err.strerror or str(err)) from err
