"""Everything on one machine, for trial: a Prefect server, workers, deployments."""

from __future__ import annotations

from pathlib import Path

import click

from sijill.flows.commands.sites import default_sites, sites_file


@click.command(epilog="Example: sijill up --port 4200")
@sites_file
@click.option("--port", type=click.IntRange(1, 65535), default=4200, show_default=True, help="Port of the server.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Worker processes.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where Prefect keeps its database and logs. Default: prefect, beside the settings file.",
)
@click.pass_obj
def up(config: Path, sites_path: Path | None, port: int, workers: int, folder: Path | None) -> None:
    """Start a Prefect server on loopback, put the deployments on it, start workers; Ctrl-C stops all of it.

    For trial, and for archives that one machine is enough for. Schedules run as long as this runs.
    """
    from sijill.flows.commands.worker import default_limit
    from sijill.flows.crawl.sites import read_sites
    from sijill.flows.orchestration.trial import Trial
    from sijill.flows.settings import read_settings

    settings = read_settings(config)
    read_sites(sites_path or default_sites(config))
    Trial(
        config=config,
        sites=sites_path,
        pool=settings.prefect.pool,
        home=(folder or config.absolute().parent / "prefect").absolute(),
        port=port,
        workers=workers,
        limit=default_limit(),
        say=lambda line: click.echo(line, err=True),
    ).run()
