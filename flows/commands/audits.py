"""Auditing this archive: what an auditor would check, recorded as a fixity check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sijill.flows.commands.options import as_json, open_archive
from sijill.flows.errors import ExitStatus

if TYPE_CHECKING:
    from sijill.provenance.log.checkpoint import SignedCheckpoint


@click.command(epilog="Example: sijill audit --sample 200")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Read the objects of N captures only.")
@click.option(
    "--since",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="CHECKPOINT",
    help="A checkpoint file of the past that the log must go on from.",
)
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="Processes at once. Default: one a processor.")
@as_json
@click.pass_obj
def audit(config: Path, sample: int | None, since: Path | None, jobs: int | None, as_json: bool) -> None:
    """Recompute the log, check every attestation, read every object back; record the outcome in the log.

    Exit status 1 if anything is not as it must be. What outside parties can see and the archive cannot is up to
    auditors: sijill-verify archive.
    """
    import os
    import sys

    from sijill.flows import evidence
    from sijill.flows.audit.progress import AuditProgress
    from sijill.flows.audit.recording import audit_archive
    from sijill.flows.printing import print_json
    from sijill.provenance.verify.archive.render import archive_report_json, archive_report_text

    kept = _checkpoint(since)
    archive = open_archive(config)
    progress = None if as_json else AuditProgress(sys.stderr)
    audited = audit_archive(archive, sample=sample, since=kept, jobs=jobs or min(os.cpu_count() or 1, 8), show=progress)
    if progress is not None:
        progress.finish()
    evidence.seal(archive)
    if as_json:
        print_json({"fixityId": audited.fixity_id, **archive_report_json(audited.report)})
    else:
        print("\n".join(archive_report_text(audited.report, style=lambda text, _: text)))
        print(f"\nSigned and logged as fixity check {audited.fixity_id}")
    if not audited.passed:
        raise SystemExit(ExitStatus.FAILED)


def _checkpoint(path: Path | None) -> SignedCheckpoint | None:
    if path is None:
        return None
    from sijill.provenance.errors import MalformedCheckpoint
    from sijill.provenance.log.checkpoint import parse_checkpoint

    try:
        return parse_checkpoint(path.read_bytes())
    except OSError as err:
        raise click.UsageError(f"--since: {path}: {err.strerror}") from err
    except MalformedCheckpoint as err:
        raise click.UsageError(f"--since: {path}: not a checkpoint: {err.reason}") from err
