"""The sites file: an example of it, what is wrong with it, and what a crawl would find."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sijill.flows.commands.options import as_json, open_archive
from sijill.flows.errors import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sijill.archive.crawl.discover import Survey
    from sijill.archive.crawl.pages import Row
    from sijill.archive.crawl.site import Site

_SHOWN = 20

sites_file = click.option(
    "--sites",
    "sites_path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="SIJILL_SITES",
    help="The sites file. Default: sites.toml beside the settings file.",
)


@click.group(epilog="Example: sijill sites check")
def sites() -> None:
    """The sites file: which organisations' statement pages are archived."""


@sites.command("example", epilog="Example: sijill sites example > sites.toml")
def sites_example() -> None:
    """Print a sites file that documents every key."""
    from sijill.flows.crawl.sites import EXAMPLE

    click.echo(EXAMPLE, nl=False)


@sites.command("check", epilog="Example: sijill sites check --online")
@click.argument("site_ids", metavar="[SITE]...", nargs=-1)
@sites_file
@click.option("--online", is_flag=True, help="Look at the sites: say what a crawl would find, and what not and why.")
@click.option(
    "--depth",
    type=click.IntRange(0, 20),
    default=0,
    show_default=True,
    metavar="N",
    help="With --online: follow links of pages so far. 0 reads start pages, sitemaps and feeds only.",
)
@as_json
@click.pass_obj
def sites_check(
    config: Path, site_ids: tuple[str, ...], sites_path: Path | None, online: bool, depth: int, as_json: bool
) -> None:
    """Check the sites file; with --online also what is behind it. Archives nothing.

    Exit status 2 if the file is at fault; with --online 1 if a crawl would find no statement page of a site, or if
    something that the file lists cannot be read.
    """
    from sijill.flows.crawl.sites import pick_sites, read_sites
    from sijill.flows.printing import print_json

    path = sites_path or default_sites(config)
    listed = read_sites(path)
    chosen = pick_sites(listed, site_ids) if site_ids else listed
    if not online:
        if as_json:
            print_json({"file": str(path), "sites": [_described(site) for site in chosen]})
        else:
            _print_sites(chosen)
        return
    surveys = _look(config, chosen, depth, quiet=as_json)
    if as_json:
        print_json({"file": str(path), "sites": [_as_json(survey) for survey in surveys]})
    else:
        for survey in surveys:
            _print_survey(survey)
    if any(not survey.statements or any(row.how == "start" for row in _failed(survey)) for survey in surveys):
        raise SystemExit(ExitStatus.FAILED)


def default_sites(config: Path) -> Path:
    """The sites file that goes with a settings file."""
    from sijill.flows.crawl.sites import FILE_NAME

    return config.parent / FILE_NAME


def _look(config: Path, chosen: Sequence[Site], depth: int, *, quiet: bool) -> list[Survey]:
    import tempfile
    import time

    from sijill.archive.crawl.discover import survey
    from sijill.archive.crawl.document import Documents
    from sijill.flows.progress import StatusLine

    archive = open_archive(config)
    with tempfile.TemporaryDirectory(prefix="sijill-sites-") as folder, StatusLine(quiet=quiet) as progress:
        documents = Documents(
            network=archive.network, user_agent=archive.user_agent, workdir=Path(folder), clock=archive.clock
        )
        return [
            survey(
                site,
                documents=documents,
                user_agent=archive.user_agent,
                seconds=time.monotonic,
                sleep=time.sleep,
                depth=depth,
                show=progress.show,
            )
            for site in chosen
        ]


def _described(site: Site) -> dict[str, Any]:
    return {
        "id": site.id,
        "name": site.name,
        "hosts": [str(host) for host in site.hosts],
        "start": list(site.start),
        "statements": [pattern.text for pattern in site.statements],
        "schedule": None
        if site.schedule is None
        else {"cron": site.schedule.cron, "timezone": site.schedule.timezone, "next": _next_due(site)},
    }


def _next_due(site: Site) -> str | None:
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    from cronsim import CronSim

    if site.schedule is None:
        return None
    here = datetime.now(UTC).astimezone(ZoneInfo(site.schedule.timezone))
    return next(CronSim(site.schedule.cron, here)).isoformat(timespec="minutes")


def _print_sites(chosen: Sequence[Site]) -> None:
    from rich.text import Text

    from sijill.flows.printing import print_table

    rows = [
        [
            Text(site.id),
            Text(site.name),
            Text(", ".join(str(host) for host in site.hosts)),
            Text(" ".join(pattern.text for pattern in site.statements)),
            Text(_next_due(site) or "on demand"),
        ]
        for site in chosen
    ]
    print_table(("site", "name", "hosts", "statement pages", "next due"), rows)


def _failed(survey: Survey) -> list[Row]:
    return [row for row in survey.seen.rows if row.failed]


def _turned_away(survey: Survey) -> list[Row]:
    wanted = {planned.url for planned in survey.statements}
    return [row for row in survey.seen.rows if row.outcome != "read" and not row.failed and row.url not in wanted]


def _as_json(survey: Survey) -> dict[str, Any]:
    return {
        **_described(survey.site),
        "wouldCapture": [
            {
                "url": planned.url,
                "via": planned.via,
                "how": planned.how,
                "lastmod": None if planned.lastmod is None else planned.lastmod.isoformat(),
            }
            for planned in survey.statements
        ],
        "read": [
            {"url": row.url, "status": row.status, "finalUrl": row.final_url}
            for row in survey.seen.rows
            if row.outcome == "read"
        ],
        "failed": [{"url": row.url, "reason": row.reason} for row in _failed(survey)],
        "notFollowed": [
            {"url": row.url, "via": row.via, "outcome": row.outcome.value, "reason": row.reason}
            for row in _turned_away(survey)
        ],
        "robots": [{"origin": robots.origin, "source": robots.source} for robots in survey.seen.robots],
        "problems": list(survey.seen.problems),
    }


def _print_survey(survey: Survey) -> None:
    from collections import defaultdict

    from sijill.provenance.printable import printable

    site, found = survey.site, survey.statements
    read = sum(1 for row in survey.seen.rows if row.outcome == "read")
    print(printable(f"{site.id}: {site.name}"))
    print(f"  {len(found)} statement pages would be captured; {read} documents were read to find them")
    for planned in found[:_SHOWN]:
        print(printable(f"    {planned.url}  ({planned.how}: {planned.via})"))
    if len(found) > _SHOWN:
        print(f"    and {len(found) - _SHOWN} more: --json lists all")
    for row in _failed(survey):
        print(printable(f"  failed: {row.url}: {row.reason}"))
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for row in _turned_away(survey):
        reasons[f"{row.outcome.value}: {row.reason}"].append(row.url)
    for reason, urls in sorted(reasons.items(), key=lambda item: -len(item[1])):
        print(printable(f"  {len(urls)} not followed, {reason}, e.g. {urls[0]}"))
    for robots in survey.seen.robots:
        print(printable(f"  robots: {robots.origin}: {robots.source}"))
    for problem in survey.seen.problems:
        print(printable(f"  problem: {problem}"))
