"""Telling people by apprise. Addresses hold secrets: nothing here shows one, in whatever goes wrong."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sijill.flows.errors import BadSettings, NotTold


def addresses(urls: Sequence[str]) -> list[str]:
    """The addresses of the settings, with what the environment holds put in.

    Raises:
        BadSettings: a variable that is named is not set.
    """
    found = []
    for url in urls:
        address = os.environ.get(url[1:], "") if url.startswith("$") else url
        if not address:
            raise BadSettings(f"notifications.urls: {url} is not set in the environment")
        found.append(address)
    return found


def notify(urls: Sequence[str], *, title: str, body: str) -> None:
    """Tell everyone in the settings.

    Raises:
        BadSettings: apprise does not know what an address of the settings is, or a variable is not set.
        NotTold: one of them at least could not be told; others may have been.
    """
    import apprise

    failed = []
    with _silent():
        for position, address in enumerate(addresses(urls), 1):
            to = apprise.Apprise()
            if not to.add(address):
                raise BadSettings(f"notifications.urls: number {position} is no address that apprise knows")
            if not to.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
                failed.append(position)
    if failed:
        raise NotTold(failed)


@contextmanager
def _silent() -> Iterator[None]:
    # What apprise logs may hold addresses.
    log = logging.getLogger("apprise")
    was = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = was
