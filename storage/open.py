"""From a store URL to a store. The one place that knows which schemes there are."""

from __future__ import annotations

from sijill.storage.errors import BadStoreUrl, CapabilityMissing
from sijill.storage.options import StoreOptions
from sijill.storage.store import Store


def open_store(url: str, *, create: bool = False, options: StoreOptions | None = None) -> Store:
    """The store of `url`: `file:///absolute/path` or `s3://bucket/prefix?endpoint=…&region=…&addressing=path|virtual`.

    With `create` an empty store is made if there is none (a folder whose parent exists, a mark in a bucket that
    exists); without, a missing store is an error, so that a mistyped URL never passes for an empty archive.

    Raises:
        BadStoreUrl: the URL is of no known scheme or not written as that scheme asks.
        StoreUnavailable: there is no such store.
        StoreDenied: it may not be opened or made.
        CapabilityMissing: `options` ask for what the store does not have.
    """
    options = options or StoreOptions()
    # A store's module is imported when its scheme is used: client libraries are slow to load.
    match url.partition("://")[0]:
        case "file":
            from sijill.storage.local import LocalStore, parse_file_url

            path = parse_file_url(url)
            if options.retention is not None:
                raise CapabilityMissing(url, "a folder has no Object Lock, which the settings demand")
            return LocalStore.at(path, create=create)
        case "s3":
            from sijill.storage.s3 import S3Store
            from sijill.storage.s3_url import parse_s3_url

            return S3Store.at(parse_s3_url(url), create=create, options=options)
        case _:
            raise BadStoreUrl(url, "a store URL is file:///absolute/path or s3://bucket/prefix?endpoint=…")
