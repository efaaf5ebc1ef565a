"""Crawling the sites of `sites.toml`."""

from __future__ import annotations

from pathlib import Path

import click

from sijill.flows.commands.options import as_json, open_archive
from sijill.flows.errors import ExitStatus, SiteBusy


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
@click.option("--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="Pages at once, of all hosts.")
@as_json
@click.pass_obj
def crawl(config: Path, names: tuple[str, ...], all_sites: bool, path: Path | None, jobs: int, as_json: bool) -> None:
    """Find the statement pages of each SITE, capture them, record the run, and seal the log.

    A run that was cut short is gone on with; no finished capture is repeated. Each host is asked as rarely as the
    file says and its robots.txt asks. Exit status 1 if a statement page, or what the file lists, could not be had.
    """
    from sijill.flows import evidence
    from sijill.flows.crawl.printing import print_crawls
    from sijill.flows.crawl.progress import CrawlProgress
    from sijill.flows.crawl.run import CrawlResult, crawl_site
    from sijill.flows.crawl.sites import FILE_NAME, pick_sites, read_sites

    if all_sites == bool(names):
        raise click.UsageError("name the sites to crawl, or give --all")
    sites = read_sites(path or config.absolute().parent / FILE_NAME)
    chosen = sites if all_sites else pick_sites(sites, dict.fromkeys(names))
    archive = open_archive(config)
    results: list[CrawlResult] = []
    busy: list[str] = []
    with CrawlProgress(quiet=as_json) as progress:
        for site in chosen:
            progress.begin(site)
            try:
                results.append(crawl_site(archive, site, workers=jobs, show=progress.page))
            except SiteBusy as err:
                busy.append(err.site_id)
                progress.left_alone(str(err))
        sealed = evidence.seal(archive, on_progress=progress.sealing)
    print_crawls(results, busy, sealed, as_json=as_json)
    if any(result.failed for result in results):
        raise SystemExit(ExitStatus.FAILED)
