"""`sijill-verify`, the auditor's command as a whole: one file, or an archive that is there to be read.

It has no option that would write to what is under test. Exit status: 0 it holds, 1 it does not, 2 the files or options
could not be used, 3 the store could not be reached, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from sijill.flows.errors import missing_packages_named, our_errors, status_of
from sijill.provenance.verify.cli import NOT_VERIFIED, VERIFIED, FileOrCommand, run, verify_file
from sijill.provenance.verify.trust_option import Unusable, read_file, shown, trust_options

if TYPE_CHECKING:
    from sijill.provenance.log.checkpoint import SignedCheckpoint
    from sijill.provenance.verify.archive.audit import Plan
    from sijill.provenance.verify.archive.report import ArchiveReport
    from sijill.provenance.verify.trust import TrustRoot

_COLOURS: Final = {"passed": "green", "failed": "red", "not-checked": "yellow"}
_MOST_JOBS: Final = 8


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="""
    Audit a whole archive: recompute its log, check every attestation, and read every object.

    STORE_URL is s3://bucket/prefix?endpoint=..., file:///folder, or a folder. Nothing is ever written to it.

    \b
    Examples:
      sijill-verify archive s3://bucket/archive?endpoint=https://s3.example.org --trust trust.json --report audit-2026
      sijill-verify archive ./store --trust trust.json --since audit-2025/checkpoint --sample 200

    An audit that was interrupted goes on when the same command is run again with the same --report folder.

    Exit status: 0 the archive holds (or what was read of it, with --sample), 1 it does not, 2 bad input,
    3 the store could not be reached, 130 interrupted.
    """,
)
@click.argument("store_url")
@trust_options
@click.option(
    "--since",
    type=click.Path(path_type=Path),
    metavar="CHECKPOINT",
    help="The checkpoint file that you kept from an earlier audit: the log must go on from it.",
)
@click.option("--full", is_flag=True, help="Read all objects. This is the default.")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Read the objects of N captures only.")
@click.option("--seed", metavar="HEX", help="Choose the sample as an earlier audit did, whose report names its seed.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), metavar="N", help="Processes at once. Default: one for each processor."
)
@click.option(
    "--report",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Your own folder for report.json, report.html and the checkpoint to keep; an interrupted audit goes on in it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def archive(
    store_url: str,
    trust: Callable[[], TrustRoot],
    since: Path | None,
    full: bool,
    sample: int | None,
    seed: str | None,
    jobs: int | None,
    folder: Path | None,
    *,
    as_json: bool,
) -> int:
    """Audit an archive; the exit status."""
    if full and sample is not None:
        raise click.UsageError("--full and --sample exclude each other.")
    if seed is not None and sample is None:
        raise click.UsageError("--seed chooses a sample: it goes with --sample.")
    if seed is not None and not (len(seed) <= 64 and set(seed) <= set("0123456789abcdef") and seed):
        raise click.UsageError("--seed: not 1 to 64 lowercase hexadecimal digits.")
    from sijill.flows.audit.folder import write_report
    from sijill.flows.audit.source import store_url as url_of
    from sijill.provenance.verify.archive.audit import Plan
    from sijill.provenance.verify.archive.report import Verdict

    plan = Plan(url_of(store_url), sample, seed, _since(since), jobs or _processors())
    report = _audited(plan, trust(), folder)
    if folder is not None:
        write_report(folder, report)
    _print(report, as_json=as_json)
    if folder is not None:
        click.echo(f"the report is in {folder}", err=True)
    return NOT_VERIFIED if report.verdict is Verdict.DOES_NOT_HOLD else VERIFIED


cli = FileOrCommand(verify_file, name="sijill-verify")
cli.add_command(archive)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and leave with its exit status; every error is one line on stderr."""
    try:
        with missing_packages_named():
            status = run(cli, sys.argv[1:] if arguments is None else arguments)
    except our_errors() as err:
        from sijill.provenance.printable import printable

        click.echo(f"sijill-verify: {printable(str(err))}", err=True)
        status = status_of(err)
    sys.exit(status)


def _audited(plan: Plan, trust: TrustRoot, folder: Path | None) -> ArchiveReport:
    import secrets
    from datetime import UTC, datetime
    from functools import partial

    from sijill.flows.audit.folder import prepared
    from sijill.flows.audit.progress import AuditProgress
    from sijill.flows.audit.source import open_source
    from sijill.provenance.verify.archive.audit import audit
    from sijill.provenance.verify.archive.journal import opened_journal

    # The store first: a mistyped URL leaves no folder behind.
    opened = partial(open_source, plan.store)
    opened()
    journal_path = None if folder is None else prepared(folder, plan.store)
    progress = AuditProgress(sys.stderr)
    try:
        with opened_journal(journal_path) as journal:
            return audit(
                opened,
                trust,
                plan,
                journal=journal,
                clock=lambda: datetime.now(UTC),
                new_seed=lambda: secrets.token_hex(8),
                show=progress,
            )
    except KeyboardInterrupt:
        if folder is not None:
            click.echo("\nrun the same command again to go on", err=True)
        raise
    finally:
        progress.finish()


def _since(path: Path | None) -> SignedCheckpoint | None:
    if path is None:
        return None
    from sijill.provenance.errors import MalformedCheckpoint
    from sijill.provenance.log.checkpoint import parse_checkpoint
    from sijill.provenance.log.note import MAX_NOTE

    try:
        return parse_checkpoint(read_file(path, MAX_NOTE))
    except MalformedCheckpoint as err:
        from sijill.provenance.printable import printable

        raise Unusable(f"{shown(path)}: not a checkpoint: {printable(err.reason)}") from err


def _print(report: ArchiveReport, *, as_json: bool) -> None:
    import json

    from sijill.provenance.verify.archive.render import archive_report_json, archive_report_text

    if as_json:
        text = json.dumps(archive_report_json(report), indent=2)
    else:
        text = "\n".join(archive_report_text(report, style=lambda line, status: click.style(line, fg=_COLOURS[status])))
    try:
        click.echo(text)
    except BrokenPipeError:
        import os

        # Whoever reads has seen enough. The interpreter must not try to flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _processors() -> int:
    import os

    return min(os.cpu_count() or 1, _MOST_JOBS)
