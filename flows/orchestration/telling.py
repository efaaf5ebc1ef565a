"""The Prefect task that tells of statements that changed, vanished or returned: an event of each, and notifications."""

from __future__ import annotations

from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.logging import get_run_logger

from sijill.archive.catalog.changes import Change
from sijill.flows.errors import our_errors
from sijill.flows.orchestration.names import STATEMENT_EVENT
from sijill.flows.reading.changes import tell_changes
from sijill.flows.reading.describing import headline, sentences
from sijill.flows.wiring import open_archive
from sijill.provenance.printable import printable


@task(name="tell-changes", cache_policy=NO_CACHE)
def tell_changes_task(config: str) -> int:
    """Tell what changed since the last telling; returns how much. What hinders that is logged, and fails nothing."""
    log = get_run_logger()
    archive = open_archive(Path(config))
    try:
        told = tell_changes(archive, raise_event=_raise_event)
    except our_errors() as err:
        log.warning("changes were not told: %s; the next crawl tries again", printable(str(err)))
        return 0
    for change in told.changes:
        log.info("%s, capture %s", headline(change), change.after.capture_id)
    return len(told.changes)


def _raise_event(change: Change) -> None:
    emit_event(
        STATEMENT_EVENT + change.kind,
        # The same change has the same id, whoever tells it.
        id=uuid5(NAMESPACE_URL, f"{STATEMENT_EVENT}{change.kind}/{change.after.capture_id}"),
        resource={
            "prefect.resource.id": f"sijill.page.{uuid5(NAMESPACE_URL, change.before.url)}",
            "prefect.resource.name": printable(change.title or change.before.url),
        },
        payload={
            "site": change.site,
            "url": change.before.url,
            "title": change.title,
            "before": change.before.capture_id,
            "after": change.after.capture_id,
            "what": list(sentences(change)),
        },
    )
