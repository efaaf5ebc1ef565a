"""`sijill`, the operator's command. What it does lives in `evidence`; here are words, options and exit statuses."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sijill.flows.errors import ExitStatus, our_errors, status_of

if TYPE_CHECKING:
    from sijill.flows.wiring import Archive

# \b keeps click from filling the lines that follow it.
_EPILOG = """\b
Examples:
  sijill init --operator "Example Archive" --contact archive@example.org
  sijill capture https://example.org/statement
  sijill export 20261121t011630z-k3j5x2m4q7ab -o statement.wacz
  sijill-verify statement.wacz --trust trust.json

Exit status: 0 done, 1 a capture failed (and is archived as failed) or damage was found, 2 bad input or settings,
3 the store is out of reach (what was captured waits and is stored by the next command), 130 interrupted.
"""


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="SIJILL_CONFIG",
    default=Path("sijill.toml"),
    show_default=True,
    help="The settings file.",
)
@click.version_option(package_name="sijill", message="%(prog)s %(version)s")
@click.pass_context
def sijill(context: click.Context, config: Path) -> None:
    """Archive web pages as evidence that anyone can verify offline, years later."""
    context.obj = config


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


@sijill.command(epilog='Example: sijill init archive --operator "Example Archive" --contact archive@example.org')
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


@sijill.command(epilog="Example: sijill capture https://example.org/statement --from more-urls.txt")
@click.argument("urls", nargs=-1, metavar="URL...")
@click.option(
    "--from",
    "source",
    type=click.File("r", encoding="utf-8"),
    help="File of URLs, one a line, # for comments; - is stdin.",
)
@as_json
@click.pass_obj
def capture(config: Path, urls: tuple[str, ...], source: Iterable[str] | None, as_json: bool) -> None:
    """Capture each URL, attest it, store it, and seal the log.

    A URL that fails is recorded as failed and does not stop the others.
    """
    from sijill.archive.errors import BadTarget
    from sijill.flows import evidence
    from sijill.flows.console import print_captures
    from sijill.flows.progress import CaptureProgress

    targets = [*urls, *_lines(source)]
    if not targets:
        raise click.UsageError("no URL given: name one, or a file of them with --from")
    archive = _open(config)
    results: list[evidence.Archived] = []
    refused: list[BadTarget] = []
    with CaptureProgress(len(targets), quiet=as_json) as progress:
        for target in targets:
            progress.begin(target)
            try:
                results.append(evidence.archive_url(archive, target, on_exchange=progress.exchange))
            except BadTarget as err:
                refused.append(err)
                progress.refused(err)
        sealed = evidence.seal(archive, on_progress=progress.sealing)
    print_captures(archive, results, refused, sealed, as_json=as_json)
    if refused:
        raise SystemExit(ExitStatus.BAD_INPUT)
    if any(result.failed for result in results):
        raise SystemExit(ExitStatus.FAILED)


@sijill.command("list", epilog="Example: sijill list --json")
@as_json
@click.pass_obj
def list_(config: Path, as_json: bool) -> None:
    """List the captures in the store, oldest first."""
    from sijill.flows import evidence
    from sijill.flows.console import print_list

    print_list(evidence.captures(_open(config)), as_json=as_json)


@sijill.command(epilog="Example: sijill show 20261121t011630z-k3j5x2m4q7ab")
@click.argument("capture_id")
@as_json
@click.pass_obj
def show(config: Path, capture_id: str, as_json: bool) -> None:
    """Show what was recorded in one capture, its digests and its place in the log."""
    from sijill.flows import evidence
    from sijill.flows.console import print_capture
    from sijill.flows.holds import locks

    archive = _open(config)
    print_capture(evidence.load_capture(archive, capture_id), locks(archive, capture_id), as_json=as_json)


@sijill.command(epilog="Example: sijill export 20261121t011630z-k3j5x2m4q7ab -o statement.wacz")
@click.argument("capture_id")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: CAPTURE_ID.wacz here.")
@as_json
@click.pass_obj
def export(config: Path, capture_id: str, output: Path | None, as_json: bool) -> None:
    """Write the evidence package of one capture: one file that an auditor can verify offline."""
    from sijill.flows.console import print_export
    from sijill.flows.export import export_package

    path = output or Path(f"{capture_id}.wacz")
    print_export(path, export_package(_open(config), capture_id, path), as_json=as_json)


@sijill.command(epilog="Example: sijill seal")
@as_json
@click.pass_obj
def seal(config: Path, as_json: bool) -> None:
    """Append what is queued to the log and sign a new checkpoint."""
    from sijill.flows import evidence
    from sijill.flows.console import print_seal
    from sijill.flows.progress import StatusLine

    with StatusLine(quiet=as_json) as progress:
        sealed = evidence.seal(_open(config), on_progress=progress.sealing)
    print_seal(sealed, as_json=as_json)


@sijill.command(epilog="Example: sijill audit")
@as_json
@click.pass_obj
def audit(config: Path, as_json: bool) -> None:
    """Look for second versions and deletions in the store, and read every capture back.

    Exit status 1 if anything is not as it must be.
    """
    from sijill.flows.audit import audit_store
    from sijill.flows.console import print_audit
    from sijill.flows.progress import StatusLine

    with StatusLine(quiet=as_json) as progress:
        audited = audit_store(_open(config), show=progress.show)
    print_audit(audited, as_json=as_json)
    if audited.faults:
        raise SystemExit(ExitStatus.FAILED)


@sijill.group(epilog="Example: sijill store probe")
def store() -> None:
    """The store itself: what it can do, and copies of it."""


@store.command("probe", epilog="Example: sijill store probe")
@as_json
@click.pass_obj
def store_probe(config: Path, as_json: bool) -> None:
    """Try out with canary objects what the store really does; sign and log the finding.

    Settings may demand what must be shown: store.require.
    """
    from sijill.flows import evidence
    from sijill.flows.console import print_probe
    from sijill.flows.probe import probe_store

    archive = _open(config)
    probed = probe_store(archive)
    evidence.seal(archive)
    print_probe(archive, probed, as_json=as_json)


@sijill.command(epilog="Example: sijill copy s3://bucket/prefix?endpoint=https://s3.example.org")
@click.argument("store_url")
@click.option("--compare", is_flag=True, help="Copy nothing; say whether both are equal, or in what they differ.")
@as_json
@click.pass_obj
def copy(config: Path, store_url: str, compare: bool, as_json: bool) -> None:
    """Copy the whole archive to another store, every object verified; or compare the two.

    An interrupted copy is completed by running it again.
    """
    from sijill.flows.console import print_copy
    from sijill.flows.copying import copy_archive
    from sijill.flows.progress import StatusLine

    archive = _open(config)
    with StatusLine(quiet=as_json) as progress:
        copied = copy_archive(archive, store_url, only_compare=compare, show=progress.show)
    print_copy(archive, copied, as_json=as_json)
    if copied.differences:
        raise SystemExit(ExitStatus.FAILED)


@sijill.command(epilog="Example: sijill hold 20261121t011630z-k3j5x2m4q7ab")
@click.argument("capture_id")
@as_json
@click.pass_obj
def hold(config: Path, capture_id: str, as_json: bool) -> None:
    """Put a legal hold on a capture: the store refuses to delete its objects until the hold is released."""
    from sijill.flows.console import print_locks
    from sijill.flows.holds import hold as put_hold
    from sijill.flows.holds import locks

    archive = _open(config)
    put_hold(archive, capture_id)
    print_locks(locks(archive, capture_id), as_json=as_json)


@sijill.command(epilog="Example: sijill release 20261121t011630z-k3j5x2m4q7ab")
@click.argument("capture_id")
@as_json
@click.pass_obj
def release(config: Path, capture_id: str, as_json: bool) -> None:
    """Take the legal hold off a capture; a retention stays until its end."""
    from sijill.flows.console import print_locks
    from sijill.flows.holds import locks
    from sijill.flows.holds import release as end_hold

    archive = _open(config)
    end_hold(archive, capture_id)
    print_locks(locks(archive, capture_id), as_json=as_json)


def main() -> None:
    """Run `sijill` and leave with its exit status; every error is one line on stderr."""
    with _one_line_errors("sijill"):
        sijill(prog_name="sijill", standalone_mode=False)


@contextmanager
def _one_line_errors(program: str) -> Iterator[None]:
    try:
        yield
    except click.exceptions.Exit as err:
        sys.exit(err.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"{program}: interrupted; what was stored stays, run the same command again to go on", err=True)
        sys.exit(ExitStatus.INTERRUPTED)
    except click.ClickException as err:
        click.echo(f"{program}: {err.format_message()}", err=True)
        sys.exit(ExitStatus.BAD_INPUT)
    except our_errors() as err:
        click.echo(f"{program}: {err}", err=True)
        sys.exit(status_of(err))


def _open(config: Path) -> Archive:
    from sijill.flows.wiring import open_archive

    return open_archive(config)


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
