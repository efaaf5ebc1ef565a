"""Which runs killed workers left, so that somebody goes on with them before the next date of the schedule."""

from __future__ import annotations

from sijill.flows.crawl.journal import STALE, last_sign_of_life, unfinished_run
from sijill.flows.wiring import Archive


def is_left(archive: Archive, site_id: str) -> bool:
    """Whether a site has a run that is not over, and whose worker has shown no sign of life for too long.

    A worker that lives and begins at the same moment loses nothing: the lease of the site decides.
    """
    if unfinished_run(archive, site_id) is None:
        return False
    seen = last_sign_of_life(archive, site_id)
    return seen is None or abs(archive.clock() - seen) >= STALE
