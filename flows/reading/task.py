"""The Prefect task that reads new captures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from sijill.flows.reading.after import read_new
from sijill.flows.wiring import open_archive
from sijill.provenance.printable import printable


@task(name="read-captures", cache_policy=NO_CACHE)
def read_captures_task(config: str, captures: Sequence[str]) -> int:
    """Read what new captures say; returns how many were read. What hinders that is logged, and fails nothing."""
    log = get_run_logger()
    read, hindrance = read_new(open_archive(Path(config)), captures)
    for problem in read.problems:
        log.warning("not read: %s", printable(str(problem)))
    if hindrance is not None:
        log.warning("captures are left unread: %s; they are read before something is looked up", printable(hindrance))
    log.info("%d captures read", read.made)
    return read.made
