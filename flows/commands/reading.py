"""Making readings: what captured pages say."""

from __future__ import annotations

from pathlib import Path

import click

from sijill.flows.commands.options import as_json, open_archive
from sijill.flows.errors import ExitStatus


@click.command(epilog="Example: sijill read --again")
@click.argument("captures", nargs=-1, metavar="[ID]...")
@click.option("--again", is_flag=True, help="Read all captures anew, not only those without a reading.")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Captures at once, each in a process of its own. Default: as many as there are processors.",
)
@as_json
@click.pass_obj
def read(config: Path, captures: tuple[str, ...], again: bool, processes: int | None, as_json: bool) -> None:
    """Read what captured pages say: text, title, date, language, signatories; those named by ID, else all unread ones.

    Readings are derived data beside the evidence, tied to the digest of the bytes that were read; they may be removed
    and made anew at any time. Run again, it goes on where it was interrupted. Commands that look something up read up
    to a thousand captures themselves.
    """
    import os

    from sijill.flows.progress import StatusLine
    from sijill.flows.reading.making import all_captures, known, read_captures, read_missing
    from sijill.flows.reading.printing import print_read

    archive = open_archive(config)
    chosen = known(archive, dict.fromkeys(captures)) if captures else list(all_captures(archive)) if again else None
    count = processes or len(os.sched_getaffinity(0))
    with StatusLine(quiet=as_json) as progress:

        def show(done: int, total: int) -> None:
            progress.show(f"reading captures: {done:,} of {total:,}")

        if chosen is None:
            done = read_missing(archive, processes=count, show=show)
        else:
            done = read_captures(archive, chosen, processes=count, show=show)
    print_read(done, as_json=as_json)
    if done.problems:
        raise SystemExit(ExitStatus.FAILED)
