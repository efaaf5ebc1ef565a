"""Giving sites to the workers of the pool, by runs of their deployments, and waiting for these."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags, FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment

from sijill.archive.crawl.site import Site
from sijill.flows.orchestration.names import pool_tag, site_deployment

_AT_ONCE = 200
"""Objects of one request, which is what a server gives at most."""
_LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Spread:
    """What became of one site of a crawl of all."""

    site: str
    state: str
    message: str
    completed: bool
    flow_run_id: str | None
    """Of the run by a worker; None if it was crawled in the same run."""

    @classmethod
    def of(cls, site: str, state: State[Any] | None, flow_run_id: str | None) -> Self:
        """The outcome that a run's state tells."""
        if state is None:
            return cls(site, "Unknown", "", False, flow_run_id)
        return cls(site, state.name or state.type.value, state.message or "", state.is_completed(), flow_run_id)


def spread(
    sites: Sequence[Site], pool: str, keys: Mapping[str, str], parameters: Mapping[str, Any]
) -> dict[str, FlowRun]:
    """Make a run of the deployment of each site that has one: site id -> run.

    Args:
        sites: to be crawled.
        pool: the work pool whose deployments are meant.
        keys: by site id, what stands for this one run: asking twice makes one run.
        parameters: of each run, beside its site.
    """
    deployed = _deployments(pool)
    runs = {}
    for site in sites:
        deployment = deployed.get(site_deployment(pool, site.id))
        if deployment is not None:
            run = run_deployment(
                deployment,
                parameters={**parameters, "site": site.id},
                flow_run_name=f"crawl {site.id}",
                timeout=0,
                idempotency_key=keys[site.id],
            )
            # Within a synchronous flow it is no coroutine, whatever its type says.
            runs[site.id] = cast("FlowRun", run)
    return runs


def wait_for(runs: Mapping[str, FlowRun]) -> list[Spread]:
    """Wait until all of `runs` are over, and say what became of each; one request every few seconds for all."""
    sites = {run.id: site_id for site_id, run in runs.items()}
    results: dict[str, Spread] = {}
    while True:
        waiting = [run_id for run_id, site_id in sites.items() if site_id not in results]
        if not waiting:
            return [results[site_id] for site_id in runs]
        for run in _read(waiting[:_AT_ONCE]):
            if run.state is not None and run.state.is_final():
                results[sites[run.id]] = Spread.of(sites[run.id], run.state, str(run.id))
        if len(results) < len(sites):
            time.sleep(_LOOK_SECONDS)


def _read(ids: Sequence[UUID]) -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(ids))), limit=len(ids))


def _deployments(pool: str) -> dict[str, UUID]:
    """Our deployments for a pool: name -> id."""
    found: dict[str, UUID] = {}
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[pool_tag(pool)]))
    with get_client(sync_client=True) as client:
        while page := client.read_deployments(deployment_filter=ours, limit=_AT_ONCE, offset=len(found)):
            found |= {deployment.name: deployment.id for deployment in page}
            if len(page) < _AT_ONCE:
                break
    return found
