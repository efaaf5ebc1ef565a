"""The Prefect flow that archives URLs: retries, logs, results and artifacts around the steps of `evidence`."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import prefect
from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from sijill.archive.capture.browser.rendering import BrowserMode
from sijill.archive.errors import BadTarget
from sijill.flows import evidence
from sijill.flows.browsing import Browsing
from sijill.flows.reading.task import read_captures_task
from sijill.flows.sealing import seal_task
from sijill.flows.settings import FILE_NAME
from sijill.flows.stored_captures import load_capture
from sijill.flows.wiring import Archive, open_archive
from sijill.provenance.attest.attestation import Orchestrator


@dataclass(frozen=True, slots=True)
class ArchivedUrl:
    """What passes between tasks about one URL: keys and digests, never bodies."""

    url: str
    outcome: str
    """`complete`, `partial`, `failed`, or `refused` if it is not a URL that can be captured."""
    reasons: tuple[str, ...]
    capture_id: str | None = None
    exchanges: int = 0
    warc_key: str | None = None
    warc_sha256: str | None = None
    warc_blake3: str | None = None
    attestation_key: str | None = None
    envelope_sha256: str | None = None
    leaf_index: int | None = None


@task(name="archive-url", task_run_name="{url}", retries=3, retry_delay_seconds=[2, 10, 60], cache_policy=NO_CACHE)
def archive_url_task(
    url: str, config: str, browsing: Browsing | None = None, mode: BrowserMode = BrowserMode.NEVER
) -> ArchivedUrl:
    """Capture, attest, store and queue one URL, with the browser of `browsing` if `mode` says so.

    What goes wrong on the web is an outcome, recorded and signed. Trouble with the store is an error, and retried; so
    is a browser that must be there and does not start.
    """
    log = get_run_logger()
    orchestrator = Orchestrator(version=prefect.__version__, flow_run_id=str(flow_run.id))
    try:
        with nullcontext() if browsing is None else browsing.turn(mode) as browser:
            archived = evidence.archive_url(
                open_archive(Path(config)),
                url,
                orchestrator=orchestrator,
                browser=browser,
                browser_required=mode is BrowserMode.ALWAYS,
            )
    except BadTarget as err:
        log.warning("refused: %s", err)
        return ArchivedUrl(url, "refused", (err.reason,))
    capture = archived.capture
    log.info("capture %s: %s, %d exchanges", capture.id, capture.outcome, len(capture.exchanges))
    return ArchivedUrl(
        url=url,
        outcome=capture.outcome.value,
        reasons=capture.reasons,
        capture_id=capture.id,
        exchanges=len(capture.exchanges),
        warc_key=archived.warc_key,
        warc_sha256=archived.warc.sha256.hex,
        warc_blake3=archived.warc.blake3.hex,
        attestation_key=archived.attestation_key,
        envelope_sha256=archived.envelope_sha256,
    )


@flow(name="capture", description="Archive URLs as evidence: capture, attest, store, seal, one artifact a capture.")
def capture_flow(
    urls: list[str], config: str | None = None, browser: BrowserMode | None = None
) -> State[list[ArchivedUrl]]:
    """Archive `urls` with the settings file `config` (default: `$SIJILL_CONFIG`, else `sijill.toml` here).

    `browser` is `never`, `auto` or `always`; what the settings say by default.

    The result is one `ArchivedUrl` a URL, in order. The run fails only if nothing could be archived at all; a capture
    that failed is archived as failed.
    """
    settings = config or os.environ.get("SIJILL_CONFIG", FILE_NAME)
    archive = open_archive(Path(settings))
    with Browsing(archive) as browsing:
        mode = browsing.mode(browser)
        browsing.begin(mode)
        results = [archive_url_task(url, settings, browsing, mode) for url in urls]
    seal_task(settings)
    if captures := [result.capture_id for result in results if result.capture_id is not None]:
        read_captures_task(settings, captures)
    archive = open_archive(Path(settings))
    results = [_with_leaf_index(archive, result) for result in results]
    for result in results:
        if result.capture_id is not None:
            create_markdown_artifact(
                markdown=_markdown(result), key=f"capture-{result.capture_id}", description=result.url[:200]
            )
    counts = ", ".join(
        f"{number} {outcome}"
        for outcome in ("complete", "partial", "failed", "refused")
        if (number := sum(result.outcome == outcome for result in results))
    )
    if not any(result.capture_id for result in results):
        return Failed(message=f"nothing archived: {counts or 'no URL given'}")
    return Completed(message=counts, data=results)


def _with_leaf_index(archive: Archive, result: ArchivedUrl) -> ArchivedUrl:
    if result.capture_id is None:
        return result
    return replace(result, leaf_index=load_capture(archive, result.capture_id).leaf_index)


def _markdown(result: ArchivedUrl) -> str:
    rows = {
        "Capture": f"`{result.capture_id}`",
        "Outcome": result.outcome,
        "Exchanges": str(result.exchanges),
        "WARC": f"`{result.warc_key}`",
        "SHA-256": f"`{result.warc_sha256}`",
        "BLAKE3": f"`{result.warc_blake3}`",
        "Attestation": f"`{result.attestation_key}`",
        "Envelope SHA-256": f"`{result.envelope_sha256}`",
        "Log index": str(result.leaf_index),
    }
    # URLs and reasons come from outside: as code they cannot be taken for markup.
    head = f"# Capture\n\n{_code(result.url)}\n\n| | |\n|---|---|\n"
    table = "".join(f"| {name} | {value} |\n" for name, value in rows.items())
    return head + table + "".join(f"\n- {_code(reason)}" for reason in result.reasons)


def _code(text: str) -> str:
    return "`` " + text.replace("`", "'").replace("\n", " ") + " ``"
