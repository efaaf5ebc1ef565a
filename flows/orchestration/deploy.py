"""Bringing a Prefect server to what a plan says.

What is missing is made, what differs is changed, what is ours and not planned is removed, all else is left alone. Run
twice, the second time changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sijill.flows.errors import BadSettings, DeploymentTaken, PrefectUnusable
from sijill.flows.orchestration.names import OUR_TAG, host_limit, pool_tag, sealer_limit
from sijill.flows.orchestration.plan import DEAD_SECONDS, QUEUES, Plan, PlannedAutomation, PlannedDeployment
from sijill.flows.orchestration.server import server_url

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.events.actions import ActionTypes
    from prefect.events.schemas.automations import AutomationCore

_Thing = TypeVar("_Thing")
_PAGE = 200
_SLUG = "sites"
"""Of the one schedule that we give a deployment."""


class Action(StrEnum):
    """What was done about one thing, or would be."""

    CREATED = "created"
    CHANGED = "changed"
    REMOVED = "removed"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing on the server."""

    action: Action
    kind: str
    name: str
    detail: str = ""


@contextmanager
def prefect_client() -> Iterator[SyncPrefectClient]:
    """The server that Prefect's own settings name.

    Raises:
        PrefectUnusable: none is named, it cannot be reached, or it refuses what it is asked.
    """
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectException

    url = server_url()
    try:
        with get_client(sync_client=True) as client:
            yield client
    except (httpx.HTTPError, PrefectException) as err:
        raise PrefectUnusable(f"Prefect server {url}: {' '.join(str(err).split()) or type(err).__name__}") from err


def deploy(plan: Plan, client: SyncPrefectClient, *, dry_run: bool = False) -> list[Change]:
    """Make the server be as `plan` says; with `dry_run` only say what would be done.

    What an operator changed in Prefect's own interface and the plan does not speak of stays: whether deployments and
    automations are paused, priorities and limits of queues and of the pool.

    Raises:
        DeploymentTaken: a deployment of that name is there and not ours; nothing was changed.
        BadSettings: there is no such notification block; nothing was changed.
    """
    block = None if plan.notify is None else _block_id(client, plan.notify)
    there = _deployments(client, plan)
    steps = _Steps(dry_run)
    _pool(steps, client, plan)
    for planned in plan.deployments:
        _deployment(steps, client, plan.pool, planned, there.pop(planned.full_name, None))
    for name, deployment in there.items():
        steps.do(Action.REMOVED, "deployment", name, partial(client.delete_deployment, deployment.id))
    _limits(steps, client, plan)
    for automation in plan.automations:
        _automation(steps, client, plan, automation, block)
    return steps.changes


class _Steps:
    """What is done, one change after the other."""

    def __init__(self, dry_run: bool) -> None:
        self._dry_run = dry_run
        self.changes: list[Change] = []

    def do(self, action: Action, kind: str, name: str, call: Callable[[], object], detail: str = "") -> None:
        if not self._dry_run:
            call()
        self.changes.append(Change(action, kind, name, detail))

    def keep(self, kind: str, name: str) -> None:
        self.changes.append(Change(Action.KEPT, kind, name))


def _pool(steps: _Steps, client: SyncPrefectClient, plan: Plan) -> None:
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound
    from prefect.workers.process import ProcessWorker

    try:
        client.read_work_pool(plan.pool)
    except ObjectNotFound:
        pool = WorkPoolCreate(
            name=plan.pool,
            type="process",
            description="Workers of sijill.",
            base_job_template=ProcessWorker.get_default_base_job_template(),
        )
        steps.do(Action.CREATED, "work pool", plan.pool, lambda: client.create_work_pool(pool))
        queues = set()
    else:
        steps.keep("work pool", plan.pool)
        queues = {queue.name for queue in client.read_work_queues(work_pool_name=plan.pool)}
    for name, priority in QUEUES.items():
        full_name = f"{plan.pool}/{name}"
        if name in queues:
            steps.keep("work queue", full_name)
            continue
        steps.do(
            Action.CREATED,
            "work queue",
            full_name,
            partial(client.create_work_queue, name=name, priority=priority, work_pool_name=plan.pool),
        )


def _deployments(client: SyncPrefectClient, plan: Plan) -> dict[str, DeploymentResponse]:
    """Our deployments that are there, by full name."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[OUR_TAG, pool_tag(plan.pool)]))
    flows: dict[UUID, str] = {}
    found: dict[str, DeploymentResponse] = {}
    for deployment in _pages(
        lambda offset: client.read_deployments(deployment_filter=ours, limit=_PAGE, offset=offset)
    ):
        if deployment.flow_id not in flows:
            flows[deployment.flow_id] = client.read_flow(deployment.flow_id).name
        found[f"{flows[deployment.flow_id]}/{deployment.name}"] = deployment
    for planned in plan.deployments:
        if planned.full_name not in found and _exists(client, planned.full_name):
            raise DeploymentTaken(planned.full_name, plan.pool)
    return found


def _exists(client: SyncPrefectClient, full_name: str) -> bool:
    from prefect.exceptions import ObjectNotFound

    try:
        client.read_deployment_by_name(full_name)
    except ObjectNotFound:
        return False
    return True


def _deployment(
    steps: _Steps, client: SyncPrefectClient, pool: str, planned: PlannedDeployment, there: DeploymentResponse | None
) -> None:
    wanted = _wanted(pool, planned)
    if there is not None and not (differences := _differences(wanted, there)):
        steps.keep("deployment", planned.full_name)
        return

    def put() -> None:
        from prefect.client.schemas.actions import DeploymentScheduleCreate

        # Who paused a schedule did not mean this one time of day.
        active = there is None or all(one.active for one in there.schedules)
        schedules = [DeploymentScheduleCreate(**schedule, active=active) for schedule in wanted["schedules"]]
        client.create_deployment(
            flow_id=client.create_flow_from_name(planned.flow),
            **{**wanted, "schedules": schedules},
            paused=None if there is None else there.paused,
            pull_steps=[],
        )

    if there is None:
        steps.do(Action.CREATED, "deployment", planned.full_name, put, _when(planned))
    else:
        steps.do(Action.CHANGED, "deployment", planned.full_name, put, ", ".join(differences))


def _wanted(pool: str, planned: PlannedDeployment) -> dict[str, Any]:
    from prefect.client.schemas.schedules import CronSchedule
    from prefect.utilities.callables import parameter_schema
    from prefect.utilities.importtools import import_object

    schedule = planned.schedule
    return {
        "name": planned.name,
        "description": planned.description,
        "entrypoint": planned.entrypoint,
        "tags": list(planned.tags),
        "parameters": planned.parameters,
        "job_variables": planned.job_variables,
        "work_pool_name": pool,
        "work_queue_name": planned.queue,
        "parameter_openapi_schema": parameter_schema(import_object(planned.entrypoint)).model_dump(exclude_unset=True),
        "schedules": []
        if schedule is None
        else [{"schedule": CronSchedule(cron=schedule.cron, timezone=schedule.timezone), "slug": _SLUG}],
    }


def _differences(wanted: dict[str, Any], there: DeploymentResponse) -> list[str]:
    """What of a deployment is not as it is to be."""
    has: dict[str, Any] = {name: getattr(there, name) for name in wanted}
    has["schedules"] = [{"schedule": one.schedule, "slug": one.slug} for one in there.schedules]
    return [name.replace("_", " ") for name, value in wanted.items() if has[name] != value]


def _when(planned: PlannedDeployment) -> str:
    return "" if planned.schedule is None else f"{planned.schedule.cron} ({planned.schedule.timezone})"


def _limits(steps: _Steps, client: SyncPrefectClient, plan: Plan) -> None:
    from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate

    there = {
        limit.name: limit
        for limit in _pages(lambda offset: client.read_global_concurrency_limits(limit=_PAGE, offset=offset))
        if limit.name == sealer_limit(plan.pool) or limit.name.startswith(host_limit(plan.pool, ""))
    }
    for name, slots in plan.limits.items():
        if name not in there:
            limit = GlobalConcurrencyLimitCreate(name=name, limit=slots)
            steps.do(
                Action.CREATED,
                "concurrency limit",
                name,
                partial(client.create_global_concurrency_limit, limit),
                str(slots),
            )
        else:
            # An operator may have given a host more slots: that is not ours to take back.
            steps.keep("concurrency limit", name)
    for name in there.keys() - plan.limits.keys():
        steps.do(
            Action.REMOVED,
            "concurrency limit",
            name,
            partial(client.delete_global_concurrency_limit_by_name, name),
        )


def _automation(
    steps: _Steps, client: SyncPrefectClient, plan: Plan, planned: PlannedAutomation, block: UUID | None
) -> None:
    from prefect.events.schemas.automations import AutomationCore

    there = client.read_automations_by_name(planned.name)
    wanted = _automation_core(plan, planned, block)
    if not there:
        steps.do(Action.CREATED, "automation", planned.name, lambda: client.create_automation(wanted))
        return
    has = AutomationCore.model_validate(there[0].model_dump())
    # Whether it is switched off is the operator's affair.
    wanted = wanted.model_copy(update={"enabled": has.enabled})
    if has == wanted:
        steps.keep("automation", planned.name)
    else:
        steps.do(
            Action.CHANGED, "automation", planned.name, lambda: client.update_automation(there[0].id, automation=wanted)
        )


def _automation_core(plan: Plan, planned: PlannedAutomation, block: UUID | None) -> AutomationCore:
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState, DoNothing, SendNotification
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
    from prefect.events.schemas.events import ResourceSpecification

    dies = planned.silent_after is not None
    action: ActionTypes
    if dies:
        message = "No sign of life: its worker was killed or cut off. The site's next run goes on from there."
        action = ChangeFlowRunState(name="Crashed", state=StateType.CRASHED, message=message, force=False)
    elif block is None:
        action = DoNothing()
    else:
        action = SendNotification(block_document_id=block, subject=planned.subject, body=planned.body)
    of_pool = {"prefect.resource.id": f"prefect.tag.{pool_tag(plan.pool)}", "prefect.resource.role": "tag"}
    return AutomationCore(
        name=planned.name,
        description=planned.description,
        tags=[OUR_TAG, pool_tag(plan.pool)],
        trigger=EventTrigger(
            posture=Posture.Proactive if dies else Posture.Reactive,
            after=set() if planned.silent_after is None else {planned.silent_after},
            expect=set(planned.expect),
            match_related=ResourceSpecification.model_validate(of_pool),
            for_each={"prefect.resource.id"},
            threshold=1,
            within=timedelta(seconds=DEAD_SECONDS if dies else 0),
        ),
        actions=[action],
    )


def _block_id(client: SyncPrefectClient, name: str) -> UUID:
    from prefect.exceptions import ObjectNotFound

    kind, _, block = name.partition("/")
    try:
        return client.read_block_document_by_name(block, block_type_slug=kind).id
    except ObjectNotFound as err:
        raise BadSettings(
            f"prefect.notify: the server has no block {name!r}; make it there, or with: prefect block create {kind}"
        ) from err


def _pages(read: Callable[[int], list[_Thing]]) -> Iterator[_Thing]:
    offset = 0
    while page := read(offset):
        yield from page
        if len(page) < _PAGE:
            return
        offset += len(page)
