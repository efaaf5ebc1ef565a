"""A worker: takes runs of this archive's deployments from the Prefect server."""

from __future__ import annotations

import os
from pathlib import Path

import click

from sijill.flows.commands.sites import sites_file

LEAST = 2
"""Runs at once, at least: one that waits for others must not keep them from running."""


@click.command(epilog="Example: sijill worker --limit 4")
@sites_file
@click.option(
    "--limit",
    type=click.IntRange(min=LEAST),
    metavar="N",
    help="Runs at once. Default: one a processor and one more; never fewer than 2.",
)
@click.option("--name", help="What Prefect calls the worker.")
@click.pass_obj
def worker(config: Path, sites_path: Path | None, limit: int | None, name: str | None) -> None:
    """Run what is due on this machine, until it is stopped. Becomes Prefect's own worker process.

    The server is the one that PREFECT_API_URL names; settings and sites file are those of this machine. Start as many
    as you like, anywhere: what a killed one left, another goes on with.
    """
    from sijill.flows.orchestration.processes import worker_command, worker_environment
    from sijill.flows.orchestration.server import server_url
    from sijill.flows.settings import read_settings

    settings = read_settings(config)
    server_url()
    command = worker_command(settings.prefect.pool, limit=limit or default_limit(), name=name)
    os.execve(command[0], command, worker_environment(os.environ, config, sites_path))  # noqa: S606 (no shell is meant)


def default_limit() -> int:
    """Runs at once of a worker."""
    return max(LEAST, (os.cpu_count() or 1) + 1)
