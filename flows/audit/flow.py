"""The Prefect flows of upkeep: the archive audits itself, and has its newest checkpoint timestamped anew."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from prefect import Task, flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from sijill.flows import evidence
from sijill.flows.audit.recording import Audited, audit_archive
from sijill.flows.audit.spread import examine_range_at, in_order
from sijill.flows.errors import BadSettings
from sijill.flows.partners.timestamping import retimestamp
from sijill.flows.secrets import fill_environment
from sijill.flows.settings import FILE_NAME
from sijill.flows.wiring import Archive, open_archive
from sijill.provenance.printable import printable
from sijill.provenance.verify.archive.audit import Progress, Step
from sijill.provenance.verify.archive.ranges import Spread
from sijill.provenance.verify.archive.render import mark, remark
from sijill.provenance.verify.archive.words import VERDICTS, conclusion, limits, numbers
from sijill.provenance.verify.report import Status
from sijill.storage.errors import StoreFailure

AUDIT_FAILED: Final = "sijill.audit.failed"
"""The name of the Prefect event of an audit that did not pass; automations react to it."""
_AHEAD: Final = 4
"""How many ranges are on their way for each job."""
_LISTED: Final = 20
"""Findings of a check that an artifact or an event lists; the stored report has more."""


@dataclass(frozen=True, slots=True)
class FixityResult:
    """What passes between tasks about an audit."""

    fixity_id: str
    archive: str
    """The name of the archive's log."""
    passed: bool
    verdict: str
    failed: tuple[str, ...]
    """Codes of the checks that failed."""
    markdown: str
    summary: str


def _store_failed(task: Task[Any, Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether to try again: only a store may do tomorrow what it did not do today."""
    return isinstance(state.result(raise_on_failure=False), StoreFailure)


@task(
    name="audit-archive",
    retries=2,
    retry_delay_seconds=[60, 600],
    retry_condition_fn=_store_failed,
    cache_policy=NO_CACHE,
)
def audit_task(config: str, sample: int | None, jobs: int) -> FixityResult:
    """Audit the archive, record the outcome, and seal it into the log.

    Damage is an outcome; trouble with the store is an error, and retried.
    """
    archive = open_archive(Path(config))
    audited = audit_archive(archive, sample=sample, jobs=jobs, show=_logged())
    evidence.seal(archive)
    return _result(archive, audited)


@task(
    name="audit-range",
    retries=2,
    retry_delay_seconds=[60, 600],
    retry_condition_fn=_store_failed,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def range_task(store: str, secrets: dict[str, str], log_range: str) -> str:
    """Examine one range of the log; both it and what was found are JSON. Needs nothing but access to the store."""
    fill_environment(secrets)
    return examine_range_at(store, log_range)


@flow(name="audit-by-ranges", description="Audit the archive, its captures in ranges of the log, as many at once.")
def ranges_flow(config: str, sample: int | None, ranges: int, ahead: int, journal: str | None) -> FixityResult:
    """Audit the archive, record the outcome, and seal it into the log.

    Whatever task runner the flow has examines `ranges` ranges of the log, at most `ahead` at a time. With `journal`, a
    file, an audit that was interrupted goes on from there.
    """
    archive = open_archive(Path(config))
    url, secrets = archive.store.url, archive.settings.secrets
    run = in_order(lambda text: range_task.submit(url, secrets, text), ahead=ahead)
    audited = audit_archive(
        archive,
        sample=sample,
        show=_logged(),
        spread=Spread(ranges, run),
        journal=None if journal is None else Path(journal),
    )
    evidence.seal(archive)
    return _result(archive, audited)


@flow(
    name="audit", description="Audit the archive and log the outcome; if it does not hold, raise an event and notify."
)
def audit_flow(
    config: str | None = None,
    sample: int | None = None,
    notify: str | None = None,
    jobs: int = 1,
    ranges: int | None = None,
    cluster: str | None = None,
    journal: str | None = None,
) -> State[str]:
    """Audit the archive of the settings file `config` (default: `$SIJILL_CONFIG`, else `sijill.toml` here).

    The run fails if the archive does not hold.

    Args:
        config: the settings file.
        sample: the number of captures to read, all if null.
        notify: a Prefect notification block as `type/name`.
        jobs: how many processes, or ranges at once.
        ranges: into how many ranges the log is split, each a task of its own; null: the audit is one task.
        cluster: the address of a Dask scheduler whose workers examine the ranges; null: processes here.
        journal: a file by which an audit by ranges that was interrupted goes on.
    """
    settings = config or os.environ.get("SIJILL_CONFIG", FILE_NAME)
    if ranges is None:
        result = audit_task(settings, sample, jobs)
    else:
        spread = ranges_flow.with_options(task_runner=task_runner(jobs, cluster))
        result = spread(settings, sample, ranges, _AHEAD * jobs, journal)
    create_markdown_artifact(markdown=result.markdown, key=f"audit-{result.fixity_id}", description=result.verdict)
    if result.passed:
        return Completed(message=result.verdict, data=result.fixity_id)
    emit_event(
        AUDIT_FAILED,
        resource={"prefect.resource.id": f"sijill.archive.{result.archive}", "prefect.resource.name": result.archive},
        payload={"fixityId": result.fixity_id, "failed": list(result.failed), "summary": result.summary},
    )
    if notify is not None:
        _notify(notify, result)
    return Failed(message=f"{result.verdict}: {', '.join(result.failed)}", data=result.fixity_id)


@task(
    name="timestamp-checkpoint",
    retries=2,
    retry_delay_seconds=[60, 600],
    retry_condition_fn=_store_failed,
    cache_policy=NO_CACHE,
)
def timestamp_task(config: str) -> dict[str, str | None]:
    """Have every authority of the settings timestamp the newest checkpoint; what was wrong with those that did not."""
    asked = retimestamp(open_archive(Path(config)))
    return {one.name: None if one.held else one.problem or "gave none" for one in asked}


@flow(name="timestamp", description="Timestamp the newest checkpoint anew, before certificates expire.")
def timestamp_flow(config: str | None = None) -> State[dict[str, str | None]]:
    """Timestamp the newest checkpoint of the archive of the settings file `config`; fails if an authority gave none."""
    answers = timestamp_task(config or os.environ.get("SIJILL_CONFIG", FILE_NAME))
    failed = [f"{name}: {problem}" for name, problem in answers.items() if problem is not None]
    if failed:
        return Failed(message="; ".join(failed), data=answers)
    return Completed(message=f"timestamped by {', '.join(answers)}", data=answers)


def task_runner(jobs: int, cluster: str | None) -> TaskRunner[Any]:
    """Who examines ranges: the workers of a Dask cluster, processes of this machine, or, for one job, a thread.

    Raises:
        BadSettings: a cluster is named, and what speaks to it is not installed.
    """
    if cluster is None:
        return ThreadPoolTaskRunner(max_workers=1) if jobs == 1 else ProcessPoolTaskRunner(max_workers=jobs)
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ModuleNotFoundError as err:
        raise BadSettings(f"cluster = {cluster}: install sijill with its extra: pip install 'sijill[dask]'") from err
    return DaskTaskRunner(address=cluster)


def _notify(block: str, result: FixityResult) -> None:
    # Importing the module is what makes the types of notifications known to `load`.
    import prefect.blocks.notifications  # noqa: F401
    from prefect.blocks.core import Block

    loaded: Any = Block.load(block)
    loaded.notify(result.summary, subject=f"Audit of {result.archive}: {result.verdict}")


def _logged() -> Progress:
    """Progress in the log of the run: each step, and each tenth of it."""
    log, last = get_run_logger(), dict[Step, int]()

    def show(step: Step, done: int, total: int) -> None:
        tenth = done * 10 // total if total else 0
        if last.get(step) != tenth:
            last[step] = tenth
            log.info("%s: %d%s", step, done, f" of {total}" if total else "")

    return show


def _result(archive: Archive, audited: Audited) -> FixityResult:
    report = audited.report
    summary = "\n".join(printable(sentence) for sentence in conclusion(report))
    return FixityResult(
        fixity_id=audited.fixity_id,
        archive=archive.settings.log.origin,
        passed=audited.passed,
        verdict=VERDICTS[report.verdict],
        failed=tuple(str(code) for code in report.failed),
        markdown=_markdown(audited),
        summary=summary,
    )


def _markdown(audited: Audited) -> str:
    report = audited.report
    lines = [f"# Audit {audited.fixity_id}", "", f"**{VERDICTS[report.verdict]}**", ""]
    lines += [*map(_escaped, conclusion(report)), "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in numbers(report).items()]
    lines += ["", "| Result | Code | Check |", "|---|---|---|"]
    lines += [f"| {mark(check)} | `{check.code}` | {check.sentence}{remark(check)} |" for check in report.checks]
    lines.append("")
    for check in report.checks:
        if check.status is Status.FAILED:
            lines += [f"- `{check.code}` {_code(one.about)}: {_code(one.found)}" for one in check.findings[:_LISTED]]
    lines += ["", "## What this cannot show", ""]
    return "\n".join(lines + [f"- {_escaped(sentence)}" for sentence in limits(report)])


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in "\\`*_{}[]<>|#" else character for character in printable(text))


def _code(text: str) -> str:
    # Text from the archive: as code it cannot be taken for markup.
    return "`` " + printable(text).replace("`", "'") + " ``"
