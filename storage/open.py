"""From a store URL to a store. The one place that knows which schemes there are."""

from __future__ import annotations

from sijill.storage.errors import BadStoreUrl
from sijill.storage.store import Store


def open_store(url: str, *, create: bool = False) -> Store:
    """The store of `url`: `file:///absolute/path`.

    With `create` an empty store is made if there is none (a folder whose parent exists); without, a missing store is
    an error, so that a mistyped URL never passes for an empty archive.

    Raises:
        BadStoreUrl: the URL is of no known scheme or not written as that scheme asks.
        StoreUnavailable: there is no such store.
        StoreDenied: it may not be opened or made.
    """
    # A store's module is imported when its scheme is used: client libraries are slow to load.
    match url.partition("://")[0]:
        case "file":
            from sijill.storage.local import LocalStore, parse_file_url

            return LocalStore.at(parse_file_url(url), create=create)
        case _:
            raise BadStoreUrl(url, "a store URL is file:///absolute/path")
