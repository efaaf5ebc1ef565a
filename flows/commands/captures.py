"""Making captures, looking at them and handing them out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sijill.flows.commands.options import as_json, open_archive
from sijill.flows.errors import ExitStatus, OutputUnusable

if TYPE_CHECKING:
    from sijill.archive.capture.browser.rendering import BrowserMode
    from sijill.flows.browsing import Browsing
    from sijill.flows.wiring import Archive


@click.command(epilog='Example: sijill init archive --operator "Example Archive" --contact archive@example.org')
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--operator", help="Who archives; stands in every attestation. Asked for on a terminal.")
@click.option("--contact", help="Where a site's owner can ask: mail address or URL. Asked for on a terminal.")
@click.option("--store", default="./store", show_default=True, help="Store URL, or a folder relative to FOLDER.")
@as_json
def init(folder: Path, operator: str | None, contact: str | None, store: str, as_json: bool) -> None:
    """Write settings, two private keys and the trust root for auditors into FOLDER.

    Nothing that is there already is overwritten.
    """
    from sijill.flows.console import print_init
    from sijill.flows.init import initialise

    made = initialise(
        folder,
        operator=_ask(operator, "--operator", "Who archives"),
        contact=_ask(contact, "--contact", "Mail address or URL for questions"),
        store=store,
    )
    print_init(made, as_json=as_json)


@click.command(epilog="Example: sijill capture https://example.org/statement --from more-urls.txt")
@click.argument("urls", nargs=-1, metavar="URL...")
@click.option(
    "--from",
    "source",
    type=click.File("r", encoding="utf-8"),
    help="File of URLs, one a line, # for comments; - is stdin.",
)
@click.option(
    "--timestamp",
    type=click.Choice(["checkpoint", "attestation"]),
    default="checkpoint",
    show_default=True,
    help="What the timestamping authorities of the settings are asked about; attestation: about each one, too.",
)
@click.option(
    "--browser/--no-browser",
    default=None,
    help="Show each page in Chromium and take pictures of it, or not. Default: as the settings say.",
)
@click.option(
    "--export",
    "packages",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write the evidence package of each capture there, too, as sijill export does.",
)
@as_json
@click.pass_obj
def capture(
    config: Path,
    urls: tuple[str, ...],
    source: Iterable[str] | None,
    timestamp: str,
    browser: bool | None,
    packages: Path | None,
    as_json: bool,
) -> None:
    """Capture each URL, attest it, store it, and seal the log.

    A URL that fails is recorded as failed and does not stop the others.
    """
    from sijill.flows.browsing import Browsing, driver_ahead

    targets = [*urls, *_lines(source)]
    if not targets:
        raise click.UsageError("no URL given: name one, or a file of them with --from")
    also_attestation = timestamp == "attestation"
    with driver_ahead(wanted=browser is True) as driver:
        from sijill.archive.capture.browser.rendering import BrowserMode

        archive = open_archive(config)
        if also_attestation and not archive.settings.timestamps:
            reason = "the settings name no authority; add a [[timestamps]] section"
            raise click.UsageError(f"--timestamp attestation: {reason}")
        if packages is not None:
            _make_folder(packages)
        with Browsing(archive, driver) as browsing:
            wanted = {None: None, True: BrowserMode.ALWAYS, False: BrowserMode.NEVER}[browser]
            mode = browsing.mode(wanted)
            browsing.begin(mode, len(targets))
            refused, failed = _capture(
                archive, targets, browsing, mode, packages, timestamp_attestation=also_attestation, as_json=as_json
            )
    if refused:
        raise SystemExit(ExitStatus.BAD_INPUT)
    if failed:
        raise SystemExit(ExitStatus.FAILED)


def _capture(
    archive: Archive,
    targets: list[str],
    browsing: Browsing,
    mode: BrowserMode,
    packages: Path | None,
    *,
    timestamp_attestation: bool,
    as_json: bool,
) -> tuple[bool, bool]:
    """Whether any target was refused, and whether any capture failed."""
    # Loaded here, while the browser starts.
    from sijill.archive.capture.browser.rendering import BrowserMode
    from sijill.archive.errors import BadTarget
    from sijill.flows import evidence
    from sijill.flows.console import print_captures
    from sijill.flows.progress import CaptureProgress

    export_all = None if packages is None else _exporter(packages)
    results: list[evidence.Archived] = []
    refused: list[BadTarget] = []
    with CaptureProgress(len(targets), quiet=as_json) as progress:
        for target in targets:
            progress.begin(target)
            try:
                with browsing.turn(mode) as shown_by:
                    archived = evidence.archive_url(
                        archive,
                        target,
                        on_exchange=progress.exchange,
                        timestamp_attestation=timestamp_attestation,
                        browser=shown_by,
                        browser_required=mode is BrowserMode.ALWAYS,
                    )
                results.append(archived)
            except BadTarget as err:
                refused.append(err)
                progress.refused(err)
        browsing.end()
        sealed = evidence.seal(archive, on_progress=progress.sealing)
    written = {} if export_all is None else export_all(archive, [one.capture.id for one in results])
    print_captures(archive, results, refused, sealed, written, as_json=as_json)
    return bool(refused), any(result.failed for result in results)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise OutputUnusable(f"{folder}: {err.strerror}") from err


def _exporter(folder: Path) -> Callable[[Archive, Iterable[str]], dict[str, Path]]:
    """What writes the package of each capture into `folder`, and gives their paths."""
    from sijill.flows.custody.recording import record_event
    from sijill.flows.export import export_package
    from sijill.provenance.attest.custody import CustodyEvent

    def export_all(archive: Archive, capture_ids: Iterable[str]) -> dict[str, Path]:
        written: dict[str, Path] = {}
        for capture_id in capture_ids:
            path = folder / f"{capture_id}.wacz"
            exported = export_package(archive, capture_id, path)
            record_event(archive, capture_id, CustodyEvent.EXPORTED, package=exported.digests)
            written[capture_id] = path
        return written

    return export_all


@click.command("list", epilog="Example: sijill list --json")
@as_json
@click.pass_obj
def list_(config: Path, as_json: bool) -> None:
    """List the captures in the store, oldest first."""
    from sijill.flows.console import print_list
    from sijill.flows.custody.tombstones import all_tombstones
    from sijill.flows.stored_captures import load_captures

    archive = open_archive(config)
    print_list(load_captures(archive), all_tombstones(archive), as_json=as_json)


@click.command(epilog="Example: sijill show 20261121t011630z-k3j5x2m4q7ab")
@click.argument("capture_id")
@as_json
@click.pass_obj
def show(config: Path, capture_id: str, as_json: bool) -> None:
    """Show what was recorded in one capture, its digests and its place in the log."""
    from sijill.flows.console import print_capture
    from sijill.flows.custody.holds import locks
    from sijill.flows.custody.tombstones import find_tombstone
    from sijill.flows.stored_captures import load_capture

    archive = open_archive(config)
    capture = load_capture(archive, capture_id)
    print_capture(capture, locks(archive, capture_id), find_tombstone(archive, capture_id), as_json=as_json)


@click.command(epilog="Example: sijill export 20261121t011630z-k3j5x2m4q7ab -o statement.wacz")
@click.argument("capture_id")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: CAPTURE_ID.wacz here.")
@as_json
@click.pass_obj
def export(config: Path, capture_id: str, output: Path | None, as_json: bool) -> None:
    """Write the evidence package of one capture: one file that an auditor can verify offline.

    That it was written stands in the chain of custody: sijill custody CAPTURE_ID.
    """
    from sijill.flows.console import print_export
    from sijill.flows.custody.recording import record_event
    from sijill.flows.export import export_package
    from sijill.provenance.attest.custody import CustodyEvent

    path = output or Path(f"{capture_id}.wacz")
    archive = open_archive(config)
    exported = export_package(archive, capture_id, path)
    record_event(archive, capture_id, CustodyEvent.EXPORTED, package=exported.digests)
    print_export(path, exported, as_json=as_json)


@click.command(epilog="Example: sijill seal")
@as_json
@click.pass_obj
def seal(config: Path, as_json: bool) -> None:
    """Append what is queued to the log and sign a new checkpoint."""
    from sijill.flows import evidence
    from sijill.flows.console import print_seal
    from sijill.flows.progress import StatusLine

    with StatusLine(quiet=as_json) as progress:
        sealed = evidence.seal(open_archive(config), on_progress=progress.sealing)
    print_seal(sealed, as_json=as_json)


def _ask(value: str | None, option: str, question: str) -> str:
    if value is not None:
        return value
    if not sys.stdin.isatty():
        raise click.UsageError(f"{option} is missing: {question.lower()}?")
    return str(click.prompt(question))


def _lines(source: Iterable[str] | None) -> list[str]:
    if source is None:
        return []
    try:
        lines = [line.strip() for line in source]
    except UnicodeDecodeError as err:
        raise click.UsageError(f"--from: not UTF-8 at byte {err.start}") from err
    return [line for line in lines if line and not line.startswith("#")]
