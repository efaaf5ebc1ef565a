"""A store as an audit wants it: read only, absence is None, and what is no object is an error of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sijill.provenance.attest.envelope import MAX_ENVELOPE
from sijill.provenance.errors import UnreadableObject
from sijill.storage.errors import BadKey, NotAnObject, NotFound, ObjectTooLarge
from sijill.storage.store import ObjectVersion, Store


@dataclass(frozen=True, slots=True)
class StoreSource:
    """The store of an archive, read for an audit."""

    store: Store

    def read(self, key: str) -> bytes | None:
        """See `ArchiveSource.read`."""
        try:
            # Nothing that is read whole is larger than an attestation may be.
            return self.store.read(key, limit=MAX_ENVELOPE)
        except NotFound:
            return None
        except (ObjectTooLarge, NotAnObject, BadKey) as err:
            raise UnreadableObject(key, str(err)) from err

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO | None]:
        """See `ArchiveSource.open`."""
        with ExitStack() as stack:
            try:
                reader: BinaryIO | None = stack.enter_context(self.store.open(key))
            except NotFound:
                reader = None
            except (NotAnObject, BadKey) as err:
                raise UnreadableObject(key, str(err)) from err
            yield reader

    def list(self, prefix: str, after: str | None = None) -> Iterator[str]:
        """See `ArchiveSource.list`."""
        return self.store.list(prefix, after=after)

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """See `ArchiveSource.versions`."""
        return self.store.versions(prefix)


def open_source(url: str) -> StoreSource:
    """The store of a URL, which must be there.

    Raises:
        StorageError: it cannot be opened.
    """
    from sijill.storage.open import open_store

    return StoreSource(open_store(url))


def store_url(text: str) -> str:
    """The store URL that is meant by a URL or by the path of a folder."""
    return text if "://" in text else Path(text).resolve().as_uri()
