"""The report that a person can read, print and file."""

from __future__ import annotations

from pathlib import Path

import click

from sijill.flows.commands.options import as_json, open_archive
from sijill.flows.errors import ExitStatus


@click.command(epilog="Example: sijill report 20261121t011630z-k3j5x2m4q7ab -o statement.pdf")
@click.argument("capture_id")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A name that ends in .html or .pdf. Default: CAPTURE_ID.html here.",
)
@click.option(
    "--paper",
    type=click.Choice(["A4", "letter"], case_sensitive=False),
    default="A4",
    show_default=True,
    help="The paper of a PDF.",
)
@as_json
@click.pass_obj
def report(config: Path, capture_id: str, output: Path | None, paper: str, as_json: bool) -> None:
    """Verify one capture and write a report on it: HTML, or PDF by the system's Chromium.

    It holds what was captured, all digests, the time bracket, every check with its outcome, the chain of custody, what
    is not proven, and a form for a certification. Exit status 1 if the capture does not verify; the report says so.
    """
    from sijill.flows.printing import print_facts, print_json
    from sijill.flows.report import write_report
    from sijill.provenance.report.page import Paper

    path = output or Path(f"{capture_id}.html")
    written = write_report(open_archive(config), capture_id, path, paper=Paper(paper))
    verification, digests = written.verification, written.digests
    failed = [check.code.value for check in verification.checks if check.required and check.status != "passed"]
    if as_json:
        print_json(
            {
                "captureId": capture_id,
                "path": str(path),
                "size": digests.size,
                "sha256": digests.sha256.hex,
                "blake3": digests.blake3.hex,
                "packageSha256": written.package.sha256.hex,
                "verified": verification.holds,
                "notPassed": failed,
            }
        )
    else:
        print_facts(
            {
                "Report": f"{path}, {digests.size:,} bytes",
                "SHA-256": digests.sha256.hex,
                "Capture": "VERIFIED" if verification.holds else f"NOT VERIFIED: {', '.join(failed)}",
            }
        )
    if not verification.holds:
        raise SystemExit(ExitStatus.FAILED)
