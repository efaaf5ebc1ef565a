"""Crawling the sites of `sites.toml`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sijill.flows.commands.options import as_json, open_archive
from sijill.flows.errors import ExitStatus

if TYPE_CHECKING:
    from sijill.flows.crawl.run import CrawlResult
    from sijill.flows.wiring import Archive


@click.command(epilog="Example: sijill crawl --all")
@click.argument("names", nargs=-1, metavar="SITE...")
@click.option("--all", "all_sites", is_flag=True, help="Crawl every site of the file.")
@click.option(
    "--sites",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The sites file. Default: sites.toml beside the settings file.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    help="Pages of a site at once.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Sites at once, each in a process of its own. Default: as many as there are processors.",
)
@as_json
@click.pass_obj
def crawl(
    config: Path,
    names: tuple[str, ...],
    all_sites: bool,
    path: Path | None,
    jobs: int,
    processes: int | None,
    as_json: bool,
) -> None:
    """Find the statement pages of each SITE, capture them, record the run, and seal the log.

    A run that was cut short is gone on with; no finished capture is repeated. Each host is asked as rarely as the
    file says and its robots.txt asks. Exit status 1 if a statement page, or what the file lists, could not be had.
    """
    import os
    from functools import partial

    from sijill.flows import evidence
    from sijill.flows.crawl.printing import print_crawls
    from sijill.flows.crawl.processes import CrawlProcesses, crawl_here
    from sijill.flows.crawl.progress import CrawlProgress
    from sijill.flows.crawl.sites import FILE_NAME, pick_sites, read_sites

    if all_sites == bool(names):
        raise click.UsageError("name the sites to crawl, or give --all")
    sites = read_sites(path or config.absolute().parent / FILE_NAME)
    chosen = sites if all_sites else pick_sites(sites, dict.fromkeys(names))
    archive = open_archive(config)
    count = min(processes or len(os.sched_getaffinity(0)), len(chosen))
    progress = CrawlProgress(quiet=as_json)
    if count == 1:
        with progress:
            crawls = crawl_here(archive, chosen, progress, workers=jobs)
            sealed = evidence.seal(archive, on_progress=progress.sealing)
    else:
        opened = partial(open_archive, config)
        with CrawlProcesses(opened, chosen, processes=count, workers=jobs) as crawling, progress:
            crawls = crawling.crawl(progress)
            sealed = evidence.seal(archive, on_progress=progress.sealing)
    _read(archive, crawls.results, processes=processes, quiet=as_json)
    _tell(archive)
    print_crawls(crawls.results, crawls.busy, sealed, as_json=as_json)
    if any(result.failed for result in crawls.results):
        raise SystemExit(ExitStatus.FAILED)


def _read(archive: Archive, results: Sequence[CrawlResult], *, processes: int | None, quiet: bool) -> None:
    """Read what was captured; what hinders that is said on stderr."""
    import os

    from sijill.flows.progress import StatusLine
    from sijill.flows.reading.after import captures_of, read_new
    from sijill.flows.reading.printing import say_problems
    from sijill.provenance.printable import printable

    captures = [capture_id for result in results for capture_id in captures_of(result.rows)]
    with StatusLine(quiet=quiet) as status:
        read, hindrance = read_new(
            archive,
            captures,
            processes=processes or len(os.sched_getaffinity(0)),
            show=lambda done, total: status.show(f"reading captures: {done:,} of {total:,}"),
        )
    say_problems(read, left=read.left)
    if hindrance is not None:
        print(f"not read: {printable(hindrance)}", file=sys.stderr)


def _tell(archive: Archive) -> None:
    """Tell those in the settings what changed; what hinders that is said on stderr."""
    if not archive.settings.notifications.urls:
        return
    from sijill.flows.errors import our_errors
    from sijill.flows.reading.changes import tell_changes
    from sijill.provenance.printable import printable

    try:
        told = tell_changes(archive)
    except our_errors() as err:
        print(f"changes were not told: {printable(str(err))}", file=sys.stderr)
        return
    if told.changes:
        print(f"{len(told.changes)} changed or vanished statements told", file=sys.stderr)
