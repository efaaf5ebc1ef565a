"""What is to be on the Prefect server for an archive: from its settings and its sites file. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sijill.archive.crawl.site import Schedule, Site
from sijill.flows.orchestration.names import (
    FOUND_NOTHING,
    OUR_TAG,
    deployment_name,
    host_limits,
    pool_tag,
    sealer_limit,
    site_deployment,
)
from sijill.flows.settings import PrefectSection

CRAWLS: Final = "crawl"
UPKEEP: Final = "upkeep"
QUEUES: Final = {UPKEEP: 1, CRAWLS: 2}
"""Work queues and their priority: however many crawls wait, the log is sealed."""
HEARTBEAT_SECONDS: Final = 30
"""How often a run shows that it lives; the least that Prefect allows."""
DEAD_SECONDS: Final = 4 * HEARTBEAT_SECONDS
"""How long a run may show no sign of life before it is called crashed."""

_JOB_VARIABLES: Final[dict[str, Any]] = {
    # With a command, the run stays in the process group of its worker, and ends with it.
    "command": "python -m prefect.engine",
    "env": {
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
        "PREFECT_LOGGING_EXTRA_LOGGERS": "sijill",
    },
}


@dataclass(frozen=True, slots=True)
class PlannedDeployment:
    """A deployment as it is to be."""

    flow: str
    name: str
    entrypoint: str
    """A module path: a file path would load our modules a second time."""
    description: str
    queue: str
    tags: tuple[str, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    schedule: Schedule | None = None
    job_variables: dict[str, Any] = field(default_factory=lambda: dict(_JOB_VARIABLES))

    @property
    def full_name(self) -> str:
        """As Prefect writes it."""
        return f"{self.flow}/{self.name}"


@dataclass(frozen=True, slots=True)
class PlannedAutomation:
    """An automation as it is to be."""

    name: str
    description: str
    expect: tuple[str, ...]
    """Events it reacts to; of `silent` ones, to their absence."""
    silent_after: str | None = None
    """The event after which one of `expect` has to follow within `DEAD_SECONDS`."""
    subject: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be there."""

    pool: str
    notify: str | None
    deployments: tuple[PlannedDeployment, ...]
    limits: dict[str, int]
    """Global concurrency limits: name -> slots."""
    automations: tuple[PlannedAutomation, ...]


def make_plan(settings: PrefectSection, sites: Sequence[Site]) -> Plan:
    """What is to be on the server for these settings and sites."""
    limits = {sealer_limit(settings.pool): 1}
    for site in sites:
        limits |= dict.fromkeys(host_limits(settings.pool, site), 1)
    return Plan(
        pool=settings.pool,
        notify=settings.notify,
        deployments=(*(_crawl(settings.pool, site) for site in sites), *_upkeep(settings)),
        limits=limits,
        automations=_automations(settings.pool),
    )


def _crawl(pool: str, site: Site) -> PlannedDeployment:
    return PlannedDeployment(
        flow="crawl-site",
        name=site_deployment(pool, site.id),
        entrypoint="sijill.flows.crawl.flow.crawl_site_flow",
        description=f"Crawl {site.name}.",
        queue=CRAWLS,
        tags=(OUR_TAG, pool_tag(pool), "crawl", f"site:{site.id}"),
        parameters={"site": site.id},
        schedule=site.schedule,
    )


def _upkeep(settings: PrefectSection) -> tuple[PlannedDeployment, ...]:
    def planned(flow: str, name: str, entrypoint: str, description: str, cron: str | None, **more: Any) -> Any:
        return PlannedDeployment(
            flow=flow,
            name=deployment_name(settings.pool, name),
            entrypoint=f"sijill.flows.{entrypoint}",
            description=description,
            queue=UPKEEP,
            tags=(OUR_TAG, pool_tag(settings.pool), "upkeep" if cron else "on-demand"),
            schedule=None if cron is None else Schedule(cron, "UTC"),
            **more,
        )

    seal = "0 * * * *" if settings.seal_minutes == 60 else f"*/{settings.seal_minutes} * * * *"
    crawl_all = "crawl.flow.crawl_all_flow"
    return (
        planned("crawl-all", "crawl-all", crawl_all, "Crawl all sites now, spread over all workers.", None),
        planned(
            "crawl-all",
            "take-up",
            crawl_all,
            "Go on with runs that killed workers left.",
            "*/10 * * * *",
            parameters={"left": True},
        ),
        planned("seal", "seal", "sealing.seal_flow", "Seal the log: append what is queued, sign a checkpoint.", seal),
        planned("audit", "audit", "audit.flow.audit_flow", "Audit the whole archive, log the outcome.", "0 3 * * 0"),
        planned(
            "timestamp",
            "timestamp",
            "audit.flow.timestamp_flow",
            "Have the newest checkpoint timestamped anew, before the certificates of older timestamps expire.",
            "0 4 2 1 *",
        ),
        planned("capture", "archive-url", "capture.capture_flow", "Archive URLs on demand, as evidence.", None),
    )


def _automations(pool: str) -> tuple[PlannedAutomation, ...]:
    return (
        PlannedAutomation(
            name=f"{pool}: a run failed",
            description="Tells the notification block of the settings; without one it only shows that it happened.",
            expect=("prefect.flow-run.Failed", "prefect.flow-run.TimedOut", "prefect.flow-run.Crashed"),
            subject=f"{pool}: {{{{ flow_run.name }}}} {{{{ flow_run.state.name }}}}",
            body="{{ flow_run.state.message }}",
        ),
        PlannedAutomation(
            name=f"{pool}: a site where nothing was found",
            description="Tells the notification block of the settings; without one it only shows that it happened.",
            expect=(FOUND_NOTHING,),
            subject=f"{pool}: no statement page of {{{{ event.payload.site }}}}",
            body="Run {{ event.payload.runId }}: {{ event.payload.summary }}",
        ),
        PlannedAutomation(
            name=f"{pool}: a worker died",
            description="A run without a sign of life is called crashed; take-up goes on with what it left.",
            expect=(
                "prefect.flow-run.heartbeat",
                "prefect.flow-run.Completed",
                "prefect.flow-run.Failed",
                "prefect.flow-run.TimedOut",
                "prefect.flow-run.Cancelled",
                "prefect.flow-run.Crashed",
            ),
            silent_after="prefect.flow-run.heartbeat",
        ),
    )
