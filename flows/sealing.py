"""The Prefect flow that seals: one at a time, as often as its schedule says."""

from __future__ import annotations

import os
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.concurrency.sync import concurrency
from prefect.logging import get_run_logger
from prefect.states import Completed

from sijill.flows import evidence
from sijill.flows.orchestration.names import LEASE_SECONDS, sealer_limit
from sijill.flows.settings import FILE_NAME
from sijill.flows.wiring import open_archive


@task(name="seal-log", retries=3, retry_delay_seconds=[2, 10, 60], cache_policy=NO_CACHE)
def seal_task(config: str) -> int:
    """Append what is queued to the log and sign a checkpoint; returns the size of the log.

    Sealers that meet do no harm, they only do the same work: so one waits for the other if there is a limit for it.
    """
    archive = open_archive(Path(config))
    with concurrency(sealer_limit(archive.settings.prefect.pool), lease_duration=LEASE_SECONDS):
        sealed = evidence.seal(archive)
    get_run_logger().info("log sealed: %d entries, %d new", sealed.log.size, sealed.log.added)
    for asked in sealed.asked:
        if asked.problem is not None:
            get_run_logger().warning("%s: %s; asked again by the next sealing", asked.name, asked.problem)
    return sealed.log.size


@flow(name="seal", description="Append what is queued to the log, sign a checkpoint, have it timestamped and cosigned.")
def seal_flow(config: str | None = None) -> State[int]:
    """Seal the log of the archive of the settings file `config` (default: `$SIJILL_CONFIG`, else `sijill.toml` here).

    The result is the size of the log.
    """
    size = seal_task(config or os.environ.get("SIJILL_CONFIG", FILE_NAME))
    return Completed(message=f"log of {size} entries", data=size)
