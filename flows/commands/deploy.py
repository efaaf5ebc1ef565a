"""Deployments on a Prefect server, generated from the settings and the sites file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sijill.flows.commands.options import as_json
from sijill.flows.commands.sites import default_sites, sites_file

if TYPE_CHECKING:
    from sijill.flows.orchestration.deploy import Change
    from sijill.flows.settings import PrefectSection


@click.command(epilog="Example: sijill deploy --dry-run")
@sites_file
@click.option("--notify", metavar="TYPE/NAME", help="Notification block, instead of the one of the settings.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@as_json
@click.pass_obj
def deploy(config: Path, sites_path: Path | None, notify: str | None, dry_run: bool, as_json: bool) -> None:
    """Put work pool, queues, deployments with schedules, limits and automations on the Prefect server.

    The server is the one that PREFECT_API_URL names. Run it again whenever sites.toml changes: what is as it should be
    is left alone, and the deployment of a site that was taken out is removed.
    """
    from sijill.flows.crawl.sites import read_sites
    from sijill.flows.orchestration.deploy import deploy, prefect_client
    from sijill.flows.orchestration.plan import make_plan
    from sijill.flows.printing import print_json
    from sijill.flows.settings import read_settings

    settings = read_settings(config).prefect
    if notify is not None:
        settings = _notifying(settings, notify)
    plan = make_plan(settings, read_sites(sites_path or default_sites(config)))
    with prefect_client() as client:
        changes = deploy(plan, client, dry_run=dry_run)
    if as_json:
        rows = [
            {"action": one.action.value, "kind": one.kind, "name": one.name, "detail": one.detail} for one in changes
        ]
        print_json({"pool": plan.pool, "dryRun": dry_run, "changes": rows})
    else:
        _print(changes, plan.pool, dry_run=dry_run)


def _notifying(settings: PrefectSection, notify: str) -> PrefectSection:
    from pydantic import ValidationError

    from sijill.flows.settings import PrefectSection

    try:
        return PrefectSection.model_validate({**settings.model_dump(), "notify": notify})
    except ValidationError as err:
        raise click.UsageError(f"--notify: {notify[:100]!r} is not the type and name of a block: type/name") from err


def _print(changes: list[Change], pool: str, *, dry_run: bool) -> None:
    from sijill.flows.orchestration.deploy import Action
    from sijill.provenance.printable import printable

    done = [one for one in changes if one.action is not Action.KEPT]
    for one in done:
        said = f"would be {one.action}" if dry_run else str(one.action)
        detail = f"  {one.detail}" if one.detail else ""
        print(printable(f"{said}: {one.kind} {one.name}{detail}"))
    if not done:
        print("everything is as it should be")
    if done and not dry_run:
        print(f"start a worker with: sijill worker    (pool {pool})")
